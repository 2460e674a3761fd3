#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../src/keeper/stdio/streams.h"
#include "harness.h"

static struct container *container;
static struct process *process;
static char log_path[160];

/* Starts a container with a pumped log whose init runs `child`. */
static void launch(void (*child)(void *), uint64_t max_bytes, uint32_t max_files) {
  struct failure failure;
  int out[3];
  container = container_make("c1", LOG_PUMP);
  container->supervise.log.max_bytes = max_bytes;
  container->supervise.log.max_files = max_files;
  snprintf(log_path, sizeof log_path, "%s/log", run_dir);
  process = process_make(container, true);
  CHECK(stdio_prepare(process, 0, 0, out, &failure) == 0);
  CHECK(out[0] >= 0 && out[1] >= 0 && out[2] >= 0);
  start_child(process, out, child, NULL);
  CHECK(stdio_start(process, -1, 0, 0) == 0);
}

static void finish(void) {
  reap_child(process);
  run_until(is_drained, process);
  free_process(process);
}

static void say(int fd, const void *data, size_t len) {
  for (size_t at = 0; at < len;) {
    ssize_t written = write(fd, (const char *)data + at, len - at);
    if (written <= 0) _exit(3);
    at += (size_t)written;
  }
}

static char *text;
static size_t text_len;

static char *read_log(const char *path) {
  free(text);
  return text = read_file(path, &text_len);
}

/* One line of what read_log gave: checks its form, gives its parts, returns the next. */
struct line {
  char stream[8], flag;
  const char *text;
  size_t len;
};
static char *parse(char *at, struct line *line) {
  char *end = memchr(at, '\n', (size_t)(text + text_len - at));
  int year, taken = 0;
  unsigned nanoseconds;
  CHECK(end);
  CHECK(sscanf(at, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%9uZ %6[a-z] %c%n", &year, &nanoseconds, line->stream, &line->flag,
               &taken) == 4);
  CHECK(taken == 30 + 1 + 6 + 1 + 1 && at[taken] == ' ');
  CHECK(strcmp(line->stream, "stdout") == 0 || strcmp(line->stream, "stderr") == 0);
  line->text = at + taken + 1;
  line->len = (size_t)(end - line->text);
  CHECK(line->len <= 16384);
  return end + 1;
}

static void write_two(void *context) {
  (void)context;
  say(1, "one\n\ntwo\n", 9);
  say(2, "oops\n", 5);
}
static void lines_of_both(void) {
  launch(write_two, 0, 1);
  finish();
  char *at = read_log(log_path);
  unsigned out = 0, err = 0;
  const char *expected[] = {"one", "", "two"};
  while (*at) {
    struct line line;
    at = parse(at, &line);
    CHECK(line.flag == 'F');
    if (strcmp(line.stream, "stderr") == 0) {
      CHECK(line.len == 4 && memcmp(line.text, "oops", 4) == 0);
      err++;
    } else {
      CHECK(out < 3 && line.len == strlen(expected[out]) && memcmp(line.text, expected[out], line.len) == 0);
      out++;
    }
  }
  CHECK(out == 3 && err == 1);
  struct stat about;
  CHECK(stat(log_path, &about) == 0 && (about.st_mode & 0777) == 0600);
}

static void write_prompt(void *context) {
  (void)context;
  say(1, "login: ", 7);
  usleep(600000);
  say(1, "root\nlast", 9);
}
static bool log_has_something(void *context) {
  struct stat about;
  (void)context;
  return stat(log_path, &about) == 0 && about.st_size > 0;
}
static void prompt(void) {
  launch(write_prompt, 0, 1);
  uint64_t before = now_ns();
  run_until(log_has_something, NULL);
  CHECK(now_ns() - before < 550 * NS_PER_MS);
  finish();
  struct line line;
  char *at = parse(read_log(log_path), &line);
  CHECK(line.flag == 'P' && line.len == 7 && memcmp(line.text, "login: ", 7) == 0);
  at = parse(at, &line);
  CHECK(line.flag == 'F' && line.len == 4 && memcmp(line.text, "root", 4) == 0);
  at = parse(at, &line);
  CHECK(line.flag == 'P' && line.len == 4 && memcmp(line.text, "last", 4) == 0 && !*at);
}

