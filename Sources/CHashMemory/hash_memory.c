// libsodium maps Argon2's memory anew for each hash and unmaps it afterwards. The system then clears 19 MiB page by page
// and tells every other core to forget them, which takes a quarter to a third of the time of a hash. libsodium lets
// nobody hand in memory, so the two calls that it makes are answered here, in the program that is linked with it, for
// threads that ask for that and while they ask. Everyone else's go to the system as they are. See docs/decisions/0020.

#include "hash_memory.h"

#if defined(__linux__)

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const size_t huge_page = 2 << 20;

static _Thread_local struct {
  void *start;
  size_t size;
  bool keeps;
  bool lent;
} mine;

static void *map(void *address, size_t length, int protection, int flags, int file, off_t offset) {
  return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}

void hash_memory_release(void) {
  if (mine.start == NULL || mine.lent) return;
  syscall(SYS_munmap, mine.start, mine.size);
  mine.start = NULL;
}

/// Whole huge pages, where there are any: Argon2 reads all over its memory.
static void reserve(size_t length) {
  size_t size = (length + huge_page - 1) / huge_page * huge_page;
  char *start = map(NULL, size + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return;
  size_t before = (huge_page - (uintptr_t)start % huge_page) % huge_page;
  if (before > 0) syscall(SYS_munmap, start, before);
  syscall(SYS_munmap, start + before + size, huge_page - before);
  mine.start = start + before;
  mine.size = size;
  madvise(mine.start, size, MADV_HUGEPAGE);
  madvise(mine.start, size, MADV_DONTDUMP);
}

void hash_memory_keep(bool keeps) { mine.keeps = keeps; }

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
  bool plain = address == NULL && file == -1 && protection == (PROT_READ | PROT_WRITE) && (flags & MAP_ANONYMOUS) &&
               (flags & MAP_PRIVATE);
  if (mine.keeps && plain && !mine.lent && length >= huge_page) {
    if (mine.size < length) hash_memory_release();
    if (mine.start == NULL) reserve(length);
    if (mine.start != NULL) {
      mine.lent = true;
      return mine.start;
    }
  }
  return map(address, length, protection, flags, file, offset);
}

int munmap(void *address, size_t length) {
  if (mine.lent && address == mine.start) {
    mine.lent = false;
    return 0;
  }
  return (int)syscall(SYS_munmap, address, length);
}

#else

void hash_memory_keep(bool keeps) {}
void hash_memory_release(void) {}

#endif
