/* Faults at system calls of the process that loads this library with LD_PRELOAD.
 *
 * FAULT_CALL  open, stat, read, write, close, fsync, rename, unlink, mkdir, truncate, chmod, lock,
 *             link, seek, list (a folder) or thread (its start, which has no path); "any" is all
 *             of them
 * FAULT_PATH  a part of the absolute path of the file, or of either path; empty for every file
 * FAULT_NTH   which of these calls fail: "3" is the third one alone, "3+" are all from it on
 * FAULT_KIND  the number of an error; "short" transfers half of the bytes; "before" and "after"
 *             kill the process before and after the call
 * FAULT_LOG   a file that gets a line for each of these calls, with its name and path
 */
#define _GNU_SOURCE
#include <dirent.h>
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
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SHORT = -1, BEFORE = -2, AFTER = -3 };
static const char *call = "", *part = "";
static long first = 0, last = 0, seen = 0;
static int kind = 0, log_file = -1;

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

/* Read the variables, also once more where a fork has others. */
__attribute__((constructor)) void fault_start(void) {
    const char *nth = setting("FAULT_NTH"), *word = setting("FAULT_KIND");
    first = atol(nth);
    last = strchr(nth, '+') ? LONG_MAX : first;
    kind = !strcmp(word, "short") ? SHORT : !strcmp(word, "before") ? BEFORE
         : !strcmp(word, "after") ? AFTER : atoi(word);
    if (*setting("FAULT_LOG"))
        log_file = syscall(SYS_openat, AT_FDCWD, setting("FAULT_LOG"),
                           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    part = setting("FAULT_PATH");
    call = setting("FAULT_CALL");
}

/* Return the fault of this call, 0 if it has none. */
static int fault_of(const char *name, const char *path, const char *other) {
    char line[2 * PATH_MAX], here[PATH_MAX] = "";
    int relative = path && path[0] != '/' && syscall(SYS_getcwd, here, sizeof here) > 0;
    int length = snprintf(line, sizeof line, "%s %s%s%s %s\n", name, here, relative ? "/" : "",
                          path ? path : "", other);
    if ((strcmp(call, name) && strcmp(call, "any")) || !strstr(line + strlen(name), part))
        return 0;
    long number = __sync_add_and_fetch(&seen, 1);
    if (log_file >= 0)
        syscall(SYS_write, log_file, line, length);
    if (number < first || number > last)
        return 0;
    if (kind == BEFORE)
        kill(getpid(), SIGKILL);
    return kind;
}

static int fault_at(const char *name, int descriptor) {
    char link[64], path[PATH_MAX];
    if (strcmp(call, name) && strcmp(call, "any"))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    return fault_of(name, path, "");
}


#define REAL(function) ((__typeof__(&function)) dlsym(RTLD_NEXT, #function))
#define AT(name) fault_at(name, fd)
#define OF(name) fault_of(name, path, "")

/* Define a function that returns `failed` where its fault is the number of an error. */
#define WRAP(type, function, real, fault, failed, arguments, words) \
    type function arguments { \
        int found = (fault); \
        if (found > 0) { errno = found; return failed; } \
        type result = REAL(real) words; \
        if (found == AFTER) kill(getpid(), SIGKILL); \
        return result; \
    }

/* Define a function that transfers bytes, of which "short" transfers a half. */
#define TRANSFER(function, name, arguments, words) \
    ssize_t function arguments { \
        int found = AT(name); \
        if (found > 0) { errno = found; return -1; } \
        if (found == SHORT && count > 1) count /= 2; \
        ssize_t result = REAL(function) words; \
        if (found == AFTER) kill(getpid(), SIGKILL); \
        return result; \
    }

/* Define a function that opens a file; only one that may create it is called with a mode. */
#define OPEN(function, opened) \
    static WRAP(int, opened, function, OF("open"), -1, \
                (const char *path, int flags, mode_t mode), (path, flags, mode)) \
    int function(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        return opened(path, flags, mode); \
    }

OPEN(open, opened)
OPEN(open64, opened64)
TRANSFER(read, "read", (int fd, void *buffer, size_t count), (fd, buffer, count))
TRANSFER(pread, "read", (int fd, void *buffer, size_t count, off_t at), (fd, buffer, count, at))
TRANSFER(pread64, "read", (int fd, void *buffer, size_t count, off64_t at), (fd, buffer, count, at))
TRANSFER(write, "write", (int fd, const void *buffer, size_t count), (fd, buffer, count))
WRAP(int, fsync, fsync, AT("fsync"), -1, (int fd), (fd))
WRAP(int, fchmod, fchmod, AT("chmod"), -1, (int fd, mode_t mode), (fd, mode))
WRAP(int, flock, flock, AT("lock"), -1, (int fd, int operation), (fd, operation))
WRAP(int, ftruncate, ftruncate, AT("truncate"), -1, (int fd, off_t size), (fd, size))
WRAP(int, ftruncate64, ftruncate64, AT("truncate"), -1, (int fd, off64_t size), (fd, size))
WRAP(off_t, lseek, lseek, AT("seek"), -1, (int fd, off_t at, int from), (fd, at, from))
WRAP(off64_t, lseek64, lseek64, AT("seek"), -1, (int fd, off64_t at, int from), (fd, at, from))
WRAP(int, fstat, fstat, AT("stat"), -1, (int fd, struct stat *to), (fd, to))
WRAP(int, fstat64, fstat64, AT("stat"), -1, (int fd, struct stat64 *to), (fd, to))
WRAP(int, stat, stat, OF("stat"), -1, (const char *path, struct stat *to), (path, to))
WRAP(int, stat64, stat64, OF("stat"), -1, (const char *path, struct stat64 *to), (path, to))
WRAP(int, lstat, lstat, OF("stat"), -1, (const char *path, struct stat *to), (path, to))
WRAP(int, lstat64, lstat64, OF("stat"), -1, (const char *path, struct stat64 *to), (path, to))
WRAP(int, unlink, unlink, OF("unlink"), -1, (const char *path), (path))
WRAP(int, mkdir, mkdir, OF("mkdir"), -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, chmod, chmod, OF("chmod"), -1, (const char *path, mode_t mode), (path, mode))
WRAP(DIR *, opendir, opendir, OF("list"), NULL, (const char *path), (path))
WRAP(int, rename, rename, fault_of("rename", path, other), -1,
     (const char *path, const char *other), (path, other))
WRAP(int, link, link, fault_of("link", path, other), -1,
     (const char *path, const char *other), (path, other))
WRAP(ssize_t, copy_file_range, copy_file_range, fault_at("read", from), -1,
     (int from, off64_t *at, int to, off64_t *at_of, size_t count, unsigned flags),
     (from, at, to, at_of, count, flags))
WRAP(ssize_t, sendfile64, sendfile64, fault_at("read", from), -1,
     (int to, int from, off64_t *at, size_t count), (to, from, at, count))

/* This function returns the number of its error. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    int found = fault_of("thread", "", "");
    return found > 0 ? found : REAL(pthread_create)(thread, attributes, start, argument);
}

/* The descriptor of a file whose close fails is closed nevertheless, as Linux does it. */
int close(int fd) {
    int found = AT("close"), result = REAL(close)(fd);
    if (found == AFTER) kill(getpid(), SIGKILL);
    if (found <= 0) return result;
    errno = found;
    return -1;
}
