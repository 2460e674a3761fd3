#include "fake-time.h"

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

const struct test tests[] = {
    {"restart waits 100 ms, doubled up to 60 s, and 100 ms again after ten seconds of running", backoff_sequence},
    {"restart follows the policy and the reason of the end", policies},
    {"restart on failure stops at its number of retries, earlier ones counted", max_retries},
    {"restart goes on with its waiting after the keeper was replaced", resumed},
    {"a time to live counts from the start of the run, over the keeper's end", ttl},
    {"an idle lease begins anew with activity and waits for execs and clients, not for probes", idle},
};
const size_t test_count = sizeof tests / sizeof *tests;
