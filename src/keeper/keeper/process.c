/* Processes: exits seen through pidfds, usage, the holder's notices, and strays. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/log.h"
#include "../base/pidfd.h"
#include "core.h"

enum { PID_BUCKETS = 4096 };

static void finish(struct deferred *);
static void timed_out(struct timer *);

int processes_init(struct keeper *keeper) {
  keeper->processes = calloc(PID_BUCKETS, sizeof *keeper->processes);
  return keeper->processes ? 0 : -1;
}

static struct process **pid_bucket(struct keeper *keeper, pid_t pid) {
  return &keeper->processes[(unsigned)pid % PID_BUCKETS];
}

struct process *process_of_pid(struct keeper *keeper, pid_t pid) {
  struct process *process = *pid_bucket(keeper, pid);
  while (process && process->pid != pid) process = process->pid_next;
  return process;
}

void process_set_pid(struct process *process, pid_t pid) {
  struct process **slot = pid_bucket(process->keeper, pid);
  process->pid = pid;
  process->pid_next = *slot;
  *slot = process;
}

struct process *process_new(struct container *container, bool is_init) {
  struct process *process = calloc(1, sizeof *process);
  if (!process) return NULL;
  process->keeper = container->keeper;
  process->container = container;
  process->is_init = is_init;
  process->pidfd = -1;
  process->watch.fd = -1;
  process->finish.run = finish;
  process->timeout.fire = timed_out;
  if (!is_init) {
    process->next = container->execs;
    container->execs = process;
  }
  return process;
}

static void unlink_process(struct process *process) {
  struct container *container = process->container;
  if (container->init == process) container->init = NULL;
  for (struct process **at = &container->execs; *at; at = &(*at)->next) {
    if (*at != process) continue;
    *at = process->next;
    break;
  }
  struct process **at = pid_bucket(process->keeper, process->pid);
  while (*at && *at != process) at = &(*at)->pid_next;
  if (*at) *at = process->pid_next;
}

static void drop_pidfd(struct process *process) {
  watch_remove(process->keeper, &process->watch);
  if (process->pidfd < 0) return;
  close(process->pidfd);
  process->pidfd = -1;
  fd_release(process->keeper, 1);
}

void process_free(struct process *process) {
  unlink_process(process);
  timer_clear(process->keeper, &process->timeout);
  defer_cancel(process->keeper, &process->finish);
  drop_pidfd(process);
  if (process->stdio) stdio_free(process);
  if (process->starter) process->starter->process = NULL;
  free(process);
}

static void set_code(struct exit_status *exit, int wait_status) {
  bool signaled = WIFSIGNALED(wait_status);
  exit->how = signaled ? EXIT_SIGNALED : EXIT_EXITED;
  exit->code = signaled ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

static void set_usage(struct exit_status *exit, const struct rusage *usage) {
  exit->user_us = microseconds(usage->ru_utime);
  exit->system_us = microseconds(usage->ru_stime);
  exit->max_rss_bytes = (uint64_t)usage->ru_maxrss * 1024;
}

/* Whether the memory limit killed something: at the end of the init anything, at the end of an exec only likely the exec. */
static void note_oom(struct process *process) {
  struct container *container = process->container;
  bool killed = process->exit.code == (process->exit.how == EXIT_SIGNALED ? SIGKILL : 128 + SIGKILL);
  if (!process->is_init && !killed) return;
  uint64_t kills = cgroup_oom_kills(container);
  process->exit.oom_killed = kills > container->oom_kills || (process->is_init && container->oom_kills > 0);
  if (kills > container->oom_kills) container->oom_kills = kills;
}

void process_exited(struct process *process, const struct exit_status *exit) {
  struct container *container = process->container;
  if (process->exited) return;
  drop_pidfd(process);
  timer_clear(process->keeper, &process->timeout);
  process->exited = true;
  process->exit = *exit;
  process->exit.started_ns = process->started_ns;
  if (!process->exit.finished_ns) process->exit.finished_ns = realtime_ns();
  process->exit.reason = process->kill_reason;
  note_oom(process);
  if (process->is_init && !container->own_pidns && cgroup_kill(process->keeper, container_cgroup(container, 0)) < 0 &&
      errno != ENOENT)
    log_line(LEVEL_WARN, "cannot kill what is left of %s: errno %d", container->supervise.id, errno);
  if (process->stdio)
    stdio_exited(process);
  else
    process_drained(process);
}

static void exited_with(struct process *process, int wait_status, const struct rusage *usage) {
  struct exit_status exit = {0};
  set_code(&exit, wait_status);
  if (usage) set_usage(&exit, usage);
  process_exited(process, &exit);
}

static void exited_unknown(struct process *process) {
  struct exit_status exit = {.how = EXIT_UNKNOWN};
  process_exited(process, &exit);
}

/* Not our child, and ended: a zombie, or reaped by somebody else. */
static void foreign_exit(struct process *process) {
  int wait_status;
  if (pidfd_exit_code(process->pidfd, process->pid, &wait_status))
    exited_with(process, wait_status, NULL);
  else
    exited_unknown(process);
}

