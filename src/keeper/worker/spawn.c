/* The child's birth, and what it says until it executes its program. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "../base/socket.h"
#include "worker.h"

/* linux/sched.h of the kernel has them, no header of the system. */
#define FLAG_EXITING    0x4
#define FLAG_FORKNOEXEC 0x40

#define NS_PER_S UINT64_C(1000000000)
enum { LOOK_AFTER_MS = 20, EXEC_MAX_S = 30 };

void job_mark(struct job *job, unsigned phase) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  job->marks[phase] = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int spawn(struct job *job, uint64_t namespaces, void (*run)(struct job *), struct failure *failure) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    return fail(failure, 0, "make status socket", NULL);
  job->status = pair[0];
  job->child_status = pair[1];
  struct clone_args args = {.flags = namespaces | CLONE_PARENT | CLONE_PIDFD,
                            .pidfd = (uint64_t)(uintptr_t)&job->pidfd};
  if (job->cgroups.unified >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)job->cgroups.unified;
  }
  pid_t pid = kernel_clone3(&args);
  if (pid == 0) run(job);
  int error = errno;
  set_fd(&job->child_status, -1);
  if (pid < 0) return fail(failure, error, "clone", NULL);
  job->pid = pid;
  return 0;
}

int spawn_announce(struct job *job, struct failure *failure) {
  struct job_message message = {.kind = JOB_CLONED, .job = job->request->job, .pid = job->pid, .first = job->first};
  if (socket_send(job->worker->socket, &message, sizeof message, &job->pidfd, 1) < 0)
    return fail(failure, 0, "announce child", NULL);
  return 0;
}

void add_clamp(struct job *job, uint8_t kind, const char *name, uint64_t wanted, uint64_t given) {
  write_u8(&job->clamps, kind);
  write_str(&job->clamps, name);
  write_u64(&job->clamps, wanted);
  write_u64(&job->clamps, given);
  job->clamp_count++;
}

/* The fields of /proc/PID/stat from the third, its state; NULL when it is gone. */
static char *child_stat(const struct job *job, char (*text)[1024]) {
  char path[32];
  snprintf(path, sizeof path, "%d/stat", (int)job->pid);
  OWN_FD fd = openat(job->worker->host_proc, path, O_RDONLY | O_CLOEXEC);
  ssize_t len = fd < 0 ? -1 : read(fd, *text, sizeof *text - 1);
  if (len <= 0) return NULL;
  (*text)[len] = 0;
  char *name_end = strrchr(*text, ')');
  return name_end && name_end[1] == ' ' ? name_end + 2 : NULL;
}

/* `at`: the third; proc_pid_stat(5) numbers them. NULL: not there. */
static const char *stat_field(const char *at, int number) {
  for (int field = 3; at && field < number; field++) {
    at = strchr(at, ' ');
    if (at) at++;
  }
  return at;
}

/*
 * Its socket ended. Execution closes it and so does death, and the kernel's flags tell one from the other: a process that
 * ends has one before its files are closed. One that executes may still lack the mark of it, when the kernel was
 * interrupted in the middle (seen on 6.12), but cannot fail any more: it would end by a signal. The keeper
 * reaps a child only after JOB_DONE or JOB_FAILED, so the process is still there to ask.
 */
static int ended(const struct job *job, struct failure *failure) {
  char text[1024];
  const char *at = child_stat(job, &text);
  if (!at) return fail(failure, ESRCH, "watch child", NULL);
  const char *field = stat_field(at, 9), *end = stat_field(at, 52);
  if (!field || !end) return fail(failure, EIO, "watch child", NULL);
  unsigned long flags = strtoul(field, NULL, 10);
  if (!(flags & FLAG_FORKNOEXEC) || !(flags & FLAG_EXITING)) return 1;
  char how[32];
  unsigned long status = strtoul(end, NULL, 10), signal = status & 0x7f;
  snprintf(how, sizeof how, signal ? "signal %lu" : "exit code %lu", signal ? signal : status >> 8 & 0xff);
  fail(failure, ECHILD, "child ended before it executed its program", how);
  failure->phase = PHASE_CHILD;
  return -1;
}

/*
 * Nothing was heard for a while. From the moment a child is in a container's user namespace, the container's root can stop
 * it, and would keep the worker; what is in the container's cgroups can be kept from running in other ways.
 */
static int check_alive(const struct job *job, struct failure *failure) {
  char text[1024];
  const char *at = child_stat(job, &text);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  uint64_t waited = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec - job->marks[0];
  if (at && *at == 'T')
    fail(failure, ECHILD, "child was stopped before it executed its program", NULL);
  else if (job->request->kind == JOB_EXEC && waited > EXEC_MAX_S * NS_PER_S)
    fail(failure, ETIMEDOUT, "wait for child to execute its program", NULL);
  else
    return 0;
  failure->phase = PHASE_CHILD;
  return -1;
}

