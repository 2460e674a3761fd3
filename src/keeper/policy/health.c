/*
 * Health probes: execs on timers, one at a time for each container. Their moments are scattered, and only so many start at
 * once; a probe that takes longer than a second only waits and gives its place to another, so that containers
 * whose probes hang do not keep those of others from running.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "policy.h"

enum { AT_ONCE = 32, OUTPUT_MAX = 4096 };
#define PLACE_HELD_NS  SECOND_NS
#define ADOPTED_NS     (10 * SECOND_NS) /* within which the first probes after the keeper's restart run */
#define NO_RESOURCE_NS (5 * SECOND_NS) /* before the next try when it was the keeper that had no descriptor or memory */

struct health {
  struct container *container; /* NULL: cleared while its probe was being started */
  struct keeper *keeper;
  struct timer timer; /* the next probe; while one runs: the end of its place */
  struct process *probe;
  struct health *next; /* in the queue */
  bool queued, starting, placed;
  uint8_t status; /* enum health_status */
  uint32_t streak;
  uint64_t seed;
};

struct probes {
  struct health *first, *last;
  unsigned placed;
  bool serving;
};

static void serve(struct keeper *);

static uint64_t random_below(struct health *health, uint64_t bound) {
  health->seed = scatter(health->seed);
  return bound ? health->seed % bound : 0;
}

static bool in_start_period(const struct health *health) {
  const struct container *container = health->container;
  uint64_t period = ns_of_ms(container->supervise.health.start_period_ms);
  return health->status == HEALTH_STARTING && container->init && realtime_ns() - container->init->started_ns < period;
}

static uint64_t interval_of(const struct health *health) {
  const struct supervise *supervise = &health->container->supervise;
  bool starting = in_start_period(health) && supervise->health.start_interval_ms > 0;
  return ns_of_ms(starting ? supervise->health.start_interval_ms : supervise->health.interval_ms);
}

static void give_place(struct health *health) {
  if (!health->placed) return;
  health->placed = false;
  health->keeper->probes->placed--;
  serve(health->keeper);
}

static void take_out(struct health *health) {
  struct probes *probes = health->keeper->probes;
  if (!health->queued) return;
  struct health **link = &probes->first, *before = NULL;
  while (*link != health) {
    before = *link;
    link = &before->next;
  }
  *link = health->next;
  if (probes->last == health) probes->last = before;
  health->queued = false;
}

static void due(struct timer *timer) {
  struct health *health = (void *)((char *)timer - offsetof(struct health, timer));
  if (health->probe || health->starting) {
    give_place(health);
    return;
  }
  struct probes *probes = health->keeper->probes;
  health->queued = true;
  health->next = NULL;
  if (probes->last)
    probes->last->next = health;
  else
    probes->first = health;
  probes->last = health;
  serve(health->keeper);
}

static void schedule(struct health *health, uint64_t delay_ns) {
  health->timer.fire = due;
  timer_set(health->keeper, &health->timer, now_ns() + delay_ns);
}

/* The interval, give or take a twentieth: what once fell together drifts apart. */
static void schedule_next(struct health *health) {
  uint64_t interval = interval_of(health);
  schedule(health, interval - interval / 20 + random_below(health, interval / 10));
}

static void schedule_first(struct health *health) {
  uint64_t interval = interval_of(health);
  if (health->container->init->adopted)
    schedule(health, random_below(health, interval < ADOPTED_NS ? interval : ADOPTED_NS));
  else
    schedule(health, interval / 2 + random_below(health, interval / 2));
}

static void announce(struct health *health, const struct exit_status *exit, struct str output) {
  static const char *const words[] = {"none", "starting", "healthy", "unhealthy"};
  struct container *container = health->container;
  char detail[OUTPUT_MAX + 16];
  int head = snprintf(detail, sizeof detail, "%s\n", words[health->status]);
  uint32_t len = output.len < OUTPUT_MAX ? output.len : OUTPUT_MAX;
  for (uint32_t i = 0; i < len; i++) detail[head + (int)i] = output.at[i] ? output.at[i] : ' ';
  detail[head + (int)len] = 0;
  uint32_t pid = container->init ? (uint32_t)container->init->pid : 0;
  event_emit(health->keeper, EVENT_HEALTH, container, pid, exit, detail);
  journal_state(container);
}

static void judge(struct health *health, const struct exit_status *exit, struct str output) {
  uint8_t before = health->status;
  uint32_t retries = health->container->supervise.health.retries;
  if (exit->how == EXIT_EXITED && exit->code == 0) {
    health->status = HEALTH_HEALTHY;
    health->streak = 0;
  } else if (!in_start_period(health)) {
    if (health->streak < UINT32_MAX) health->streak++;
    if (health->streak >= retries) health->status = HEALTH_UNHEALTHY;
  }
  if (health->status != before) announce(health, exit, output);
}

