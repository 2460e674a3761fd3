#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/log.h"
#include "../base/own.h"
#include "ledger.h"

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

static uint32_t files_kept(uint32_t files) { return files < 1 ? 1 : files > LOG_FILES_MAX ? LOG_FILES_MAX : files; }

/* path.1 becomes path.2 and so on; path becomes path.1, or is emptied when it is the only file. */
static int rotate(const struct passage *passage, int *fd, uint64_t *size) {
  const char *path = passage->path;
  uint32_t files = files_kept(passage->max_files);
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
static size_t write_lines(int fd, const struct passage *passage, int *error) {
  const char *text = passage->text + passage->write.part_at;
  ssize_t written = write(fd, text, passage->write.part);
  if (written == (ssize_t)passage->write.part) return passage->write.part;
  *error = written < 0 ? errno : ENOSPC;
  if (written <= 0) return 0;
  size_t whole = whole_lines(text, (size_t)written);
  if (whole != (size_t)written && ftruncate(fd, (off_t)(passage->write.size + whole)) < 0) *error = errno;
  return whole;
}

/* Notes what goes where before it goes there. */
static int begin_write(struct passage *passage, int fd, uint32_t part) {
  struct stat about;
  if (fstat(fd, &about) < 0) return -1;
  passage->write = (struct log_write){
      .dev = about.st_dev, .ino = about.st_ino, .size = (uint64_t)about.st_size, .part_at = passage->text_done};
  atomic_signal_fence(memory_order_seq_cst);
  passage->write.part = part;
  return 0;
}

static void end_write(struct passage *passage, size_t written) {
  passage->text_done = passage->write.part_at + (uint32_t)written;
  atomic_signal_fence(memory_order_seq_cst);
  passage->write.part = 0;
}

/* How much of the rest of the text goes into a file of `size` bytes; 0: the next file is to be begun. */
static uint32_t part_for(const struct passage *passage, uint64_t size) {
  const char *text = passage->text + passage->text_done;
  uint32_t len = passage->text_len - passage->text_done;
  uint64_t max = passage->max_bytes;
  if (max == 0 || size + len <= max) return len;
  size_t part = size < max ? whole_lines(text, (size_t)(max - size) < len ? (size_t)(max - size) : len) : 0;
  /* A line longer than a whole file is a file of its own. */
  if (part == 0 && size == 0) part = (size_t)((const char *)memchr(text, '\n', len) - text) + 1;
  return (uint32_t)part;
}

unsigned log_file_append(struct passage *passage, int *error) {
  uint64_t size = 0;
  int failed = 0;
  if (passage->text_done == passage->text_len) return 0;
  OWN_FD fd = open_log(passage->path, &size);
  if (fd < 0) failed = errno;
  while (passage->text_done < passage->text_len && !failed) {
    uint32_t part = part_for(passage, size);
    if (part == 0) {
      if (rotate(passage, &fd, &size) < 0) failed = errno;
      continue;
    }
    if (begin_write(passage, fd, part) < 0) {
      failed = errno;
      continue;
    }
    size_t written = write_lines(fd, passage, &failed);
    size += written;
    end_write(passage, written);
  }
  if (failed) *error = failed;
  unsigned dropped = count_lines(passage->text + passage->text_done, passage->text_len - passage->text_done);
  passage->text_done = passage->text_len;
  return dropped;
}

void log_file_resume(struct passage *passage) {
  struct log_write *write = &passage->write;
  struct stat about;
  if (write->part == 0) return;
  OWN_FD fd = open(passage->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat(fd, &about) < 0) return;
  if (about.st_dev != write->dev || about.st_ino != write->ino) return;
  uint64_t size = (uint64_t)about.st_size, whole = write->size + write->part;
  if (size == whole) return end_write(passage, write->part);
  /* A part of it, which the end of the last keeper cut short. */
  if (size > write->size && size < whole && ftruncate(fd, (off_t)write->size) < 0)
    log_line(LEVEL_ERROR, "log of %s: cannot take back a part of a line: errno %d", passage->id, errno);
  end_write(passage, 0);
}

int log_file_open(const struct container *container) {
  uint64_t size;
  OWN_FD fd = open_log(container->supervise.log.path, &size);
  if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0) return -1;
  return steal_fd(&fd);
}

void log_file_prune(const struct container *container) {
  char name[PATH_MAX];
  for (uint32_t number = files_kept(container->supervise.log.max_files); number < LOG_FILES_MAX; number++)
    if (numbered(name, container->supervise.log.path, number) < 0 || unlink(name) < 0) return;
}
