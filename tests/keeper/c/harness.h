/*
 * What the keeper's streams and policies need around them in a test: the real loop, and clients, events and a holder
 * that only write down what they are given. Each test runs in a process of its own.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/keeper/keeper/core.h"

struct test {
  const char *name; /* a sentence */
  void (*run)(void);
};
extern const struct test tests[];
extern const size_t test_count;

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                          \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

extern struct keeper keeper;
extern char run_dir[64]; /* a fresh directory, removed at the end */

/* Runs the loop until `done` says so; fails after ten seconds. */
void run_until(bool (*done)(void *), void *context);
void run_for(uint64_t ms);

/* ---- clients ---- */

/* Called instead of `struct client` of the real program: it is opaque to what is tested. */
struct fake_client {
  size_t room;             /* what client_room answers */
  bool grants;             /* gives credit back at once */
  struct writer data[3];   /* of STREAM frames */
  unsigned stream_ends[3]; /* STREAM_END frames */
  uint64_t credit;         /* of CREDIT frames for stdin */
  unsigned oks, exits, ends;
  int error;          /* of an ERROR frame */
  uint64_t streamed;  /* all bytes of STREAM */
  uint64_t hash;      /* of them, in order */
  bool keeps;         /* `data` is filled */
  size_t before_exit; /* streamed when EXIT came */
  void (*room_came)(void *);
  void *room_context;
};
struct request *request_make(struct fake_client *, uint16_t type, uint32_t stream_flags);
void grant(struct request *, uint8_t stream, uint32_t bytes);
void make_room(struct fake_client *, size_t room);

/* ---- containers and processes ---- */

/* With a log at <run dir>/log. */
struct container *container_make(const char *id, uint8_t log_mode);
struct process *process_make(struct container *, bool is_init);
/* Forks a child with the descriptors as 0, 1, 2, which runs the function; closes them here. */
void start_child(struct process *, int out[3], void (*child)(void *), void *context);
/* Waits for it in the loop, as the pidfd would tell. */
void reap_child(struct process *);
bool child_ended(void *process);
bool is_drained(void *process);
void free_process(struct process *);

unsigned events_of(uint8_t kind);
const char *last_detail(void);
unsigned open_fds(void);
int holder_kept(const char *tag); /* the duplicate, or -1 */
void holder_forget_all(void);

uint64_t hash_bytes(uint64_t hash, const void *data, size_t len);
char *read_file(const char *path, size_t *len); /* NUL-terminated */
