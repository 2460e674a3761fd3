#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../src/keeper/stdio/streams.h"
#include "harness.h"

enum { CONTENT_MAX = 65536, FILES = 8 };

static struct container *container;
static int out[3];
static char content[CONTENT_MAX];
static size_t content_len;

/* Lines of all lengths, one that is longer than a line of a log may be, and a
 * start without an end. */
static void compose(void) {
  content_len = 0;
  for (int i = 0; i < 120; i++) {
    content_len += (size_t)sprintf(content + content_len, "%d ", i);
    size_t more = (size_t)(i * 37 % 211);
    memset(content + content_len, 'a' + i % 26, more);
    content_len += more;
    content[content_len++] = '\n';
  }
  memset(content + content_len, 'L', 17000);
  content_len += 17000;
  content_len += (size_t)sprintf(content + content_len, "\nlogin: ");
}

static void launch(uint64_t max_bytes) {
  struct failure failure;
  container = container_make("c", LOG_PUMP);
  container->supervise.log.max_bytes = max_bytes;
  container->supervise.log.max_files = max_bytes ? FILES : 1;
  struct process *process = process_make(container, true);
  CHECK(stdio_prepare(process, 0, 0, out, &failure) == 0 &&
        stdio_start(process, -1, 0, 0) == 0);
  CHECK(write(out[1], content, content_len) == (ssize_t)content_len);
}

static bool is_read(void *context) {
  int left = 0;
  (void)context;
  OWN_FD fifo = holder_take(&keeper, "log:c:1");
  CHECK(ioctl(fifo, FIONREAD, &left) == 0);
  return left == 0;
}

/* A keeper in the place of the last one. `last`: the container has ended. */
static _Noreturn void serve(bool last) {
  close(keeper.epoll_fd);
  keeper.fd_used = 0;
  CHECK(loop_init(&keeper) == 0 && ledger_open(&keeper) == 0);
  struct process *process = process_make(container, true);
  CHECK(stdio_adopt(process) == 0);
  ledger_settle(&keeper);
  if (last) {
    close(out[1]);
    close(out[2]);
    process->exited = true;
    stdio_exited(process);
  }
  run_until(last ? is_drained : is_read, process);
  CHECK(keeper.log_lines_dropped == 0);
  _exit(0);
}

/* Runs a keeper and kills it where it enters or leaves its `stops`th system
 * call. False when it came to its end before. */
static bool serve_and_kill(unsigned stops) {
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    serve(false);
  }
  CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
  for (unsigned stop = 0; stop < stops; stop++) {
    CHECK(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    if (!WIFSTOPPED(status))
      break;
  }
  if (WIFSTOPPED(status)) {
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    return true;
  }
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return false;
}

static void serve_to_the_end(void) {
  int status;
  pid_t pid = fork();
  if (pid == 0)
    serve(true);
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
        WEXITSTATUS(status) == 0);
  for (int i = 0; i < 3; i++)
    close(out[i]);
}

/* The texts of a log file, put together; it is removed. */
static size_t join(const char *path, char *to) {
  size_t len, put = 0;
  if (access(path, F_OK) < 0)
    return 0;
  char *text = read_file(path, &len);
  for (char *at = text; at < text + len;) {
    char *end = memchr(at, '\n', (size_t)(text + len - at));
    CHECK(end && end - at >= 40 && strncmp(at + 30, " stdout ", 8) == 0);
    memcpy(to + put, at + 40, (size_t)(end - at) - 40);
    put += (size_t)(end - at) - 40;
    if (at[38] == 'F')
      to[put++] = '\n';
    at = end + 1;
  }
  free(text);
  unlink(path);
  return put;
}

static void check_log(unsigned stops) {
  static char joined[2 * CONTENT_MAX];
  size_t len = 0;
  for (unsigned number = FILES; number-- > 0;) {
    char path[160];
    snprintf(path, sizeof path, number ? "%s/log.%u" : "%s/log", run_dir,
             number);
    len += join(path, joined + len);
  }
  if (len == content_len && memcmp(joined, content, len) == 0)
    return;
  fprintf(stderr, "killed at stop %u: %zu bytes of %zu\n", stops, len,
          content_len);
  exit(1);
}

/* Without the memory of the tests' own keeper, whose descriptors each round
 * gives up. */
static void forget(void) {
  holder_forget_all();
  close(keeper.epoll_fd);
  keeper.fd_used = 0;
  CHECK(loop_init(&keeper) == 0 && ledger_open(&keeper) == 0);
}

static void kill_everywhere(uint64_t max_bytes) {
  bool killed = true;
  compose();
  for (unsigned stops = 1; killed; stops++) {
    pid_t round = fork();
    CHECK(round >= 0);
    if (round == 0) {
      forget();
      launch(max_bytes);
      killed = serve_and_kill(stops);
      /* The next one has little to do, and is killed in the middle of that. */
      if (killed)
        serve_and_kill(stops % 40);
      serve_to_the_end();
      check_log(stops);
      _exit(killed ? 0 : 77);
    }
    int status;
    CHECK(waitpid(round, &status, 0) == round && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
    killed = WEXITSTATUS(status) == 0;
    CHECK(killed || stops > 60);
  }
}
static void one_log(void) { kill_everywhere(0); }
static void rotated_log(void) { kill_everywhere(9000); }

const struct test tests[] = {
    {"a keeper killed at any system call loses no byte of a log and writes "
     "none twice",
     one_log},
    {"nor does it when the log is rotated", rotated_log},
};
const size_t test_count = sizeof tests / sizeof *tests;
