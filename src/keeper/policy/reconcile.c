/*
 * The reconcile process: a short-lived program of the engine's, for what the keeper cannot do itself (remove a container,
 * restart after a refused launch). One at a time; what is asked for while it runs makes it run once more.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../base/kernel.h"
#include "../base/log.h"
#include "../base/own.h"
#include "policy.h"

enum { CONFIG_MAX = 262144, TRIES = 8 };
#define LONGEST_NS (300 * SECOND_NS)

static const char config_name[] = "reconcile";
static const char config_new[] = "reconcile.new";

struct reconcile {
  struct keeper *keeper;
  char **argv, **environment; /* NULL: not configured */
  pid_t pid;                  /* 0: none runs */
  int pidfd;
  struct watch watch;
  struct timer retry;
  bool again;
  unsigned failures; /* in a row */
};

static void run(struct reconcile *reconcile);

static void free_list(char **list) {
  for (char **at = list; at && *at; at++) free(*at);
  free(list);
}

static char **read_list(struct reader *in) {
  uint32_t count = read_count(in, 4);
  char **list = in->bad ? NULL : calloc((size_t)count + 1, sizeof *list);
  for (uint32_t i = 0; list && i < count; i++) {
    list[i] = str_copy(read_str(in));
    if (list[i] && !in->bad) continue;
    free_list(list);
    return NULL;
  }
  return list;
}

static struct reconcile *reconcile_of(struct keeper *keeper) {
  if (keeper->reconcile) return keeper->reconcile;
  struct reconcile *reconcile = calloc(1, sizeof *reconcile);
  if (!reconcile) return NULL;
  *reconcile = (struct reconcile){.keeper = keeper, .pidfd = -1};
  keeper->reconcile = reconcile;
  return reconcile;
}

static int configure(struct reconcile *reconcile, struct reader *strings) {
  char **argv = read_list(strings);
  char **environment = argv ? read_list(strings) : NULL;
  if (!environment) {
    free_list(argv);
    errno = strings->bad ? EBADMSG : ENOMEM;
    return -1;
  }
  free_list(reconcile->argv);
  free_list(reconcile->environment);
  reconcile->argv = argv;
  reconcile->environment = environment;
  return 0;
}

static void put_list(struct writer *out, char **list) {
  uint32_t count = 0;
  while (list[count]) count++;
  write_u32(out, count);
  for (uint32_t i = 0; i < count; i++) write_str(out, list[i]);
}

