/*
 * Looks at containers from inside single namespaces of theirs, without a
 * process of its own in each.
 *
 *   look < REQUESTS
 *
 * A request is a line, and so is its answer, in order:
 *   hostname PID           ok NAME           as a process in the container
 * would be told http PID ADDRESS PORT  ok NANOSECONDS    connect, one GET, the
 * whole answer; in the network namespace of PID, or in the own one for PID 0 or
 * `fail REASON`. Root of the user namespaces' parents.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 5 };

static int own_network;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int enter(int pid, const char *name, int type) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  int result = setns(fd, type);
  close(fd);
  return result;
}

static void fail(const char *what) {
  printf("fail %s: %s\n", what, strerror(errno));
}

static void look_hostname(int pid) {
  char name[256] = "";
  if (enter(pid, "uts", CLONE_NEWUTS) < 0 ||
      gethostname(name, sizeof name - 1) < 0)
    fail("enter");
  else
    printf("ok %s\n", name);
}

/* True when the whole answer came and says 200. */
static bool exchange(int fd) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: container\r\nConnection: close\r\n\r\n";
  char answer[4096];
  size_t length = 0;
  if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) !=
      (ssize_t)(sizeof request - 1))
    return false;
  for (;;) {
    ssize_t got = recv(fd, answer + length, sizeof answer - 1 - length, 0);
    if (got < 0)
      return false;
    if (got == 0)
      break;
    length += (size_t)got;
    if (length == sizeof answer - 1)
      break;
  }
  answer[length] = 0;
  errno = EPROTO;
  return strncmp(answer, "HTTP/1.", 7) == 0 &&
         strncmp(answer + 8, " 200", 4) == 0;
}

static void look_http(int pid, const char *host, unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port)};
  struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    errno = EINVAL;
    fail("understand the address");
    return;
  }
  if ((pid == 0 ? setns(own_network, CLONE_NEWNET)
                : enter(pid, "net", CLONE_NEWNET)) < 0) {
    fail("enter");
    return;
  }
  uint64_t start = now();
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    fail("connect");
  else if (!exchange(fd))
    fail("get an answer");
  else
    printf("ok %llu\n", (unsigned long long)(now() - start));
  if (fd >= 0)
    close(fd);
}

int main(void) {
  char line[128], host[64];
  int pid;
  unsigned port;
  own_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "hostname %d", &pid) == 1)
      look_hostname(pid);
    else if (sscanf(line, "http %d %63s %u", &pid, host, &port) == 3)
      look_http(pid, host, port);
    else
      printf("fail understand the request: %s\n", strtok(line, "\n"));
  }
  return 0;
}
