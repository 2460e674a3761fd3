/* Messages with descriptors over unix sockets. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

enum { SOCKET_FDS_MAX = 96 };

/* Sends one message and copies of `nfds` (up to SOCKET_FDS_MAX) descriptors. 0, or -1 with errno. */
int socket_send(int fd, const void *data, size_t len, const int *fds, size_t nfds);

/*
 * Receives one message; descriptors arrive close-on-exec. Returns its length, 0 at the end, -1 with errno;
 * EMSGSIZE when data or descriptors were truncated (descriptors that came are closed).
 */
ssize_t socket_receive(int fd, void *data, size_t cap, int *fds, size_t *nfds);
