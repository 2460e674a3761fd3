#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "scenario.h"

static int slave;
static void begin_pty(void (*child)(void *), bool stdin_open) {
  struct failure failure;
  int out[3], master;
  container = container_make("c", LOG_PUMP);
  container->supervise.tty = true;
  container->supervise.stdin_open = stdin_open;
  process = process_make(container, true);
  request = request_make(&client, REQ_LAUNCH, ALL);
  process->starter = request;
  client.keeps = client.grants = true;
  CHECK(stdio_prepare(process, ALL, 0, out, &failure) == 0 && out[0] == -1 && out[1] == -1 && out[2] == -1);
  CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
  for (int i = 0; i < 3; i++) out[i] = dup(slave);
  start_child(process, out, child, NULL);
  CHECK(stdio_start(process, master, 80, 24) == 0);
  close(slave);
  CHECK(keeper.fd_used == 1 && holder_kept("pty:c") >= 0);
}
static volatile sig_atomic_t resized;
static void on_resize(int signal) {
  (void)signal;
  resized = 1;
}
static void tell_size(void *context) {
  struct winsize size;
  (void)context;
  setsid();
  ioctl(0, TIOCSCTTY, 0);
  do CHECK(ioctl(0, TIOCGWINSZ, &size) == 0); /* the first size is set while this runs */
  while (size.ws_col == 0);
  signal(SIGWINCH, on_resize);
  printf("%dx%d\n", size.ws_col, size.ws_row);
  fflush(stdout);
  while (!resized) usleep(1000);
  CHECK(ioctl(0, TIOCGWINSZ, &size) == 0);
  printf("%dx%d\n", size.ws_col, size.ws_row);
  fflush(stdout);
}
static bool first_size(void *context) {
  (void)context;
  return client.data[1].len == 7;
}
static void resize(void) {
  begin_pty(tell_size, true);
  run_until(first_size, NULL);
  CHECK(stdio_resize(process, 132, 43) == 0);
  reap_child(process);
  run_until(is_drained, process);
  CHECK(data_is(1, "80x24\r\n132x43\r\n"));
  finish();
  size_t len;
  char path[128];
  snprintf(path, sizeof path, "%s/log", run_dir);
  char *text = read_file(path, &len);
  CHECK(strstr(text, " stdout F 80x24\r\n") && strstr(text, " stdout F 132x43\r\n") && !strstr(text, "stderr"));
  free(text);
}
static void read_lines(void *context) {
  (void)context;
  struct termios settings;
  tcgetattr(0, &settings);
  settings.c_lflag &= ~(tcflag_t)ECHO;
  tcsetattr(0, TCSANOW, &settings);
  say(1, "go", 2);
  char line[256];
  ssize_t got;
  uint64_t total = 0;
  while ((got = read(0, line, sizeof line)) > 0) total += (uint64_t)got, usleep(50);
  char text[64];
  say(1, text, (size_t)snprintf(text, sizeof text, " %llu", (unsigned long long)total));
}
static bool said_go(void *context) {
  (void)context;
  return client.data[1].len >= 2;
}
/* 200,000 bytes are far more than a terminal buffers. */
static void pty_input(void) {
  begin_pty(read_lines, true);
  run_until(said_go, NULL);
  static char text[200000];
  for (size_t i = 0; i < sizeof text; i++) text[i] = i % 50 == 49 ? '\n' : 'k';
  stdio_input(request, (struct str){text, sizeof text});
  stdio_input(request, (struct str){"half a line", 11});
  container->supervise.stdin_once = true;
  stdio_input_end(request);
  reap_child(process);
  run_until(is_drained, process);
  CHECK(data_is(1, "go 200011"));
  finish();
}
static char slave_name[64];
static void hang_up(void *context) {
  (void)context;
  int fd;
  CHECK(ttyname_r(0, slave_name, sizeof slave_name) == 0);
  signal(SIGHUP, SIG_IGN);
  say(1, "one", 3);
  for (int i = 0; i < 3; i++) close(i);
  usleep(400000);
  fd = open(slave_name, O_RDWR | O_NOCTTY);
  say(fd, "two", 3);
}
static void reopened(void) {
  begin_pty(hang_up, true);
  run_for(100);
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  run_for(200);
  getrusage(RUSAGE_SELF, &after);
  CHECK((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec - before.ru_utime.tv_usec <
        100000);
  reap_child(process);
  run_until(is_drained, process);
  CHECK(data_is(1, "onetwo"));
  finish();
}

const struct test tests[] = {
    {"a pty is resized, tells its process, and is logged as stdout", resize},
    {"a pty's input waits until the process reads it, and ends with the end character", pty_input},
    {"a pty without a slave is neither the end nor spun on", reopened},
};
const size_t test_count = sizeof tests / sizeof *tests;
