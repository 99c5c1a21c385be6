#include <sqlite3.h>

// Swift does not see macros that cast.
static inline sqlite3_destructor_type csqlite_copied(void) { return SQLITE_TRANSIENT; }
