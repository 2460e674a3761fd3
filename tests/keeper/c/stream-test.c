#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "harness.h"

enum { ALL = START_STDIN | START_STDOUT | START_STDERR };

static struct container *container;
static struct process *process;
static struct fake_client client;
static struct request *request;

static void say(int fd, const void *data, size_t len) {
  for (size_t at = 0; at < len;) {
    ssize_t written = write(fd, (const char *)data + at, len - at);
    if (written <= 0) _exit(3);
    at += (size_t)written;
  }
}

static void begin(bool is_init, uint32_t flags, void (*child)(void *)) {
  struct failure failure;
  int out[3];
  process = process_make(container, is_init);
  if (flags & ALL) {
    request = request_make(&client, is_init ? REQ_LAUNCH : REQ_EXEC, flags);
    process->starter = request;
    request->process = process;
  }
  if (stdio_prepare(process, flags, 0, out, &failure) < 0) {
    fprintf(stderr, "prepare: %s %s %d\n", failure.message, failure.path, failure.error);
    exit(1);
  }
  start_child(process, out, child, NULL);
  CHECK(stdio_start(process, -1, 0, 0) == 0);
}

/* As process.c does: the starter's EXIT, then the process is freed. */
static void finish(void) {
  if (!process->exited) reap_child(process);
  run_until(is_drained, process);
  if (process->starter) {
    struct writer payload = writer_new(64);
    struct request *starter = process->starter;
    process->starter = NULL;
    client_send(starter, REP_EXIT, &payload);
    request_end(starter);
  }
  free_process(process);
  for (int i = 0; i < 3; i++) writer_free(&client.data[i]);
}

static bool data_is(unsigned number, const char *text) {
  const struct writer *data = &client.data[number];
  return data->len == strlen(text) && memcmp(data->data, text, data->len) == 0;
}

/* ---- execs ---- */

static void write_both(void *context) {
  (void)context;
  say(1, "out", 3);
  say(2, "err", 3);
}
static void exec_streams(void) {
  container = container_make("c", LOG_NULL);
  client.keeps = true;
  begin(false, START_STDOUT | START_STDERR, write_both);
  CHECK(keeper.fd_used == 2);
  reap_child(process);
  run_until(is_drained, process);
  CHECK(data_is(1, "out") && data_is(2, "err"));
  CHECK(client.stream_ends[1] == 1 && client.stream_ends[2] == 1);
  finish();
  CHECK(client.exits == 1 && client.before_exit == 6 && client.ends == 1);
}

