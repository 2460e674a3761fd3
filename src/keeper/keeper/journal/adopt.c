/*
 * The way back in: the journal says what the last keeper knew, the kernel what is left of it. Afterwards every container in
 * the table is what it says, and starts that nobody confirmed are undone.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/kernel.h"
#include "../../base/log.h"
#include "../../base/pidfd.h"
#include "../../stdio/streams.h"
#include "../core.h"

/* Takes up an exec that an earlier keeper started: what was bound to it ends, the rest goes on unwatched. */
static void adopt_exec(struct process *exec) {
  OWN_FD pidfd = pidfd_reopen(exec->pid, exec->identity);
  if (pidfd >= 0 && exec->bound && kernel_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH)
    log_line(LEVEL_WARN, "cannot kill exec %d of %s: errno %d", (int)exec->pid, exec->container->supervise.id, errno);
  bool own = pidfd >= 0 && pidfd_parent(pidfd, exec->pid) == getpid();
  struct keeper *keeper = exec->keeper;
  process_free(exec);
  if (own) process_reap_stray(keeper, steal_fd(&pidfd));
}

/* Watches the init if it still is the one that was started. What it wrote is read in any case. */
static void adopt_init(struct process *init) {
  struct keeper *keeper = init->keeper;
  const char *id = init->container->supervise.id;
  int pidfd = pidfd_reopen(init->pid, init->identity);
  if (pidfd >= 0) {
    pid_t parent = pidfd_parent(pidfd, init->pid);
    init->adopted = parent != getpid();
    init->held = init->adopted && parent == holder_pid(keeper);
    if (process_watch(init, pidfd) < 0) {
      log_line(LEVEL_ERROR, "cannot watch the init of %s: errno %d", id, errno);
      close(pidfd);
    }
  }
  if (stdio_adopt(init) < 0) log_line(LEVEL_ERROR, "cannot take up the streams of %s: errno %d", id, errno);
}

static bool frozen(struct container *container) {
  uint64_t value = 0;
  return cgroup_read_key(container->keeper, 0, container_cgroup(container, 0), "cgroup.events", "frozen", &value) &&
         value;
}

/* A start without "go": its child ends by itself, the cgroup is emptied all the same. */
static void undo_start(struct container *container) {
  struct keeper *keeper = container->keeper;
  if (cgroup_kill(keeper, container_cgroup(container, 0)) < 0 && errno != ENOENT)
    log_line(LEVEL_WARN, "cannot kill what is left of %s: errno %d", container->supervise.id, errno);
  if (container->init) process_free(container->init);
  log_line(LEVEL_WARN, "the start of %s was not confirmed: undone", container->supervise.id);
  container->forget = !container->ran;
  bool again = container->ran && !container->stopping && container->supervise.restart.policy != RESTART_NO;
  container->status = again ? STATUS_RESTARTING : STATUS_EXITED;
  container_clean(container);
  if (again) restart_resume(container);
}

static void adopt_running(struct container *container) {
  adopt_init(container->init);
  container->status = frozen(container) ? STATUS_PAUSED : STATUS_RUNNING;
  container->keeper->adopted++;
  lease_arm(container);
  health_arm(container);
  event_emit(container->keeper, EVENT_ADOPTED, container, (uint32_t)container->init->pid, NULL, "");
}

static void adopt_one(struct container *container, void *context) {
  (void)context;
  for (struct process *exec = container->execs, *next; exec; exec = next) {
    next = exec->next;
    adopt_exec(exec);
  }
  if (container_running(container) && container->init) return adopt_running(container);
  for (unsigned number = 1; number <= 2; number++) fifo_remove(container, number);
  if (container->status == STATUS_STARTING || container_running(container)) return undo_start(container);
  if (!container->cleaned) container_clean(container);
  if (container->status == STATUS_RESTARTING) restart_resume(container);
}

/* Neither alive nor reaped by the holder: how it ended nobody knows. */
static void end_lost(struct container *container, void *context) {
  (void)context;
  struct process *init = container->init;
  if (!init || init->exited || init->pidfd >= 0) return;
  struct exit_status unknown = {.how = EXIT_UNKNOWN};
  process_exited(init, &unknown);
}

/* The last keeper may have ended before the engine had heard of this end. */
static void ask_engine(struct container *container, void *context) {
  (void)context;
  if (container->status == STATUS_EXITED && container->supervise.engine_on_exit) reconcile_request(container->keeper);
}

int adopt_all(struct keeper *keeper) {
  if (journal_load(keeper) < 0) return -1;
  container_each(keeper, adopt_one, NULL);
  ledger_settle(keeper);
  holder_read_reaped(keeper);
  container_each(keeper, end_lost, NULL);
  container_each(keeper, ask_engine, NULL);
  if (containers_count(keeper) > 0)
    log_line(LEVEL_INFO, "adopted %u of %u containers", keeper->adopted, containers_count(keeper));
  return journal_rewrite(keeper);
}
