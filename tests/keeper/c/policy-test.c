/* Leases, restarts and health probes in fake time: hours of 1,000 containers pass in a moment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/keeper/keeper/core.h"

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                          \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

/* ---- time ---- */

enum { TIMERS_MAX = 8192 };
#define BOOT_TO_REAL (1700000000 * NS_PER_S)

static uint64_t now = 1000 * NS_PER_S;
static struct timer *timers[TIMERS_MAX];
static unsigned timer_count;
static struct keeper keeper;

uint64_t now_ns(void) { return now; }
uint64_t realtime_ns(void) { return now + BOOT_TO_REAL; }
void timer_set(struct keeper *of, struct timer *timer, uint64_t due) {
  (void)of;
  if (timer->due == 0) {
    CHECK(timer_count < TIMERS_MAX);
    timer->slot = timer_count;
    timers[timer_count++] = timer;
  }
  timer->due = due ? due : 1;
}
void timer_clear(struct keeper *of, struct timer *timer) {
  (void)of;
  if (timer->due == 0) return;
  timers[timer->slot] = timers[--timer_count];
  timers[timer->slot]->slot = timer->slot;
  timer->due = 0;
}
static void pass(uint64_t ns) {
  uint64_t end = now + ns;
  for (;;) {
    struct timer *next = NULL;
    for (unsigned i = 0; i < timer_count; i++)
      if (!next || timers[i]->due < next->due) next = timers[i];
    if (!next || next->due > end) break;
    if (next->due > now) now = next->due;
    timer_clear(&keeper, next);
    next->fire(next);
  }
  now = end;
}
static void pass_ms(uint64_t ms) { pass(ms * NS_PER_MS); }

/* ---- the rest of the keeper ---- */

static struct {
  unsigned count;
  uint64_t at;
  char detail[8192];
  struct container *container;
} events[32];
static unsigned starts, kills, journals;
static uint8_t kill_reason;
static bool attached;

void event_emit(struct keeper *of, uint8_t kind, struct container *container, uint32_t pid,
                const struct exit_status *exit, const char *detail) {
  (void)of, (void)pid, (void)exit;
  events[kind].count++;
  events[kind].at = now;
  events[kind].container = container;
  snprintf(events[kind].detail, sizeof events[kind].detail, "%s", detail);
}
int container_kill(struct container *container, uint8_t reason) {
  (void)container;
  kills++;
  kill_reason = reason;
  return 0;
}
bool stdio_attached(const struct process *process) {
  (void)process;
  return attached;
}
int launch_again(struct container *container) {
  (void)container;
  starts++;
  return 0;
}
void journal_state(struct container *container) {
  (void)container;
  journals++;
}

/* A probe in the making or at work. */
struct run {
  struct exec_start start;
  struct process *process;
  struct timer timer;
};
static struct {
  uint64_t start_ns, run_ns; /* how long a probe takes */
  uint64_t hang_every;       /* every nth container's probe runs into the timeout */
  int code;
  int refuse, fail; /* errno of exec_begin, and of on_started */
  const char *output;
  unsigned live, most, begun; /* being started or younger than a second */
  unsigned per_second[4096];
} sim = {.start_ns = 2000000, .run_ns = 10000000, .output = "fine"};

