/*
 * What is on its way from containers' output to their logs, kept where a SIGKILL of the keeper does not reach it: in a pipe
 * and in shared memory of which the holder has duplicates. The next keeper goes on at the very step.
 *
 *   output ──splice──▶ pipe ──read──▶ data ──compose──▶ text ──write──▶ log file
 *                                      └───────keep───▶ the start of a line, until its end comes
 *
 * One read of one output is under way at a time, the passage. Whatever stage it is left in, going on from it loses nothing
 * and writes nothing twice: each step first notes what it is about to do, and looks the same when it is done again.
 */
#pragma once

#include <limits.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "streams.h"

enum passage_stage {
  PASSAGE_NONE,  /* nothing is under way, the pipe is empty */
  PASSAGE_TAKE,  /* bytes are taken from the output, or were and wait from `at` on */
  PASSAGE_WRITE, /* `text` is being written to the log */
  PASSAGE_KEEP,  /* it is written; what has no end of line goes into the stream's slot */
};

#define NO_SLOT UINT32_MAX

enum { LEDGER_LAYOUT = 1, LEDGER_SLOTS = 32768 };

/* The file that is being written to: it was `size` bytes before `part` bytes of the text from `part_at` on went to it. */
struct log_write {
  uint64_t dev, ino, size;
  uint32_t part_at, part; /* part 0: none is */
};

struct passage {
  uint32_t stage;
  char id[CONTAINER_ID_MAX + 1];
  uint8_t number; /* of the stream */
  uint32_t slot;  /* of the stream */
  char path[PATH_MAX];
  uint64_t max_bytes;
  uint32_t max_files;
  uint32_t taken, at, next; /* of `data`: length, what is composed, what will be when the text is written */
  uint32_t text_len, text_done;
  struct log_write write;
  uint32_t kept, tail_at, tail_len; /* the slot afterwards: its first `kept` bytes, then these of `data` */
  uint32_t time_len, written;       /* bytes that went to the log in this passage, dropped ones too */
  char time[40], data[STREAM_READ_MAX], text[LOG_BATCH];
};

/* The start of a line of stream `number` of a container; an empty id: free. */
struct slot {
  char id[CONTAINER_ID_MAX + 1];
  uint8_t number;
  bool claimed; /* by a stream of the keeper that runs */
  uint32_t len;
};

/* The shared memory. Only what is used of it is there. */
struct ledger_pages {
  uint32_t layout;
  struct passage passage;
  uint32_t slots_used; /* no slot beyond was ever taken */
  struct slot slots[LEDGER_SLOTS];
  char texts[LEDGER_SLOTS][LOG_TEXT_MAX];
};

struct ledger {
  struct ledger_pages *pages;
  int in, out; /* the pipe */
  uint32_t free_count;
  uint16_t free[LEDGER_SLOTS];
};

/* Between two steps: a process that is killed has done the first one whole before it begins the second. */
static inline void ledger_step(struct passage *passage, enum passage_stage stage) {
  atomic_signal_fence(memory_order_seq_cst);
  passage->stage = stage;
  atomic_signal_fence(memory_order_seq_cst);
}

/* Begins a passage for the stream; nothing is taken yet. */
void ledger_begin(struct stream *);
/* Takes at most `want` bytes of the stream's output into `data`; as read(2). */
ssize_t ledger_take(struct stream *, size_t want);
/* The stage KEEP. */
void ledger_keep(struct ledger *);
/* Makes sure that the passage has a slot; false when all are taken. */
bool ledger_slot(struct ledger *);
/* The bytes that wait for the end of their line. */
struct str ledger_start_of_line(const struct ledger *, uint32_t slot);
/* The slot that an earlier keeper filled for the stream, if any. */
void ledger_adopt(struct stream *);
/* Gives up what the stream's slot holds. */
void ledger_forget(struct stream *);
