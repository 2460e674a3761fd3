#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

/* What instance.c does: this keeper is not about to end. */
void instance_check(struct keeper *keeper) { (void)keeper; }
bool instance_closing(const struct keeper *keeper) {
  (void)keeper;
  return false;
}

static char out[128];

/* CONFIG with a shell script and one variable. */
static void configure(const char *script) {
  struct writer strings = writer_new(65536);
  write_u32(&strings, 3);
  write_str(&strings, "/bin/sh");
  write_str(&strings, "-c");
  write_str(&strings, script);
  write_u32(&strings, 1);
  snprintf(out, sizeof out, "OUT=%s/out", run_dir);
  write_str(&strings, out);
  struct reader in = reader_of(strings.data, strings.len);
  CHECK(reconcile_configure(&keeper, &in) == 0);
  writer_free(&strings);
}
static bool idle(void *context) {
  (void)context;
  return !reconcile_busy(&keeper);
}
static char *output(void) {
  size_t len;
  return read_file(out + 4, &len);
}

static void clean_process(void) {
  configure("env > $OUT; for fd in $(ls /proc/$$/fd); do echo $fd=$(readlink /proc/$$/fd/$fd) >> $OUT; done; "
            "echo session $(cut -d' ' -f6 /proc/$$/stat) >> $OUT");
  setenv("SECRET", "x", 1);
  int leak = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  reconcile_request(&keeper);
  CHECK(reconcile_busy(&keeper) && reconcile_pid(&keeper) > 0);
  run_until(idle, NULL);
  close(leak);
  char *text = output();
  CHECK(strstr(text, "OUT=") && !strstr(text, "SECRET") && !strstr(text, "passwd"));
  CHECK(strstr(text, "\n0=/dev/null\n") && strstr(text, "\n1=/dev/null\n") && strstr(text, "\n2=/dev/null\n"));
  int session = -1;
  CHECK(sscanf(strrchr(text, ' '), " %d", &session) == 1 && session > 0 && session != getsid(0));
  free(text);
  CHECK(reconcile_pid(&keeper) == 0);
  _exit(keeper.fd_used); /* its command is kept for good */
}
static void once_more(void) {
  configure("echo run >> $OUT; sleep 0.2");
  for (int i = 0; i < 50; i++) reconcile_request(&keeper);
  run_until(idle, NULL);
  char *text = output();
  CHECK(strcmp(text, "run\nrun\n") == 0);
  free(text);
  _exit(0);
}
static void failure_backs_off(void) {
  configure("echo run >> $OUT; test $(wc -l < $OUT) -ge 3");
  uint64_t before = now_ns();
  reconcile_request(&keeper);
  run_for(300);
  reconcile_request(&keeper); /* does not cut the wait short */
  char *text = output();
  CHECK(strcmp(text, "run\n") == 0 && reconcile_busy(&keeper));
  free(text);
  run_until(idle, NULL);
  CHECK(now_ns() - before >= 3 * NS_PER_S && now_ns() - before < 5 * NS_PER_S);
  text = output();
  CHECK(strcmp(text, "run\nrun\nrun\n") == 0);
  free(text);
  _exit(0);
}
static void survives(void) {
  configure("echo run >> $OUT");
  keeper.reconcile = NULL; /* the next keeper */
  reconcile_request(&keeper);
  CHECK(!reconcile_busy(&keeper));
  CHECK(reconcile_init(&keeper) == 0);
  reconcile_request(&keeper);
  run_until(idle, NULL);
  char *text = output(), path[128];
  CHECK(strcmp(text, "run\n") == 0);
  free(text);
  struct stat about;
  snprintf(path, sizeof path, "%s/reconcile", run_dir);
  CHECK(stat(path, &about) == 0 && (about.st_mode & 0777) == 0600);
  _exit(0); /* the first keeper's memory */
}
static void nothing_configured(void) {
  CHECK(reconcile_init(&keeper) == 0);
  reconcile_request(&keeper);
  CHECK(!reconcile_busy(&keeper));
  int fd = openat(keeper.run_dir_fd, "reconcile", O_CREAT | O_WRONLY, 0600);
  CHECK(write(fd, "\xff\xff\xff\x7f", 4) == 4);
  close(fd);
  CHECK(reconcile_init(&keeper) < 0);
  reconcile_request(&keeper);
  CHECK(!reconcile_busy(&keeper));
  free(keeper.reconcile);
}
static void missing_program(void) {
  struct writer strings = writer_new(1024);
  write_u32(&strings, 1);
  write_str(&strings, "/no/such/program");
  write_u32(&strings, 0);
  struct reader in = reader_of(strings.data, strings.len);
  CHECK(reconcile_configure(&keeper, &in) == 0);
  reconcile_request(&keeper);
  CHECK(reconcile_busy(&keeper) && reconcile_pid(&keeper) == 0); /* tried again later */
  _exit(0);
}

const struct test tests[] = {
    {"the reconcile process has the configured environment, /dev/null, a session, and nothing of the keeper's",
     clean_process},
    {"asked fifty times while it runs, it runs once more", once_more},
    {"a reconcile process that fails is tried again, each time later", failure_backs_off},
    {"the next keeper reads the command from the run dir", survives},
    {"without a command, or with a broken file, nothing runs", nothing_configured},
    {"a command that does not exist is tried again, not waited for", missing_program},
};
const size_t test_count = sizeof tests / sizeof *tests;
