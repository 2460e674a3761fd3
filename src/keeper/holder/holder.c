#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/log.h"
#include "../base/own.h"
#include "../base/pidfd.h"
#include "../base/socket.h"

enum { BUCKETS = 4096, BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 10000, STABLE_MS = 10000 };

struct kept {
  struct kept *next;
  int fd;
  char tag[];
};

struct holder {
  const struct holder_options *options;
  int program, reaped, signals, link;
  pid_t keeper;
  bool ending, ready_passed;
  uint64_t started_ms, restart_at_ms;
  uint64_t sequence; /* of the last record of an orphan */
  unsigned backoff_ms;
  struct kept *buckets[BUCKETS];
};

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int program_execute(int fd, char **arguments) {
  char *environment[] = {NULL};
  return (int)syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
}

/* ---- the store ---- */

static struct kept **find(struct holder *holder, const char *tag) {
  uint32_t hash = 2166136261u;
  for (const char *at = tag; *at; at++) hash = (hash ^ (uint8_t)*at) * 16777619u;
  struct kept **at = &holder->buckets[hash % BUCKETS];
  while (*at && strcmp((*at)->tag, tag) != 0) at = &(*at)->next;
  return at;
}

static void drop(struct holder *holder, const char *tag) {
  struct kept **at = find(holder, tag), *gone = *at;
  if (!gone) return;
  *at = gone->next;
  close(gone->fd);
  free(gone);
}

static void keep(struct holder *holder, const char *tag, int fd) {
  drop(holder, tag);
  size_t size = strlen(tag) + 1;
  struct kept *kept = malloc(sizeof *kept + size);
  if (!kept) {
    log_line(LEVEL_ERROR, "holder: no memory for %s", tag);
    close(fd);
    return;
  }
  kept->next = NULL;
  kept->fd = fd;
  memcpy(kept->tag, tag, size);
  *find(holder, tag) = kept;
}

static void tell(struct holder *holder, uint8_t op, const struct kept *kept) {
  if (holder->link < 0 || socket_send(holder->link, &op, sizeof op, kept ? &kept->fd : NULL, kept ? 1 : 0) == 0) return;
  log_line(LEVEL_WARN, "holder: cannot tell the keeper %u: errno %d", op, errno);
}

static void trim(struct holder *holder, const char *payload, size_t size) {
  uint64_t last_read;
  if (size < sizeof last_read) return;
  memcpy(&last_read, payload, sizeof last_read);
  if (last_read == holder->sequence && ftruncate(holder->reaped, 0) < 0)
    log_line(LEVEL_ERROR, "holder: cannot empty the reaped file: errno %d", errno);
}

/* Reads one message. False when there is none, or never will be. */
static bool read_link(struct holder *holder) {
  char message[HOLDER_MESSAGE_MAX + 1];
  int fd = -1;
  size_t fds = 1;
  ssize_t got = socket_receive(holder->link, message, HOLDER_MESSAGE_MAX, &fd, &fds);
  if (got < 0 && errno == EMSGSIZE) return true;
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) {
    set_fd(&holder->link, -1);
    return false;
  }
  message[got] = 0;
  enum holder_op op = (enum holder_op)message[0];
  const char *rest = message + 1;
  if (op == HOLDER_KEEP && fds == 1) {
    keep(holder, rest, fd);
    return true;
  }
  if (fds == 1) close(fd);
  if (op == HOLDER_DROP) drop(holder, rest);
  if (op == HOLDER_TAKE) tell(holder, HOLDER_TAKEN, *find(holder, rest));
  if (op == HOLDER_TRIM) trim(holder, rest, (size_t)got - 1);
  if (op == HOLDER_ENDING) holder->ending = true;
  return true;
}

/* ---- the keeper ---- */

static _Noreturn void become_keeper(struct holder *holder, int link) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  struct kept *newer = *find(holder, HOLDER_PROGRAM_TAG);
  int program = fcntl(newer ? newer->fd : holder->program, F_DUPFD_CLOEXEC, LINK_FD + 1);
  int own_link = fcntl(link, F_DUPFD_CLOEXEC, LINK_FD + 1);
  dup2(own_link, LINK_FD);
  for (int fd = LISTEN_FD; fd <= LINK_FD; fd++) fcntl(fd, F_SETFD, 0);
  program_execute(program, holder->options->keeper_arguments);
  log_line(LEVEL_ERROR, "holder: cannot execute the keeper: errno %d", errno);
  _exit(1);
}

/* Only the first keeper has somebody who waits until it is ready; later ones write into /dev/null. */
static void ready_passed(struct holder *holder) {
  if (holder->ready_passed) return;
  holder->ready_passed = true;
  OWN_FD null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup3(null, READY_FD, O_CLOEXEC);
}