static void run_over(struct timer *timer) {
  struct run *run = OWNER_OF(timer, struct run, timer);
  struct process *process = run->process;
  CHECK(process->finished);
  process->exit = (struct exit_status){.how = process->kill_reason ? EXIT_SIGNALED : EXIT_EXITED, .code = sim.code};
  process->finished(process);
  for (struct process **at = &process->container->execs; *at; at = &(*at)->next)
    if (*at == process) {
      *at = process->next;
      break;
    }
  free(process);
  free(run);
}
static bool hangs(const struct container *container) {
  return sim.hang_every && container->supervise.generation % sim.hang_every == 0;
}
static void run_started(struct timer *timer) {
  struct run *run = OWNER_OF(timer, struct run, timer);
  struct failure failure;
  if (sim.fail) {
    fail(&failure, sim.fail, "execute", "probe");
    run->start.on_started(run->start.context, NULL, &failure);
    free(run);
    return;
  }
  struct process *process = run->process = calloc(1, sizeof *process);
  process->container = run->start.container;
  process->keeper = &keeper;
  process->next = process->container->execs;
  process->container->execs = process;
  bool hung = hangs(process->container);
  if (hung) process->kill_reason = REASON_TIMEOUT;
  run->timer.fire = run_over;
  timer_set(&keeper, &run->timer, now + (hung ? run->start.timeout_ms * NS_PER_MS : sim.run_ns));
  run->start.on_started(run->start.context, process, NULL);
}
int exec_begin(struct keeper *of, const struct exec_start *start, struct failure *failure) {
  (void)of;
  if (sim.refuse) return fail(failure, sim.refuse, "start a probe", NULL);
  CHECK(start->capture_bytes == 4096 && start->plan_size == 1 && start->timeout_ms > 0);
  for (const struct process *exec = start->container->execs; exec; exec = exec->next) CHECK(!exec->finished);
  struct run *run = calloc(1, sizeof *run);
  run->start = *start;
  run->timer.fire = run_started;
  timer_set(&keeper, &run->timer, now + sim.start_ns);
  sim.begun++;
  unsigned second = (unsigned)((now - 1000 * NS_PER_S) / NS_PER_S);
  if (second < 4096) sim.per_second[second]++;
  return 0;
}
int process_signal(struct process *process, int signal, uint8_t reason) {
  (void)signal;
  process->kill_reason = reason;
  return 0;
}
struct str stdio_captured(const struct process *process) {
  (void)process;
  return (struct str){sim.output, (uint32_t)strlen(sim.output)};
}

static struct container *made[1100];
static unsigned made_count;
static char ids[1100][16];
static struct container *container_make(void) {
  struct container *container = calloc(1, sizeof *container);
  container->keeper = &keeper;
  snprintf(ids[made_count], sizeof *ids, "c%u", made_count);
  container->supervise.id = ids[made_count];
  container->supervise.generation = made_count;
  container->status = STATUS_RUNNING;
  container->init = calloc(1, sizeof *container->init);
  container->init->pid = 4711;
  container->init->started_ns = realtime_ns();
  made[made_count++] = container;
  return container;
}
static void free_all(void) {
  for (unsigned i = 0; i < made_count; i++) {
    lease_clear(made[i]);
    restart_cancel(made[i]);
    health_clear(made[i]);
  }
  sim.fail = sim.refuse = 0;
  pass(200 * NS_PER_S);
  CHECK(timer_count == 0);
  for (unsigned i = 0; i < made_count; i++) {
    free(made[i]->init);
    free(made[i]);
  }
  free(keeper.probes);
}

/* ---- restarts ---- */

