#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/log.h"
#include "../base/own.h"
#include "ledger.h"

enum { ATTACHED_MAX = 128 };

struct keeper *keeper_of(const struct stdio *stdio) {
  return stdio->process->keeper;
}

void stdio_release_fds(struct stdio *stdio, unsigned count) {
  if (count > stdio->fds) count = stdio->fds;
  stdio->fds -= count;
  fd_release(keeper_of(stdio), count);
}

static int reserve(struct stdio *stdio, unsigned count) {
  if (fd_reserve(keeper_of(stdio), count) < 0) return -1;
  stdio->fds += count;
  return 0;
}

void stdio_tag(const struct stdio *stdio, const char *kind, unsigned number, char tag[CONTAINER_ID_MAX + 16]) {
  const char *id = stdio->process->container->supervise.id;
  if (number)
    snprintf(tag, CONTAINER_ID_MAX + 16, "%s:%s:%u", kind, id, number);
  else
    snprintf(tag, CONTAINER_ID_MAX + 16, "%s:%s", kind, id);
}

static void keep(struct stdio *stdio, const char *kind, unsigned number, int fd) {
  char tag[CONTAINER_ID_MAX + 16];
  stdio_tag(stdio, kind, number, tag);
  holder_keep(keeper_of(stdio), tag, fd);
}

static struct stdio *stdio_new(struct process *process) {
  struct stdio *stdio = calloc(1, sizeof *stdio);
  if (!stdio) return NULL;
  stdio->process = process;
  stdio->in.fd = -1;
  for (uint8_t i = 0; i < 2; i++) {
    stdio->out[i].stdio = stdio;
    stdio->out[i].number = (uint8_t)(i + 1);
    stdio->out[i].fd = -1;
    stdio->out[i].slot = NO_SLOT;
  }
  process->stdio = stdio;
  return stdio;
}

static bool wants_log(const struct container *container) {
  return container->supervise.log.mode != LOG_NULL && container->supervise.log.path[0];
}

static int set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/*
 * A pipe with the keeper's end non-blocking. The process may open its end again through /proc: an init's belongs to its
 * user; an exec's user is not known here, so that any may, of those whom /proc lets see the process's descriptors.
 */
static int make_pipe(struct stdio *stdio, bool to_process, int *child_end) {
  const struct supervise *supervise = &stdio->process->container->supervise;
  int ends[2];
  if (reserve(stdio, 1) < 0) return -1;
  if (pipe2(ends, O_CLOEXEC) < 0) {
    stdio_release_fds(stdio, 1);
    return -1;
  }
  OWN_FD ours = ends[to_process], theirs = ends[!to_process];
  if (set_nonblocking(ours) < 0 || fchown(ours, supervise->stdio_uid, supervise->stdio_gid) < 0 ||
      (!stdio->process->is_init && fchmod(ours, 0666) < 0)) {
    stdio_release_fds(stdio, 1);
    return -1;
  }
  *child_end = steal_fd(&theirs);
  return steal_fd(&ours);
}

static int prepare_input(struct stdio *stdio, bool open, int out[3], struct failure *failure) {
  if (!open) {
    out[0] = null_open(keeper_of(stdio));
    return out[0] < 0 ? fail(failure, 0, "open a null device", NULL) : 0;
  }
  int end = make_pipe(stdio, true, &out[0]);
  if (end < 0) return fail(failure, 0, "create a pipe for stdin", NULL);
  input_open(stdio, end);
  return 0;
}

static int prepare_fifo(struct stdio *stdio, unsigned number, int out[3], struct failure *failure) {
  int end;
  if (reserve(stdio, 1) < 0) return fail(failure, 0, "reserve descriptors", NULL);
  if (fifo_make(stdio->process->container, number, &end, &out[number], failure) < 0) {
    stdio_release_fds(stdio, 1);
    return -1;
  }
  stream_open(&stdio->out[number - 1], end);
  stdio->has_output = true;
  return 0;
}

