#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct keeper keeper;
char run_dir[64];

static struct container *containers;
static unsigned event_counts[32];
static char event_detail[8192];
static struct {
  char tag[128];
  int fd;
} store[64];

/* ---- the loop ---- */

struct waiting {
  struct timer tick;
  bool (*done)(void *);
  void *context;
  uint64_t end;
  bool late;
};

static void tick(struct timer *timer) {
  struct waiting *waiting = OWNER_OF(timer, struct waiting, tick);
  uint64_t now = now_ns();
  if (waiting->done && waiting->done(waiting->context))
    keeper.ending = true;
  else if (now >= waiting->end)
    waiting->late = keeper.ending = true;
  else
    timer_set(&keeper, timer, now + NS_PER_MS);
}

static bool wait_in_loop(bool (*done)(void *), void *context, uint64_t ms) {
  struct waiting waiting = {.done = done, .context = context, .end = now_ns() + ms * NS_PER_MS, .tick.fire = tick};
  keeper.ending = false;
  timer_set(&keeper, &waiting.tick, now_ns());
  loop_run(&keeper);
  timer_clear(&keeper, &waiting.tick);
  return !waiting.late;
}

void run_until(bool (*done)(void *), void *context) { CHECK(wait_in_loop(done, context, 20000)); }
void run_for(uint64_t ms) { wait_in_loop(NULL, NULL, ms); }

/* ---- clients ---- */

static struct fake_client *fake(const struct client *client) { return (struct fake_client *)(void *)client; }

struct request *request_make(struct fake_client *client, uint16_t type, uint32_t stream_flags) {
  struct request *request = calloc(1, sizeof *request);
  *request =
      (struct request){.client = (struct client *)(void *)client, .id = 1, .type = type, .stream_flags = stream_flags};
  for (int i = 0; i < 3; i++) {
    request->credit[i] = STREAM_WINDOW;
    if (client->data[i].max == 0) client->data[i] = writer_new((size_t)1 << 30);
  }
  if (client->room == 0) client->room = CLIENT_OUT_MAX / 2;
  return request;
}

uint64_t hash_bytes(uint64_t hash, const void *data, size_t len) {
  const uint8_t *at = data;
  for (size_t i = 0; i < len; i++) hash = (hash ^ at[i]) * 0x100000001b3ull;
  return hash;
}

void client_send(struct request *request, uint16_t type, const struct writer *payload) {
  struct fake_client *client = fake(request->client);
  struct reader in = payload ? reader_of(payload->data, payload->len) : reader_of("", 0);
  CHECK(!payload || !payload->failed);
  uint8_t number = 0;
  if (type == REP_STREAM || type == REP_STREAM_END || type == REP_CREDIT) number = read_u8(&in);
  CHECK(number < 3);
  if (type == REP_STREAM) {
    struct str data = read_bytes(&in);
    client->streamed += data.len;
    client->hash = hash_bytes(client->hash, data.at, data.len);
    if (client->keeps) {
      size_t before = client->data[number].len;
      write_bytes(&client->data[number], data.at, data.len);
      /* Without the length that write_bytes put before them. */
      memmove(client->data[number].data + before, client->data[number].data + before + 4, data.len);
      client->data[number].len -= 4;
    }
    if (client->grants) request->credit[number] += data.len;
  }
  if (type == REP_STREAM_END) client->stream_ends[number]++;
  if (type == REP_CREDIT) client->credit += read_u32(&in);
  if (type == REP_OK) client->oks++;
  if (type == REP_EXIT) {
    client->exits++;
    client->before_exit = client->streamed;
  }
}

size_t client_room(const struct client *client) { return fake(client)->room; }
void client_on_room(struct client *client, void (*room)(void *), void *context) {
  CHECK(!fake(client)->room_came);
  fake(client)->room_came = room;
  fake(client)->room_context = context;
}
void client_off_room(struct client *client, const void *context) {
  if (fake(client)->room_context == context) fake(client)->room_came = NULL;
}
void make_room(struct fake_client *client, size_t room) {
  void (*call)(void *) = client->room_came;
  client->room = room;
  client->room_came = NULL;
  if (call) call(client->room_context);
}
void grant(struct request *request, uint8_t stream, uint32_t bytes) { stdio_credit(request, stream, bytes); }

void request_ok(struct request *request) { client_send(request, REP_OK, NULL); }
void request_fail(struct request *request, const struct failure *failure) {
  fake(request->client)->error = failure->error;
}
void request_end(struct request *request) {
  fake(request->client)->ends++;
  CHECK(!request->attachment);
  free(request);
}
void write_exit(struct writer *out, const struct exit_status *exit) { write_i32(out, exit->code); }

/* ---- the rest of the keeper ---- */

void process_drained(struct process *process) {
  CHECK(!process->drained);
  process->drained = true;
}
void container_activity(struct container *container) { (void)container; }
void event_emit(struct keeper *of, uint8_t kind, struct container *container, uint32_t pid,
                const struct exit_status *exit, const char *detail) {
  (void)of, (void)container, (void)pid, (void)exit;
  event_counts[kind]++;
  snprintf(event_detail, sizeof event_detail, "%s", detail);
}
unsigned events_of(uint8_t kind) { return event_counts[kind]; }
const char *last_detail(void) { return event_detail; }

int fd_reserve(struct keeper *of, unsigned count) {
  if (of->fd_used + count > of->fd_limit) {
    errno = EMFILE;
    return -1;
  }
  of->fd_used += count;
  return 0;
}
void fd_release(struct keeper *of, unsigned count) {
  CHECK(of->fd_used >= count);
  of->fd_used -= count;
}

