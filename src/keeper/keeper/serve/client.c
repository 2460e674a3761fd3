/*
 * Frames in and out. A client is read only while little waits to be sent to it, so that a reply never has to be
 * thrown away; one that nevertheless does not take its events is dropped.
 */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../base/log.h"

enum { READ_SIZE = 65536, PAUSE_AT = 256 * 1024, ROOM_FOR_STREAMS = CLIENT_OUT_MAX / 2, CLIENTS_MAX = 4096 };

struct clients {
  struct keeper *keeper;
  struct watch listener;
  struct client *first;
  unsigned count;
};

struct room {
  void (*call)(void *);
  void *context;
  struct room *next;
};

static void process_frames(struct client *client);

size_t client_queued(const struct client *client) { return client->out_len - client->out_at; }

size_t client_room(const struct client *client) {
  size_t queued = client_queued(client);
  return client->closing || queued >= ROOM_FOR_STREAMS ? 0 : ROOM_FOR_STREAMS - queued;
}

void client_on_room(struct client *client, void (*call)(void *), void *context) {
  struct room *room = malloc(sizeof *room);
  if (!room) {
    client_drop(client);
    return;
  }
  *room = (struct room){call, context, client->rooms};
  client->rooms = room;
}

void client_off_room(struct client *client, const void *context) {
  for (struct room *at = client->rooms; at; at = at->next)
    if (at->context == context) at->call = NULL;
  for (struct room *at = client->rooms_called; at; at = at->next)
    if (at->context == context) at->call = NULL;
}

/* Who asks again meanwhile is called another time; who is told off meanwhile is not called. */
static void call_rooms(struct client *client) {
  client->rooms_called = client->rooms;
  client->rooms = NULL;
  while (client->rooms_called) {
    struct room *room = client->rooms_called;
    client->rooms_called = room->next;
    if (room->call) room->call(room->context);
    free(room);
  }
}

static void free_rooms(struct client *client) {
  while (client->rooms) {
    struct room *room = client->rooms;
    client->rooms = room->next;
    free(room);
  }
}

void client_drop(struct client *client) {
  client->closing = true;
  defer(client->keeper, &client->end);
}

static bool reading(const struct client *client) {
  return !client->closing && !client->paused && client_queued(client) < PAUSE_AT;
}

static void update_watch(struct client *client) {
  uint32_t events = (reading(client) ? (uint32_t)EPOLLIN : 0) | (client_queued(client) ? (uint32_t)EPOLLOUT : 0);
  watch_change(client->keeper, &client->watch, events);
}

void client_pause(struct client *client, bool paused) {
  client->paused = paused;
  defer(client->keeper, &client->flush);
}