static int prepare_init_output(struct stdio *stdio, unsigned number, int out[3], struct failure *failure) {
  struct container *container = stdio->process->container;
  bool streamed = stdio->start_flags & (number == 1 ? START_STDOUT : START_STDERR);
  if (container->supervise.log.mode == LOG_PUMP || (container->supervise.log.mode == LOG_NULL && streamed))
    return prepare_fifo(stdio, number, out, failure);
  if (container->supervise.log.mode == LOG_NULL) {
    out[number] = null_open(keeper_of(stdio));
    return out[number] < 0 ? fail(failure, 0, "open a null device", NULL) : 0;
  }
  if (streamed)
    return fail(failure, ENOTSUP, "stream output that goes straight to a file", container->supervise.log.path);
  out[number] = log_file_open(container);
  return out[number] < 0 ? fail(failure, 0, "open log file", container->supervise.log.path) : 0;
}

static int prepare_exec_output(struct stdio *stdio, unsigned number, int out[3], struct failure *failure) {
  bool streamed = stdio->start_flags & (number == 1 ? START_STDOUT : START_STDERR);
  if (stdio->capture.max && number == 2) {
    out[2] = fcntl(out[1], F_DUPFD_CLOEXEC, 3); /* one pipe: the order of what was written is kept */
    return out[2] < 0 ? fail(failure, 0, "duplicate stdout", NULL) : 0;
  }
  if (!streamed && !stdio->capture.max) {
    if (!(stdio->start_flags & START_DISCARD))
      return fail(failure, ENOTSUP, "exec without streams for its output", NULL);
    out[number] = null_open(keeper_of(stdio));
    return out[number] < 0 ? fail(failure, 0, "open a null device", NULL) : 0;
  }
  int end = make_pipe(stdio, false, &out[number]);
  if (end < 0) return fail(failure, 0, "create a pipe for output", NULL);
  stream_open(&stdio->out[number - 1], end);
  stdio->has_output = true;
  return 0;
}

static int prepare_streams(struct stdio *stdio, int out[3], struct failure *failure) {
  struct process *process = stdio->process;
  const struct supervise *supervise = &process->container->supervise;
  if (stdio->tty) {
    stdio->has_output = true;
    return reserve(stdio, 1) < 0 ? fail(failure, 0, "reserve descriptors", NULL) : 0;
  }
  bool input = process->is_init ? supervise->stdin_open : (stdio->start_flags & START_STDIN) != 0;
  if (prepare_input(stdio, input, out, failure) < 0) return -1;
  for (unsigned number = 1; number <= 2; number++) {
    int result = process->is_init ? prepare_init_output(stdio, number, out, failure)
                                  : prepare_exec_output(stdio, number, out, failure);
    if (result < 0) return -1;
  }
  return 0;
}

int stdio_prepare(struct process *process, uint32_t start_flags, uint32_t capture_bytes, int out[3],
                  struct failure *failure) {
  out[0] = out[1] = out[2] = -1;
  struct stdio *stdio = stdio_new(process);
  if (!stdio) return fail(failure, ENOMEM, "prepare streams", NULL);
  stdio->start_flags = start_flags;
  stdio->capture.max = capture_bytes;
  stdio->tty = process->is_init ? process->container->supervise.tty : (start_flags & START_TTY) != 0;
  stdio->lossless = !process->is_init;
  stdio->logs = process->is_init && wants_log(process->container);
  if (prepare_streams(stdio, out, failure) < 0) {
    for (int i = 0; i < 3; i++) set_fd(&out[i], -1);
    stdio_free(process);
    return -1;
  }
  if (!stdio->has_output && !stdio->in.open) stdio_free(process);
  return 0;
}

static void keep_all(struct stdio *stdio) {
  for (int i = 0; i < 2; i++)
    if (stdio->out[i].fd >= 0)
      keep(stdio, stdio->tty ? "pty" : "log", stdio->tty ? 0 : stdio->out[i].number, stdio->out[i].fd);
  if (stdio->in.fd >= 0) keep(stdio, "in", 0, stdio->in.fd);
}

