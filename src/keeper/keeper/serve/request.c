/* Requests: the table of a client's open ones, and their common replies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static struct request **bucket(struct client *client, uint64_t id) {
  return &client->requests[(id * 0x9e3779b97f4a7c15ull >> 32) & (client->request_buckets - 1)];
}

struct request *request_find(struct client *client, uint64_t id) {
  if (client->request_buckets == 0) return NULL;
  struct request *at = *bucket(client, id);
  while (at && at->id != id) at = at->next;
  return at;
}

static bool grow(struct client *client) {
  uint32_t old = client->request_buckets, buckets = old ? old * 2 : 8;
  struct request **before = client->requests, **table = calloc(buckets, sizeof *table);
  if (!table) return false;
  client->requests = table;
  client->request_buckets = buckets;
  for (uint32_t i = 0; i < old; i++)
    for (struct request *at = before[i], *next; at; at = next) {
      next = at->next;
      struct request **slot = bucket(client, at->id);
      at->next = *slot;
      *slot = at;
    }
  free(before);
  return true;
}

struct request *request_new(struct client *client, uint64_t id, uint16_t type) {
  if (client->request_count >= client->request_buckets && !grow(client)) return NULL;
  struct request *request = calloc(1, sizeof *request);
  if (!request) return NULL;
  *request = (struct request){.client = client, .id = id, .type = type};
  for (int i = 0; i < 3; i++) request->credit[i] = STREAM_WINDOW;
  struct request **slot = bucket(client, id);
  request->next = *slot;
  *slot = request;
  client->request_count++;
  return request;
}

void request_end(struct request *request) {
  struct client *client = request->client;
  struct request **at = bucket(client, request->id);
  while (*at != request) at = &(*at)->next;
  *at = request->next;
  client->request_count--;
  free(request);
}

void request_gone(struct request *request) {
  if (request->gone) request->gone(request);
  request_end(request);
}

void requests_gone(struct client *client) {
  for (uint32_t i = 0; i < client->request_buckets; i++)
    while (client->requests[i]) request_gone(client->requests[i]);
  free(client->requests);
  client->requests = NULL;
  client->request_buckets = 0;
}

void request_ok(struct request *request) { client_send(request, REP_OK, NULL); }

void request_fail(struct request *request, const struct failure *failure) {
  struct writer out = writer_new(FRAME_MAX);
  write_i32(&out, failure->error);
  write_u8(&out, failure->phase);
  write_u16(&out, failure->index);
  write_u16(&out, failure->type);
  write_str(&out, failure->path);
  write_str(&out, failure->message);
  client_send(request, REP_ERROR, &out);
  writer_free(&out);
}

void request_fail_with(struct request *request, int error, const char *action, const char *path) {
  struct failure failure;
  fail(&failure, error, action, path);
  request_fail(request, &failure);
}

void write_exit(struct writer *out, const struct exit_status *exit) {
  write_u8(out, exit->how);
  write_i32(out, exit->code);
  write_u8(out, exit->oom_killed);
  write_u64(out, exit->started_ns);
  write_u64(out, exit->finished_ns);
  write_u64(out, exit->user_us);
  write_u64(out, exit->system_us);
  write_u64(out, exit->max_rss_bytes);
  write_u8(out, exit->reason);
}

void request_exit(struct request *request, const struct container *container, const struct exit_status *exit) {
  struct writer out = writer_new(FRAME_MAX);
  write_str(&out, container->supervise.id);
  write_exit(&out, exit);
  client_send(request, REP_EXIT, &out);
  writer_free(&out);
  request_end(request);
}

void request_launched(struct request *request, const struct process *process, const struct job_reply *reply) {
  struct writer out = writer_new(FRAME_MAX);
  write_u32(&out, (uint32_t)process->pid);
  write_u64(&out, process->started_ns);
  struct reader clamps = reader_of(reply->body, reply->size);
  uint32_t count = reply->size > 0 ? read_count(&clamps, 21) : 0;
  write_u32(&out, count);
  for (uint32_t i = 0; i < count; i++) {
    write_u8(&out, read_u8(&clamps));
    write_view(&out, read_str(&clamps));
    write_u64(&out, read_u64(&clamps));
    write_u64(&out, read_u64(&clamps));
  }
  write_u32(&out, 4);
  for (int i = 0; i < 4; i++) write_u32(&out, reply->message->times_ns[i]);
  client_send(request, REP_LAUNCHED, &out);
  writer_free(&out);
}
