/*
 * The contract of every function that can fail for a reason a person must read: it returns -1 and
 * fills a `struct failure`. `message` is the attempted action ("create cgroup"), `path` its object.
 * Functions that fail only with errno return -1 and leave errno set.
 */
#pragma once

#include <stdint.h>

struct failure {
  int error;      /* errno */
  uint8_t phase;  /* enum plan_phase */
  uint16_t index; /* of the operation in its plan; 0xffff: none */
  uint16_t type;  /* enum op_type; 0: none */
  char message[96];
  char path[256]; /* cut when longer */
};

/* Fills all of it and returns -1. `action` and `path` may be NULL (empty). Uses errno when error is 0. */
int fail(struct failure *, int error, const char *action, const char *path);