enum { NOISE = 3000000 };
static uint64_t noise_state = 1;
static void make_noise(char *to, size_t len) {
  for (size_t i = 0; i < len; i++) {
    noise_state = noise_state * 6364136223846793005ull + 1442695040888963407ull;
    uint8_t byte = (uint8_t)(noise_state >> 56);
    /* Newlines get rare after a while, so that there are lines of every length up to hundreds of kilobytes. */
    to[i] = byte == '\n' && i > len / 4 && (noise_state >> 40) % 1024 ? 0 : (char)byte;
  }
}
static void write_noise(void *context) {
  char *noise = malloc(NOISE);
  (void)context;
  make_noise(noise, NOISE);
  say(1, noise, NOISE);
}
static void binary(void) {
  launch(write_noise, 0, 1);
  finish();
  char *noise = malloc(NOISE), *joined = malloc(NOISE + 1);
  make_noise(noise, NOISE);
  size_t put = 0;
  read_log(log_path);
  for (char *at = text; at < text + text_len;) {
    struct line line;
    at = parse(at, &line);
    CHECK(put + line.len + (line.flag == 'F') <= NOISE);
    memcpy(joined + put, line.text, line.len);
    put += line.len;
    if (line.flag == 'F') joined[put++] = '\n';
  }
  CHECK(put == NOISE && memcmp(noise, joined, NOISE) == 0);
  free(noise);
  free(joined);
}

enum { MANY = 2000 };
static void write_many(void *context) {
  (void)context;
  char line[64];
  for (int i = 0; i < MANY; i++) say(1, line, (size_t)snprintf(line, sizeof line, "line %d of %d\n", i, MANY));
}
/* The newest lines are in `files` files without a gap, none of them larger than `max`. */
static void check_rotated(unsigned files, size_t max) {
  int expected = MANY - 1;
  for (unsigned number = 0; number < files; number++) {
    char path[160], *lines[MANY];
    int count = 0;
    snprintf(path, sizeof path, number ? "%s.%u" : "%s", log_path, number);
    char *at = read_log(path);
    CHECK(text_len > 0 && text_len <= max);
    while (*at) {
      struct line line;
      lines[count++] = at;
      at = parse(at, &line);
    }
    while (count-- > 0) {
      struct line line;
      char want[64];
      parse(lines[count], &line);
      snprintf(want, sizeof want, "line %d of %d", expected--, MANY);
      CHECK(line.len == strlen(want) && memcmp(line.text, want, line.len) == 0);
    }
  }
  char path[160];
  snprintf(path, sizeof path, "%s.%u", log_path, files);
  CHECK(access(path, F_OK) < 0);
}
static void rotation(void) {
  launch(write_many, 10000, 3);
  finish();
  check_rotated(3, 10000);
  CHECK(keeper.log_lines_dropped == 0);
}
static void one_file(void) {
  launch(write_many, 10000, 1);
  finish();
  check_rotated(1, 10000);
}
static void write_long(void *context) {
  (void)context;
  static char line[5000];
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\n';
  for (int i = 0; i < 4; i++) say(1, line, sizeof line);
}
static void longer_than_file(void) {
  launch(write_long, 1000, 2);
  finish();
  read_log(log_path);
  struct line line;
  CHECK(!*parse(text, &line) && line.len == 4999);
}
static void fewer_files(void) {
  launch(write_many, 10000, 5);
  finish();
  container->init = NULL;
  container->supervise.log.max_files = 2;
  stdio_log_changed(container);
  check_rotated(2, 10000);
}

static void write_until_told(void *context) {
  (void)context;
  char line[128];
  memset(line, 'y', sizeof line);
  line[sizeof line - 1] = '\n';
  for (int i = 0; i < 4000; i++) say(1, line, sizeof line);
  usleep(300000);
  say(1, "after\n", 6);
}
static bool dropped_some(void *context) {
  (void)context;
  return keeper.log_lines_dropped > 100;
}
static void full_disk(void) {
  char dir[128], path[160];
  snprintf(dir, sizeof dir, "%s/small", run_dir);
  CHECK(mkdir(dir, 0700) == 0 && mount("none", dir, "tmpfs", 0, "size=65536") == 0);
  snprintf(path, sizeof path, "%s/log", dir);
  launch(write_until_told, 0, 1);
  snprintf(log_path, sizeof log_path, "%s", path);
  free((void *)container->supervise.log.path);
  container->supervise.log.path = strdup(path);
  run_until(dropped_some, NULL);
  CHECK(events_of(EVENT_LOG_DROPPED) == 1 && strtoul(last_detail(), NULL, 10) > 0);
  read_log(log_path);
  for (char *at = text; *at;) {
    struct line line;
    at = parse(at, &line);
    CHECK(line.flag == 'F' && line.len == 127);
  }
  run_for(150);
  CHECK(truncate(log_path, 0) == 0);
  finish();
  CHECK(events_of(EVENT_LOG_DROPPED) <= 2);
  read_log(log_path);
  CHECK(strstr(text, " stdout F after\n"));
  CHECK(umount(dir) == 0 && rmdir(dir) == 0);
}

