/*
 * Runs a program in the caller's network namespace with sockets that listen in another one: descriptor 3 UDP, descriptor 4 TCP.
 */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"

enum { FIRST_FD = 3, QUEUE = 128, ROOM = 1 << 20 };

static int problem(const char *action, const char *object) {
  fprintf(stderr, "Cannot %s %s: %s\n", action, object, strerror(errno));
  return 1;
}

/* Free-bind: the address may come later, and does after the namespace is made. */
static int open_socket(int type, const struct sockaddr_in *address) {
  OWN_FD fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  int on = 1, room = ROOM;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
      setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) < 0)
    return -1;
  if (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) < 0) return -1;
  if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0) return -1;
  if (type == SOCK_STREAM && listen(fd, QUEUE) < 0) return -1;
  return steal_fd(&fd);
}

static int enter(const char *path) {
  OWN_FD namespace = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  return namespace < 0 ? -1 : setns(namespace, CLONE_NEWNET);
}

int listen_main(char **arguments) {
  const char *path = arguments[0];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[2]))};
  if (inet_pton(AF_INET, arguments[1], &address.sin_addr) != 1) {
    errno = EINVAL;
    return problem("use address", arguments[1]);
  }
  OWN_FD home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) return problem("open", "/proc/self/ns/net");
  if (enter(path) < 0) return problem("enter network namespace", path);
  OWN_FD datagrams = open_socket(SOCK_DGRAM, &address);
  OWN_FD streams = datagrams < 0 ? -1 : open_socket(SOCK_STREAM, &address);
  if (streams < 0) return problem("listen on", arguments[1]);
  if (setns(home, CLONE_NEWNET) < 0) return problem("leave network namespace", path);
  /* Out of the way of the numbers they get. */
  OWN_FD datagrams_copy = fcntl(datagrams, F_DUPFD_CLOEXEC, FIRST_FD + 2);
  OWN_FD streams_copy = fcntl(streams, F_DUPFD_CLOEXEC, FIRST_FD + 2);
  if (datagrams_copy < 0 || streams_copy < 0 || dup2(datagrams_copy, FIRST_FD) < 0 ||
      dup2(streams_copy, FIRST_FD + 1) < 0)
    return problem("pass the sockets to", arguments[3]);
  execv(arguments[3], arguments + 3);
  return problem("execute", arguments[3]);
}