static void process_ready(struct watch *watch, uint32_t events) {
  struct process *process = OWNER_OF(watch, struct process, watch);
  (void)events;
  if (process->held) return watch_remove(process->keeper, watch); /* the holder's notice follows */
  if (process->adopted) return foreign_exit(process);
  siginfo_t info = {0};
  struct rusage usage = {0};
  int result = kernel_waitid(P_PIDFD, process->pidfd, &info, WEXITED | WNOHANG | __WALL, &usage);
  if (result < 0 && errno == ECHILD) return exited_unknown(process);
  if (result < 0 || info.si_pid == 0) return;
  bool exited = info.si_code == CLD_EXITED;
  exited_with(process, exited ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f, &usage);
}

int process_watch(struct process *process, int pidfd) {
  if (fd_reserve(process->keeper, 1) < 0) return -1;
  process->watch.ready = process_ready;
  if (watch_add(process->keeper, &process->watch, pidfd, EPOLLIN) < 0) {
    fd_release(process->keeper, 1);
    return -1;
  }
  process->pidfd = pidfd;
  return 0;
}

int process_signal(struct process *process, int signal, uint8_t reason) {
  if (process->pidfd < 0) {
    errno = ESRCH;
    return -1;
  }
  if (kernel_pidfd_send_signal(process->pidfd, signal) < 0) return -1;
  if (signal == SIGKILL && process->kill_reason == REASON_OWN) process->kill_reason = reason;
  return 0;
}

static void timed_out(struct timer *timer) {
  struct process *process = OWNER_OF(timer, struct process, timeout);
  if (process_signal(process, SIGKILL, REASON_TIMEOUT) < 0 && errno != ESRCH)
    log_line(LEVEL_WARN, "cannot kill pid %d: errno %d", (int)process->pid, errno);
}

void process_drained(struct process *process) {
  process->drained = true;
  if (process->exited) defer(process->keeper, &process->finish);
}

static void answer_starter(struct process *process) {
  struct request *starter = process->starter;
  process->starter = process->owner = NULL;
  if (!starter) return;
  starter->process = NULL;
  request_exit(starter, process->container, &process->exit);
}

static void exec_finished(struct process *process) {
  struct container *container = process->container;
  event_emit(process->keeper, EVENT_EXEC_EXITED, container, (uint32_t)process->pid, &process->exit, "");
  container_activity(container);
}

static void finish(struct deferred *work) {
  struct process *process = OWNER_OF(work, struct process, finish);
  struct container *container = process->container;
  answer_starter(process);
  if (process->is_init) {
    container_init_finished(container);
    return;
  }
  journal_exec_ended(process);
  if (process->finished)
    process->finished(process);
  else
    exec_finished(process);
  process_free(process);
  container_settle(container);
}

void process_holder_notice(struct keeper *keeper, pid_t pid, uint64_t identity, int wait_status,
                           const struct exit_status *usage) {
  struct process *process = process_of_pid(keeper, pid);
  if (!process || !process->adopted || process->exited || process->identity != identity) return;
  struct exit_status exit = *usage;
  set_code(&exit, wait_status);
  process_exited(process, &exit);
}

/* ---- strays: children that are no process of the keeper's any more ---- */

struct stray {
  struct keeper *keeper;
  struct watch watch;
};

static void stray_ready(struct watch *watch, uint32_t events) {
  struct stray *stray = OWNER_OF(watch, struct stray, watch);
  (void)events;
  int pidfd = watch->fd;
  siginfo_t info = {0};
  int result = kernel_waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG | __WALL, NULL);
  if (result == 0 && info.si_pid == 0) return;
  watch_remove(stray->keeper, watch);
  close(pidfd);
  free(stray);
}

void process_reap_stray(struct keeper *keeper, int pidfd) {
  struct stray *stray = calloc(1, sizeof *stray);
  if (stray) {
    stray->keeper = keeper;
    stray->watch.ready = stray_ready;
    if (watch_add(keeper, &stray->watch, pidfd, EPOLLIN) == 0) return;
  }
  log_line(LEVEL_ERROR, "cannot watch a child that failed: errno %d", errno);
  free(stray);
  close(pidfd);
}

void process_sweep(struct keeper *keeper) {
  for (;;) {
    siginfo_t info = {0};
    if (kernel_waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, NULL) < 0 || info.si_pid == 0) return;
    struct process *process = process_of_pid(keeper, info.si_pid);
    bool is_program = info.si_pid == reconcile_pid(keeper) || info.si_pid == service_pid(keeper);
    if (is_program || (process && process->pidfd < 0)) return; /* somebody else's next step */
    if (process)
      process_ready(&process->watch, EPOLLIN);
    else if (kernel_waitid(P_PID, info.si_pid, &info, WEXITED | WNOHANG | __WALL, NULL) < 0)
      return;
  }
}
