/* LIST, in chunks as the client takes them, and FORGET, which waits until nothing is left. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { CHUNK = 128 * 1024, LIST_MAX = 1 << 26 };

void container_write_state(struct writer *out, const struct container *container) {
  uint32_t streak = 0;
  uint8_t health = health_of(container, &streak);
  uint8_t status = container->status ? container->status : (uint8_t)STATUS_EXITED;
  write_str(out, container->supervise.id);
  write_u8(out, status);
  write_u32(out, container->init ? (uint32_t)container->init->pid : 0);
  write_u64(out, container->init ? container->init->started_ns : container->last.started_ns);
  write_exit(out, &container->last);
  write_u32(out, container->restarts);
  write_u8(out, health);
  write_u32(out, streak);
  write_u64(out, container->supervise.generation);
  write_u64(out, container->next_start_ns);
}

/* The answer as it was when it was asked for; states follow each other without a count. */
struct listing {
  struct request *request;
  struct writer states;
  size_t at;
};

static void list_room(void *context);

/* Ends of whole states: every state is its id's length, the id, and a fixed rest. */
static size_t state_size(const struct listing *listing, size_t at) {
  struct reader in = reader_of(listing->states.data + at, listing->states.len - at);
  uint32_t id = read_u32(&in);
  enum { REST = 1 + 4 + 8 + (1 + 4 + 1 + 8 * 5 + 1) + 4 + 1 + 4 + 8 + 8 };
  return sizeof id + id + REST;
}

static void list_end(struct listing *listing) {
  struct client *client = listing->request->client;
  client_off_room(client, listing);
  client->list = NULL;
  client_pause(client, false);
  listing->request->state = NULL;
  writer_free(&listing->states);
  free(listing);
}

static void list_gone(struct request *request) {
  if (request->state) list_end(request->state);
}

static void send_chunk(struct listing *listing) {
  size_t end = listing->at;
  uint32_t count = 0;
  while (end < listing->states.len && end - listing->at < CHUNK) {
    end += state_size(listing, end);
    count++;
  }
  struct writer out = writer_new(FRAME_MAX);
  write_u8(&out, end < listing->states.len);
  write_u32(&out, count);
  if (count > 0) write_raw(&out, listing->states.data + listing->at, end - listing->at);
  client_send(listing->request, REP_STATES, &out);
  writer_free(&out);
  listing->at = end;
}

static void list_continue(struct listing *listing) {
  struct request *request = listing->request;
  do {
    if (client_room(request->client) < CHUNK * 2) return client_on_room(request->client, list_room, listing);
    send_chunk(listing);
  } while (listing->at < listing->states.len);
  list_end(listing);
  request->gone = NULL;
  request_end(request);
}

static void list_room(void *context) {
  struct listing *listing = context;
  if (!listing->request->client->closing) list_continue(listing);
}

static void add_state(struct container *container, void *context) { container_write_state(context, container); }

void list_begin(struct request *request, struct reader *names, uint32_t count) {
  struct keeper *keeper = request->client->keeper;
  struct listing *listing = calloc(1, sizeof *listing);
  if (!listing) {
    request_fail_with(request, ENOMEM, "list containers", NULL);
    return request_end(request);
  }
  listing->request = request;
  listing->states = writer_new(LIST_MAX);
  if (count == 0) container_each(keeper, add_state, &listing->states);
  for (uint32_t i = 0; i < count; i++) {
    struct str name = read_str(names);
    struct container *container = container_find(keeper, name.at, name.len);
    if (container) container_write_state(&listing->states, container);
  }
  if (listing->states.failed) {
    writer_free(&listing->states);
    free(listing);
    request_fail_with(request, ENOMEM, "list containers", NULL);
    return request_end(request);
  }
  request->state = listing;
  request->gone = list_gone;
  request->client->list = request;
  client_pause(request->client, true);
  list_continue(listing);
}

/* ---- FORGET ---- */

struct forget {
  struct request *request; /* NULL: its client left */
  uint32_t left;
};

static void forget_gone(struct request *request) {
  struct forget *forget = request->state;
  if (forget) forget->request = NULL;
}

static void forget_step(struct forget *forget) {
  if (--forget->left > 0) return;
  if (forget->request) {
    forget->request->gone = NULL;
    request_ok(forget->request);
    request_end(forget->request);
  }
  free(forget);
}

void forget_done(struct container *container) {
  if (container->forgetting) forget_step(container->forgetting);
  container->forgetting = NULL;
}

static struct container *find_next(struct keeper *keeper, struct reader *names) {
  struct str name = read_str(names);
  return container_find(keeper, name.at, name.len);
}

void forget_begin(struct request *request, struct reader *names, uint32_t count) {
  struct keeper *keeper = request->client->keeper;
  struct reader again = *names;
  for (uint32_t i = 0; i < count; i++) {
    struct container *container = find_next(keeper, &again);
    if (!container || (!container_live(container) && !container->launch)) continue;
    request_fail_with(request, EBUSY, "forget running container", container->supervise.id);
    return request_end(request);
  }
  struct forget *forget = malloc(sizeof *forget);
  if (!forget) {
    request_fail_with(request, ENOMEM, "forget containers", NULL);
    return request_end(request);
  }
  *forget = (struct forget){.request = request, .left = 1};
  request->state = forget;
  request->gone = forget_gone;
  for (uint32_t i = 0; i < count; i++) {
    struct container *container = find_next(keeper, names);
    if (!container || container->forgetting) continue;
    container->forgetting = forget;
    forget->left++;
    container_forget(container);
  }
  forget_step(forget);
}
