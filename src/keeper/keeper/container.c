/* The table of containers, their status, and what happens when a run ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "core.h"

struct containers {
  struct container **buckets;
  uint32_t bucket_count, count, active;
};

struct waiter {
  struct request *request;
  struct container *container;
  bool next_exit;
  struct waiter *next;
};

static void stop_due(struct timer *);

static uint32_t hash(const char *id, size_t len) {
  uint32_t value = 2166136261u;
  for (size_t i = 0; i < len; i++) value = (value ^ (uint8_t)id[i]) * 16777619u;
  return value;
}

int containers_init(struct keeper *keeper) {
  struct containers *table = calloc(1, sizeof *table);
  if (!table) return -1;
  table->bucket_count = 64;
  table->buckets = calloc(table->bucket_count, sizeof *table->buckets);
  keeper->containers = table;
  return table->buckets ? 0 : -1;
}

unsigned containers_count(const struct keeper *keeper) { return keeper->containers->count; }

static struct container **bucket(const struct containers *table, const char *id, size_t len) {
  return &table->buckets[hash(id, len) & (table->bucket_count - 1)];
}

struct container *container_find(struct keeper *keeper, const char *id, size_t len) {
  struct container *at = *bucket(keeper->containers, id, len);
  while (at && !(strlen(at->supervise.id) == len && memcmp(at->supervise.id, id, len) == 0)) at = at->hash_next;
  return at;
}

/* The visitor may free the container that it visits, and no other. */
void container_each(struct keeper *keeper, void (*visit)(struct container *, void *), void *context) {
  struct containers *table = keeper->containers;
  for (uint32_t i = 0; i < table->bucket_count; i++)
    for (struct container *at = table->buckets[i], *next; at; at = next) {
      next = at->hash_next;
      visit(at, context);
    }
}

static void grow(struct containers *table) {
  uint32_t count = table->bucket_count * 2;
  struct container **buckets = calloc(count, sizeof *buckets);
  if (!buckets) return; /* longer chains */
  struct containers bigger = {.buckets = buckets, .bucket_count = count};
  for (uint32_t i = 0; i < table->bucket_count; i++)
    for (struct container *at = table->buckets[i], *next; at; at = next) {
      next = at->hash_next;
      struct container **slot = bucket(&bigger, at->supervise.id, strlen(at->supervise.id));
      at->hash_next = *slot;
      *slot = at;
    }
  free(table->buckets);
  table->buckets = buckets;
  table->bucket_count = count;
}

struct container *container_add(struct keeper *keeper, struct supervise *taken) {
  struct containers *table = keeper->containers;
  struct container *container = calloc(1, sizeof *container);
  if (!container) return NULL;
  if (table->count >= table->bucket_count) grow(table);
  container->keeper = keeper;
  container->supervise = *taken;
  *taken = (struct supervise){0};
  container->status = STATUS_EXITED;
  container->cleaned = true;
  container->restarts = container->supervise.restart.count;
  container->stop_timer.fire = stop_due;
  struct container **slot = bucket(table, container->supervise.id, strlen(container->supervise.id));
  container->hash_next = *slot;
  *slot = container;
  table->count++;
  return container;
}

void container_renew(struct container *container, struct supervise *taken) {
  supervise_free(&container->supervise);
  container->supervise = *taken;
  *taken = (struct supervise){0};
  container->restarts = container->supervise.restart.count;
  container->backoff_ms = 0;
  container->next_start_ns = 0;
  container->stopping = container->forget = false;
}

void container_set_cleanup(struct container *container, uint8_t *taken, uint32_t size) {
  free(container->cleanup);
  /* It came with room to grow. */
  uint8_t *exact = realloc(taken, size);
  container->cleanup = exact ? exact : taken;
  container->cleanup_size = size;
}

bool container_running(const struct container *container) {
  return container->status == STATUS_RUNNING || container->status == STATUS_PAUSED;
}

bool container_live(const struct container *container) { return container->status != STATUS_EXITED; }

static bool active(const struct container *container) {
  return container_live(container) || container->cleaning || container->execs || container->launch;
}

