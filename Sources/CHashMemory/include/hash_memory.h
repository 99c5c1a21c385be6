#ifndef HASH_MEMORY_H
#define HASH_MEMORY_H

#include <stdbool.h>

/// From now on until it is called with false, the large anonymous memory that this thread maps is kept when it is
/// unmapped, and lent again. One piece per thread, as large as the largest that was asked for.
void hash_memory_keep(bool keeps);

/// Gives the kept memory of this thread back to the system.
void hash_memory_release(void);

#endif
