/*
 * The reconcile process: a short-lived program of the engine's, for what the keeper cannot do itself (remove a container,
 * restart after a refused launch). One at a time; what is asked for while it runs makes it run once more.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/log.h"
#include "policy.h"
#include "program.h"

enum { TRIES = 8 };
#define LONGEST_NS (300 * SECOND_NS)

static const char config_name[] = "reconcile";

struct reconcile {
  struct keeper *keeper;
  struct program program; /* none: not configured */
  pid_t pid;              /* 0: none runs */
  int pidfd;
  struct watch watch;
  struct timer retry;
  bool again;
  unsigned failures; /* in a row */
};

static void run(struct reconcile *reconcile);

static struct reconcile *reconcile_of(struct keeper *keeper) {
  if (keeper->reconcile) return keeper->reconcile;
  struct reconcile *reconcile = calloc(1, sizeof *reconcile);
  if (!reconcile) return NULL;
  *reconcile = (struct reconcile){.keeper = keeper, .pidfd = -1};
  keeper->reconcile = reconcile;
  return reconcile;
}

int reconcile_configure(struct keeper *keeper, struct reader *strings) {
  struct reconcile *reconcile = reconcile_of(keeper);
  if (!reconcile || program_read(&reconcile->program, strings) < 0) return -1;
  return program_store(&reconcile->program, keeper->run_dir_fd, config_name, NULL);
}

int reconcile_init(struct keeper *keeper) {
  struct reconcile *reconcile = reconcile_of(keeper);
  if (!reconcile) return -1;
  return program_load(&reconcile->program, keeper->run_dir_fd, config_name, NULL) < 0 && errno != ENOENT ? -1 : 0;
}

/* Tries again, each time later; gives up after a while, until somebody asks anew. */
static void failed(struct reconcile *reconcile, const char *why, int number) {
  reconcile->failures++;
  bool last = reconcile->failures >= TRIES;
  log_line(LEVEL_ERROR, "reconcile process %s: %s %d%s", reconcile->program.argv[0], why, number,
           last ? "; not tried again" : "");
  reconcile->again = false;
  if (last) return;
  uint64_t delay = SECOND_NS << (reconcile->failures - 1);
  timer_set(reconcile->keeper, &reconcile->retry, now_ns() + (delay < LONGEST_NS ? delay : LONGEST_NS));
}

static void ended(struct watch *watch, uint32_t events) {
  struct reconcile *reconcile = (void *)((char *)watch - offsetof(struct reconcile, watch));
  (void)events;
  siginfo_t info = {0};
  int result = kernel_waitid(P_PIDFD, reconcile->pidfd, &info, WEXITED | WNOHANG, NULL);
  if (result == 0 && info.si_pid == 0) return;
  watch_remove(reconcile->keeper, &reconcile->watch);
  close(reconcile->pidfd);
  reconcile->pidfd = -1;
  reconcile->pid = 0;
  instance_check(reconcile->keeper);
  if (instance_closing(reconcile->keeper)) return;
  if (result < 0) {
    failed(reconcile, "lost, errno", errno);
  } else if (info.si_code != CLD_EXITED || info.si_status != 0) {
    failed(reconcile, info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
  } else {
    reconcile->failures = 0;
    if (reconcile->again) run(reconcile);
  }
}

static void retry_due(struct timer *timer) {
  run((struct reconcile *)(void *)((char *)timer - offsetof(struct reconcile, retry)));
}

static void run(struct reconcile *reconcile) {
  reconcile->again = false;
  timer_clear(reconcile->keeper, &reconcile->retry);
  int error = program_spawn(&reconcile->program, -1, &reconcile->pid);
  if (error) {
    failed(reconcile, "cannot start, errno", error);
    return;
  }
  reconcile->pidfd = kernel_pidfd_open(reconcile->pid, 0);
  reconcile->watch.ready = ended;
  if (reconcile->pidfd >= 0 && watch_add(reconcile->keeper, &reconcile->watch, reconcile->pidfd, EPOLLIN) == 0) return;
  /* Without a descriptor its end cannot be waited for without blocking: it is not let run. */
  error = errno;
  kill(reconcile->pid, SIGKILL);
  kernel_waitid(P_PID, reconcile->pid, NULL, WEXITED, NULL);
  if (reconcile->pidfd >= 0) close(reconcile->pidfd);
  reconcile->pidfd = -1;
  reconcile->pid = 0;
  failed(reconcile, "cannot watch, errno", error);
}

void reconcile_request(struct keeper *keeper) {
  struct reconcile *reconcile = keeper->reconcile;
  if (!reconcile || !reconcile->program.argv || !reconcile->program.argv[0] || instance_closing(keeper)) return;
  reconcile->retry.fire = retry_due;
  if (reconcile->pid)
    reconcile->again = true;
  else if (!reconcile->retry.due)
    run(reconcile);
}

bool reconcile_busy(const struct keeper *keeper) {
  const struct reconcile *reconcile = keeper->reconcile;
  return reconcile && (reconcile->pid || reconcile->retry.due);
}

pid_t reconcile_pid(const struct keeper *keeper) { return keeper->reconcile ? keeper->reconcile->pid : 0; }
