/*
 * The inside of stdio: what a process reads and writes, and who gets it.
 *
 *   process ──▶ stream (FIFO, pipe or pty) ──▶ pump (log file)     never waits
 *                                         ├──▶ capture (the last bytes, for a health probe)
 *                                         └──▶ attachments         an init's: dropped when slow
 *                                                                  an exec's: its credit holds the reading up
 *   client  ──▶ input (queue) ──▶ pipe or pty ──▶ process          credit is given back as the process reads
 *
 * A container's process is hostile: it holds the other end of every descriptor here. Nothing here blocks, and
 * each read is bounded, so that a flood from one container costs the others one round of the loop.
 */
#pragma once

#include "../keeper/keeper.h"

enum {
  STREAM_READ_MAX = 65536,  /* one read, one round of the loop */
  LOGGED_READ_LEAST = 2048, /* with a log, where an empty line is 46 bytes, a read is fitted to a round's worth there */
  LOGGED_READ_MOST = 32768,
  LOG_ROUND = 131072,
  STREAM_OVERHEAD = 64,    /* of a STREAM frame, generously */
  PTY_DRAIN_MAX = 1 << 20, /* above what the kernel buffers for a terminal */
  ATTACH_PENDING_MAX = 1 << 20,
  EXEC_PENDING_MAX = 4 << 20, /* what two pipes hold at most, when an exec has exited */
  LOG_TEXT_MAX = 16384,
  LOG_BATCH = 98304,
  LOG_FILES_MAX = 1000,
  INPUT_GRANT = STREAM_WINDOW / 4,
};

#define PARTIAL_LINE_NS   (250ull * 1000000)  /* how long the start of a line waits for its end */
#define DROPPED_REPORT_NS (5000ull * 1000000) /* between two EVENT_LOG_DROPPED of a container */

#define owner_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* One output: a FIFO, a pipe or the pty's master. */
struct stream {
  int fd; /* -1: absent or ended */
  struct watch watch;
  struct stdio *stdio;
  uint8_t number; /* 1 or 2 */
  bool watched, hung_up;
  uint32_t logged_read; /* how much is read at once with a log */
  uint32_t left;        /* after the exit: bytes that still belong to the process */
  uint32_t slot;        /* of the ledger: holds the start of a line that has no end yet */
};

struct chunk {
  struct chunk *next;
  struct attachment *from; /* whom to give the credit back; NULL when it left */
  uint32_t at, len, cap;
  uint8_t data[];
};

/* Standard input on its way to the process. */
struct input {
  int fd; /* the pipe's write end; -1 with a pty, without stdin, or when closed */
  struct watch watch;
  struct chunk *first, *last;
  bool watched;
  bool open;   /* the process can still be given something */
  bool ending; /* closes when the queue is empty */
  char tail;   /* the last byte that was queued */
};

/* A request that gets the output of a process, or gives it input. */
struct attachment {
  struct attachment *next;
  struct request *request; /* NULL: detached while the list was walked */
  struct stdio *stdio;     /* NULL: the process is gone, and only what is pending and the EXIT are still owed */
  uint8_t flags;           /* START_STDIN, START_STDOUT, START_STDERR */
  bool waits_room;
  uint32_t ungranted; /* input that was consumed and not yet given back as credit */
  /* Output of an init that could not be sent yet: u8 stream, u32 length (0: the stream's end), bytes. */
  uint8_t *pending;
  uint32_t pending_at, pending_len, pending_cap;
  struct writer exit; /* the EXIT that follows the pending output */
};

struct capture {
  char *data;
  uint32_t len, cap, max;
};

struct stdio {
  struct process *process;
  struct stream out[2];
  struct input in;
  struct attachment *attached;
  struct capture capture;
  struct deferred keep; /* the holder gets duplicates of FIFOs */
  struct timer partial_timer;
  struct timer drain_timer; /* the next part of what an exited process left */
  uint64_t log_dropped;     /* lines since the last event */
  uint64_t log_dropped_due; /* no event before */
  uint32_t fds;             /* reserved from the keeper's budget */
  uint32_t start_flags;
  uint16_t walking; /* attachments are unlinked only when 0 */
  bool tty;
  bool logs;       /* output goes through the pump */
  bool has_output; /* somebody can be attached to it */
  bool lossless;   /* an exec: nothing is dropped, its client's credit holds it up */
  bool exited, drained;
};

