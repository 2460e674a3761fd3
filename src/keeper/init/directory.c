#include "directory.h"

#include <linux/fcntl.h>

/* linux_dirent64 up to its name: d_ino, d_off, d_reclen, d_type. */
enum { RECORD_LENGTH_AT = 16, NAME_AT = 19 };

long directory_open(struct directory *directory, const char *path) {
  long fd = sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

  if (fd < 0) return fd;
  directory_adopt(directory, (int)fd);
  return 0;
}

void directory_adopt(struct directory *directory, int fd) {
  directory->fd = fd;
  directory->error = 0;
  directory->used = 0;
  directory->at = 0;
}

const char *directory_next(struct directory *directory) {
  const char *record;
  uint16_t length;

  if (directory->at >= directory->used) {
    long got = sys_call(__NR_getdents64, directory->fd, directory->data, sizeof(directory->data));

    if (got < 0) directory->error = (int)-got;
    if (got <= 0) return NULL;
    directory->used = got;
    directory->at = 0;
  }
  record = directory->data + directory->at;
  __builtin_memcpy(&length, record + RECORD_LENGTH_AT, sizeof(length));
  directory->at += length;
  return record + NAME_AT;
}

void directory_close(struct directory *directory) { sys_close(directory->fd); }
