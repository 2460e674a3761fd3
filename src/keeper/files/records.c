#include "records.h"

#include <linux/errno.h>
#include <linux/fs.h>

enum { HOLE_BLOCK = 4096 };

void records_open(struct records *records, int fd) {
  records->fd = fd;
  records->used = 0;
  records->at = 0;
  records->progress = NULL;
}

/* What is buffered, filled when it is empty: bytes, 0 at the end, or a negative errno. */
static long available(struct records *records) {
  long got = -EINTR;

  if (records->at < records->used) return (long)(records->used - records->at);
  while (got == -EINTR) got = sys_read(records->fd, records->data, sizeof(records->data));
  records->at = 0;
  records->used = got > 0 ? (size_t)got : 0;
  return got;
}

/* 1, 0 when the stream ended before the first byte, or a negative errno. */
static long take(struct records *records, void *buffer, size_t size) {
  size_t done = 0;

  while (done < size) {
    long part = available(records);

    if (part < 0) return part;
    if (part == 0) return done == 0 ? 0 : -EBADMSG;
    if ((size_t)part > size - done) part = (long)(size - done);
    __builtin_memcpy((char *)buffer + done, records->data + records->at, (size_t)part);
    records->at += (size_t)part;
    done += (size_t)part;
  }
  return 1;
}

long records_data(struct records *records, void *buffer, size_t size) {
  long result = size == 0 ? 1 : take(records, buffer, size);

  return result > 0 ? 0 : result == 0 ? -EBADMSG : result;
}

long records_next(struct records *records) {
  struct record *record = &records->record;
  long result = take(records, record, sizeof(*record));

  if (result <= 0) return result;
  if (record->path_length == 0 || record->path_length >= PATH_BYTES || record->argument_length >= PATH_BYTES)
    return -EBADMSG;
  result = records_data(records, records->path, record->path_length);
  if (result == 0) result = records_data(records, records->argument, record->argument_length);
  if (result < 0) return result;
  records->path[record->path_length] = '\0';
  records->argument[record->argument_length] = '\0';
  return 1;
}

static long write_all(int target, const char *bytes, size_t size) {
  size_t done = 0;

  while (done < size) {
    long written = sys_write(target, bytes + done, size - done);

    if (written < 0 && written != -EINTR) return written;
    if (written > 0) done += (size_t)written;
  }
  return 0;
}

static bool is_zero(const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

/* Moves over zeros instead of writing them; the caller sets the file's size at the end. */
static long write_holes(int target, const char *bytes, size_t size) {
  long result = 0;

  for (size_t at = 0; result >= 0 && at < size; at += HOLE_BLOCK) {
    size_t part = size - at < HOLE_BLOCK ? size - at : HOLE_BLOCK;

    if (is_zero(bytes + at, part))
      result = sys_call(__NR_lseek, target, part, SEEK_CUR);
    else
      result = write_all(target, bytes + at, part);
  }
  return result < 0 ? result : 0;
}

long records_write(struct records *records, int target) {
  bool holes = (records->record.flags & HAS_HOLES) != 0;
  uint64_t left = records->record.data_length;
  long result = 0;

  while (result == 0 && left > 0) {
    long part = available(records);
    const char *bytes = records->data + records->at;

    if (part <= 0) return part < 0 ? part : -EBADMSG;
    if ((uint64_t)part > left) part = (long)left;
    result = holes ? write_holes(target, bytes, (size_t)part) : write_all(target, bytes, (size_t)part);
    records->at += (size_t)part;
    left -= (uint64_t)part;
    if (records->progress != NULL) records->progress();
  }
  if (result == 0 && holes) result = sys_call(__NR_ftruncate, target, records->record.data_length);
  return result;
}

uint32_t record_device(const struct record *record) {
  return (record->minor & 0xff) | (record->major & 0xfff) << 8 | (record->minor & ~0xffU) << 12;
}
