#include "fake-time.h"

/* ---- time ---- */

enum { TIMERS_MAX = 8192 };
#define BOOT_TO_REAL (1700000000 * NS_PER_S)

uint64_t now = START_NS;
static struct timer *timers[TIMERS_MAX];
unsigned pending_timers;
struct keeper keeper;

uint64_t now_ns(void) { return now; }
uint64_t realtime_ns(void) { return now + BOOT_TO_REAL; }
void timer_set(struct keeper *of, struct timer *timer, uint64_t due) {
  (void)of;
  if (timer->due == 0) {
    CHECK(pending_timers < TIMERS_MAX);
    timer->slot = pending_timers;
    timers[pending_timers++] = timer;
  }
  timer->due = due ? due : 1;
}
void timer_clear(struct keeper *of, struct timer *timer) {
  (void)of;
  if (timer->due == 0) return;
  timers[timer->slot] = timers[--pending_timers];
  timers[timer->slot]->slot = timer->slot;
  timer->due = 0;
}
void pass(uint64_t ns) {
  uint64_t end = now + ns;
  for (;;) {
    struct timer *next = NULL;
    for (unsigned i = 0; i < pending_timers; i++)
      if (!next || timers[i]->due < next->due) next = timers[i];
    if (!next || next->due > end) break;
    if (next->due > now) now = next->due;
    timer_clear(&keeper, next);
    next->fire(next);
  }
  now = end;
}
void pass_ms(uint64_t ms) { pass(ms * NS_PER_MS); }

/* ---- the rest of the keeper ---- */

struct seen events[32];
unsigned starts, kills, journals;
uint8_t kill_reason;
bool attached;
void (*clear_more)(struct container *);

void event_emit(struct keeper *of, uint8_t kind, struct container *container, uint32_t pid,
                const struct exit_status *exit, const char *detail) {
  (void)of, (void)container, (void)pid, (void)exit;
  events[kind].count++;
  events[kind].at = now;
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

struct container *made[MADE_MAX];
static unsigned made_count;
static char ids[MADE_MAX][16];
struct container *container_make(void) {
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
    if (clear_more) clear_more(made[i]);
  }
  pass(200 * NS_PER_S);
  CHECK(pending_timers == 0);
  for (unsigned i = 0; i < made_count; i++) {
    free(made[i]->init);
    free(made[i]);
  }
  free(keeper.probes);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  for (size_t i = 0; i < test_count; i++) {
    if (strcmp(argv[1], "--list") == 0) puts(tests[i].name);
    if (strcmp(argv[1], tests[i].name) != 0) continue;
    tests[i].run();
    free_all();
    return 0;
  }
  return strcmp(argv[1], "--list") == 0 ? 0 : 2;
}
