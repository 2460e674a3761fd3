/* The journal's records: journal.c writes them, journal_read.c applies them to the table of containers. */
#pragma once

#include "../core.h"

enum { RECORD_MAX = 2 * PLAN_MAX + FRAME_MAX };

enum record_kind {
  RECORD_INTENT = 1, /* a launch begins: all that an undo needs */
  RECORD_CLONED,     /* its pid */
  RECORD_RUNNING,    /* past "go" */
  RECORD_STATE,      /* supervise section, pause */
  RECORD_EXITED,     /* or restarting */
  RECORD_CLEANED,
  RECORD_FORGOTTEN,
  RECORD_EXEC,
  RECORD_EXEC_ENDED,
};

void put_counts(const struct container *, struct writer *); /* what grows over the runs */
/* As if it had been told to be forgotten: the container is freed. */
void journal_apply_forgotten(struct container *);
/* False: it does not decode, or does not fit what came before. */
bool journal_apply(struct keeper *, struct reader *);