static void end_run(struct container *container, int code, uint64_t ran_ms) {
  container->last = (struct exit_status){
      .how = EXIT_EXITED, .code = code, .started_ns = realtime_ns() - ran_ms * NS_PER_MS, .finished_ns = realtime_ns()};
}
static void backoff_sequence(void) {
  static const uint64_t expected[] = {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000};
  struct container *container = container_make();
  container->supervise.restart.policy = RESTART_ALWAYS;
  for (unsigned i = 0; i < sizeof expected / sizeof *expected; i++) {
    end_run(container, 0, 50);
    CHECK(restart_decide(container) && container->restarts == i + 1);
    CHECK(container->next_start_ns == realtime_ns() + expected[i] * NS_PER_MS);
    pass_ms(expected[i] - 1);
    CHECK(starts == i);
    pass_ms(1);
    CHECK(starts == i + 1 && container->next_start_ns == 0);
  }
  end_run(container, 1, 10000);
  CHECK(restart_decide(container) && container->backoff_ms == 100);
  pass_ms(100);
  end_run(container, 1, 9999);
  CHECK(restart_decide(container) && container->backoff_ms == 200);
  restart_cancel(container);
  pass_ms(1000);
  CHECK(starts == 13);
}
static bool restarts(uint8_t policy, uint8_t how, int code, uint8_t reason) {
  struct container *container = container_make();
  container->supervise.restart.policy = policy;
  end_run(container, code, 1);
  container->last.how = how;
  container->last.reason = reason;
  return restart_decide(container);
}
static void policies(void) {
  CHECK(!restarts(RESTART_NO, EXIT_EXITED, 1, REASON_OWN));
  CHECK(!restarts(RESTART_ON_FAILURE, EXIT_EXITED, 0, REASON_OWN));
  CHECK(restarts(RESTART_ON_FAILURE, EXIT_EXITED, 1, REASON_OWN));
  CHECK(restarts(RESTART_ON_FAILURE, EXIT_SIGNALED, 9, REASON_OWN));
  CHECK(restarts(RESTART_ON_FAILURE, EXIT_UNKNOWN, 0, REASON_OWN));
  CHECK(restarts(RESTART_UNLESS_STOPPED, EXIT_EXITED, 0, REASON_OWN));
  static const uint8_t final[] = {REASON_STOP, REASON_KILL, REASON_TTL, REASON_IDLE, REASON_OWNER, REASON_SHUTDOWN};
  for (unsigned i = 0; i < sizeof final; i++) CHECK(!restarts(RESTART_ALWAYS, EXIT_SIGNALED, 9, final[i]));
  CHECK(restarts(RESTART_ALWAYS, EXIT_SIGNALED, 9, REASON_UNHEALTHY));
  struct container *container = container_make();
  container->supervise.restart.policy = RESTART_ALWAYS;
  container->stopping = true;
  CHECK(!restart_decide(container));
}
static void max_retries(void) {
  struct container *container = container_make();
  container->supervise.restart.policy = RESTART_ON_FAILURE;
  container->supervise.restart.max_retries = 3;
  container->restarts = container->supervise.restart.count = 1; /* from before */
  for (int i = 0; i < 2; i++) {
    end_run(container, 1, 1);
    CHECK(restart_decide(container));
    pass_ms(60000);
  }
  end_run(container, 1, 1);
  CHECK(!restart_decide(container) && container->restarts == 3 && starts == 2);
}
static void resumed(void) {
  struct container *container = container_make();
  container->next_start_ns = realtime_ns() + 5 * NS_PER_S;
  restart_resume(container);
  pass_ms(4999);
  CHECK(starts == 0);
  pass_ms(1);
  CHECK(starts == 1);
  container->next_start_ns = realtime_ns() - NS_PER_S;
  restart_resume(container);
  pass_ms(0);
  CHECK(starts == 2);
}

/* ---- leases ---- */

static void ttl(void) {
  struct container *container = container_make();
  container->supervise.ttl_ms = 5000;
  container->init->started_ns -= 2 * NS_PER_S; /* adopted */
  lease_arm(container);
  lease_touch(container);
  pass_ms(2999);
  CHECK(kills == 0);
  pass_ms(1);
  CHECK(kills == 1 && kill_reason == REASON_TTL && events[EVENT_LEASE].count == 1);
  CHECK(strcmp(events[EVENT_LEASE].detail, "ttl") == 0);
  container->supervise.ttl_ms = UINT64_MAX;
  lease_arm(container);
  pass(NS_PER_S * 3600 * 24 * 365);
  CHECK(kills == 1);
  container->supervise.ttl_ms = 1;
  lease_arm(container);
  pass_ms(0);
  CHECK(kills == 2);
}
static void idle(void) {
  struct container *container = container_make();
  container->supervise.idle_ms = 1000;
  lease_arm(container);
  for (int i = 0; i < 5; i++) {
    pass_ms(900);
    lease_touch(container);
  }
  CHECK(kills == 0);
  attached = true;
  pass_ms(10000);
  CHECK(kills == 0);
  attached = false;
  struct process exec = {.container = container};
  container->execs = &exec;
  pass_ms(10000);
  CHECK(kills == 0);
  exec.finished = (void (*)(struct process *))free; /* a probe does not count */
  pass_ms(1000);
  CHECK(kills == 1 && kill_reason == REASON_IDLE && strcmp(events[EVENT_LEASE].detail, "idle") == 0);
  container->execs = NULL;
  lease_touch(container);
  lease_clear(container);
  pass_ms(10000);
  CHECK(kills == 1);
}

/* ---- health ---- */

