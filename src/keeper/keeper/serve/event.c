/* Subscribers. One that does not take its events is dropped by client.c, like any client that does not read. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

struct subscriber {
  struct request *request;
  uint32_t mask;
  struct subscriber *next;
};

struct subscribers {
  struct subscriber *first;
};

static void unsubscribe(struct request *request) {
  struct subscribers *all = request->client->keeper->subscribers;
  struct subscriber **at = &all->first;
  while (*at && (*at)->request != request) at = &(*at)->next;
  struct subscriber *gone = *at;
  if (!gone) return;
  *at = gone->next;
  free(gone);
}

void event_subscribe(struct request *request, uint32_t mask) {
  struct keeper *keeper = request->client->keeper;
  if (!keeper->subscribers) keeper->subscribers = calloc(1, sizeof *keeper->subscribers);
  struct subscriber *subscriber = keeper->subscribers ? malloc(sizeof *subscriber) : NULL;
  if (!subscriber) {
    request_fail_with(request, 0, "subscribe to events", NULL);
    return request_end(request);
  }
  event_file_flush(keeper); /* what came before the answer is stored, what comes after it is sent */
  *subscriber = (struct subscriber){request, mask, keeper->subscribers->first};
  keeper->subscribers->first = subscriber;
  request->gone = unsubscribe;
  request_ok(request);
}

/* No two events have the same: it names them. A clock that is set back goes on from there. */
static uint64_t event_time(struct keeper *keeper) {
  uint64_t now = realtime_ns(), last = keeper->last_event_ns;
  if (now <= last && last - now < NS_PER_MS) now = last + 1;
  return keeper->last_event_ns = now;
}

void event_emit(struct keeper *keeper, uint8_t kind, struct container *container, uint32_t pid,
                const struct exit_status *exit, const char *detail) {
  static const struct exit_status none = {0};
  struct writer out = writer_new(FRAME_MAX);
  write_u16(&out, kind);
  write_u64(&out, event_time(keeper));
  write_str(&out, container ? container->supervise.id : "");
  write_u32(&out, pid);
  write_exit(&out, exit ? exit : &none);
  write_str(&out, detail ? detail : "");
  event_file_add(keeper, &out);
  for (struct subscriber *at = keeper->subscribers ? keeper->subscribers->first : NULL; at; at = at->next)
    if (at->mask == 0 || (at->mask & (1u << kind))) client_send(at->request, REP_EVENT, &out);
  writer_free(&out);
}
