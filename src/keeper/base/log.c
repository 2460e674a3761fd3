#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "own.h"

enum { ROTATE_AT = 1 << 20, LINE_MAX = 1024 };

static struct {
  int dir, fd;
  char name[64];
  enum log_level level;
} log_state = {.dir = -1, .fd = -1, .level = LEVEL_INFO};

static void reopen(void) {
  set_fd(&log_state.fd,
         openat(log_state.dir, log_state.name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
}

void log_open(int dir_fd, const char *name) {
  log_state.dir = dir_fd;
  snprintf(log_state.name, sizeof log_state.name, "%s", name);
  reopen();
}

void log_set_level(enum log_level level) { log_state.level = level; }

/*
 * Holder, keeper and workers append to the same file: whoever finds it full renames it, the others see that
 * their descriptor no longer is the file of that name.
 */
static void rotate(void) {
  struct stat mine, current;
  if (fstat(log_state.fd, &mine) < 0) return;
  bool same = fstatat(log_state.dir, log_state.name, &current, AT_SYMLINK_NOFOLLOW) == 0 &&
              current.st_ino == mine.st_ino && current.st_dev == mine.st_dev;
  if (same && mine.st_size < ROTATE_AT) return;
  if (same) {
    char old[sizeof log_state.name + 2];
    snprintf(old, sizeof old, "%s.1", log_state.name);
    renameat(log_state.dir, log_state.name, log_state.dir, old);
  }
  reopen();
}

void log_line(enum log_level level, const char *format, ...) {
  static const char *const names[] = {"error", "warn", "info", "debug"};
  if (level > log_state.level || log_state.fd < 0) return;
  int saved = errno;
  rotate();
  char line[LINE_MAX];
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct tm utc;
  gmtime_r(&now.tv_sec, &utc);
  size_t len = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
  len += (size_t)snprintf(line + len, sizeof line - len, ".%03ldZ %s [%d] ", now.tv_nsec / 1000000, names[level],
                          (int)getpid());
  va_list arguments;
  va_start(arguments, format);
  int written = vsnprintf(line + len, sizeof line - len - 1, format, arguments);
  va_end(arguments);
  len += written < 0 ? 0 : (size_t)written;
  if (len > sizeof line - 2) len = sizeof line - 2;
  line[len++] = '\n';
  /* A full disk loses the line: the log must never stop the keeper. */
  ssize_t ignored = write(log_state.fd, line, len);
  (void)ignored;
  errno = saved;
}
