/*
 * The holder: the keeper's parent, with almost nothing in it that could fail. It keeps duplicates of descriptors, reaps
 * what the keeper left behind when it died, and starts it again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* One message each on the link between holder and keeper: an op, then for KEEP, DROP and TAKE a tag. */
enum holder_op {
  HOLDER_KEEP = 1, /* with the descriptor */
  HOLDER_DROP,
  HOLDER_TAKE,   /* answered by HOLDER_TAKEN, with the descriptor if there is one */
  HOLDER_TRIM,   /* u64 sequence of the last record that was read: if it is the last, the reaped file is emptied */
  HOLDER_ENDING, /* the keeper ends on purpose: so does the holder */
  HOLDER_TAKEN = 16,
  HOLDER_REAPED, /* the reaped file has grown */
};

enum { HOLDER_TAG_MAX = 96, HOLDER_MESSAGE_MAX = 128 };

/* Under this tag the keeper leaves the program that starts in its place when it dies: after an upgrade not the holder's. */
#define HOLDER_PROGRAM_TAG "program"

/* A record of <run dir>/reaped-<instance>. */
struct reaped {
  uint32_t size; /* of the record */
  int32_t pid;
  uint64_t identity; /* pidfd_identity */
  int32_t status;    /* of wait */
  int32_t reserved;
  uint64_t sequence; /* one more than the record before; a new holder goes on with a higher one */
  uint64_t user_us, system_us, max_rss_bytes, finished_ns;
};

/* Descriptors with which holder (all but the last) and keeper are started. */
enum { LISTEN_FD = 3, LOCK_FD = 4, READY_FD = 5, LINK_FD = 6 };

struct holder_options {
  const char *run_dir;
  unsigned instance;
  char **keeper_arguments; /* argv of the keeper */
  void (*leave_cgroups)(void);
};

_Noreturn void holder_main(const struct holder_options *);

/* Executes the program in `fd` with an empty environment. Returns only on failure. */
int program_execute(int fd, char **arguments);