/* ---- stdio.c ---- */

struct keeper *keeper_of(const struct stdio *);
void stdio_release_fds(struct stdio *, unsigned count);
/* The tag of a descriptor of an init in the holder's store. */
void stdio_tag(const struct stdio *, const char *kind, unsigned number, char tag[CONTAINER_ID_MAX + 16]);

/* ---- fifo.c: named FIFOs of a container's output in <run dir>/io ---- */

/* Makes a new FIFO for stream `number` (1, 2), owned by the container's stdio ids. Both ends, or -1 with a failure. */
int fifo_make(struct container *, unsigned number, int *keeper_end, int *container_end, struct failure *);
/* The keeper's end of one that exists; -1 with errno when it is not a FIFO of ours. */
int fifo_reopen(struct container *, unsigned number);
void fifo_remove(struct container *, unsigned number);

/* ---- null.c ---- */

/* A new description of a null device that no container can change for others. -1 with errno. */
int null_open(struct keeper *);

/* ---- stream.c ---- */

void stream_open(struct stream *, int fd); /* takes over */
/* Watches, pauses or resumes according to credit, room and queued pty input. */
void stream_update(struct stream *);
/* Both, after something that held them up has changed. The process may be gone afterwards. */
void stream_resume(struct stdio *);
/* Notes what still belongs to the process. */
void stream_exited(struct stream *);
void stream_close(struct stream *);
/* Calls process_drained once the process has exited and both outputs are done; the process may be gone afterwards. */
void stream_check_drained(struct stdio *);

/* ---- pump.c, log_file.c; ledger.h has what they work on ---- */

/* Like read(2) of the stream; what comes is at *data until the next read of any, and must be given to pump_output. */
ssize_t pump_read(struct stream *, size_t want, const char **data);
/* Writes what was read to the log. Returns the bytes that it became there. */
size_t pump_output(struct stream *);
/* Writes what has no end of line yet as parts of lines. */
void pump_flush(struct stdio *);
/* Takes up the start of a line that an earlier keeper had read. */
void pump_adopt(struct stream *);
/* Brings what the last keeper was at to its end. */
void pump_resume(struct keeper *);
void pump_report_dropped(struct stdio *, bool now);

/* For mode `file`: what the container itself writes to. -1 with errno. */
int log_file_open(const struct container *);
/* Removes rotated files beyond the number to keep. */
void log_file_prune(const struct container *);
struct passage;
/*
 * Appends the rest of the passage's text, whole lines, rotating by its settings: a line is in one file. Returns how many
 * lines could not be written; the last error is then in *error.
 */
unsigned log_file_append(struct passage *, int *error);
/* Finds out how far an append came that did not return. */
void log_file_resume(struct passage *);

/* ---- pty.c ---- */

int pty_size(int fd, uint16_t cols, uint16_t rows);
/* The character that ends the input of the terminal's reader; -1 in raw mode. */
int pty_end_character(int fd);

/* ---- input.c ---- */

void input_open(struct stdio *, int fd); /* fd -1: the pty */
/* False without memory. */
bool input_push(struct stdio *, struct attachment *from, struct str data);
void input_write(struct stdio *);
void input_end(struct stdio *);   /* closes when all is written */
void input_close(struct stdio *); /* now; what is queued is given up */
void input_forget(struct stdio *, const struct attachment *);

/* ---- attach.c ---- */

struct attachment *attach_add(struct stdio *, struct request *, uint32_t flags);
/* Bytes of stream `number` that may be read now; UINT32_MAX when nobody holds it up, as after the exit. */
uint32_t attach_allowance(struct stdio *, uint8_t number);
void attach_output(struct stdio *, uint8_t number, const char *data, size_t len);
void attach_output_end(struct stdio *, uint8_t number);
void attach_input_closed(struct stdio *);
/* Ends the request with ERROR; the process goes on without it. */
void attach_drop(struct attachment *, int error, const char *action);
void attach_consumed(struct attachment *, uint32_t len);
/* Everything was read: the starter is left to its handler unless output is still pending for it. */
void attach_drained(struct stdio *);
/* The process is going: sends EXIT to who is attached, now or after what is pending. */
void attach_exit(struct stdio *);