int holder_kept(const char *tag) {
  for (size_t i = 0; i < sizeof store / sizeof *store; i++)
    if (strcmp(store[i].tag, tag) == 0) return store[i].fd;
  return -1;
}
void holder_keep(struct keeper *of, const char *tag, int fd) {
  (void)of;
  for (size_t i = 0; i < sizeof store / sizeof *store; i++) {
    if (store[i].tag[0]) continue;
    snprintf(store[i].tag, sizeof store[i].tag, "%s", tag);
    store[i].fd = fcntl(fd, F_DUPFD_CLOEXEC, 500);
    return;
  }
}
void holder_drop(struct keeper *of, const char *tag) {
  (void)of;
  for (size_t i = 0; i < sizeof store / sizeof *store; i++) {
    if (strcmp(store[i].tag, tag) != 0) continue;
    close(store[i].fd);
    store[i].tag[0] = 0;
  }
}
int holder_take(struct keeper *of, const char *tag) {
  (void)of;
  int fd = holder_kept(tag);
  return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}
void holder_forget_all(void) {
  for (size_t i = 0; i < sizeof store / sizeof *store; i++)
    if (store[i].tag[0]) holder_drop(&keeper, store[i].tag);
}

/* ---- containers and processes ---- */

struct container *container_make(const char *id, uint8_t log_mode) {
  struct container *container = calloc(1, sizeof *container);
  char path[128];
  snprintf(path, sizeof path, "%s/log", run_dir);
  container->keeper = &keeper;
  container->status = STATUS_RUNNING;
  container->supervise.id = strdup(id);
  container->supervise.log.path = strdup(path);
  container->supervise.log.mode = log_mode;
  container->supervise.log.max_files = 3;
  container->hash_next = containers;
  containers = container;
  return container;
}

struct process *process_make(struct container *container, bool is_init) {
  struct process *process = calloc(1, sizeof *process);
  process->keeper = &keeper;
  process->container = container;
  process->is_init = is_init;
  process->started_ns = realtime_ns();
  if (is_init) container->init = process;
  return process;
}

void start_child(struct process *process, int out[3], void (*child)(void *), void *context) {
  process->pid = fork();
  CHECK(process->pid >= 0);
  if (process->pid == 0) {
    for (int i = 0; i < 3; i++) CHECK(out[i] < 0 || dup2(out[i], i) == i);
    close_range(3, ~0u, 0);
    signal(SIGPIPE, SIG_DFL);
    child(context);
    _exit(0);
  }
  for (int i = 0; i < 3; i++)
    if (out[i] >= 0) close(out[i]);
}

bool child_ended(void *context) {
  siginfo_t info = {0};
  CHECK(waitid(P_PID, (id_t)((struct process *)context)->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
  return info.si_pid != 0;
}

void reap_child(struct process *process) {
  run_until(child_ended, process);
  int status;
  CHECK(waitpid(process->pid, &status, 0) == process->pid);
  process->exited = true;
  process->exit.how = WIFEXITED(status) ? EXIT_EXITED : EXIT_SIGNALED;
  process->exit.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  stdio_exited(process);
}

bool is_drained(void *process) { return ((struct process *)process)->drained; }

void free_process(struct process *process) {
  stdio_free(process);
  if (process->is_init) process->container->init = NULL;
  free(process);
}

unsigned open_fds(void) {
  DIR *dir = opendir("/proc/self/fd");
  unsigned count = 0;
  while (readdir(dir)) count++;
  closedir(dir);
  return count - 3; /* ".", "..", and the directory's own */
}

char *read_file(const char *path, size_t *len) {
  FILE *file = fopen(path, "r");
  CHECK(file);
  fseek(file, 0, SEEK_END);
  *len = (size_t)ftell(file);
  rewind(file);
  char *text = malloc(*len + 1);
  CHECK(fread(text, 1, *len, file) == *len);
  fclose(file);
  text[*len] = 0;
  return text;
}

/* ---- main ---- */

static void free_containers(void) {
  while (containers) {
    struct container *container = containers;
    containers = container->hash_next;
    free((void *)container->supervise.id);
    free((void *)container->supervise.log.path);
    free(container);
  }
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *at) {
  (void)about, (void)type, (void)at;
  return remove(path);
}

static int run_test(const struct test *test) {
  close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  signal(SIGPIPE, SIG_IGN);
  snprintf(run_dir, sizeof run_dir, "/tmp/warren-keeper-test.XXXXXX");
  CHECK(mkdtemp(run_dir));
  fflush(NULL);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    keeper.run_dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    keeper.fd_limit = 1000;
    CHECK(loop_init(&keeper) == 0 && ledger_open(&keeper) == 0);
    /* What is mounted here is seen, and outlived, by nobody. */
    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    test->run();
    CHECK(keeper.fd_used == 0);
    free_containers();
    exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  nftw(run_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (size_t i = 0; i < test_count; i++) puts(tests[i].name);
    return 0;
  }
  for (size_t i = 0; argc == 2 && i < test_count; i++)
    if (strcmp(argv[1], tests[i].name) == 0) return run_test(&tests[i]);
  int result = 0;
  for (size_t i = 0; argc == 1 && i < test_count; i++) {
    int one = run_test(&tests[i]);
    printf("%s %s\n", one ? "FAILED" : "ok    ", tests[i].name);
    result |= one;
  }
  return argc > 2 ? 2 : result;
}
