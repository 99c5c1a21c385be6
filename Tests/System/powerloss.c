/* Records what a program asks of the disk, so that a test can make what a power cut would leave (Q4).
 *
 * LD_PRELOAD this library with SHIM_FOLDER (an absolute path) and SHIM_LOG (a file outside of it). Every write,
 * change of length, sync, new name and lost name of a file in the folder is appended to the log, in the order in which
 * it happened; power_loss.py reads it. Syncs are recorded and not carried out, but take the time of a disk, so that a
 * cut often falls before one is over: what would be lost is decided later, from the log. A file is known by its names,
 * so files that were there before the start need no record.
 *
 * SQLite's -shm files are left out: they are mapped, and made anew by the first who opens the database.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_FILES = 4096, SYNC_MICROSECONDS = 4000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_length;
static int log_file = -1;
static uint64_t records;
/* Which open file each descriptor stands for: its path in the folder ("" is the folder itself), or null. */
static char *paths[MOST_FILES];

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

__attribute__((constructor)) static void begin(void) {
  const char *named = getenv("SHIM_FOLDER"), *log = getenv("SHIM_LOG");
  if (!named || !log || !realpath(named, folder)) return;
  folder_length = strlen(folder);
  log_file = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The path within the folder; null for any other place and for -shm files. Resolves the folder, never the last name:
 * that one may not exist yet. */
static char *inside(int at, const char *path) {
  if (log_file < 0 || !path) return NULL;
  char whole[PATH_MAX * 2], above[PATH_MAX];
  if (path[0] == '/') {
    snprintf(whole, sizeof whole, "%s", path);
  } else {
    char here[PATH_MAX];
    if (at == AT_FDCWD) {
      if (!getcwd(here, sizeof here)) return NULL;
    } else {
      char link[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", at);
      ssize_t length = readlink(link, here, sizeof here - 1);
      if (length < 0) return NULL;
      here[length] = 0;
    }
    snprintf(whole, sizeof whole, "%s/%s", here, path);
  }
  size_t length = strlen(whole);
  while (length > 1 && whole[length - 1] == '/') whole[--length] = 0;
  char *slash = strrchr(whole, '/'), *name = slash + 1;
  if (!strcmp(name, ".") || !strcmp(name, "..") || !*name) {
    if (!realpath(whole, above)) return NULL;
    name = NULL;
  } else {
    *slash = 0;
    if (!realpath(*whole ? whole : "/", above)) return NULL;
  }
  char full[PATH_MAX * 2];
  snprintf(full, sizeof full, name ? "%s/%s" : "%s", above, name);
  length = strlen(full);
  if (length >= 4 && !strcmp(full + length - 4, "-shm")) return NULL;
  if (!strcmp(full, folder)) return strdup("");
  if (strncmp(full, folder, folder_length) || full[folder_length] != '/') return NULL;
  return strdup(full + folder_length + 1);
}

/* One record: kind, lengths, offset, then path and data. Written at once: a kill leaves it whole or not at all. */
static void record(char kind, const char *path, uint64_t offset, const void *data, size_t length) {
  struct __attribute__((packed)) { char kind; uint32_t path, data; uint64_t offset; } head = {
      kind, (uint32_t)strlen(path), (uint32_t)length, offset};
  struct iovec parts[] = {{&head, sizeof head}, {(void *)path, strlen(path)}, {(void *)data, length}};
  REAL(writev)(log_file, parts, data ? 3 : 2);
  records++;
}

static char *path_of(int file) { return file >= 0 && file < MOST_FILES ? paths[file] : NULL; }

static int opened(int file, char *path, int existed, int flags) {
  if (file < 0 || file >= MOST_FILES) {
    free(path);
    return file;
  }
  free(paths[file]);
  paths[file] = path;
  if (!path) return file;
  if (!existed) record('C', path, 0, NULL, 0);
  if (existed && flags & O_TRUNC) record('T', path, 0, NULL, 0);
  return file;
}

static int open_there(int at, const char *path, int flags, mode_t mode) {
  int before = errno;
  pthread_mutex_lock(&lock);
  char *within = inside(at, path);
  int existed = !within || !(flags & O_CREAT) || !faccessat(at, path, F_OK, 0);
  errno = before;
  int file = opened(REAL(openat)(at, path, flags, mode), within, existed, flags);
  before = errno;
  pthread_mutex_unlock(&lock);
  errno = before;
  return file;
}

#define MODE(flags)                                                   \
  mode_t mode = 0;                                                    \
  if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) {             \
    va_list more;                                                     \
    va_start(more, flags);                                            \
    mode = va_arg(more, mode_t);                                      \
    va_end(more);                                                     \
  }

int open(const char *path, int flags, ...) { MODE(flags) return open_there(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_there(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_there(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return open_there(at, path, flags, mode); }
int __open_2(const char *path, int flags) { return open_there(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_there(AT_FDCWD, path, flags, 0); }
int creat(const char *path, mode_t mode) {
  return open_there(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int close(int file) {
  pthread_mutex_lock(&lock);
  if (path_of(file)) {
    free(paths[file]);
    paths[file] = NULL;
  }
  int answer = REAL(close)(file);
  int after = errno;
  pthread_mutex_unlock(&lock);
  errno = after;
  return answer;
}

/* Runs `call`, and `noted` when it succeeded on a file of the folder, as one step. */
#define STEP(type, file, call, noted)       \
  pthread_mutex_lock(&lock);                \
  char *path = path_of(file);               \
  type answer = (call);                     \
  int after = errno;                        \
  if (path && answer >= 0) noted;           \
  pthread_mutex_unlock(&lock);              \
  errno = after;                            \
  return answer;

ssize_t pwrite(int file, const void *data, size_t count, off_t offset) {
  STEP(ssize_t, file, REAL(pwrite)(file, data, count, offset), record('W', path, offset, data, answer))
}
ssize_t pwrite64(int file, const void *data, size_t count, off64_t offset) {
  STEP(ssize_t, file, REAL(pwrite64)(file, data, count, offset), record('W', path, offset, data, answer))
}
ssize_t write(int file, const void *data, size_t count) {
  STEP(ssize_t, file, REAL(write)(file, data, count),
       record('W', path, lseek(file, 0, SEEK_CUR) - answer, data, answer))
}
int ftruncate(int file, off_t length) {
  STEP(int, file, REAL(ftruncate)(file, length), record('T', path, length, NULL, 0))
}
int ftruncate64(int file, off64_t length) {
  STEP(int, file, REAL(ftruncate64)(file, length), record('T', path, length, NULL, 0))
}

/* Saves what was written before it began: how many records there were then is its offset. */
static int sync_recorded(int file, int (*sync)(int)) {
  pthread_mutex_lock(&lock);
  char *synced = path_of(file);
  uint64_t before = records;
  pthread_mutex_unlock(&lock);
  if (!synced) return sync(file);
  usleep(SYNC_MICROSECONDS);
  STEP(int, file, 0, record('S', path, before, NULL, 0))
}
int fsync(int file) { return sync_recorded(file, REAL(fsync)); }
int fdatasync(int file) { return sync_recorded(file, REAL(fdatasync)); }

static int named(char kind, int from_at, const char *from, int to_at, const char *to, int flags) {
  pthread_mutex_lock(&lock);
  char *old = inside(from_at, from), *new = inside(to_at, to);
  int answer = kind == 'R'   ? (flags ? renameat2(from_at, from, to_at, to, flags)
                                      : REAL(renameat)(from_at, from, to_at, to))
               : kind == 'L' ? REAL(linkat)(from_at, from, to_at, to, flags)
                             : REAL(unlinkat)(from_at, from, flags);
  int after = errno;
  if (!answer && old && (new || kind == 'U')) {
    record(kind, old, 0, new, new ? strlen(new) : 0);
    /* Open descriptors follow a rename. */
    for (int file = 0; kind == 'R' && file < MOST_FILES; file++) {
      if (paths[file] && !strcmp(paths[file], old)) {
        free(paths[file]);
        paths[file] = strdup(new);
      }
    }
  }
  free(old);
  free(new);
  pthread_mutex_unlock(&lock);
  errno = after;
  return answer;
}

int rename(const char *from, const char *to) { return named('R', AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int at, const char *from, int to_at, const char *to) { return named('R', at, from, to_at, to, 0); }
int link(const char *from, const char *to) { return named('L', AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int at, const char *from, int to_at, const char *to, int flags) {
  return named('L', at, from, to_at, to, flags);
}
int unlink(const char *path) { return named('U', AT_FDCWD, path, AT_FDCWD, NULL, 0); }
int unlinkat(int at, const char *path, int flags) { return named('U', at, path, AT_FDCWD, NULL, flags); }
