#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

void instance_check(struct keeper *about) { (void)about; }
bool instance_closing(const struct keeper *about) {
  (void)about;
  return false;
}

static char out[128];

static int configure(const char *script, bool anew) {
  struct writer strings = writer_new(65536);
  write_u32(&strings, script ? 3 : 0);
  if (script) {
    write_str(&strings, "/bin/sh");
    write_str(&strings, "-c");
    write_str(&strings, script);
  }
  write_u32(&strings, 1);
  snprintf(out, sizeof out, "OUT=%s/out", run_dir);
  write_str(&strings, out);
  struct reader in = reader_of(strings.data, strings.len);
  int result = service_configure(&keeper, &in, anew);
  writer_free(&strings);
  return result;
}
static unsigned runs(void) {
  if (access(out + 4, F_OK) < 0)
    return 0;
  size_t len;
  free(read_file(out + 4, &len));
  return (unsigned)len;
}
static bool ran(void *count) { return runs() >= *(unsigned *)count; }
static void wait_runs(unsigned count) { run_until(ran, &count); }
static bool gone(void *pid) { return kill(*(pid_t *)pid, 0) < 0; }

/* Lasts until its standard input ends. */
static const char lasting[] = "printf x >> $OUT; read line";

static void again_after_death(void) {
  CHECK(configure(lasting, false) == 0);
  wait_runs(1);
  pid_t first = service_pid(&keeper);
  CHECK(first > 0);
  kill(first, SIGKILL);
  wait_runs(2);
  CHECK(service_pid(&keeper) > 0 && service_pid(&keeper) != first);
  service_end(&keeper);
  CHECK(service_pid(&keeper) == 0);
  _exit(keeper.fd_used);
}
static void same_words(void) {
  CHECK(configure(lasting, false) == 0);
  wait_runs(1);
  pid_t first = service_pid(&keeper);
  CHECK(configure(lasting, false) == 0 && service_pid(&keeper) == first);
  CHECK(configure(lasting, true) == 0 && service_pid(&keeper) != first);
  wait_runs(2);
  CHECK(configure(NULL, false) == 0 && service_pid(&keeper) == 0);
  CHECK(configure(NULL, false) == 0);
  _exit(0);
}
static void next_keeper(void) {
  CHECK(configure(lasting, false) == 0);
  wait_runs(1);
  pid_t first = service_pid(&keeper);
  keeper.service = NULL;
  CHECK(service_init(&keeper) == 0);
  wait_runs(2);
  CHECK(service_pid(&keeper) > 0 && service_pid(&keeper) != first);
  service_end(&keeper);
  keeper.service = NULL;
  CHECK(service_init(&keeper) == 0 && service_pid(&keeper) == 0);
  kill(first, SIGKILL);
  _exit(0);
}
static void another_boot(void) {
  CHECK(configure(lasting, false) == 0);
  wait_runs(1);
  pid_t first = service_pid(&keeper);
  keeper.service = NULL;
  keeper.boot_id[0] = 'x';
  CHECK(service_init(&keeper) == 0 && service_pid(&keeper) == 0);
  kill(first, SIGKILL);
  _exit(0);
}
static void ends_with_keeper(void) {
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  pid_t keeper_pid = fork();
  if (keeper_pid == 0) {
    CHECK(configure(lasting, false) == 0);
    pid_t pid = service_pid(&keeper);
    CHECK(write(ends[1], &pid, sizeof pid) == sizeof pid);
    pause();
    _exit(0);
  }
  pid_t pid;
  CHECK(read(ends[0], &pid, sizeof pid) == sizeof pid);
  kill(keeper_pid, SIGKILL);
  run_until(gone, &pid);
  _exit(0);
}
static void failure_backs_off(void) {
  uint64_t before = now_ns();
  CHECK(configure("printf x >> $OUT; exit 1", false) == 0);
  wait_runs(4);
  CHECK(now_ns() - before >= 7 * NS_PER_S / 10);
  service_end(&keeper);
  _exit(0);
}

const struct test tests[] = {
    {"a service that dies is started again", again_after_death},
    {"one that runs goes on unless it shall begin anew, and ends when there is "
     "none any more",
     same_words},
    {"the next keeper starts it again, but not after an orderly end",
     next_keeper},
    {"what another boot had is not started", another_boot},
    {"it ends when its keeper is killed", ends_with_keeper},
    {"one that fails at once is started again, each time later",
     failure_backs_off},
};
const size_t test_count = sizeof tests / sizeof *tests;
