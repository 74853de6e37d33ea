/*
 * Stands before the system calls by which a process makes files durable (LD_PRELOAD), and spoils one of them. Only what
 * is in CEPA_FAULT_DIRECTORY counts. CEPA_FAULT says what happens, at call CEPA_FAULT_AT of them, over all threads,
 * from 1; at 0 nothing does:
 *
 *   kill        the process ends before it
 *   EIO         it fails
 *   ENOSPC      it fails
 *   short       a write takes only part of its bytes, and says so
 *   short-once  and the next write to that descriptor fails: the disk is full for a moment
 *   short-full  and the next two do. libuv asks once more by itself before its caller hears of anything
 *
 * Of `short` only writes count, and only those that can be short. A line goes to CEPA_FAULT_LOG for every call that
 * counts (`call`), for what was spoiled (`fault`), and for the writes to the same descriptor that came next, until one
 * is not spoiled (`next`).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *fault, *directory;
static long at;
static int log_descriptor = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long count;
/* The descriptor of the short write, and how many more of its writes fail. */
static int followed = -1, refusals;

__attribute__((constructor)) static void begin(void) {
  fault = getenv("CEPA_FAULT");
  directory = getenv("CEPA_FAULT_DIRECTORY");
  at = atol(getenv("CEPA_FAULT_AT"));
  log_descriptor = open(getenv("CEPA_FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* One call is one line, whatever other threads do. */
static void say(const char *format, ...) {
  char line[PATH_MAX + 100];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(line, sizeof line, format, values);
  va_end(values);
  if (REAL(write)(log_descriptor, line, length) != length) abort();
}

static int is_ours(const char *path) {
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* Its path, where it is ours. */
static const char *path_of(int descriptor, char *path) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = 0;
  return is_ours(path) || strcmp(path, directory) == 0 ? path : NULL;
}

static int is_short(void) { return strncmp(fault, "short", 5) == 0; }

/* Any call that counts: this may be the last one. Answers with the error that it fails with, or 0. */
static int pass(const char *call, const char *path, size_t bytes) {
  pthread_mutex_lock(&lock);
  count += 1;
  say("call %s %zu %s\n", call, bytes, path);
  if (count == at) say("fault %s %zu %s\n", call, bytes, path);
  if (count == at && strcmp(fault, "kill") == 0) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  int error = count != at ? 0 : strcmp(fault, "EIO") == 0 ? EIO : strcmp(fault, "ENOSPC") == 0 ? ENOSPC : 0;
  pthread_mutex_unlock(&lock);
  return error;
}

static int refuse(int error) {
  errno = error;
  return -1;
}

/* So many of `bytes`: half, one, all but one, or whole pages. */
static size_t part_of(size_t bytes) {
  size_t pages = bytes / 4096 * 4096;
  switch (at % 4) {
    case 0: return bytes / 2;
    case 1: return 1;
    case 2: return bytes - 1;
    default: return pages == 0 || pages == bytes ? bytes / 2 : pages;
  }
}

/* How many of them this write takes, or the error that it fails with, below 0. */
static ssize_t taken(const char *call, int descriptor, size_t bytes) {
  char space[PATH_MAX];
  const char *path = path_of(descriptor, space);
  if (path == NULL) return bytes;
  if (!is_short()) {
    int error = pass(call, path, bytes);
    return error != 0 ? -error : (ssize_t)bytes;
  }
  size_t takes = bytes;
  int is_full = 0;
  pthread_mutex_lock(&lock);
  if (descriptor == followed) {
    is_full = refusals > 0;
    if (!is_full) followed = -1;
    refusals -= 1;
    say("next %s %zu of %zu %s\n", call, is_full ? 0 : bytes, bytes, path);
  } else if (bytes > 1) {
    count += 1;
    say("call %s %zu %s\n", call, bytes, path);
    if (count == at) {
      followed = descriptor;
      refusals = strcmp(fault, "short-once") == 0 ? 1 : strcmp(fault, "short-full") == 0 ? 2 : 0;
      takes = part_of(bytes);
      say("fault %s %zu of %zu %s\n", call, takes, bytes, path);
    }
  }
  pthread_mutex_unlock(&lock);
  return is_full ? -ENOSPC : (ssize_t)takes;
}

ssize_t write(int descriptor, const void *from, size_t bytes) {
  ssize_t takes = taken("write", descriptor, bytes);
  return takes < 0 ? refuse(-takes) : REAL(write)(descriptor, from, takes);
}

ssize_t pwrite64(int descriptor, const void *from, size_t bytes, off64_t position) {
  ssize_t takes = taken("pwrite64", descriptor, bytes);
  return takes < 0 ? refuse(-takes) : REAL(pwrite64)(descriptor, from, takes, position);
}

ssize_t pwrite(int descriptor, const void *from, size_t bytes, off_t position) {
  return pwrite64(descriptor, from, bytes, position);
}

static size_t bytes_of(const struct iovec *parts, int part_count) {
  size_t bytes = 0;
  for (int index = 0; index < part_count; index += 1) bytes += parts[index].iov_len;
  return bytes;
}

/* The first `bytes` of them; answers with how many parts these are. */
static int first_of(const struct iovec *parts, size_t bytes, struct iovec *first) {
  int kept = 0;
  for (; bytes > 0; kept += 1) {
    first[kept] = parts[kept];
    if (first[kept].iov_len > bytes) first[kept].iov_len = bytes;
    bytes -= first[kept].iov_len;
  }
  return kept;
}

ssize_t writev(int descriptor, const struct iovec *parts, int part_count) {
  ssize_t bytes = bytes_of(parts, part_count), takes = taken("writev", descriptor, bytes);
  struct iovec first[IOV_MAX];
  if (takes < 0) return refuse(-takes);
  if (takes == bytes) return REAL(writev)(descriptor, parts, part_count);
  return REAL(writev)(descriptor, first, first_of(parts, takes, first));
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int part_count, off_t position) {
  ssize_t bytes = bytes_of(parts, part_count), takes = taken("pwritev", descriptor, bytes);
  struct iovec first[IOV_MAX];
  if (takes < 0) return refuse(-takes);
  if (takes == bytes) return REAL(pwritev)(descriptor, parts, part_count, position);
  return REAL(pwritev)(descriptor, first, first_of(parts, takes, first), position);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int part_count, off64_t position) {
  return pwritev(descriptor, parts, part_count, position);
}

static int pass_descriptor(const char *call, int descriptor) {
  char space[PATH_MAX];
  const char *path = path_of(descriptor, space);
  return path == NULL || is_short() ? 0 : pass(call, path, 0);
}

static int pass_name(const char *call, const char *path) {
  return is_ours(path) && !is_short() ? pass(call, path, 0) : 0;
}

int fdatasync(int descriptor) {
  int error = pass_descriptor("fdatasync", descriptor);
  return error != 0 ? refuse(error) : REAL(fdatasync)(descriptor);
}

int fsync(int descriptor) {
  int error = pass_descriptor("fsync", descriptor);
  return error != 0 ? refuse(error) : REAL(fsync)(descriptor);
}

int ftruncate64(int descriptor, off64_t bytes) {
  int error = pass_descriptor("ftruncate", descriptor);
  return error != 0 ? refuse(error) : REAL(ftruncate64)(descriptor, bytes);
}

int ftruncate(int descriptor, off_t bytes) { return ftruncate64(descriptor, bytes); }

int rename(const char *from, const char *to) {
  int error = pass_name("rename", from);
  return error != 0 ? refuse(error) : REAL(rename)(from, to);
}

int unlink(const char *path) {
  int error = pass_name("unlink", path);
  return error != 0 ? refuse(error) : REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
  int error = pass_name("mkdir", path);
  return error != 0 ? refuse(error) : REAL(mkdir)(path, mode);
}
