#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "streams.h"

enum { CHUNK_MIN = 4096 };

static bool on_pty(const struct stdio *stdio) { return stdio->tty; }

static void watch_pipe(struct stdio *stdio, bool on) {
  struct input *in = &stdio->in;
  if (in->watched == on || in->fd < 0) return;
  if (!on)
    watch_remove(keeper_of(stdio), &in->watch);
  else if (watch_add(keeper_of(stdio), &in->watch, in->fd, EPOLLOUT) < 0) {
    log_line(LEVEL_ERROR, "input of %s: cannot watch: %s", stdio->process->container->supervise.id, strerror(errno));
    return;
  }
  in->watched = on;
}

static void drop_first(struct input *in) {
  struct chunk *chunk = in->first;
  in->first = chunk->next;
  if (!in->first) in->last = NULL;
  free(chunk);
}

/* Sent credit is given back also for what nobody will read: the client must not wait for ever. */
static void drop_queue(struct stdio *stdio) {
  while (stdio->in.first) {
    struct chunk *chunk = stdio->in.first;
    if (chunk->from) attach_consumed(chunk->from, chunk->len - chunk->at);
    drop_first(&stdio->in);
  }
}

static void pipe_ready(struct watch *watch, uint32_t events) {
  (void)events; /* an error shows in the write */
  input_write(owner_of(watch, struct stdio, in.watch));
}

void input_open(struct stdio *stdio, int fd) {
  stdio->in.fd = fd;
  stdio->in.watch = (struct watch){.ready = pipe_ready};
  stdio->in.watched = false;
  stdio->in.open = true;
}

bool input_push(struct stdio *stdio, struct attachment *from, struct str data) {
  struct input *in = &stdio->in;
  struct chunk *last = in->last;
  if (data.len == 0) return true;
  in->tail = data.at[data.len - 1];
  if (last && last->from == from && last->cap - last->len >= data.len) {
    memcpy(last->data + last->len, data.at, data.len);
    last->len += data.len;
    return true;
  }
  uint32_t cap = data.len < CHUNK_MIN ? CHUNK_MIN : data.len;
  struct chunk *chunk = malloc(sizeof *chunk + cap);
  if (!chunk) return false;
  *chunk = (struct chunk){.from = from, .len = data.len, .cap = cap};
  memcpy(chunk->data, data.at, data.len);
  if (last)
    last->next = chunk;
  else
    in->first = chunk;
  in->last = chunk;
  return true;
}

/* True when the process took something and may take more. */
static bool write_first(struct stdio *stdio, int fd) {
  struct chunk *chunk = stdio->in.first;
  ssize_t written = write(fd, chunk->data + chunk->at, chunk->len - chunk->at);
  if (written < 0 && errno == EINTR) return true;
  if (written < 0 && errno == EAGAIN) return false;
  if (written < 0) {
    if (on_pty(stdio))
      drop_queue(stdio); /* hung up for now: as if typed at a dead line */
    else {
      input_close(stdio);
      attach_input_closed(stdio);
    }
    return false;
  }
  chunk->at += (uint32_t)written;
  struct attachment *from = chunk->from;
  if (chunk->at == chunk->len) drop_first(&stdio->in);
  if (from) attach_consumed(from, (uint32_t)written);
  return written > 0;
}

void input_write(struct stdio *stdio) {
  struct input *in = &stdio->in;
  while (in->open && in->first) {
    int fd = on_pty(stdio) ? stdio->out[0].fd : in->fd;
    if (fd < 0 || !write_first(stdio, fd)) break;
  }
  if (!in->open) return;
  if (!in->first && in->ending) {
    input_close(stdio);
    return;
  }
  if (on_pty(stdio))
    stream_update(&stdio->out[0]);
  else
    watch_pipe(stdio, in->first != NULL);
}

void input_end(struct stdio *stdio) {
  struct input *in = &stdio->in;
  if (!in->open) return;
  if (on_pty(stdio)) {
    /* A terminal has no end of file: its reader gets what a person would type (twice within a line); the line stays open. */
    int end = pty_end_character(stdio->out[0].fd);
    char typed[2] = {(char)end, (char)end};
    uint32_t count = in->tail && in->tail != '\n' && in->tail != '\r' ? 2 : 1;
    if (end >= 0 && !input_push(stdio, NULL, (struct str){typed, count}))
      log_line(LEVEL_ERROR, "input of %s: out of memory", stdio->process->container->supervise.id);
  } else
    in->ending = true;
  input_write(stdio);
}

void input_close(struct stdio *stdio) {
  struct input *in = &stdio->in;
  if (!in->open) return;
  in->open = false;
  drop_queue(stdio);
  if (in->fd < 0) return;
  watch_pipe(stdio, false);
  close(in->fd);
  in->fd = -1;
  stdio_release_fds(stdio, 1);
  if (!stdio->process->is_init) return;
  char tag[CONTAINER_ID_MAX + 16];
  stdio_tag(stdio, "in", 0, tag);
  holder_drop(keeper_of(stdio), tag);
}

void input_forget(struct stdio *stdio, const struct attachment *attachment) {
  for (struct chunk *chunk = stdio->in.first; chunk; chunk = chunk->next)
    if (chunk->from == attachment) chunk->from = NULL;
}