static void keep_deferred(struct deferred *work) { keep_all(owner_of(work, struct stdio, keep)); }

/*
 * A FIFO is found again by its name: the holder gets it after the frames of this turn, for a client should not wait until it
 * has woken. It gets at once what has no name.
 */
static void keep_streams(struct stdio *stdio) {
  if (!stdio->process->is_init) return;
  if (stdio->tty || stdio->in.fd >= 0) return keep_all(stdio);
  stdio->keep.run = keep_deferred;
  defer(keeper_of(stdio), &stdio->keep);
}

static int take_pty(struct stdio *stdio, int pty) {
  if (pty < 0 || set_nonblocking(pty) < 0 || fcntl(pty, F_SETFD, FD_CLOEXEC) < 0) return -1;
  stream_open(&stdio->out[0], pty);
  bool input = stdio->process->is_init ? stdio->process->container->supervise.stdin_open
                                       : (stdio->start_flags & START_STDIN) != 0;
  if (input) input_open(stdio, -1);
  return 0;
}

int stdio_start(struct process *process, int pty, uint16_t cols, uint16_t rows) {
  OWN_FD master = pty;
  struct stdio *stdio = process->stdio;
  if (!stdio) return 0;
  if (stdio->tty && take_pty(stdio, master) < 0) return -1;
  if (stdio->tty) {
    steal_fd(&master);
    if (cols && rows && pty_size(pty, cols, rows) < 0) return -1;
  }
  uint32_t flags = process->starter ? process->starter->stream_flags : 0;
  if (flags & (START_STDIN | START_STDOUT | START_STDERR) && !attach_add(stdio, process->starter, flags)) return -1;
  keep_streams(stdio);
  for (int i = 0; i < 2; i++) stream_update(&stdio->out[i]);
  return 0;
}

static void adopt_output(struct stdio *stdio, unsigned number) {
  char tag[CONTAINER_ID_MAX + 16];
  stdio_tag(stdio, stdio->tty ? "pty" : "log", stdio->tty ? 0 : number, tag);
  OWN_FD fd = holder_take(keeper_of(stdio), tag);
  bool kept = fd >= 0;
  if (!kept && !stdio->tty) fd = fifo_reopen(stdio->process->container, number);
  if (fd < 0 || reserve(stdio, 1) < 0) return;
  if (set_nonblocking(fd) < 0) {
    stdio_release_fds(stdio, 1);
    return;
  }
  stdio->has_output = true;
  if (!kept) keep(stdio, "log", number, fd);
  stream_open(&stdio->out[number - 1], steal_fd(&fd));
}

static void adopt_input(struct stdio *stdio) {
  if (!stdio->process->container->supervise.stdin_open) return;
  if (stdio->tty) {
    input_open(stdio, -1);
    return;
  }
  char tag[CONTAINER_ID_MAX + 16];
  stdio_tag(stdio, "in", 0, tag);
  OWN_FD fd = holder_take(keeper_of(stdio), tag);
  if (fd < 0 || set_nonblocking(fd) < 0 || reserve(stdio, 1) < 0) return;
  input_open(stdio, steal_fd(&fd));
}

int stdio_adopt(struct process *process) {
  const struct supervise *supervise = &process->container->supervise;
  struct stdio *stdio = stdio_new(process);
  if (!stdio) return -1;
  stdio->tty = supervise->tty;
  stdio->logs = wants_log(process->container);
  for (unsigned number = 1; number <= (stdio->tty ? 1 : 2); number++) {
    adopt_output(stdio, number);
    if (stdio->logs && stdio->out[number - 1].fd >= 0) pump_adopt(&stdio->out[number - 1]);
  }
  bool expected = stdio->tty || supervise->log.mode == LOG_PUMP;
  if (expected && !stdio->has_output)
    log_line(LEVEL_WARN, "output of %s is lost: its descriptors are gone", supervise->id);
  if (!stdio->tty || stdio->has_output) adopt_input(stdio);
  if (!stdio->has_output && !stdio->in.open) {
    stdio_free(process);
    return 0;
  }
  for (int i = 0; i < 2; i++) stream_update(&stdio->out[i]);
  return 0;
}