enum { HUNDRED_MB = 100 * 1000 * 1000 };
static uint64_t expected_hash;
static void fill(uint32_t *words, size_t count, uint32_t first) {
  for (size_t i = 0; i < count; i++) words[i] = (first + (uint32_t)i) * 2654435761u;
}
static void write_hundred(void *context) {
  (void)context;
  static uint32_t block[25000];
  for (uint32_t done = 0; done < HUNDRED_MB; done += sizeof block) {
    fill(block, 25000, done / 4);
    say(1, block, sizeof block);
  }
}
static bool nothing_more(void *context) {
  uint64_t *seen = context;
  bool same = *seen == client.streamed && *seen > 0;
  *seen = client.streamed;
  return same;
}
static void backpressure(void) {
  container = container_make("c", LOG_NULL);
  begin(false, START_STDOUT | START_DISCARD, write_hundred);
  run_for(300);
  /* Without credit nothing more is read, and nothing is spun on. */
  CHECK(client.streamed == STREAM_WINDOW);
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  run_for(300);
  getrusage(RUSAGE_SELF, &after);
  CHECK((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec - before.ru_utime.tv_usec <
        150000);
  CHECK(client.streamed == STREAM_WINDOW);
  client.grants = true;
  grant(request, 1, 1000);
  finish();
  static uint32_t block[25000];
  expected_hash = 0;
  for (uint32_t done = 0; done < HUNDRED_MB; done += sizeof block) {
    fill(block, 25000, done / 4);
    expected_hash = hash_bytes(expected_hash, block, sizeof block);
  }
  CHECK(client.streamed == HUNDRED_MB && client.hash == expected_hash && client.exits == 1 &&
        client.before_exit == HUNDRED_MB);
}

static void write_megabyte(void *context) {
  static char block[1000000];
  (void)context;
  say(1, block, sizeof block);
}
static void full_client(void) {
  container = container_make("c", LOG_NULL);
  client.room = 100000;
  client.grants = true;
  begin(false, START_STDOUT | START_DISCARD, write_megabyte);
  uint64_t seen = 0;
  client.room = 1;
  run_for(100);
  CHECK(client.streamed == 0 && client.room_came);
  make_room(&client, CLIENT_OUT_MAX / 2);
  run_until(nothing_more, &seen);
  finish();
  CHECK(client.streamed == 1000000 && !client.room_came);
}

static void leave_child(void *context) {
  (void)context;
  say(1, "parent\n", 7);
  if (fork() == 0) {
    sleep(20);
    _exit(0);
  }
}
static void background_child(void) {
  container = container_make("c", LOG_NULL);
  client.keeps = true;
  begin(false, START_STDOUT | START_STDERR, leave_child);
  uint64_t before = now_ns();
  reap_child(process);
  run_until(is_drained, process);
  CHECK(now_ns() - before < 5 * NS_PER_S);
  CHECK(data_is(1, "parent\n"));
  finish();
  CHECK(client.exits == 1);
}
static void leave_flood(void *context) {
  (void)context;
  pid_t parent = getpid();
  if (fork() == 0) {
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    for (;;) say(1, "flood\n", 6);
  }
  usleep(100000);
  (void)parent;
}
static void background_flood(void) {
  container = container_make("c", LOG_NULL);
  client.grants = true;
  begin(false, START_STDOUT | START_STDERR, leave_flood);
  finish();
  CHECK(client.exits == 1);
}
static void exit_without_credit(void) {
  container = container_make("c", LOG_NULL);
  begin(false, START_STDOUT | START_STDERR, write_megabyte);
  request->credit[1] = 0;
  stdio_credit(request, 1, 999990);
  reap_child(process);
  run_until(is_drained, process);
  CHECK(client.streamed == 999990 && !process->starter);
  free_process(process);
  CHECK(client.exits == 0 && keeper.fd_used == 0);
  stdio_credit(request, 1, 10);
  CHECK(client.streamed == 1000000 && client.exits == 1 && client.before_exit == 1000000 && client.ends == 1);
}
static void fill_large_pipes(void *context) {
  (void)context;
  static char block[1 << 20];
  for (int fd = 1; fd <= 2; fd++) {
    if (fcntl(fd, F_SETPIPE_SZ, sizeof block) < 0) _exit(1);
    say(fd, block, sizeof block);
  }
}
static void large_pipes(void) {
  container = container_make("c", LOG_NULL);
  begin(false, START_STDOUT | START_STDERR, fill_large_pipes);
  request->credit[1] = request->credit[2] = 0;
  finish();
  CHECK(client.streamed == 0 && client.error == 0);
  stdio_credit(request, 1, 2 << 20);
  CHECK(client.exits == 0);
  stdio_credit(request, 2, 2 << 20);
  CHECK(client.streamed == 2 << 20 && client.exits == 1);
}
static void leaves(void) {
  container = container_make("c", LOG_NULL);
  begin(false, START_STDOUT | START_DISCARD, write_hundred);
  run_for(50);
  stdio_detach(request);
  CHECK(!process->starter);
  request_end(request);
  finish();
  CHECK(client.streamed == STREAM_WINDOW && client.exits == 0);
}
static void no_streams(void) {
  struct failure failure;
  int out[3];
  container = container_make("c", LOG_NULL);
  process = process_make(container, false);
  CHECK(stdio_prepare(process, 0, 0, out, &failure) < 0 && failure.error == ENOTSUP);
  CHECK(stdio_prepare(process, START_DISCARD, 0, out, &failure) == 0 && !process->stdio);
  for (int i = 0; i < 3; i++) close(out[i]);
  free_process(process);
}
static void write_digits(void *context) {
  (void)context;
  char text[16];
  for (int i = 0; i < 20000; i++) say(i % 2 + 1, text, (size_t)snprintf(text, sizeof text, "%05d\n", i));
}
static void captures(void) {
  struct failure failure;
  int out[3];
  container = container_make("c", LOG_NULL);
  process = process_make(container, false);
  CHECK(stdio_prepare(process, 0, 4096, out, &failure) == 0);
  start_child(process, out, write_digits, NULL);
  CHECK(stdio_start(process, -1, 0, 0) == 0 && keeper.fd_used == 1);
  reap_child(process);
  run_until(is_drained, process);
  struct str kept = stdio_captured(process);
  CHECK(kept.len == 4096);
  for (uint32_t back = 6; back <= 4092; back += 6) {
    char want[16];
    snprintf(want, sizeof want, "%05d\n", 20000 - (int)back / 6);
    CHECK(memcmp(kept.at + kept.len - back, want, 6) == 0);
  }
  free_process(process);
}

/* ---- input ---- */

static void slow_cat(void *context) {
  (void)context;
  char block[8192];
  ssize_t got;
  unsigned rounds = 0;
  while ((got = read(0, block, sizeof block)) > 0) {
    say(1, block, (size_t)got);
    if (rounds++ < 20) usleep(5000);
  }
}
static uint64_t input_sent;
static bool feed(void *context) {
  uint64_t total = *(uint64_t *)context;
  static uint32_t block[8192];
  while (input_sent < total) {
    uint32_t len = total - input_sent < sizeof block ? (uint32_t)(total - input_sent) : (uint32_t)sizeof block;
    if (request->credit[0] < len) return false; /* a client that counts the same */
    fill(block, 8192, (uint32_t)(input_sent / 4));
    expected_hash = hash_bytes(expected_hash, block, len);
    stdio_input(request, (struct str){(const char *)block, len});
    input_sent += len;
  }
  return true;
}
static void input_flow(void) {
  uint64_t total = 10000000;
  container = container_make("c", LOG_NULL);
  client.grants = true;
  begin(false, ALL, slow_cat);
  run_until(feed, &total);
  stdio_input_end(request);
  finish();
  CHECK(client.streamed == total && client.hash == expected_hash);
  CHECK(client.credit > total - STREAM_WINDOW);
}
static void close_input(void *context) {
  (void)context;
  close(0);
  usleep(100000);
  say(1, "done", 4);
}
static bool input_refused(void *context) {
  (void)context;
  return client.stream_ends[0] == 1;
}
static void input_epipe(void) {
  container = container_make("c", LOG_NULL);
  client.keeps = true;
  begin(false, ALL, close_input);
  static char block[65536];
  run_for(20);
  stdio_input(request, (struct str){block, sizeof block});
  run_until(input_refused, NULL);
  for (int i = 0; i < 8; i++) stdio_input(request, (struct str){block, sizeof block});
  CHECK(client.credit >= 8 * sizeof block);
  reap_child(process);
  run_until(is_drained, process);
  CHECK(data_is(1, "done") && client.stream_ends[0] == 1);
  finish();
}
static void too_much(void) {
  container = container_make("c", LOG_NULL);
  begin(false, ALL, slow_cat);
  static char block[STREAM_WINDOW + 1];
  stdio_input(request, (struct str){block, sizeof block});
  CHECK(client.error == EPROTO && client.ends == 1 && !process->starter);
  kill(process->pid, SIGKILL);
  finish();
}

/* ---- attach ---- */

static void attach(struct fake_client *to, struct request **made, uint32_t flags) {
  struct failure failure;
  *made = request_make(to, REQ_ATTACH, flags);
  to->oks = 0;
  CHECK(stdio_attach(*made, process, flags, &failure) == 0 && to->oks == 1 && (*made)->process == process);
}
static void chatter(void *context) {
  (void)context;
  char line[1000];
  memset(line, 'z', sizeof line);
  line[sizeof line - 1] = '\n';
  for (int i = 0; i < 4000; i++) {
    say(1, line, sizeof line);
    if (i % 100 == 0) usleep(2000);
  }
}
static void slow_attach(void) {
  static struct fake_client quick = {.grants = true}, slow;
  struct request *first, *second;
  container = container_make("c", LOG_PUMP);
  begin(true, 0, chatter);
  attach(&quick, &first, START_STDOUT);
  attach(&slow, &second, START_STDOUT | START_STDERR);
  CHECK(events_of(EVENT_ATTACH) == 2 && stdio_attached(process));
  finish();
  CHECK(slow.error == ENOBUFS && slow.ends == 1 && slow.exits == 0 && slow.streamed == STREAM_WINDOW);
  CHECK(quick.streamed == 4000000 && quick.exits == 1 && quick.ends == 1 && quick.before_exit == 4000000);
  CHECK(quick.stream_ends[1] == 1 && quick.stream_ends[2] == 0);
}
static void write_half(void *context) {
  (void)context;
  static char block[500000];
  memset(block, '\n', sizeof block);
  say(1, block, sizeof block);
  say(2, "end", 3);
}
static void owed(void) {
  container = container_make("c", LOG_NULL);
  begin(true, START_STDOUT | START_STDERR, write_half);
  reap_child(process);
  run_until(is_drained, process);
  /* The container's end waits for no client. */
  CHECK(process->drained && !process->starter && client.streamed >= STREAM_WINDOW && client.streamed < 500003);
  free_process(process);
  CHECK(client.exits == 0);
  while (client.exits == 0) {
    uint64_t before = client.streamed;
    stdio_credit(request, 1, 50000);
    CHECK(client.streamed > before || client.exits);
  }
  CHECK(client.streamed == 500003 && client.before_exit == 500003 && client.ends == 1);
  CHECK(client.stream_ends[1] == 1 && client.stream_ends[2] == 1);
}
static void owed_and_left(void) {
  container = container_make("c", LOG_NULL);
  begin(true, START_STDOUT | START_STDERR, write_half);
  reap_child(process);
  run_until(is_drained, process);
  free_process(process);
  stdio_detach(request);
  request_end(request);
  CHECK(client.exits == 0);
}
static void shared_input(void) {
  static struct fake_client one, two;
  struct request *first, *second;
  struct failure failure;
  container = container_make("c", LOG_PUMP);
  container->supervise.stdin_open = true;
  begin(true, 0, slow_cat);
  CHECK(keeper.fd_used == 3);
  one.keeps = two.keeps = true;
  attach(&one, &first, ALL);
  stdio_input(first, (struct str){"a", 1});
  run_for(50);
  first->cancelled = true;
  stdio_detach(first);
  request_end(first);
  CHECK(events_of(EVENT_DETACH) == 1);
  attach(&two, &second, ALL);
  stdio_input_end(second); /* not stdinOnce: the next one may write */
  stdio_input(second, (struct str){"ignored", 7});
  run_for(50);
  stdio_detach(second);
  request_end(second);
  container->supervise.stdin_once = true;
  attach(&one, &first, ALL);
  stdio_input(first, (struct str){"b", 1});
  stdio_input_end(first);
  reap_child(process);
  CHECK(stdio_attach(first, process, ALL, &failure) < 0 && failure.error == ESRCH);
  run_until(is_drained, process);
  CHECK(one.data[1].len == 2 && memcmp(one.data[1].data, "ab", 2) == 0);
  free_process(process);
  CHECK(one.exits == 1);
  for (int i = 0; i < 3; i++) writer_free(&one.data[i]), writer_free(&two.data[i]);
}
static void broken_connection(void) {
  container = container_make("c", LOG_PUMP);
  container->supervise.stdin_open = container->supervise.stdin_once = true;
  begin(true, ALL, slow_cat);
  run_for(20);
  stdio_detach(request); /* not cancelled: the connection broke */
  request_end(request);
  finish(); /* slow_cat has seen the end */
}
static void many_attached(void) {
  static struct fake_client clients[200];
  struct request *requests[200];
  struct failure failure;
  unsigned count = 0;
  container = container_make("c", LOG_PUMP);
  begin(true, 0, chatter);
  for (; count < 200; count++) {
    requests[count] = request_make(&clients[count], REQ_ATTACH, START_STDOUT);
    clients[count].grants = true;
    if (stdio_attach(requests[count], process, START_STDOUT, &failure) < 0) break;
  }
  CHECK(count == 128 && failure.error == EUSERS);
  request_end(requests[count]);
  finish();
  for (unsigned i = 0; i < count; i++) CHECK(clients[i].streamed == 4000000 && clients[i].exits == 1);
}

/* ---- ptys ---- */

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
  signal(SIGWINCH, on_resize);
  CHECK(ioctl(0, TIOCGWINSZ, &size) == 0);
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

/* ---- adoption ---- */

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
  attach(&one, &first, ALL);
  stdio_input(first, (struct str){"hello", 5});
  run_for(50);
  CHECK(one.data[1].len == 5);
  _exit(memcmp(one.data[1].data, "hello", 5) != 0 || kill(process->pid, SIGKILL) < 0);
}

