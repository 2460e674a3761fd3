#include "../base/log.h"
#include "policy.h"

enum { FIRST_MS = 100, LONGEST_MS = 60000 };
#define LONG_RUN_NS (10 * SECOND_NS) /* after which the back-off begins anew */

static bool failed(const struct exit_status *exit) {
  return exit->how != EXIT_NONE && !(exit->how == EXIT_EXITED && exit->code == 0);
}

static uint32_t restarts_so_far(const struct container *container) {
  uint32_t before = container->supervise.restart.count;
  return container->restarts > before ? container->restarts : before;
}

static bool wanted(const struct container *container) {
  const struct exit_status *exit = &container->last;
  if (container->stopping || container->forget) return false;
  if (exit->reason != REASON_OWN && exit->reason != REASON_UNHEALTHY) return false;
  switch ((enum restart_policy)container->supervise.restart.policy) {
  case RESTART_NO:
    return false;
  case RESTART_ON_FAILURE: {
    uint32_t most = container->supervise.restart.max_retries;
    return failed(exit) && (most == 0 || restarts_so_far(container) < most);
  }
  case RESTART_ALWAYS:
  case RESTART_UNLESS_STOPPED:
    return true;
  }
  return false;
}

static void start_again(struct timer *timer) {
  struct container *container = (void *)((char *)timer - offsetof(struct container, backoff));
  container->next_start_ns = 0;
  if (launch_again(container) < 0) log_line(LEVEL_ERROR, "cannot start %s again", container->supervise.id);
}

static uint64_t next_backoff_ms(const struct container *container) {
  const struct exit_status *exit = &container->last;
  bool long_run = exit->finished_ns > exit->started_ns && exit->finished_ns - exit->started_ns >= LONG_RUN_NS;
  if (container->backoff_ms == 0 || long_run) return FIRST_MS;
  return container->backoff_ms >= LONGEST_MS / 2 ? LONGEST_MS : container->backoff_ms * 2;
}

bool restart_decide(struct container *container) {
  if (!wanted(container)) {
    restart_cancel(container);
    return false;
  }
  container->backoff_ms = next_backoff_ms(container);
  container->restarts = restarts_so_far(container) + 1;
  container->next_start_ns = realtime_ns() + ns_of_ms(container->backoff_ms);
  restart_resume(container);
  return true;
}

void restart_resume(struct container *container) {
  uint64_t now = realtime_ns(), at = container->next_start_ns;
  container->backoff.fire = start_again;
  timer_set(container->keeper, &container->backoff, now_ns() + (at > now ? at - now : 0));
}

void restart_cancel(struct container *container) {
  timer_clear(container->keeper, &container->backoff);
  container->next_start_ns = 0;
  container->backoff_ms = 0;
}