/* Not a word about the container's health when the keeper itself is short of something. */
static void not_started(struct health *health, const struct failure *failure) {
  log_line(LEVEL_WARN, "health probe of %s did not start: %s: %s", health->container->supervise.id, failure->message,
           strerror(failure->error));
  switch (failure->error) {
  case EMFILE:
  case ENFILE:
  case ENOMEM:
  case EAGAIN:
  case EBUSY:
  case ECANCELED:
    schedule(health, NO_RESOURCE_NS + random_below(health, NO_RESOURCE_NS));
    return;
  default:
    break;
  }
  char text[sizeof failure->message + sizeof failure->path + 64];
  snprintf(text, sizeof text, "cannot %s %s: %s", failure->message, failure->path, strerror(failure->error));
  struct exit_status exit = {.how = EXIT_UNKNOWN};
  judge(health, &exit, (struct str){text, (uint32_t)strlen(text)});
  schedule_next(health);
}

static void discard(struct process *process) { (void)process; }

static void probe_finished(struct process *process) {
  struct health *health = process->container->health;
  if (!health || health->probe != process) return;
  health->probe = NULL;
  timer_clear(health->keeper, &health->timer);
  const struct container *container = health->container;
  if (container->status != STATUS_RUNNING || container->stopping || !container->init || container->init->exited) {
    /* What killed it (the container's end, the freezer) says nothing about health. */
    schedule_next(health);
    give_place(health);
    return;
  }
  struct str output = stdio_captured(process);
  char text[OUTPUT_MAX + 64];
  if (process->kill_reason == REASON_TIMEOUT) {
    uint32_t kept = output.len < OUTPUT_MAX - 64 ? output.len : OUTPUT_MAX - 64;
    if (kept) memcpy(text, output.at + output.len - kept, kept);
    int more = snprintf(text + kept, sizeof text - kept, "%sprobe took longer than %llu ms",
                        kept && text[kept - 1] != '\n' ? "\n" : "",
                        (unsigned long long)process->container->supervise.health.timeout_ms);
    output = (struct str){text, kept + (uint32_t)more};
  }
  judge(health, &process->exit, output);
  schedule_next(health);
  give_place(health);
}

static void started(void *context, struct process *process, const struct failure *failure) {
  struct health *health = context;
  health->starting = false;
  if (process) process->finished = health->container ? probe_finished : discard;
  if (!health->container) {
    if (process) process_signal(process, SIGKILL, REASON_KILL);
    give_place(health);
    free(health);
    return;
  }
  health->probe = process;
  if (process) return;
  timer_clear(health->keeper, &health->timer);
  not_started(health, failure);
  give_place(health);
}

static void begin(struct health *health) {
  struct container *container = health->container;
  if (container->status != STATUS_RUNNING || container->stopping || !container->init) {
    schedule_next(health);
    return;
  }
  const struct supervise *supervise = &container->supervise;
  struct exec_start start = {
      .container = container,
      .plan = (const uint8_t *)supervise->health.plan.at,
      .plan_size = supervise->health.plan.len,
      .timeout_ms = supervise->health.timeout_ms,
      .capture_bytes = OUTPUT_MAX,
      .context = health,
      .on_started = started,
  };
  health->starting = health->placed = true;
  health->keeper->probes->placed++;
  schedule(health, PLACE_HELD_NS);
  struct failure failure;
  if (exec_begin(health->keeper, &start, &failure) == 0) return;
  health->starting = false;
  timer_clear(health->keeper, &health->timer);
  not_started(health, &failure);
  give_place(health);
}

/* Starts who waits, as far as there are places. Places that become free meanwhile are seen by the loop that runs already. */
static void serve(struct keeper *keeper) {
  struct probes *probes = keeper->probes;
  if (probes->serving) return;
  probes->serving = true;
  while (probes->first && probes->placed < AT_ONCE) {
    struct health *health = probes->first;
    take_out(health);
    begin(health);
  }
  probes->serving = false;
}

static struct health *health_new(struct container *container) {
  struct keeper *keeper = container->keeper;
  if (!keeper->probes) keeper->probes = calloc(1, sizeof *keeper->probes);
  struct health *health = keeper->probes ? calloc(1, sizeof *health) : NULL;
  if (!health) return NULL;
  *health = (struct health){.container = container, .keeper = keeper, .status = HEALTH_STARTING};
  health->seed = container->supervise.generation;
  for (const char *at = container->supervise.id; *at; at++) health->seed = scatter(health->seed ^ (uint8_t)*at);
  return health;
}

void health_arm(struct container *container) {
  if (container->supervise.health.interval_ms == 0 || container->supervise.health.plan.len == 0 || !container->init) {
    health_clear(container);
    return;
  }
  struct health *health = container->health;
  if (!health) health = container->health = health_new(container);
  if (!health) {
    log_line(LEVEL_ERROR, "no memory for the health probes of %s", container->supervise.id);
    return;
  }
  /* Changed settings count from the next probe on; one that is under way goes on. */
  if (!health->probe && !health->starting && !health->queued) schedule_first(health);
}

void health_clear(struct container *container) {
  struct health *health = container->health;
  if (!health) return;
  container->health = NULL;
  timer_clear(health->keeper, &health->timer);
  take_out(health);
  if (health->probe) {
    health->probe->finished = discard;
    process_signal(health->probe, SIGKILL, REASON_KILL);
  }
  give_place(health);
  if (health->starting)
    health->container = NULL;
  else
    free(health);
}

uint8_t health_of(const struct container *container, uint32_t *failing_streak) {
  const struct health *health = container->health;
  *failing_streak = health ? health->streak : 0;
  return health ? health->status : HEALTH_NONE;
}
