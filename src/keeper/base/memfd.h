/* Programs in memory: sealed, so that nobody changes them while they are executed from there. */
#pragma once

#include <stddef.h>

/* Close-on-exec descriptors; -1 with errno. */
int memfd_of(const char *name, const void *data, size_t size);
int memfd_copy(const char *name, int file);