const struct test tests[] = {
    {"an exec's output arrives by stream, ends, and then comes EXIT", exec_streams},
    {"an exec writing 100 MB is held up by credit, loses nothing and spins on nothing", backpressure},
    {"an exec waits while the connection has no room, and goes on with it", full_client},
    {"an exec that leaves a child with its output open ends with its own process", background_child},
    {"an exec that leaves a child flooding its output ends with its own process", background_flood},
    {"an exec's end does not wait for credit; its last output does, and EXIT after it", exit_without_credit},
    {"an exec may leave as much as two enlarged pipes hold", large_pipes},
    {"an exec whose client leaves is read to its end", leaves},
    {"an exec without streams needs DISCARD", no_streams},
    {"a probe's last bytes are kept, of both outputs in their order", captures},
    {"input of 10 MB reaches a slow reader whole, with credit as it reads", input_flow},
    {"input to a process that closed it is given up: STREAM_END, and the credit back", input_epipe},
    {"input beyond the credit ends the request", too_much},
    {"a slow attached client is dropped with ENOBUFS and holds up neither container nor others", slow_attach},
    {"output that a launch's client could not take yet comes before its EXIT, after the container's end", owed},
    {"a client that leaves with output owed to it is forgotten", owed_and_left},
    {"stdin stays open over several clients, and closes with the first one under stdinOnce", shared_input},
    {"stdin closes under stdinOnce when the client's connection breaks", broken_connection},
    {"the number of attached clients is bounded", many_attached},
    {"a pty is resized, tells its process, and is logged as stdout", resize},
    {"a pty's input waits until the process reads it, and ends with the end character", pty_input},
    {"a pty without a slave is neither the end nor spun on", reopened},
    {"after the keeper, FIFOs from the holder have lost nothing", adopt_from_holder},
    {"after keeper and holder, FIFOs are opened again by path and have lost nothing", adopt_by_path},
    {"after keeper and holder, what is not a FIFO of ours is left alone", no_fifo},
    {"after the keeper, stdin goes on", adopt_input_test},
};
const size_t test_count = sizeof tests / sizeof *tests;
