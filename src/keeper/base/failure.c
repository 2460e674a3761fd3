#include "failure.h"

#include <errno.h>
#include <stdio.h>

int fail(struct failure *failure, int error, const char *action, const char *path) {
  int cause = error ? error : errno;
  *failure = (struct failure){.error = cause, .index = 0xffff};
  snprintf(failure->message, sizeof failure->message, "%s", action ? action : "");
  snprintf(failure->path, sizeof failure->path, "%s", path ? path : "");
  return -1;
}