static void wait_a_little(void *context) {
  (void)context;
  usleep(200000);
}
static void idle_cost(void) {
  struct failure failure;
  int out[3];
  close(null_open(&keeper));
  unsigned before = open_fds();
  launch(wait_a_little, 0, 1);
  run_for(50);
  CHECK(open_fds() == before + 2 + 2 && keeper.fd_used == 2); /* the holder's duplicates are in this process */
  finish();
  CHECK(open_fds() == before);
  for (uint8_t mode = LOG_NULL; mode <= LOG_FILE; mode += LOG_FILE - LOG_NULL) {
    container = container_make("c2", mode);
    process = process_make(container, true);
    CHECK(stdio_prepare(process, 0, 0, out, &failure) == 0 && !process->stdio);
    start_child(process, out, wait_a_little, NULL);
    CHECK(stdio_start(process, -1, 0, 0) == 0);
    CHECK(open_fds() == before && keeper.fd_used == 0);
    finish();
  }
}
static void write_file(void *context) {
  (void)context;
  say(1, "raw", 3);
  say(2, " text", 5);
}
static void mode_file(void) {
  struct failure failure;
  int out[3];
  container = container_make("c3", LOG_FILE);
  process = process_make(container, true);
  snprintf(log_path, sizeof log_path, "%s/log", run_dir);
  CHECK(stdio_prepare(process, 0, 0, out, &failure) == 0);
  start_child(process, out, write_file, NULL);
  finish();
  read_log(log_path);
  CHECK(strcmp(text, "raw text") == 0);
  process = process_make(container, true);
  CHECK(stdio_prepare(process, START_STDOUT, 0, out, &failure) < 0 && failure.error == ENOTSUP);
  free_process(process);
}
static void budget(void) {
  struct failure failure;
  int out[3];
  unsigned before = open_fds();
  keeper.fd_limit = 1;
  container = container_make("c4", LOG_PUMP);
  process = process_make(container, true);
  CHECK(stdio_prepare(process, 0, 0, out, &failure) < 0 && failure.error == EMFILE);
  CHECK(out[0] == -1 && out[1] == -1 && out[2] == -1 && keeper.fd_used == 0);
  CHECK(open_fds() - before <= 1); /* the directory of the null device */
  free_process(process);
}

/* What a container could do to the null device and its FIFO through its own descriptors. */
static void hostile(void *context) {
  (void)context;
  if (fchmod(0, 0) == 0 || errno != EROFS) _exit(1);
  if (fchown(0, 1, 1) == 0 || errno != EROFS) _exit(2);
  int again = open("/proc/self/fd/1", O_WRONLY);
  if (again < 0) _exit(3);
  say(again, "reopened\n", 9);
  fcntl(1, F_SETFL, O_NONBLOCK);
}
static void hostile_container(void) {
  launch(hostile, 0, 1);
  finish();
  read_log(log_path);
  CHECK(strstr(text, " stdout F reopened\n"));
}
static void bad_names(void) {
  struct failure failure;
  int out[3];
  const char *names[] = {"../x", "", ".", "a/b"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    container = container_make(names[i], LOG_PUMP);
    process = process_make(container, true);
    CHECK(stdio_prepare(process, 0, 0, out, &failure) < 0 && failure.error == EINVAL);
    free_process(process);
  }
}

const struct test tests[] = {
    {"pump writes whole lines of stdout and stderr in the CRI format, into a private file", lines_of_both},
    {"pump does not hold back the start of a line for long, and logs an unfinished last line", prompt},
    {"pump keeps binary data byte for byte, in parts of at most 16 KiB", binary},
    {"pump rotates by size and keeps only so many files, without losing or cutting a line", rotation},
    {"pump starts its only file anew when it keeps one", one_file},
    {"pump gives a line that is longer than a file a file of its own", longer_than_file},
    {"pump removes files when fewer are to be kept", fewer_files},
    {"pump drops and counts lines while the disk is full, cuts none, and goes on afterwards", full_disk},
    {"an idle container costs two descriptors with a pump, none with null or a file", idle_cost},
    {"mode file lets the container write by itself and refuses streams", mode_file},
    {"a used-up descriptor budget refuses the start with EMFILE and leaves nothing", budget},
    {"a container cannot change its null device, and can reopen its output", hostile_container},
    {"an id that is not one path component gets no FIFO", bad_names},
};
const size_t test_count = sizeof tests / sizeof *tests;
