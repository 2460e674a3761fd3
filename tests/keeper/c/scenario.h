/* One container, one process in it, and the client that started it. */
#pragma once

#include "harness.h"

enum { ALL = START_STDIN | START_STDOUT | START_STDERR };

extern struct container *container;
extern struct process *process;
extern struct fake_client client;
extern struct request *request;

/* Starts the process in `container`; with stream flags, for `client`. */
void begin(bool is_init, uint32_t flags, void (*child)(void *));
/* As process.c does: waits for its end, sends the starter's EXIT, and frees it. */
void finish(void);
/* All that the client got of a stream. */
bool data_is(unsigned number, const char *text);

/* In the child: writes all, or exits. */
void say(int fd, const void *data, size_t len);
/* In the child: a cat that begins slowly. */
void slow_cat(void *context);
