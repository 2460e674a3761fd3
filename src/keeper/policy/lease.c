#include <errno.h>
#include <string.h>

#include "../base/log.h"
#include "policy.h"

static void expire(struct container *container, uint8_t reason, const char *what) {
  uint32_t pid = container->init ? (uint32_t)container->init->pid : 0;
  event_emit(container->keeper, EVENT_LEASE, container, pid, NULL, what);
  if (container_kill(container, reason) < 0)
    log_line(LEVEL_ERROR, "%s lease of %s: cannot kill it: %s", what, container->supervise.id, strerror(errno));
}

static void ttl_over(struct timer *timer) {
  struct container *container = (void *)((char *)timer - offsetof(struct container, ttl));
  if (container->init) expire(container, REASON_TTL, "ttl");
}

/* Somebody is attached, or an exec runs that is not the keeper's own probe. */
static bool busy(const struct container *container) {
  if (stdio_attached(container->init)) return true;
  for (const struct process *exec = container->execs; exec; exec = exec->next)
    if (!exec->finished && !exec->exited) return true;
  return false;
}

static void idle_over(struct timer *timer) {
  struct container *container = (void *)((char *)timer - offsetof(struct container, idle));
  if (!container->init) return;
  if (busy(container))
    lease_touch(container);
  else
    expire(container, REASON_IDLE, "idle");
}

void lease_touch(struct container *container) {
  if (!container->init || container->supervise.idle_ms == 0) return;
  container->idle.fire = idle_over;
  timer_set(container->keeper, &container->idle, now_ns() + ns_of_ms(container->supervise.idle_ms));
}

void lease_arm(struct container *container) {
  lease_clear(container);
  if (!container->init) return;
  if (container->supervise.ttl_ms > 0) {
    container->ttl.fire = ttl_over;
    timer_set(container->keeper, &container->ttl,
              due_after(container->init->started_ns, ns_of_ms(container->supervise.ttl_ms)));
  }
  lease_touch(container);
}

void lease_clear(struct container *container) {
  timer_clear(container->keeper, &container->ttl);
  timer_clear(container->keeper, &container->idle);
}