/* False when the connection is broken. */
static bool drain(struct client *client) {
  while (client_queued(client) > 0) {
    ssize_t sent =
        send(client->watch.fd, client->out + client->out_at, client_queued(client), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    client->out_at += (size_t)sent;
  }
  free(client->out);
  client->out = NULL;
  client->out_at = client->out_len = client->out_cap = 0;
  return true;
}

/* Also takes up again what a pause left unread. */
static void flush(struct deferred *work) {
  struct client *client = OWNER_OF(work, struct client, flush);
  if (client->closing) return;
  if (!drain(client)) return client_drop(client);
  if (client->rooms && client_room(client) >= ROOM_FOR_STREAMS / 2) call_rooms(client);
  if (client->in_len > 0 && reading(client)) process_frames(client);
  update_watch(client);
}

static bool make_out_room(struct client *client, size_t size) {
  if (client->out_cap - client->out_len >= size) return true;
  if (client->out_at > 0) {
    memmove(client->out, client->out + client->out_at, client_queued(client));
    client->out_len -= client->out_at;
    client->out_at = 0;
  }
  size_t cap = client->out_cap ? client->out_cap : 512;
  while (cap - client->out_len < size) cap *= 2;
  if (cap == client->out_cap) return true;
  uint8_t *out = realloc(client->out, cap);
  if (!out) return false;
  client->out = out;
  client->out_cap = cap;
  return true;
}

static void put_integer(uint8_t *at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(value >> (8 * i));
}

void client_send(struct request *request, uint16_t type, const struct writer *payload) {
  struct client *client = request->client;
  if (client->closing) return;
  size_t len = payload ? payload->len : 0, size = FRAME_HEADER + len;
  bool fits = size <= FRAME_MAX && client_queued(client) + size <= CLIENT_OUT_MAX + FRAME_MAX / 4;
  if ((payload && payload->failed) || !fits || !make_out_room(client, size)) {
    log_line(LEVEL_WARN, "client of pid %d does not take its replies: dropped", (int)client->pid);
    client_drop(client);
    return;
  }
  uint8_t *at = client->out + client->out_len;
  put_integer(at, size, 4);
  put_integer(at + 4, type, 2);
  put_integer(at + 6, 0, 2);
  put_integer(at + 8, request->id, 8);
  if (len > 0) memcpy(at + FRAME_HEADER, payload->data, len);
  client->out_len += size;
  defer(client->keeper, &client->flush);
}

/* The last words to a client that does not follow the protocol. */
static void refuse(struct client *client, uint64_t id, int error, const char *why) {
  struct request request = {.client = client, .id = id};
  request_fail_with(&request, error, why, NULL);
  drain(client);
  client_drop(client);
}

static void handle_frame(struct client *client, uint16_t type, uint64_t id, struct reader *payload) {
  if (!client->greeted && type != REQ_HELLO) return refuse(client, id, EBADMSG, "read the first frame");
  if (type == REQ_STREAM || type == REQ_STREAM_END || type == REQ_CREDIT) {
    if (!dispatch_stream(client, type, id, payload)) refuse(client, id, EBADMSG, "read a frame");
    return;
  }
  if (id == 0 || request_find(client, id)) return refuse(client, id, EBADMSG, "read a request's number");
  if (client->request_count >= CLIENT_REQUESTS_MAX) {
    struct request request = {.client = client, .id = id};
    request_fail_with(&request, EBUSY, "open another request", NULL);
    return;
  }
  struct request *request = request_new(client, id, type);
  if (!request) return refuse(client, id, ENOMEM, "open a request");
  if (!dispatch(request, payload)) refuse(client, id, EBADMSG, "read a frame");
}

static void process_frames(struct client *client) {
  size_t at = 0;
  while (reading(client) && client->in_len - at >= FRAME_HEADER) {
    struct reader header = reader_of(client->in + at, FRAME_HEADER);
    uint32_t size = read_u32(&header);
    uint16_t type = read_u16(&header), flags = read_u16(&header);
    uint64_t id = read_u64(&header);
    if (size < FRAME_HEADER || size > FRAME_MAX || flags != 0) {
      refuse(client, id, EBADMSG, "read a frame's header");
      break;
    }
    if (client->in_len - at < size) break;
    struct reader payload = reader_of(client->in + at + FRAME_HEADER, size - FRAME_HEADER);
    at += size;
    handle_frame(client, type, id, &payload);
  }
  client->in_len -= at;
  if (client->in_len > 0) {
    memmove(client->in, client->in + at, client->in_len);
  } else {
    free(client->in);
    client->in = NULL;
    client->in_cap = 0;
  }
}

/* Room for the rest of the frame that is under way, and at least a read's worth. */
static bool make_in_room(struct client *client) {
  size_t need = client->in_len + READ_SIZE;
  if (client->in_len >= FRAME_HEADER) {
    struct reader header = reader_of(client->in, FRAME_HEADER);
    uint32_t size = read_u32(&header);
    if (size <= FRAME_MAX && size > need) need = size;
  }
  if (client->in_cap >= need) return true;
  uint8_t *in = realloc(client->in, need);
  if (!in) return false;
  client->in = in;
  client->in_cap = need;
  return true;
}

static void read_client(struct client *client) {
  if (!make_in_room(client)) return client_drop(client);
  ssize_t got = recv(client->watch.fd, client->in + client->in_len, client->in_cap - client->in_len, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return client_drop(client);
  client->in_len += (size_t)got;
  process_frames(client);
}

static void client_ready(struct watch *watch, uint32_t events) {
  struct client *client = OWNER_OF(watch, struct client, watch);
  if (client->closing) return;
  if (events & EPOLLERR || ((events & EPOLLHUP) && !reading(client))) return client_drop(client);
  if (events & (EPOLLIN | EPOLLHUP)) read_client(client);
  if (!client->closing) defer(client->keeper, &client->flush);
}

static void end_client(struct deferred *work) {
  struct client *client = OWNER_OF(work, struct client, end);
  struct keeper *keeper = client->keeper;
  int fd = client->watch.fd;
  defer_cancel(keeper, &client->flush);
  watch_remove(keeper, &client->watch);
  call_rooms(client);
  requests_gone(client);
  bonds_client_gone(client);
  locks_client_gone(client);
  lane_forget(keeper, &client->lane);
  close(fd);
  fd_release(keeper, 1);
  if (client->prev)
    client->prev->next = client->next;
  else
    keeper->clients->first = client->next;
  if (client->next) client->next->prev = client->prev;
  keeper->clients->count--;
  free_rooms(client);
  free(client->in);
  free(client->out);
  free(client);
  instance_check(keeper);
}

/* Root, or whoever the keeper itself runs as. */
static bool peer_allowed(int fd, pid_t *pid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return false;
  *pid = peer.pid;
  return peer.uid == 0 || peer.uid == geteuid();
}

static void client_new(struct keeper *keeper, int fd, pid_t pid) {
  struct client *client = calloc(1, sizeof *client);
  if (!client || watch_add(keeper, &client->watch, fd, EPOLLIN) < 0) {
    free(client);
    close(fd);
    fd_release(keeper, 1);
    return;
  }
  client->keeper = keeper;
  client->pid = pid;
  client->watch.ready = client_ready;
  client->flush.run = flush;
  client->end.run = end_client;
  client->next = keeper->clients->first;
  if (client->next) client->next->prev = client;
  keeper->clients->first = client;
  keeper->clients->count++;
}

static void accept_ready(struct watch *watch, uint32_t events) {
  struct clients *clients = OWNER_OF(watch, struct clients, listener);
  struct keeper *keeper = clients->keeper;
  (void)events;
  for (int i = 0; i < 64; i++) {
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
        log_line(LEVEL_ERROR, "cannot accept a client: errno %d", errno);
      return;
    }
    pid_t pid = 0;
    if (!peer_allowed(fd, &pid) || clients->count >= CLIENTS_MAX || fd_reserve(keeper, 1) < 0) {
      log_line(LEVEL_WARN, "refused a client of pid %d", (int)pid);
      close(fd);
      continue;
    }
    client_new(keeper, fd, pid);
  }
}

int clients_listen(struct keeper *keeper, int socket) {
  struct clients *clients = calloc(1, sizeof *clients);
  if (!clients) return -1;
  *clients = (struct clients){.keeper = keeper, .listener.ready = accept_ready};
  keeper->clients = clients;
  return watch_add(keeper, &clients->listener, socket, EPOLLIN);
}

void clients_accept(struct keeper *keeper, bool accept) {
  watch_change(keeper, &keeper->clients->listener, accept ? (uint32_t)EPOLLIN : 0);
}

bool client_pending(struct keeper *keeper) {
  accept_ready(&keeper->clients->listener, EPOLLIN);
  return keeper->clients->count > 0;
}

unsigned clients_count(const struct keeper *keeper) { return keeper->clients->count; }

void clients_flush(struct keeper *keeper) {
  for (struct client *client = keeper->clients->first; client; client = client->next) drain(client);
}

void clients_close(struct keeper *keeper) {
  clients_flush(keeper);
  for (struct client *client = keeper->clients->first; client; client = client->next)
    shutdown(client->watch.fd, SHUT_RDWR);
}
