#include <errno.h>
#include <unistd.h>

#include "scenario.h"

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

/* ---- many clients at random ---- */

enum { WORDS = 1000000, CLIENTS = 12 };
static void count_up(void *context) {
  (void)context;
  static uint32_t block[5000];
  for (uint32_t word = 0; word < WORDS;) {
    for (size_t i = 0; i < 5000; i++) block[i] = word++;
    say(1, block, sizeof block);
    if (word % 20000 == 0) usleep(5000);
  }
}
static struct {
  struct fake_client client;
  struct request *request;
} crowd[CLIENTS];
static uint64_t dice = 42;
static unsigned dropped, whole, left;

static unsigned roll(unsigned sides) {
  dice = dice * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)(dice >> 33) % sides;
}
/* What a client got must be the sequence without a gap, from wherever it began. */
static void check_and_clear(struct fake_client *of) {
  const struct writer *data = &of->data[1];
  size_t skip = 0;
  uint32_t first = 0, word;
  /* It may have begun within a word: the words are then found at another offset. */
  for (; data->len >= 12 && skip < 4; skip++) {
    uint32_t second;
    memcpy(&first, data->data + skip, 4);
    memcpy(&second, data->data + skip + 4, 4);
    if (second == first + 1 && first < WORDS) break;
  }
  CHECK(skip < 4);
  for (size_t at = skip, i = 0; at + 4 <= data->len; at += 4, i++) {
    memcpy(&word, data->data + at, 4);
    CHECK(word == first + i);
  }
  writer_free(&of->data[1]);
}
static void leave(unsigned i, bool by_itself) {
  if (by_itself) {
    crowd[i].request->cancelled = true;
    stdio_detach(crowd[i].request);
    request_end(crowd[i].request);
    left++;
  }
  check_and_clear(&crowd[i].client);
  crowd[i].request = NULL;
}
static bool act(void *context) {
  (void)context;
  for (unsigned i = 0; i < CLIENTS; i++) {
    struct fake_client *of = &crowd[i].client;
    if (crowd[i].request && of->ends) {
      dropped += of->error == ENOBUFS;
      whole += of->exits;
      leave(i, false);
    } else if (crowd[i].request && roll(40) == 0) {
      leave(i, true);
    } else if (!crowd[i].request && roll(4) == 0) {
      struct failure failure;
      *of = (struct fake_client){.keeps = true};
      crowd[i].request = request_make(of, REQ_ATTACH, START_STDOUT);
      if (stdio_attach(crowd[i].request, process, START_STDOUT, &failure) < 0) {
        request_end(crowd[i].request);
        crowd[i].request = NULL;
      }
    } else if (crowd[i].request && i % 4 && roll(3) == 0) {
      /* Every fourth is asleep. */
      if (roll(5) == 0) make_room(of, 0 + 1);
      stdio_credit(crowd[i].request, 1, roll(600000));
      if (of->room == 1 && roll(2)) make_room(of, CLIENT_OUT_MAX / 2);
    }
  }
  return child_ended(process);
}
static void at_random(void) {
  container = container_make("c", LOG_NULL);
  container->supervise.log.mode = LOG_PUMP;
  container->supervise.log.max_bytes = 100000;
  begin(true, 0, count_up);
  run_until(act, NULL);
  finish();
  for (unsigned i = 0; i < CLIENTS; i++) {
    if (!crowd[i].request) continue;
    struct fake_client *of = &crowd[i].client;
    make_room(of, CLIENT_OUT_MAX / 2);
    if (!of->ends) stdio_credit(crowd[i].request, 1, UINT32_MAX);
    CHECK(of->ends == 1);
    whole += of->exits;
    leave(i, false);
  }
  CHECK(whole > 0 && left > 5 && dropped > 0);
}

const struct test tests[] = {
    {"a slow attached client is dropped with ENOBUFS and holds up neither container nor others", slow_attach},
    {"output that a launch's client could not take yet comes before its EXIT, after the container's end", owed},
    {"a client that leaves with output owed to it is forgotten", owed_and_left},
    {"stdin stays open over several clients, and closes with the first one under stdinOnce", shared_input},
    {"stdin closes under stdinOnce when the client's connection breaks", broken_connection},
    {"the number of attached clients is bounded", many_attached},
    {"clients that come, go, sleep and lag at random get what they get without a gap", at_random},
};
const size_t test_count = sizeof tests / sizeof *tests;
