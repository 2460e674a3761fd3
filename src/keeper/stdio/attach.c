#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "streams.h"

enum { RECORD_HEAD = 5 };

static bool wants(const struct attachment *attachment, uint8_t number) {
  return attachment->request && (attachment->flags & (number == 1 ? START_STDOUT : START_STDERR));
}

static void room_came(void *context);

static void attachment_free(struct attachment *attachment) {
  if (attachment->request) {
    if (attachment->waits_room) client_off_room(attachment->request->client, attachment);
    attachment->request->attachment = NULL;
  }
  writer_free(&attachment->exit);
  free(attachment->pending);
  free(attachment);
}

/* Takes it off the list; while the list is walked, it is only emptied, for the walk's end to free. */
static void attachment_remove(struct attachment *attachment) {
  struct stdio *stdio = attachment->stdio;
  if (stdio) input_forget(stdio, attachment);
  if (stdio && stdio->walking) {
    if (attachment->waits_room) client_off_room(attachment->request->client, attachment);
    attachment->request->attachment = NULL;
    attachment->request = NULL;
    return;
  }
  struct attachment **link = stdio ? &stdio->attached : NULL;
  while (link && *link && *link != attachment) link = &(*link)->next;
  if (link && *link) *link = attachment->next;
  attachment_free(attachment);
}

static void sweep(struct stdio *stdio) {
  if (--stdio->walking) return;
  for (struct attachment **link = &stdio->attached; *link;) {
    struct attachment *attachment = *link;
    if (attachment->request) {
      link = &attachment->next;
      continue;
    }
    *link = attachment->next;
    attachment_free(attachment);
  }
}

void attach_drop(struct attachment *attachment, int error, const char *action) {
  struct request *request = attachment->request;
  struct stdio *stdio = attachment->stdio;
  if (stdio && stdio->process->starter == request) stdio->process->starter = NULL;
  if (stdio && stdio->process->owner == request) stdio->process->owner = NULL;
  attachment_remove(attachment);
  request->dropped = true;
  struct failure failure;
  fail(&failure, error, action, NULL);
  request_fail(request, &failure);
  request_end(request);
}

static void drop_slow(struct attachment *attachment) {
  attach_drop(attachment, ENOBUFS, "send output to a slow client");
}

static void send_number(struct request *request, uint16_t type, uint8_t number) {
  struct writer payload = writer_new(FRAME_MAX);
  write_u8(&payload, number);
  client_send(request, type, &payload);
  writer_free(&payload);
}

static void send_data(struct request *request, uint8_t number, const void *data, uint32_t len) {
  struct writer payload = writer_new(FRAME_MAX);
  write_u8(&payload, number);
  write_bytes(&payload, data, len);
  request->credit[number] -= len;
  client_send(request, REP_STREAM, &payload);
  writer_free(&payload);
}

static uint32_t sendable(const struct request *request, uint8_t number) {
  size_t room = client_room(request->client);
  if (room <= STREAM_OVERHEAD) return 0;
  room -= STREAM_OVERHEAD;
  return room < request->credit[number] ? (uint32_t)room : request->credit[number];
}

static void wait_for_room(struct attachment *attachment) {
  if (attachment->waits_room || client_room(attachment->request->client) > STREAM_OVERHEAD) return;
  attachment->waits_room = true;
  client_on_room(attachment->request->client, room_came, attachment);
}

/* False: past its bound (or no memory); the client is too slow. */
static bool keep_pending(struct attachment *attachment, uint8_t number, const void *data, uint32_t len) {
  uint32_t held = attachment->pending_len - attachment->pending_at, size = RECORD_HEAD + len;
  uint32_t most = attachment->stdio && attachment->stdio->lossless ? EXEC_PENDING_MAX : ATTACH_PENDING_MAX;
  if (held + size > most) return false;
  if (attachment->pending_at > 0 && attachment->pending_len + size > attachment->pending_cap) {
    memmove(attachment->pending, attachment->pending + attachment->pending_at, held);
    attachment->pending_at = 0;
    attachment->pending_len = held;
  }
  if (held + size > attachment->pending_cap) {
    uint32_t cap = attachment->pending_cap ? attachment->pending_cap : 4096;
    while (cap < held + size) cap *= 2;
    uint8_t *grown = realloc(attachment->pending, cap);
    if (!grown) return false;
    attachment->pending = grown;
    attachment->pending_cap = cap;
  }
  uint8_t *at = attachment->pending + attachment->pending_len;
  at[0] = number;
  memcpy(at + 1, &len, sizeof len);
  if (len) memcpy(at + RECORD_HEAD, data, len);
  attachment->pending_len += size;
  return true;
}

