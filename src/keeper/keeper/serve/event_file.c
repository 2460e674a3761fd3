/*
 * What happened, for those who ask later: EVENT payloads as checked records, appended in one write per turn of the loop. A full
 * file becomes the old one. What cannot be written is dropped and counted: the past must not hold up what happens now.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/log.h"
#include "../core.h"

enum { HEAD = 8, ROTATE_AT = 4 << 20, WRITE_AT = 64 << 10 };

struct event_file {
  struct keeper *keeper;
  int fd; /* -1: not open */
  uint64_t size, dropped;
  uint32_t pending; /* records in `batch` */
  struct writer batch;
  struct deferred flush;
};

static void name_of(const struct keeper *keeper, const char *suffix, char name[64]) {
  snprintf(name, 64, "keeper-%u.events%s", keeper->options.instance, suffix);
}

/* How much of a file is whole records: a keeper that was killed may have left a part of one. */
static uint64_t whole_records(int fd, uint64_t size) {
  OWN_MEM uint8_t *data = malloc(size + 1);
  ssize_t got = data ? pread(fd, data, size, 0) : -1;
  if (got <= 0) return 0;
  struct reader in = reader_of(data, (size_t)got);
  uint64_t whole = 0;
  while (in.at < in.end) {
    uint32_t length = read_u32(&in), sum = read_u32(&in);
    if (in.bad || length > (size_t)(in.end - in.at) || checksum_of(in.at, length) != sum) break;
    in.at += length;
    whole = (uint64_t)(in.at - data);
  }
  return whole;
}

static int open_file(struct event_file *file) {
  char name[64];
  name_of(file->keeper, "", name);
  OWN_FD fd = openat(file->keeper->run_dir_fd, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) < 0) return -1;
  file->size = whole_records(fd, (uint64_t)status.st_size);
  if (file->size < (uint64_t)status.st_size && ftruncate(fd, (off_t)file->size) < 0) return -1;
  file->fd = steal_fd(&fd);
  return 0;
}

static int rotate(struct event_file *file) {
  char name[64], old[64];
  name_of(file->keeper, "", name);
  name_of(file->keeper, ".1", old);
  int directory = file->keeper->run_dir_fd;
  if (renameat(directory, name, directory, old) < 0 && errno != ENOENT) return -1;
  set_fd(&file->fd, -1);
  return open_file(file);
}

/* All of the batch or nothing of it. -1 with errno. */
static int write_batch(struct event_file *file) {
  const struct writer *batch = &file->batch;
  if (batch->failed) {
    errno = ENOMEM;
    return -1;
  }
  if (file->fd < 0 && open_file(file) < 0) return -1;
  if (file->size > 0 && file->size + batch->len > ROTATE_AT && rotate(file) < 0) return -1;
  ssize_t written = write(file->fd, batch->data, batch->len);
  if (written == (ssize_t)batch->len) {
    file->size += batch->len;
    return 0;
  }
  int error = written < 0 ? errno : ENOSPC;
  /* A part that stays would hide all that comes behind it: the file is looked at again before the next write. */
  if (written > 0 && ftruncate(file->fd, (off_t)file->size) < 0) set_fd(&file->fd, -1);
  errno = error;
  return -1;
}

void event_file_flush(struct keeper *keeper) {
  struct event_file *file = keeper->event_file;
  if (!file || file->pending == 0) return;
  defer_cancel(keeper, &file->flush);
  if (write_batch(file) == 0) {
    if (file->dropped > 0)
      log_line(LEVEL_WARN, "events are stored again; %llu were not", (unsigned long long)file->dropped);
    file->dropped = 0;
  } else {
    if (file->dropped == 0) log_line(LEVEL_ERROR, "cannot store events: %s", strerror(errno));
    file->dropped += file->pending;
  }
  file->pending = 0;
  file->batch.len = 0;
  if (file->batch.failed) {
    writer_free(&file->batch);
    file->batch = writer_new(2 * WRITE_AT);
  }
}

static void flush_later(struct deferred *work) { event_file_flush(OWNER_OF(work, struct event_file, flush)->keeper); }

int event_file_open(struct keeper *keeper) {
  struct event_file *file = calloc(1, sizeof *file);
  if (!file) return -1;
  *file = (struct event_file){.keeper = keeper, .fd = -1, .batch = writer_new(2 * WRITE_AT), .flush.run = flush_later};
  keeper->event_file = file;
  return 0;
}

void event_file_add(struct keeper *keeper, const struct writer *payload) {
  struct event_file *file = keeper->event_file;
  if (!file || payload->failed) return;
  if (file->batch.len + payload->len > WRITE_AT) event_file_flush(keeper);
  write_u32(&file->batch, (uint32_t)payload->len);
  write_u32(&file->batch, checksum_of(payload->data, payload->len));
  write_raw(&file->batch, payload->data, payload->len);
  file->pending++;
  defer(keeper, &file->flush);
}