/* 1 when there is more to wait for. */
static int take_report(struct job *job, const struct child_report *report, int *fd, size_t count,
                       struct failure *failure) {
  switch ((enum child_message)report->kind) {
  case CHILD_FAILED:
    *failure = report->failure;
    return -1;
  case CHILD_CLAMP:
    add_clamp(job, CLAMP_RLIMIT, report->name, report->wanted, report->given);
    return 1;
  case CHILD_PTY:
    if (count == 1) set_fd(&job->pty, steal_fd(fd));
    return 1;
  case CHILD_BORN:
    break; /* spawn_adopt's */
  }
  return fail(failure, EPROTO, "understand child", NULL);
}

/* 1 exec happened, 0 go on waiting, -1 failed. */
static int hear_child(struct job *job, struct failure *failure) {
  struct child_report report;
  OWN_FD fd = -1;
  size_t count = 1;
  ssize_t got = socket_receive(job->status, &report, sizeof report, &fd, &count);
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return ended(job, failure);
  if (got != (ssize_t)sizeof report) return fail(failure, got < 0 ? errno : EPROTO, "hear child", NULL);
  report.name[sizeof report.name - 1] = 0;
  return take_report(job, &report, &fd, count, failure) < 0 ? -1 : 0;
}

bool spawn_told(struct job *job, struct failure *failure) {
  struct pollfd told = {.fd = job->status, .events = POLLIN};
  struct failure reason;
  if (poll(&told, 1, 0) <= 0 || hear_child(job, &reason) >= 0) return false;
  *failure = reason;
  return true;
}

int spawn_mapped(struct job *job, struct failure *failure) {
  uint32_t mounts = 0;
  if (socket_send(job->status, &mounts, sizeof mounts, NULL, 0) == 0) return 0;
  return spawn_told(job, failure) ? -1 : fail(failure, EPROTO, "tell child of its ids", NULL);
}

/* 1 "go", 0 go on waiting, -1 aborted. */
static int hear_keeper(struct job *job, struct failure *failure) {
  struct job_message message;
  ssize_t got = recv(job->worker->socket, &message, sizeof message, 0);
  if (got <= 0) return fail(failure, got < 0 ? errno : ECANCELED, "hear keeper", NULL);
  if (got != (ssize_t)sizeof message || message.job != job->request->job) return 0;
  if (message.kind == JOB_ABORT) return fail(failure, ECANCELED, "start: cancelled", NULL);
  return message.kind == JOB_GO ? 1 : 0;
}

int spawn_wait(struct job *job, bool wait_go, struct failure *failure) {
  for (;;) {
    struct pollfd wait[2] = {{.fd = job->status, .events = POLLIN}, {.fd = job->worker->socket, .events = POLLIN}};
    int ready = poll(wait, 2, LOOK_AFTER_MS);
    if (ready < 0) {
      if (errno == EINTR) continue;
      return fail(failure, 0, "wait for child", NULL);
    }
    if (ready == 0 && check_alive(job, failure) < 0) return -1;
    if (wait[0].revents) {
      int heard = hear_child(job, failure);
      if (heard != 0) return heard;
    }
    if (wait[1].revents) {
      int heard = hear_keeper(job, failure);
      if (heard < 0) return -1;
      if (heard > 0 && wait_go) return 0;
    }
  }
}

/* Until it spoke, the pidfd is the first child's: a failure kills that one, and the other sees the end of its socket. */
int spawn_adopt(struct job *job, struct failure *failure) {
  struct child_report report;
  OWN_FD fd = -1;
  size_t count = 1;
  ssize_t got = socket_receive(job->status, &report, sizeof report, &fd, &count);
  if (got != (ssize_t)sizeof report)
    return fail(failure, got < 0 ? errno : ECHILD, "join another container's namespaces", NULL);
  if (report.kind == CHILD_FAILED) {
    *failure = report.failure;
    return -1;
  }
  if (report.kind != CHILD_BORN || count != 1) return fail(failure, EPROTO, "understand child", NULL);
  set_fd(&job->pidfd, steal_fd(&fd));
  job->first = job->pid;
  job->pid = peer_pid(job->worker, job->pidfd);
  return job->pid > 0 ? 0 : fail(failure, ECHILD, "join another container's namespaces", NULL);
}

void spawn_kill(struct job *job) {
  if (job->pidfd < 0) return;
  set_fd(&job->status, -1); /* the end of a child that was never told of, too */
  kernel_pidfd_send_signal(job->pidfd, SIGKILL);
  struct pollfd wait = {.fd = job->pidfd, .events = POLLIN};
  while (poll(&wait, 1, -1) < 0 && errno == EINTR) continue;
}
