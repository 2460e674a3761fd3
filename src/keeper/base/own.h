/* Ownership: descriptors and memory are given back when their variable goes out of scope. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

static inline void own_close(int *fd) {
  if (*fd >= 0) close(*fd);
}
static inline void own_free(void *pointer) { free(*(void **)pointer); }

#define OWN_FD  __attribute__((cleanup(own_close))) int
#define OWN_MEM __attribute__((cleanup(own_free)))

/* Hands the descriptor over: the variable no longer owns it. */
static inline int steal_fd(int *fd) {
  int stolen = *fd;
  *fd = -1;
  return stolen;
}
static inline void set_fd(int *fd, int value) {
  own_close(fd);
  *fd = value;
}