static int store(const struct reconcile *reconcile) {
  int dir = reconcile->keeper->run_dir_fd;
  struct writer out = writer_new(CONFIG_MAX);
  put_list(&out, reconcile->argv);
  put_list(&out, reconcile->environment);
  int result = -1;
  OWN_FD fd = openat(dir, config_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (out.failed)
    errno = E2BIG;
  else if (fd >= 0) {
    ssize_t written = write(fd, out.data, out.len);
    if (written == (ssize_t)out.len)
      result = renameat(dir, config_new, dir, config_name);
    else if (written >= 0)
      errno = ENOSPC;
  }
  int error = errno;
  if (result < 0) unlinkat(dir, config_new, 0);
  writer_free(&out);
  errno = error;
  return result;
}

int reconcile_configure(struct keeper *keeper, struct reader *strings) {
  struct reconcile *reconcile = reconcile_of(keeper);
  if (!reconcile || configure(reconcile, strings) < 0) return -1;
  return store(reconcile);
}

int reconcile_init(struct keeper *keeper) {
  struct reconcile *reconcile = reconcile_of(keeper);
  if (!reconcile) return -1;
  OWN_FD fd = openat(keeper->run_dir_fd, config_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  OWN_MEM uint8_t *data = malloc(CONFIG_MAX);
  if (!data) return -1;
  ssize_t len = read(fd, data, CONFIG_MAX);
  if (len < 0) return -1;
  struct reader in = reader_of(data, (size_t)len);
  return configure(reconcile, &in);
}

/* Tries again, each time later; gives up after a while, until somebody asks anew. */
static void failed(struct reconcile *reconcile, const char *why, int number) {
  reconcile->failures++;
  bool last = reconcile->failures >= TRIES;
  log_line(LEVEL_ERROR, "reconcile process %s: %s %d%s", reconcile->argv[0], why, number,
           last ? "; not tried again" : "");
  reconcile->again = false;
  if (last) return;
  uint64_t delay = SECOND_NS << (reconcile->failures - 1);
  timer_set(reconcile->keeper, &reconcile->retry, now_ns() + (delay < LONGEST_NS ? delay : LONGEST_NS));
}

static void ended(struct watch *watch, uint32_t events) {
  struct reconcile *reconcile = (void *)((char *)watch - offsetof(struct reconcile, watch));
  (void)events;
  siginfo_t info = {0};
  int result = kernel_waitid(P_PIDFD, reconcile->pidfd, &info, WEXITED | WNOHANG, NULL);
  if (result == 0 && info.si_pid == 0) return;
  watch_remove(reconcile->keeper, &reconcile->watch);
  close(reconcile->pidfd);
  reconcile->pidfd = -1;
  reconcile->pid = 0;
  instance_check(reconcile->keeper);
  if (instance_closing(reconcile->keeper)) return;
  if (result < 0) {
    failed(reconcile, "lost, errno", errno);
  } else if (info.si_code != CLD_EXITED || info.si_status != 0) {
    failed(reconcile, info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
  } else {
    reconcile->failures = 0;
    if (reconcile->again) run(reconcile);
  }
}

static void retry_due(struct timer *timer) {
  run((struct reconcile *)(void *)((char *)timer - offsetof(struct reconcile, retry)));
}

/* A session of its own, default signals, nothing open but /dev/null (all else is close-on-exec). 0, or an errno. */
static int spawn(struct reconcile *reconcile) {
  static const int reset[] = {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int error = posix_spawn_file_actions_init(&files);
  if (error) return error;
  error = posix_spawnattr_init(&attributes);
  if (error) {
    posix_spawn_file_actions_destroy(&files);
    return error;
  }
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (size_t i = 0; i < sizeof reset / sizeof *reset; i++) sigaddset(&defaults, reset[i]);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  error = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
  for (int fd = 1; fd <= 2 && !error; fd++) error = posix_spawn_file_actions_adddup2(&files, 0, fd);
  if (!error)
    error =
        posix_spawn(&reconcile->pid, reconcile->argv[0], &files, &attributes, reconcile->argv, reconcile->environment);
  if (error) reconcile->pid = 0;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

static void run(struct reconcile *reconcile) {
  reconcile->again = false;
  timer_clear(reconcile->keeper, &reconcile->retry);
  int error = spawn(reconcile);
  if (error) {
    failed(reconcile, "cannot start, errno", error);
    return;
  }
  reconcile->pidfd = kernel_pidfd_open(reconcile->pid, 0);
  reconcile->watch.ready = ended;
  if (reconcile->pidfd >= 0 && watch_add(reconcile->keeper, &reconcile->watch, reconcile->pidfd, EPOLLIN) == 0) return;
  /* Without a descriptor its end cannot be waited for without blocking: it is not let run. */
  error = errno;
  kill(reconcile->pid, SIGKILL);
  kernel_waitid(P_PID, reconcile->pid, NULL, WEXITED, NULL);
  if (reconcile->pidfd >= 0) close(reconcile->pidfd);
  reconcile->pidfd = -1;
  reconcile->pid = 0;
  failed(reconcile, "cannot watch, errno", error);
}

void reconcile_request(struct keeper *keeper) {
  struct reconcile *reconcile = keeper->reconcile;
  if (!reconcile || !reconcile->argv || !reconcile->argv[0] || instance_closing(keeper)) return;
  reconcile->retry.fire = retry_due;
  if (reconcile->pid)
    reconcile->again = true;
  else if (!reconcile->retry.due)
    run(reconcile);
}

bool reconcile_busy(const struct keeper *keeper) {
  const struct reconcile *reconcile = keeper->reconcile;
  return reconcile && (reconcile->pid || reconcile->retry.due);
}

pid_t reconcile_pid(const struct keeper *keeper) { return keeper->reconcile ? keeper->reconcile->pid : 0; }