static struct container *with_health(void) {
  struct container *container = container_make();
  container->supervise.health.interval_ms = 10000;
  container->supervise.health.timeout_ms = 3000;
  container->supervise.health.retries = 3;
  container->supervise.health.plan = (struct str){"p", 1};
  return container;
}
static uint8_t status_of(const struct container *container) {
  uint32_t streak;
  return health_of(container, &streak);
}
static void transitions(void) {
  struct container *container = with_health();
  uint32_t streak;
  CHECK(status_of(container) == HEALTH_NONE);
  health_arm(container);
  CHECK(status_of(container) == HEALTH_STARTING);
  pass_ms(10100);
  CHECK(status_of(container) == HEALTH_HEALTHY && events[EVENT_HEALTH].count == 1 && journals == 1);
  CHECK(strcmp(events[EVENT_HEALTH].detail, "healthy\nfine") == 0);
  pass_ms(60000);
  CHECK(events[EVENT_HEALTH].count == 1);
  sim.code = 1;
  sim.output = "bad";
  pass_ms(21500);
  CHECK(status_of(container) == HEALTH_HEALTHY);
  CHECK(health_of(container, &streak) == HEALTH_HEALTHY && streak >= 1 && streak < 3);
  pass_ms(12000);
  CHECK(status_of(container) == HEALTH_UNHEALTHY && strcmp(events[EVENT_HEALTH].detail, "unhealthy\nbad") == 0);
  sim.code = 0;
  pass_ms(10600);
  CHECK(health_of(container, &streak) == HEALTH_HEALTHY && streak == 0 && events[EVENT_HEALTH].count == 3);
}
static void timeouts(void) {
  struct container *container = with_health();
  container->supervise.health.retries = 1;
  sim.hang_every = 1;
  health_arm(container);
  pass_ms(14000);
  CHECK(status_of(container) == HEALTH_UNHEALTHY);
  CHECK(strcmp(events[EVENT_HEALTH].detail, "unhealthy\nfine\nprobe took longer than 3000 ms") == 0);
}
static void start_period(void) {
  struct container *container = with_health();
  container->supervise.health.start_period_ms = 60000;
  container->supervise.health.start_interval_ms = 1000;
  container->supervise.health.retries = 2;
  sim.code = 1;
  health_arm(container);
  pass_ms(59000);
  CHECK(status_of(container) == HEALTH_STARTING && sim.begun > 50 && sim.begun < 70);
  pass_ms(23000);
  CHECK(status_of(container) == HEALTH_UNHEALTHY);
  CHECK(events[EVENT_HEALTH].at - (1060 * NS_PER_S) < 23 * NS_PER_S);
}
static void first_success_ends_start(void) {
  struct container *container = with_health();
  container->supervise.health.start_period_ms = 600000;
  container->supervise.health.start_interval_ms = 1000;
  health_arm(container);
  pass_ms(1100);
  CHECK(status_of(container) == HEALTH_HEALTHY);
  sim.code = 1;
  pass_ms(33000);
  CHECK(status_of(container) == HEALTH_UNHEALTHY);
}
static void paused(void) {
  struct container *container = with_health();
  health_arm(container);
  container->status = STATUS_PAUSED;
  pass_ms(60000);
  CHECK(sim.begun == 0);
  container->status = STATUS_RUNNING;
  sim.run_ns = 500 * NS_PER_MS;
  sim.code = 1;
  container->supervise.health.retries = 1;
  while (!container->execs) pass_ms(10);
  container->status = STATUS_PAUSED;
  pass_ms(600);
  container->status = STATUS_RUNNING;
  CHECK(status_of(container) == HEALTH_STARTING);
}
static void keeper_short(void) {
  struct container *container = with_health();
  container->supervise.health.retries = 1;
  health_arm(container);
  sim.refuse = EMFILE;
  pass_ms(30000);
  CHECK(status_of(container) == HEALTH_STARTING);
  sim.refuse = 0;
  sim.fail = ENOENT;
  pass_ms(20000);
  CHECK(status_of(container) == HEALTH_UNHEALTHY);
  CHECK(strcmp(events[EVENT_HEALTH].detail, "unhealthy\ncannot execute probe: No such file or directory") == 0);
}
static void cleared_in_every_moment(void) {
  struct container *container = with_health();
  sim.start_ns = sim.run_ns = 100 * NS_PER_MS;
  for (int i = 0; i < 300; i++) {
    health_arm(container);
    pass_ms(5000 + (uint64_t)i * 20);
    health_clear(container);
    CHECK(status_of(container) == HEALTH_NONE);
    if (i % 3 == 0)
      pass_ms(300);
    else if (container->execs)
      pass_ms(150);
  }
  sim.fail = EIO;
  health_arm(container);
  while (sim.begun < 300 && timer_count < 2) pass_ms(1);
  health_clear(container);
}
static void thousand(void) {
  for (int i = 0; i < 1000; i++) {
    with_health()->supervise.health.interval_ms = 30000;
    health_arm(made[i]);
  }
  pass_ms(30100);
  for (int i = 0; i < 1000; i++) CHECK(status_of(made[i]) == HEALTH_HEALTHY);
  CHECK(sim.begun == 1000 && journals == 1000);
  for (int i = 0; i < 14; i++) CHECK(sim.per_second[i] == 0);
  for (int i = 15; i < 30; i++) CHECK(sim.per_second[i] > 30 && sim.per_second[i] < 110);
  pass_ms(3600000);
  for (int i = 30; i < 3600; i++) CHECK(sim.per_second[i] < 110);
  for (int i = 3000; i < 3600; i++) CHECK(sim.per_second[i] > 5 && sim.per_second[i] < 80);
  CHECK(sim.begun > 118000 && sim.begun < 122000);
}
/* 200 containers whose probes always hang: those of the others run nevertheless. */
static void hanging(void) {
  sim.hang_every = 5;
  for (int i = 0; i < 1000; i++) {
    struct container *container = with_health();
    container->supervise.health.interval_ms = 30000;
    container->supervise.health.timeout_ms = 30000;
    health_arm(container);
  }
  pass_ms(45000);
  for (int i = 0; i < 1000; i++) CHECK(status_of(made[i]) == (i % 5 ? HEALTH_HEALTHY : HEALTH_STARTING));
}
static void adopted(void) {
  for (int i = 0; i < 1000; i++) {
    struct container *container = with_health();
    container->supervise.health.interval_ms = 3600000;
    container->init->adopted = true;
    health_arm(container);
  }
  pass_ms(10200);
  for (int i = 0; i < 1000; i++) CHECK(status_of(made[i]) == HEALTH_HEALTHY);
  for (int i = 0; i < 10; i++) CHECK(sim.per_second[i] > 50 && sim.per_second[i] < 150);
}
static void all_refused(void) {
  sim.refuse = EINVAL;
  for (int i = 0; i < 1000; i++) health_arm(with_health());
  pass_ms(60000);
  for (int i = 0; i < 1000; i++) CHECK(status_of(made[i]) == HEALTH_UNHEALTHY);
}