/* Sends what credit and room allow of the first record; false when that was not all of it. */
static bool send_record(struct attachment *attachment) {
  uint8_t *at = attachment->pending + attachment->pending_at;
  uint8_t number = at[0];
  uint32_t len;
  memcpy(&len, at + 1, sizeof len);
  if (len == 0) {
    attachment->pending_at += RECORD_HEAD;
    send_number(attachment->request, REP_STREAM_END, number);
    return true;
  }
  uint32_t part = sendable(attachment->request, number);
  if (part > len) part = len;
  if (part == 0) return false;
  send_data(attachment->request, number, at + RECORD_HEAD, part);
  if (part == len) {
    attachment->pending_at += RECORD_HEAD + part;
    return true;
  }
  /* The head of what is left goes over bytes that are sent. */
  uint32_t rest = len - part;
  attachment->pending_at += part;
  at[part] = number;
  memcpy(at + part + 1, &rest, sizeof rest);
  return true;
}

/* The process is gone and all is sent. */
static void finish(struct attachment *attachment) {
  struct request *request = attachment->request;
  struct writer payload = attachment->exit;
  attachment->exit = writer_new(0);
  attachment_remove(attachment);
  client_send(request, REP_EXIT, &payload);
  writer_free(&payload);
  request_end(request);
}

/* The attachment may be gone afterwards, unless its stdio is being walked. */
static void flush_pending(struct attachment *attachment) {
  while (attachment->request && attachment->pending_at < attachment->pending_len)
    if (!send_record(attachment)) break;
  if (!attachment->request) return;
  if (attachment->pending_at < attachment->pending_len) {
    wait_for_room(attachment);
    return;
  }
  free(attachment->pending);
  attachment->pending = NULL;
  attachment->pending_at = attachment->pending_len = attachment->pending_cap = 0;
  if (!attachment->stdio) finish(attachment);
}

static void progress(struct attachment *attachment) {
  struct stdio *stdio = attachment->stdio;
  if (stdio && stdio->lossless && !stdio->exited) {
    stream_resume(stdio);
    return;
  }
  if (stdio) stdio->walking++;
  flush_pending(attachment);
  if (stdio) sweep(stdio);
}

static void room_came(void *context) {
  struct attachment *attachment = context;
  attachment->waits_room = false;
  progress(attachment);
}

struct attachment *attach_add(struct stdio *stdio, struct request *request, uint32_t flags) {
  struct attachment *attachment = calloc(1, sizeof *attachment);
  if (!attachment) return NULL;
  *attachment = (struct attachment){
      .next = stdio->attached,
      .request = request,
      .stdio = stdio,
      .flags = (uint8_t)(flags & (START_STDIN | START_STDOUT | START_STDERR)),
      .exit = writer_new(FRAME_MAX),
  };
  stdio->attached = attachment;
  request->attachment = attachment;
  request->process = stdio->process;
  return attachment;
}

uint32_t attach_allowance(struct stdio *stdio, uint8_t number) {
  uint32_t allowed = UINT32_MAX;
  if (!stdio->lossless || stdio->exited) return allowed;
  for (struct attachment *attachment = stdio->attached; attachment; attachment = attachment->next) {
    if (!wants(attachment, number)) continue;
    uint32_t part = sendable(attachment->request, number);
    if (part < allowed) allowed = part;
    if (part == 0) wait_for_room(attachment);
  }
  return allowed;
}

static void output_to(struct attachment *attachment, uint8_t number, const char *data, uint32_t len) {
  if (attachment->pending_at == attachment->pending_len) {
    uint32_t part = sendable(attachment->request, number);
    if (part > len) part = len;
    if (part) send_data(attachment->request, number, data, part);
    data += part;
    len -= part;
  }
  if (len == 0 || !attachment->request) return;
  if (keep_pending(attachment, number, data, len))
    wait_for_room(attachment);
  else
    drop_slow(attachment);
}

