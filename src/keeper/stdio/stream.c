#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../base/log.h"
#include "streams.h"

static bool is_pty(const struct stream *stream) { return stream->stdio->tty; }

static void watch_events(struct stream *stream, uint32_t events) {
  struct keeper *keeper = keeper_of(stream->stdio);
  int result = 0;
  if (events == 0 && stream->watched)
    watch_remove(keeper, &stream->watch);
  else if (events && !stream->watched)
    result = watch_add(keeper, &stream->watch, stream->fd, events);
  else if (events)
    result = watch_change(keeper, &stream->watch, events);
  if (result < 0) {
    log_line(LEVEL_ERROR, "output of %s: cannot watch: %s", stream->stdio->process->container->supervise.id,
             strerror(errno));
    return;
  }
  stream->watched = events != 0;
}

/*
 * Nothing is watched while reading is held up: a hang-up is reported whatever the events are, and would spin. A pty without
 * a slave (a getty between two opens) reports a hang-up for as long as it lasts, so it is watched for edges until it talks again.
 */
void stream_update(struct stream *stream) {
  if (stream->fd < 0) return;
  uint32_t events = 0;
  if (attach_allowance(stream->stdio, stream->number) > 0) events |= EPOLLIN;
  if (is_pty(stream) && stream->stdio->in.first) events |= EPOLLOUT;
  if (events && stream->hung_up) events |= (uint32_t)EPOLLET;
  watch_events(stream, events);
}

static void capture_output(struct capture *capture, const char *data, size_t len) {
  if (len > capture->max) {
    data += len - capture->max;
    len = capture->max;
  }
  if (capture->len + len > capture->cap && capture->cap < capture->max) {
    uint32_t cap = capture->cap ? capture->cap : 256;
    while (cap < capture->len + len && cap < capture->max) cap *= 2;
    if (cap > capture->max) cap = capture->max;
    char *grown = realloc(capture->data, cap);
    if (!grown) return;
    capture->data = grown;
    capture->cap = cap;
  }
  if (capture->len + len > capture->cap) {
    uint32_t drop = (uint32_t)(capture->len + len - capture->cap);
    capture->len -= drop;
    memmove(capture->data, capture->data + drop, capture->len);
  }
  memcpy(capture->data + capture->len, data, len);
  capture->len += (uint32_t)len;
}

/* A flood of short lines costs the other containers no more of a round than one of long lines. */
static void log_output(struct stream *stream) {
  size_t logged = pump_output(stream);
  if (logged > LOG_ROUND && stream->logged_read > LOGGED_READ_LEAST) stream->logged_read /= 2;
  if (logged < LOG_ROUND / 4 && stream->logged_read < LOGGED_READ_MOST) stream->logged_read *= 2;
}

enum read_result { READ_MORE, READ_LATER, READ_END };

/* One bounded read; READ_LATER: empty for now, or held up. */
static enum read_result read_some(struct stream *stream) {
  struct stdio *stdio = stream->stdio;
  char buffer[STREAM_READ_MAX];
  const char *data = buffer;
  bool logs = stdio->logs;
  size_t want = logs ? stream->logged_read : sizeof buffer;
  uint32_t allowed = attach_allowance(stdio, stream->number);
  if (allowed < want) want = allowed;
  if (stdio->exited && stream->left < want) want = stream->left;
  if (stdio->exited && stream->left == 0) return READ_END;
  if (want == 0) return READ_LATER;
  ssize_t got = logs ? pump_read(stream, want, &data) : read(stream->fd, buffer, want);
  if (got < 0 && errno == EINTR) return READ_MORE;
  if (got < 0 && errno == EAGAIN) return stdio->exited ? READ_END : READ_LATER;
  if (got < 0 && errno == EIO && is_pty(stream) && !stdio->exited) {
    stream->hung_up = true;
    return READ_LATER;
  }
  if (got <= 0) return READ_END;
  stream->hung_up = false;
  if (stdio->exited) stream->left -= (uint32_t)got;
  if (logs) log_output(stream);
  if (stdio->capture.max) capture_output(&stdio->capture, data, (size_t)got);
  attach_output(stdio, stream->number, data, (size_t)got);
  return READ_MORE;
}

static void drain_due(struct timer *timer) { stream_resume(owner_of(timer, struct stdio, drain_timer)); }

/* Reads once; closes at the end. After the exit it goes on in the next round until nothing is left. */
static void read_stream(struct stream *stream) {
  struct stdio *stdio = stream->stdio;
  if (stream->fd < 0) return;
  enum read_result result = read_some(stream);
  if (result == READ_MORE && stdio->exited && stream->left == 0) result = READ_END;
  if (result == READ_END) {
    stream_close(stream);
    attach_output_end(stdio, stream->number);
  } else if (stdio->exited) {
    watch_events(stream, 0);
    stdio->drain_timer.fire = drain_due;
    timer_set(keeper_of(stdio), &stdio->drain_timer, now_ns());
  } else {
    stream_update(stream);
  }
}

static void stream_ready(struct watch *watch, uint32_t events) {
  struct stream *stream = owner_of(watch, struct stream, watch);
  struct stdio *stdio = stream->stdio;
  if (is_pty(stream) && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && stdio->in.first) input_write(stdio);
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
    read_stream(stream);
  else
    stream_update(stream);
  stream_check_drained(stdio);
}

void stream_resume(struct stdio *stdio) {
  for (int i = 0; i < 2; i++) {
    if (stdio->exited)
      read_stream(&stdio->out[i]);
    else
      stream_update(&stdio->out[i]);
  }
  stream_check_drained(stdio);
}

void stream_open(struct stream *stream, int fd) {
  stream->fd = fd;
  stream->watch = (struct watch){.ready = stream_ready};
  stream->watched = stream->hung_up = false;
  stream->logged_read = LOGGED_READ_LEAST;
}

/*
 * A process that left a child behind in the background does not hold up its own end: what was written by the time of its
 * exit is read, what the child writes later is not. (A pty cannot say how much it holds; it is read until empty.)
 */
void stream_exited(struct stream *stream) {
  int waiting = 0;
  stream->left = PTY_DRAIN_MAX;
  if (stream->fd < 0 || is_pty(stream)) return;
  if (ioctl(stream->fd, FIONREAD, &waiting) == 0) stream->left = (uint32_t)waiting;
}

void stream_close(struct stream *stream) {
  struct stdio *stdio = stream->stdio;
  if (stream->fd < 0) return;
  if (stream->watched) watch_remove(keeper_of(stdio), &stream->watch);
  stream->watched = false;
  close(stream->fd);
  stream->fd = -1;
  stdio_release_fds(stdio, 1);
  if (is_pty(stream)) input_close(stdio);
  if (!stdio->process->is_init) return;
  char tag[CONTAINER_ID_MAX + 16];
  stdio_tag(stdio, is_pty(stream) ? "pty" : "log", is_pty(stream) ? 0 : stream->number, tag);
  holder_drop(keeper_of(stdio), tag);
  if (!is_pty(stream)) fifo_remove(stdio->process->container, stream->number);
}

void stream_check_drained(struct stdio *stdio) {
  if (!stdio->exited || stdio->drained) return;
  if (stdio->out[0].fd >= 0 || stdio->out[1].fd >= 0) return;
  stdio->drained = true;
  input_close(stdio);
  if (stdio->logs) {
    pump_flush(stdio);
    pump_report_dropped(stdio, true);
  }
  attach_drained(stdio);
  process_drained(stdio->process);
}
