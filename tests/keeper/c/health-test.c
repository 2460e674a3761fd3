#include <errno.h>

#include "fake-time.h"

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
  unsigned second = (unsigned)((now - START_NS) / NS_PER_S);
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

/* A probe that is being started must still find its container. */
static void clear(struct container *container) {
  sim.refuse = sim.fail = 0;
  health_clear(container);
}
static struct container *with_health(void) {
  struct container *container = container_make();
  clear_more = clear;
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
  CHECK(events[EVENT_HEALTH].at - (START_NS + 60 * NS_PER_S) < 23 * NS_PER_S);
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
  while (sim.begun < 300 && pending_timers < 2) pass_ms(1);
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

const struct test tests[] = {
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
const size_t test_count = sizeof tests / sizeof *tests;