void attach_output(struct stdio *stdio, uint8_t number, const char *data, size_t len) {
  stdio->walking++;
  for (struct attachment *attachment = stdio->attached; attachment; attachment = attachment->next)
    if (wants(attachment, number)) output_to(attachment, number, data, (uint32_t)len);
  sweep(stdio);
}

void attach_output_end(struct stdio *stdio, uint8_t number) {
  stdio->walking++;
  for (struct attachment *attachment = stdio->attached; attachment; attachment = attachment->next) {
    if (!wants(attachment, number)) continue;
    if (attachment->pending_at == attachment->pending_len)
      send_number(attachment->request, REP_STREAM_END, number);
    else if (!keep_pending(attachment, number, NULL, 0))
      drop_slow(attachment);
  }
  sweep(stdio);
}

void attach_input_closed(struct stdio *stdio) {
  stdio->walking++;
  for (struct attachment *attachment = stdio->attached; attachment; attachment = attachment->next)
    if (attachment->request && (attachment->flags & START_STDIN)) send_number(attachment->request, REP_STREAM_END, 0);
  sweep(stdio);
}

void attach_consumed(struct attachment *attachment, uint32_t len) {
  attachment->ungranted += len;
  if (!attachment->request || attachment->ungranted < INPUT_GRANT) return;
  struct request *request = attachment->request;
  struct writer payload = writer_new(FRAME_MAX);
  write_u8(&payload, 0);
  write_u32(&payload, attachment->ungranted);
  request->credit[0] += attachment->ungranted;
  attachment->ungranted = 0;
  client_send(request, REP_CREDIT, &payload);
  writer_free(&payload);
}

void attach_drained(struct stdio *stdio) {
  struct process *process = stdio->process;
  struct attachment *starter = process->starter ? process->starter->attachment : NULL;
  if (!starter) return;
  if (starter->pending_at < starter->pending_len)
    process->starter = NULL; /* its EXIT comes from attach_exit */
  else
    attachment_remove(starter);
}

void attach_exit(struct stdio *stdio) {
  struct process *process = stdio->process;
  while (stdio->attached) {
    struct attachment *attachment = stdio->attached;
    stdio->attached = attachment->next;
    attachment->next = NULL;
    attachment->stdio = NULL;
    if (process->starter == attachment->request) process->starter = NULL;
    attachment->request->process = NULL;
    write_str(&attachment->exit, process->container->supervise.id);
    write_exit(&attachment->exit, &process->exit);
    flush_pending(attachment);
  }
}

bool stdio_attached(const struct process *process) { return process->stdio && process->stdio->attached; }

void stdio_detach(struct request *request) {
  struct attachment *attachment = request->attachment;
  if (!attachment) return;
  struct stdio *stdio = attachment->stdio;
  bool had_input = attachment->flags & START_STDIN;
  attachment_remove(attachment);
  if (!stdio) return;
  struct process *process = stdio->process;
  if (process->starter == request) process->starter = NULL;
  if (stdio->walking || stdio->drained) return;
  if (!process->is_init) {
    /* Nobody can give it more, and nobody holds up its output any longer. */
    if (had_input) input_end(stdio);
    stream_resume(stdio);
    return;
  }
  /* A client that detaches comes back; one whose connection broke leaves a program that would wait for input for ever. */
  if (had_input && process->container->supervise.stdin_once && !stdio->tty && !request->cancelled) input_end(stdio);
  event_emit(process->keeper, EVENT_DETACH, process->container, (uint32_t)process->pid, NULL, "");
  container_activity(process->container);
}

void stdio_credit(struct request *request, uint8_t stream, uint32_t bytes) {
  struct attachment *attachment = request->attachment;
  if (!attachment || (stream != 1 && stream != 2)) return;
  uint32_t credit = request->credit[stream];
  request->credit[stream] = bytes > UINT32_MAX - credit ? UINT32_MAX : credit + bytes;
  progress(attachment);
}