void stdio_exited(struct process *process) {
  struct stdio *stdio = process->stdio;
  if (!stdio) {
    process_drained(process);
    return;
  }
  stdio->exited = true;
  for (int i = 0; i < 2; i++) stream_exited(&stdio->out[i]);
  stream_resume(stdio);
}

void stdio_flush(struct process *process) {
  if (process->stdio && process->stdio->logs) pump_flush(process->stdio);
}

void stdio_free(struct process *process) {
  struct stdio *stdio = process->stdio;
  if (!stdio) return;
  stdio_flush(process);
  defer_cancel(process->keeper, &stdio->keep);
  timer_clear(process->keeper, &stdio->partial_timer);
  timer_clear(process->keeper, &stdio->drain_timer);
  input_close(stdio);
  for (int i = 0; i < 2; i++) {
    stream_close(&stdio->out[i]);
    ledger_forget(&stdio->out[i]);
  }
  attach_exit(stdio);
  stdio_release_fds(stdio, stdio->fds);
  free(stdio->capture.data);
  free(stdio);
  process->stdio = NULL;
}

struct str stdio_captured(const struct process *process) {
  if (!process->stdio) return (struct str){"", 0};
  return (struct str){process->stdio->capture.data, process->stdio->capture.len};
}

int stdio_attach(struct request *request, struct process *process, uint32_t flags, struct failure *failure) {
  struct stdio *stdio = process->stdio;
  const char *id = process->container->supervise.id;
  bool output = flags & (START_STDOUT | START_STDERR);
  if (stdio && stdio->exited) return fail(failure, ESRCH, "attach to", id);
  if (!stdio || (output && !stdio->has_output)) return fail(failure, ENOTSUP, "attach without pumped output to", id);
  unsigned count = 0;
  for (struct attachment *attachment = stdio->attached; attachment; attachment = attachment->next) count++;
  if (count >= ATTACHED_MAX) return fail(failure, EUSERS, "attach one more client to", id);
  if (!attach_add(stdio, request, flags)) return fail(failure, ENOMEM, "attach to", id);
  request_ok(request);
  event_emit(process->keeper, EVENT_ATTACH, process->container, (uint32_t)process->pid, NULL, "");
  container_activity(process->container);
  return 0;
}

void stdio_input(struct request *request, struct str data) {
  struct attachment *attachment = request->attachment;
  struct stdio *stdio = attachment ? attachment->stdio : NULL;
  if (!stdio || !(attachment->flags & START_STDIN)) return;
  if (data.len > request->credit[0]) {
    attach_drop(attachment, EPROTO, "take more input than was granted");
    return;
  }
  request->credit[0] -= data.len;
  if (!stdio->in.open || stdio->in.ending)
    attach_consumed(attachment, data.len);
  else if (!input_push(stdio, attachment, data))
    attach_drop(attachment, ENOMEM, "take input");
  else
    input_write(stdio);
  container_activity(stdio->process->container);
}

void stdio_input_end(struct request *request) {
  struct attachment *attachment = request->attachment;
  struct stdio *stdio = attachment ? attachment->stdio : NULL;
  if (!stdio || !(attachment->flags & START_STDIN)) return;
  attachment->flags &= (uint8_t)~START_STDIN;
  if (!stdio->process->is_init || stdio->process->container->supervise.stdin_once) input_end(stdio);
}

int stdio_resize(struct process *process, uint16_t cols, uint16_t rows) {
  struct stdio *stdio = process->stdio;
  if (!stdio || !stdio->tty || stdio->out[0].fd < 0) {
    errno = ENOTTY;
    return -1;
  }
  return pty_size(stdio->out[0].fd, cols, rows);
}

void stdio_log_changed(struct container *container) {
  struct stdio *stdio = container->init ? container->init->stdio : NULL;
  if (stdio) stdio->logs = wants_log(container);
  if (wants_log(container) && container->supervise.log.mode != LOG_FILE) log_file_prune(container);
}
