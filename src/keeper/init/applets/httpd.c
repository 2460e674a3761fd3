/*
 * A one-process HTTP server: answers GET and HEAD with the host name and its pid, closes
 * after each answer. A client that sends nothing, too much or nonsense holds one of the
 * slots for two seconds at most and never blocks the others.
 */
#include "../applets.h"
#include "../clock.h"
#include "../signals.h"
#include "../text.h"

#include <linux/errno.h>
#include <linux/in6.h>
#include <linux/poll.h>
#include <linux/time_types.h>
#include <linux/utsname.h>

#define NAME "httpd"

enum {
  FAMILY_IPV4 = 2,
  FAMILY_IPV6 = 10,
  STREAM_NONBLOCK_CLOEXEC = 1 | 04000 | 02000000,
  SOCKET_LEVEL = 1,
  REUSE_ADDRESS = 2,
  SHUT_WRITE = 1,
  SLOTS = 64,
  DEFAULT_PORT = 8080,
  REQUEST_MAX = 8192,
};

#define PATIENCE_NS UINT64_C(2000000000)

/* One connection: reading its request head, then draining what the client still sends. */
struct slot {
  uint64_t deadline;
  uint32_t received;
  /* How much of the blank line that ends the head was seen, in newlines. */
  uint8_t newlines;
  bool answered;
  char start[5];
};

/* polled[0] is the listener; polled[i + 1] belongs to slots[i], fd -1 when free. */
struct server {
  struct pollfd polled[SLOTS + 1];
  struct slot slots[SLOTS];
};

static long bind_any(int family, uint16_t port) {
  struct sockaddr_in6 address = {.sin6_family = (uint16_t)family};
  long fd = sys_call(__NR_socket, family, STREAM_NONBLOCK_CLOEXEC, 0);
  int one = 1;
  long result;

  if (fd < 0) return fd;
  sys_call(__NR_setsockopt, fd, SOCKET_LEVEL, REUSE_ADDRESS, &one, sizeof(one));
  /* The port is at the same place in both families; the rest, all zero, means any. */
  address.sin6_port = __builtin_bswap16(port);
  result = sys_call(__NR_bind, fd, &address, family == FAMILY_IPV6 ? sizeof(address) : 16);
  if (result == 0) result = sys_call(__NR_listen, fd, 128);
  if (result == 0) return fd;
  sys_close((int)fd);
  return result;
}

static long listen_on(uint16_t port) {
  long fd = bind_any(FAMILY_IPV6, port);

  return fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL ? bind_any(FAMILY_IPV4, port) : fd;
}

/* The port that the kernel chose, when asked for port 0. */
static uint16_t bound_port(int fd) {
  struct sockaddr_in6 address = {0};
  int size = sizeof(address);

  sys_call(__NR_getsockname, fd, &address, &size);
  return __builtin_bswap16(address.sin6_port);
}

static void answer(int fd, const struct slot *slot) {
  bool head = text_starts(slot->start, "HEAD ");
  bool known = head || text_starts(slot->start, "GET ");
  struct new_utsname names;
  struct out body;
  struct out out;

  sys_call(__NR_uname, &names);
  out_open(&body, fd);
  if (known) {
    out_text(&body, "{\"hostname\":");
    out_json_text(&body, names.nodename);
    out_text(&body, ",\"pid\":");
    out_number(&body, (uint64_t)sys_getpid());
    out_text(&body, "}\n");
  } else {
    out_text(&body, "only GET and HEAD are answered here\n");
  }
  out_open(&out, fd);
  out_text(&out, known ? "HTTP/1.1 200 OK\r\nContent-Type: application/json"
                       : "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain");
  out_text(&out, "\r\nConnection: close\r\nContent-Length: ");
  out_number(&out, body.used);
  out_text(&out, "\r\n\r\n");
  if (!head) out_bytes(&out, body.data, body.used);
  /* A few hundred bytes fit into every new socket's buffer; a broken client loses its own answer. */
  out_flush(&out);
  sys_call(__NR_shutdown, fd, SHUT_WRITE);
}

