#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scenario.h"

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
};
const size_t test_count = sizeof tests / sizeof *tests;
