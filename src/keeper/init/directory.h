/* Reading a directory entry by entry. */
#ifndef WARREN_INIT_DIRECTORY_H
#define WARREN_INIT_DIRECTORY_H

#include "sys.h"

struct directory {
  int fd;
  /* A positive errno when reading failed, else 0. */
  int error;
  long used;
  long at;
  _Alignas(8) char data[1024];
};

/* 0, or a negative errno. */
long directory_open(struct directory *directory, const char *path);
/* Reads a directory that is open; who opened it closes it. */
void directory_adopt(struct directory *directory, int fd);
/* The next name, valid until the next call; NULL at the end or after an error. */
const char *directory_next(struct directory *directory);
void directory_close(struct directory *directory);

#endif
