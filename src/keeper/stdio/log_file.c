#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/own.h"
#include "streams.h"

static unsigned count_lines(const char *text, size_t len) {
  unsigned lines = 0;
  for (const char *end = text + len; text < end; lines++) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    if (!newline) break;
    text = newline + 1;
  }
  return lines;
}

/* The whole lines among the first `limit` bytes. */
static size_t whole_lines(const char *text, size_t limit) {
  const char *newline = limit ? memrchr(text, '\n', limit) : NULL;
  return newline ? (size_t)(newline - text) + 1 : 0;
}

/* O_NONBLOCK: whatever is at the path, opening it does not wait. */
static int open_log(const char *path, uint64_t *size) {
  OWN_FD fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  struct stat about;
  if (fd < 0 || fstat(fd, &about) < 0) return -1;
  if (!S_ISREG(about.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  *size = (uint64_t)about.st_size;
  return steal_fd(&fd);
}

static int numbered(char name[PATH_MAX], const char *path, uint32_t number) {
  int len = number ? snprintf(name, PATH_MAX, "%s.%u", path, number) : snprintf(name, PATH_MAX, "%s", path);
  if (len >= 0 && len < PATH_MAX) return 0;
  errno = ENAMETOOLONG;
  return -1;
}

static uint32_t files_kept(const struct container *container) {
  uint32_t files = container->supervise.log.max_files;
  return files < 1 ? 1 : files > LOG_FILES_MAX ? LOG_FILES_MAX : files;
}

/* path.1 becomes path.2 and so on; path becomes path.1, or is emptied when it is the only file. */
static int rotate(const struct container *container, int *fd, uint64_t *size) {
  const char *path = container->supervise.log.path;
  uint32_t files = files_kept(container);
  if (files == 1) {
    if (ftruncate(*fd, 0) < 0) return -1;
    *size = 0;
    return 0;
  }
  char from[PATH_MAX], to[PATH_MAX];
  for (uint32_t number = files - 1; number > 0; number--) {
    if (numbered(from, path, number - 1) < 0 || numbered(to, path, number) < 0) return -1;
    if (rename(from, to) < 0 && errno != ENOENT) return -1;
  }
  int next = open_log(path, size);
  if (next < 0) return -1;
  set_fd(fd, next);
  return 0;
}

/* Writes whole lines; a line that is cut by a full disk is taken back. Returns the bytes that are in the file. */
static size_t write_lines(int fd, uint64_t size, const char *text, size_t len, int *error) {
  ssize_t written = write(fd, text, len);
  if (written == (ssize_t)len) return len;
  *error = written < 0 ? errno : ENOSPC;
  if (written <= 0) return 0;
  size_t whole = whole_lines(text, (size_t)written);
  if (whole != (size_t)written && ftruncate(fd, (off_t)(size + whole)) < 0) *error = errno;
  return whole;
}

unsigned log_file_append(const struct container *container, const char *text, size_t len, int *error) {
  uint64_t max = container->supervise.log.max_bytes, size = 0;
  *error = 0;
  OWN_FD fd = open_log(container->supervise.log.path, &size);
  if (fd < 0) *error = errno;
  while (len > 0 && !*error) {
    size_t part = len;
    if (max > 0 && size + len > max) {
      part = size < max ? whole_lines(text, (size_t)(max - size) < len ? (size_t)(max - size) : len) : 0;
      if (part == 0 && size > 0) {
        if (rotate(container, &fd, &size) < 0) *error = errno;
        continue;
      }
      /* A line longer than a whole file is a file of its own. */
      if (part == 0) part = (size_t)((const char *)memchr(text, '\n', len) - text) + 1;
    }
    size_t written = write_lines(fd, size, text, part, error);
    size += written;
    text += written;
    len -= written;
  }
  return count_lines(text, len);
}

int log_file_open(const struct container *container) {
  uint64_t size;
  OWN_FD fd = open_log(container->supervise.log.path, &size);
  if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0) return -1;
  return steal_fd(&fd);
}

void log_file_prune(const struct container *container) {
  char name[PATH_MAX];
  for (uint32_t number = files_kept(container); number < LOG_FILES_MAX; number++)
    if (numbered(name, container->supervise.log.path, number) < 0 || unlink(name) < 0) return;
}
