#include "socket.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int socket_send(int fd, const void *data, size_t len, const int *fds, size_t nfds) {
  if (nfds > SOCKET_FDS_MAX) {
    errno = E2BIG;
    return -1;
  }
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int) * SOCKET_FDS_MAX)];
  } control;
  struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (nfds > 0) {
    memset(&control, 0, CMSG_SPACE(sizeof(int) * nfds));
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
    memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * nfds);
  }
  ssize_t sent;
  do sent = sendmsg(fd, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return -1;
  if ((size_t)sent != len) {
    errno = EMSGSIZE;
    return -1;
  }
  return 0;
}

/* Takes the descriptors out of the control data; returns how many fit into `fds`, closes the rest. */
static size_t collect(struct msghdr *message, int *fds, size_t cap, size_t *dropped) {
  size_t count = 0;
  for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    size_t here = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < here; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof fd);
      if (count < cap) {
        fds[count++] = fd;
      } else {
        close(fd);
        ++*dropped;
      }
    }
  }
  return count;
}

ssize_t socket_receive(int fd, void *data, size_t cap, int *fds, size_t *nfds) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int) * SOCKET_FDS_MAX)];
  } control;
  struct iovec part = {.iov_base = data, .iov_len = cap};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  size_t room = nfds ? *nfds : 0, dropped = 0;
  if (nfds) *nfds = 0;
  ssize_t got;
  do got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -1;
  size_t count = collect(&message, fds, room, &dropped);
  if (dropped > 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
    for (size_t i = 0; i < count; i++) close(fds[i]);
    errno = EMSGSIZE;
    return -1;
  }
  if (nfds) *nfds = count;
  return got;
}