static const struct {
  const char *name; /* a sentence */
  void (*run)(void);
} tests[] = {
    {"restart waits 100 ms, doubled up to 60 s, and 100 ms again after ten seconds of running", backoff_sequence},
    {"restart follows the policy and the reason of the end", policies},
    {"restart on failure stops at its number of retries, earlier ones counted", max_retries},
    {"restart goes on with its waiting after the keeper was replaced", resumed},
    {"a time to live counts from the start of the run, over the keeper's end", ttl},
    {"an idle lease begins anew with activity and waits for execs and clients, not for probes", idle},
    {"health goes from starting to healthy to unhealthy and back, with one event each", transitions},
    {"a probe that runs into its time limit fails and says so", timeouts},
    {"failures in the start period do not count, and probes are more frequent", start_period},
    {"the first success ends the start period", first_success_ends_start},
    {"a paused container is not probed, and a probe that was frozen does not count", paused},
    {"a keeper short of descriptors judges nobody; a probe that cannot be executed fails", keeper_short},
    {"health can be cleared and armed again at every moment of a probe", cleared_in_every_moment},
    {"probes of 1,000 containers started at once are spread, each at its interval, for an hour", thousand},
    {"probes that hang do not keep others from running", hanging},
    {"after the keeper was replaced, first probes run soon and spread", adopted},
    {"1,000 probes that cannot start are no deep recursion", all_refused},
};

int main(int argc, char **argv) {
  size_t count = sizeof tests / sizeof *tests;
  for (size_t i = 0; i < count; i++) {
    if (argc < 2 || strcmp(argv[1], "--list") == 0)
      puts(tests[i].name);
    else if (strcmp(argv[1], tests[i].name) == 0) {
      tests[i].run();
      free_all();
      return 0;
    }
  }
  return argc < 2 || strcmp(argv[1], "--list") == 0 ? 0 : 2;
}