static void count_active(struct container *container, void *count) { *(unsigned *)count += active(container); }

unsigned containers_active(struct keeper *keeper) {
  unsigned count = 0;
  container_each(keeper, count_active, &count);
  return count;
}

const char *container_cgroup(const struct container *container, unsigned hierarchy) {
  for (uint32_t i = 0; i < container->supervise.cgroup_count; i++)
    if (container->supervise.cgroups[i].hierarchy == hierarchy) return container->supervise.cgroups[i].path;
  return NULL;
}

/* ---- waiters ---- */

static void waiter_gone(struct request *request) {
  struct waiter *waiter = request->state;
  struct waiter **at = &waiter->container->waiters;
  while (*at != waiter) at = &(*at)->next;
  *at = waiter->next;
  free(waiter);
}

int container_wait(struct container *container, struct request *request, bool next_exit) {
  struct waiter *waiter = calloc(1, sizeof *waiter);
  if (!waiter) return -1;
  *waiter = (struct waiter){request, container, next_exit, container->waiters};
  container->waiters = waiter;
  request->state = waiter;
  request->gone = waiter_gone;
  return 0;
}

static void wake_waiters(struct container *container, bool ended) {
  struct waiter **at = &container->waiters;
  while (*at) {
    struct waiter *waiter = *at;
    if (!ended && !waiter->next_exit) {
      at = &waiter->next;
      continue;
    }
    *at = waiter->next;
    request_exit(waiter->request, container, &container->last);
    free(waiter);
  }
}

/* ---- status ---- */

static void run_ended(struct container *container) {
  timer_clear(container->keeper, &container->stop_timer);
  lease_clear(container);
  health_clear(container);
  freeze_cancel(container);
  if (container->last.oom_killed) event_emit(container->keeper, EVENT_OOM, container, 0, &container->last, "");
  event_emit(container->keeper, EVENT_EXITED, container, 0, &container->last, "");
}

static void enter_running(struct container *container, uint8_t before) {
  struct keeper *keeper = container->keeper;
  uint32_t pid = container->init ? (uint32_t)container->init->pid : 0;
  if (before == STATUS_PAUSED) {
    event_emit(keeper, EVENT_UNPAUSED, container, pid, NULL, "");
    journal_state(container);
    return;
  }
  journal_running(container);
  event_emit(keeper, EVENT_STARTED, container, pid, NULL, "");
  lease_arm(container);
  health_arm(container);
}

void container_set_status(struct container *container, uint8_t status) {
  struct keeper *keeper = container->keeper;
  uint8_t before = container->status;
  bool ran = before == STATUS_RUNNING || before == STATUS_PAUSED;
  container->status = status;
  switch (status) {
  case STATUS_RUNNING:
    enter_running(container, before);
    break;
  case STATUS_PAUSED:
    event_emit(keeper, EVENT_PAUSED, container, container->init ? (uint32_t)container->init->pid : 0, NULL, "");
    journal_state(container);
    break;
  case STATUS_RESTARTING:
    journal_exited(container);
    if (ran) run_ended(container);
    event_emit(keeper, EVENT_RESTARTING, container, 0, &container->last, "");
    wake_waiters(container, false);
    break;
  case STATUS_EXITED:
    journal_exited(container);
    if (ran) run_ended(container);
    wake_waiters(container, true);
    bond_break(container);
    break;
  default:
    break;
  }
}

void container_start_failed(struct container *container, const char *detail, bool undone) {
  struct keeper *keeper = container->keeper;
  if (detail) {
    container->last = (struct exit_status){.how = EXIT_UNKNOWN, .finished_ns = realtime_ns()};
    container->ran = true;
    event_emit(keeper, EVENT_EXITED, container, 0, &container->last, detail);
  }
  container->forget = container->forget || !container->ran;
  container_set_status(container, STATUS_EXITED);
  if (!undone) container_clean(container);
  container_settle(container);
}

