#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario.h"

static void write_slowly(void *context) {
  (void)context;
  for (int i = 0; i < 40; i++) {
    char text[16];
    say(1, text, (size_t)snprintf(text, sizeof text, "%d\n", i));
    usleep(10000);
  }
}
/* What a killed keeper leaves: the process, the FIFOs, and what the holder keeps. */
static struct process *die_and_return(void) {
  struct process *adopted = process_make(container, true);
  adopted->pid = process->pid;
  /* The old one's descriptors stay open but unread: harmless, they are closed at the end of the test. */
  struct stdio *old = process->stdio;
  keeper.fd_used = 0;
  close(keeper.epoll_fd);
  CHECK(loop_init(&keeper) == 0);
  CHECK(stdio_adopt(adopted) == 0);
  process->stdio = NULL;
  (void)old;
  return adopted;
}
static void check_numbers(void) {
  size_t len;
  char path[128], *at;
  snprintf(path, sizeof path, "%s/log", run_dir);
  char *text = at = read_file(path, &len);
  for (int i = 0; i < 40; i++) {
    char want[32];
    snprintf(want, sizeof want, " stdout F %d\n", i);
    at = strstr(at, want);
    CHECK(at);
  }
  free(text);
}
static void adopt(bool holder_lives) {
  container = container_make("c", LOG_PUMP);
  begin(true, 0, write_slowly);
  run_for(50);
  if (!holder_lives) holder_forget_all();
  usleep(100000);
  process = die_and_return();
  CHECK(keeper.fd_used == 2 && holder_kept("log:c:1") >= 0 && holder_kept("log:c:2") >= 0);
  finish();
  check_numbers();
  char path[128];
  snprintf(path, sizeof path, "%s/io/c.out", run_dir);
  CHECK(access(path, F_OK) < 0);
  CHECK(holder_kept("log:c:1") < 0 && holder_kept("log:c:2") < 0);
  _exit(keeper.fd_used); /* the dead keeper's memory is a leak only here */
}
static void adopt_from_holder(void) { adopt(true); }
static void adopt_by_path(void) { adopt(false); }
static void no_fifo(void) {
  char path[128];
  container = container_make("c", LOG_PUMP);
  snprintf(path, sizeof path, "%s/io", run_dir);
  CHECK(mkdir(path, 0700) == 0);
  snprintf(path, sizeof path, "%s/io/c.out", run_dir);
  CHECK(symlink("/dev/null", path) == 0);
  snprintf(path, sizeof path, "%s/io/c.err", run_dir);
  close(open(path, O_CREAT | O_WRONLY, 0600));
  process = process_make(container, true);
  CHECK(stdio_adopt(process) == 0 && !process->stdio);
  free_process(process);
}
static void adopt_input_test(void) {
  static struct fake_client one = {.keeps = true};
  struct request *first;
  container = container_make("c", LOG_PUMP);
  container->supervise.stdin_open = container->supervise.stdin_once = true;
  begin(true, 0, slow_cat);
  run_for(20);
  process = die_and_return();
  CHECK(keeper.fd_used == 3 && holder_kept("in:c") >= 0);
  struct failure failure;
  first = request_make(&one, REQ_ATTACH, ALL);
  CHECK(stdio_attach(first, process, ALL, &failure) == 0);
  stdio_input(first, (struct str){"hello", 5});
  run_for(50);
  CHECK(one.data[1].len == 5);
  _exit(memcmp(one.data[1].data, "hello", 5) != 0 || kill(process->pid, SIGKILL) < 0);
}

const struct test tests[] = {
    {"after the keeper, FIFOs from the holder have lost nothing", adopt_from_holder},
    {"after keeper and holder, FIFOs are opened again by path and have lost nothing", adopt_by_path},
    {"after keeper and holder, what is not a FIFO of ours is left alone", no_fifo},
    {"after the keeper, stdin goes on", adopt_input_test},
};
const size_t test_count = sizeof tests / sizeof *tests;
