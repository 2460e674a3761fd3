/* Records: things to make below a directory, as src/host/tree/records.ts writes them, little-endian. */
#ifndef WARREN_FILES_RECORDS_H
#define WARREN_FILES_RECORDS_H

#include "files.h"

enum operation {
  MAKE_DIRECTORY = 1,
  MAKE_FILE = 2,
  MAKE_SYMLINK = 3,
  MAKE_LINK = 4,
  MAKE_NODE = 5,
  SET_XATTR = 6,
  SET_DIRECTORY_TIME = 7,
};

enum record_flag {
  MAY_REPLACE_DIRECTORY = 1,
  /* Blocks of zeros become holes. */
  HAS_HOLES = 2,
  /* Something that is there already stays. */
  UNLESS_PRESENT = 4,
};

/* Path, argument and data follow. */
struct record {
  uint8_t operation;
  uint8_t flags;
  uint16_t path_length;
  uint32_t argument_length;
  /* With the file type for MAKE_NODE. */
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
  uint32_t major;
  uint32_t minor;
  uint32_t nanoseconds;
  int64_t mtime;
  uint64_t data_length;
};

enum { RECORD_BUFFER = 1 << 18 };

/* A stream of records. */
struct records {
  int fd;
  size_t used;
  size_t at;
  /* Called after each part of a file; NULL: nobody waits. */
  void (*progress)(void);
  struct record record;
  char path[PATH_BYTES];
  /* Link target, name of an attribute. */
  char argument[PATH_BYTES];
  char data[RECORD_BUFFER];
};

void records_open(struct records *records, int fd);
/* 1 with a record, 0 at the end, or a negative errno. */
long records_next(struct records *records);
/* Exactly `size` bytes of the record's data. 0 or a negative errno. */
long records_data(struct records *records, void *buffer, size_t size);
/* The record's data into a file. 0 or a negative errno. */
long records_write(struct records *records, int target);

uint32_t record_device(const struct record *record);

#endif