void container_init_finished(struct container *container) {
  struct keeper *keeper = container->keeper;
  container->last = container->init->exit;
  container->ran = true;
  process_free(container->init);
  bool again = !container->stopping && !instance_closing(keeper) && restart_decide(container);
  container_set_status(container, again ? STATUS_RESTARTING : STATUS_EXITED);
  container_clean(container);
  if (!again && container->supervise.engine_on_exit) reconcile_request(keeper);
  container_settle(container);
}

int container_kill(struct container *container, uint8_t reason) {
  struct process *init = container->init;
  if (!init || init->pidfd < 0) {
    errno = ESRCH;
    return -1;
  }
  if (container->own_pidns) return process_signal(init, SIGKILL, reason);
  if (init->kill_reason == REASON_OWN) init->kill_reason = reason;
  if (cgroup_kill(container->keeper, container_cgroup(container, 0)) == 0) return 0;
  return process_signal(init, SIGKILL, reason);
}

void container_activity(struct container *container) { lease_touch(container); }

void container_supervise(struct container *container, struct supervise *taken) {
  if (taken->generation < container->supervise.generation) taken->generation = container->supervise.generation;
  supervise_free(&container->supervise);
  container->supervise = *taken;
  *taken = (struct supervise){0};
  stdio_log_changed(container);
  if (container_running(container)) {
    lease_arm(container);
    health_clear(container);
    health_arm(container);
  }
  journal_state(container);
}

/* ---- STOP ---- */

static void stop_due(struct timer *timer) {
  struct container *container = OWNER_OF(timer, struct container, stop_timer);
  if (container_kill(container, REASON_STOP) < 0 && errno != ESRCH)
    log_line(LEVEL_ERROR, "cannot kill %s: errno %d", container->supervise.id, errno);
}

static void stop_running(struct container *container, int signal, uint64_t timeout_ms) {
  struct keeper *keeper = container->keeper;
  struct process *init = container->init;
  init->kill_reason = REASON_STOP;
  if (timeout_ms == 0) return stop_due(&container->stop_timer);
  if (process_signal(init, signal, REASON_STOP) < 0 && errno != ESRCH)
    log_line(LEVEL_WARN, "cannot signal %s: errno %d", container->supervise.id, errno);
  if (container->status == STATUS_PAUSED &&
      cgroup_file_write(keeper, 0, container_cgroup(container, 0), "cgroup.freeze", "0") < 0)
    log_line(LEVEL_WARN, "cannot thaw %s: errno %d", container->supervise.id, errno);
  uint64_t due = now_ns() + timeout_ms * NS_PER_MS;
  if (timeout_ms < UINT32_MAX && (container->stop_timer.due == 0 || due < container->stop_timer.due))
    timer_set(keeper, &container->stop_timer, due);
}

void container_stop(struct container *container, struct request *request, int signal, uint64_t timeout_ms) {
  if (!container_live(container)) return request_exit(request, container, &container->last);
  if (container_wait(container, request, false) < 0) {
    request_fail_with(request, 0, "stop container", container->supervise.id);
    return request_end(request);
  }
  container->stopping = true;
  if (container->launch) return launch_cancel(container->launch);
  if (container->status == STATUS_RESTARTING) {
    restart_cancel(container);
    return container_set_status(container, STATUS_EXITED);
  }
  if (container->init) stop_running(container, signal ? signal : container->supervise.stop_signal, timeout_ms);
}

/* ---- the end ---- */

void container_forget(struct container *container) {
  container->forget = true;
  container_settle(container);
}

void container_settle(struct container *container) {
  struct keeper *keeper = container->keeper;
  struct containers *table = keeper->containers;
  if (!container->forget || active(container)) {
    if (!active(container)) instance_check(keeper);
    return;
  }
  journal_forgotten(container);
  stored_plan_remove(container);
  wake_waiters(container, true);
  forget_done(container);
  lease_clear(container);
  health_clear(container);
  restart_cancel(container);
  timer_clear(keeper, &container->stop_timer);
  struct container **at = bucket(table, container->supervise.id, strlen(container->supervise.id));
  while (*at != container) at = &(*at)->hash_next;
  *at = container->hash_next;
  table->count--;
  supervise_free(&container->supervise);
  free(container->cleanup);
  free(container);
  instance_check(keeper);
}