static bool note_request(struct slot *slot, const char *data, long size) {
  for (long i = 0; i < size; i++) {
    if (slot->received < sizeof(slot->start)) slot->start[slot->received] = data[i];
    slot->received++;
    if (data[i] == '\n')
      slot->newlines++;
    else if (data[i] != '\r')
      slot->newlines = 0;
    if (slot->newlines == 2) return true;
  }
  return slot->received >= REQUEST_MAX;
}

/* Takes what a client sent. False when the connection is over. */
static bool serve(int fd, struct slot *slot) {
  char data[512];
  long got = sys_read(fd, data, sizeof(data));

  if (got == -EAGAIN || got == -EINTR) return true;
  if (got <= 0) return false;
  if (!slot->answered && note_request(slot, data, got)) {
    answer(fd, slot);
    slot->answered = true;
  }
  return true;
}

static void accept_clients(struct server *server, uint64_t now) {
  for (int i = 0; i < SLOTS; i++) {
    long fd;

    if (server->polled[i + 1].fd >= 0) continue;
    fd = sys_call(__NR_accept4, server->polled[0].fd, 0, 0, 04000 | 02000000);
    if (fd < 0) return;
    server->polled[i + 1] = (struct pollfd){.fd = (int)fd, .events = POLLIN};
    server->slots[i] = (struct slot){.deadline = now + PATIENCE_NS};
  }
}

/* Serves and expires connections; returns the nearest deadline, 0 when none is open. */
static uint64_t serve_clients(struct server *server, uint64_t now) {
  uint64_t nearest = 0;
  bool free_slot = false;

  for (int i = 0; i < SLOTS; i++) {
    struct pollfd *polled = &server->polled[i + 1];
    struct slot *slot = &server->slots[i];

    if (polled->fd >= 0 && ((polled->revents != 0 && !serve(polled->fd, slot)) || now >= slot->deadline)) {
      sys_close(polled->fd);
      polled->fd = -1;
    }
    if (polled->fd < 0)
      free_slot = true;
    else if (nearest == 0 || slot->deadline < nearest)
      nearest = slot->deadline;
  }
  /* A full house leaves new clients in the kernel's queue instead of spinning on them. */
  server->polled[0].events = free_slot ? POLLIN : 0;
  return nearest;
}

__attribute__((noreturn)) static void serve_for_ever(int listener) {
  struct server server;
  uint64_t nearest = 0;

  for (int i = 0; i <= SLOTS; i++) server.polled[i] = (struct pollfd){.fd = -1};
  server.polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (;;) {
    uint64_t now = clock_monotonic();
    uint64_t left = nearest > now ? nearest - now : 0;
    struct __kernel_timespec wait = {(int64_t)(left / 1000000000), (int64_t)(left % 1000000000)};

    sys_call(__NR_ppoll, server.polled, SLOTS + 1, nearest == 0 ? NULL : &wait, 0, 8);
    now = clock_monotonic();
    accept_clients(&server, now);
    nearest = serve_clients(&server, now);
  }
}

int applet_httpd(const struct args *args) {
  uint64_t port = DEFAULT_PORT;
  struct out out;
  long fd;

  if (args->argc > 2 || (args->argc == 2 && !text_number(args->argv[1], 65535, &port)))
    return usage(NAME, "needs a port from 0 to 65535, or nothing for 8080");
  fd = listen_on((uint16_t)port);
  if (fd < 0) return fail(NAME, "listen on port", args->argc == 2 ? args->argv[1] : "8080", fd);
  signals_ignore(SIG_PIPE);
  out_open(&out, 1);
  out_text(&out, "httpd: listening on port ");
  out_number(&out, bound_port((int)fd));
  out_text(&out, "\n");
  out_flush(&out);
  serve_for_ever((int)fd);
}