static int start_keeper(struct holder *holder) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  pid_t pid = fork();
  if (pid == 0) become_keeper(holder, pair[1]);
  close(pair[1]);
  if (pid < 0) {
    close(pair[0]);
    return -1;
  }
  fcntl(pair[0], F_SETFL, O_NONBLOCK);
  set_fd(&holder->link, pair[0]);
  holder->keeper = pid;
  holder->started_ms = now_ms();
  ready_passed(holder);
  return 0;
}

/* At once the first time, then later and later, until one has run for a while. */
static void keeper_ended(struct holder *holder, int status) {
  while (holder->link >= 0 && read_link(holder)) {
  }
  set_fd(&holder->link, -1);
  holder->keeper = 0;
  if (holder->ending) return;
  uint64_t now = now_ms();
  if (now - holder->started_ms >= STABLE_MS) holder->backoff_ms = 0;
  holder->restart_at_ms = now + holder->backoff_ms;
  log_line(LEVEL_ERROR, "the keeper ended with wait status 0x%x: started again in %u ms", (unsigned)status,
           holder->backoff_ms);
  unsigned next = holder->backoff_ms ? holder->backoff_ms * 2 : BACKOFF_FIRST_MS;
  holder->backoff_ms = next < BACKOFF_LAST_MS ? next : BACKOFF_LAST_MS;
}

/* ---- orphans ---- */

static void record(struct holder *holder, pid_t pid, uint64_t identity, int status, const struct rusage *usage) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct reaped reaped = {
      .size = sizeof reaped,
      .pid = pid,
      .identity = identity,
      .status = status,
      .sequence = ++holder->sequence,
      .user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000 + (uint64_t)usage->ru_utime.tv_usec,
      .system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000 + (uint64_t)usage->ru_stime.tv_usec,
      .max_rss_bytes = (uint64_t)usage->ru_maxrss * 1024,
      .finished_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
  };
  if (write(holder->reaped, &reaped, sizeof reaped) != sizeof reaped)
    log_line(LEVEL_ERROR, "holder: cannot record the exit of pid %d: errno %d", (int)pid, errno);
}

/* The identity is read while the pid still is a zombie's. True when an orphan was recorded. */
static bool reap_one(struct holder *holder, pid_t pid) {
  struct rusage usage;
  int status;
  OWN_FD pidfd = kernel_pidfd_open(pid, 0);
  uint64_t identity = pidfd >= 0 ? pidfd_identity(pidfd, pid) : 0;
  if (wait4(pid, &status, WNOHANG | __WALL, &usage) != pid) return false;
  if (pid == holder->keeper) {
    keeper_ended(holder, status);
    return false;
  }
  record(holder, pid, identity, status, &usage);
  return true;
}

static void reap(struct holder *holder) {
  struct signalfd_siginfo ignored;
  while (read(holder->signals, &ignored, sizeof ignored) > 0) {
  }
  bool recorded = false;
  for (;;) {
    siginfo_t info = {0};
    if (kernel_waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, NULL) < 0 || info.si_pid == 0) break;
    recorded = reap_one(holder, info.si_pid) || recorded;
  }
  if (recorded) tell(holder, HOLDER_REAPED, NULL);
}

/* ---- start, loop, end ---- */

static void prepare(struct holder *holder) {
  char name[64];
  sigset_t child;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  /* Above that of every earlier holder: none reaps a thousand processes in a millisecond. */
  holder->sequence = now_ms() << 10;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  holder->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  OWN_FD dir = open(holder->options->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  snprintf(name, sizeof name, "reaped-%u", holder->options->instance);
  holder->reaped = openat(dir, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  holder->program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (holder->signals >= 0 && holder->reaped >= 0 && holder->program >= 0) return;
  dprintf(READY_FD, "Cannot prepare the holder in %s: %s", holder->options->run_dir, strerror(errno));
  _exit(1);
}

static void turn(struct holder *holder) {
  if (holder->keeper == 0 && now_ms() >= holder->restart_at_ms && start_keeper(holder) < 0) {
    log_line(LEVEL_ERROR, "holder: cannot start the keeper: errno %d", errno);
    holder->restart_at_ms = now_ms() + BACKOFF_LAST_MS;
  }
  struct pollfd wait[] = {{.fd = holder->signals, .events = POLLIN}, {.fd = holder->link, .events = POLLIN}};
  uint64_t now = now_ms();
  int timeout = holder->keeper ? -1 : holder->restart_at_ms > now ? (int)(holder->restart_at_ms - now) : 0;
  if (poll(wait, 2, timeout) < 0) return;
  if (wait[1].revents) read_link(holder);
  if (wait[0].revents) reap(holder);
}

_Noreturn void holder_main(const struct holder_options *options) {
  static struct holder holder = {.link = -1};
  holder.options = options;
  prepare(&holder);
  while (!holder.ending || holder.keeper) turn(&holder);
  options->leave_cgroups();
  _exit(0);
}
