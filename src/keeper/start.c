/* `warren-keeper start`: makes sure that a keeper listens, and says where. */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/own.h"
#include "holder/holder.h"
#include "holder/leaf.h"
#include "keeper/arguments.h"

enum { PATIENCE_S = 20, BACKLOG = 4096, FIRST_FREE_FD = 16 };

static int problem(const char *action, const char *path) {
  fprintf(stderr, "Cannot %s %s: %s\n", action, path, strerror(errno));
  return -1;
}

/* mkdir -p; the last one 0700. */
static int make_directory(const char *path) {
  char part[PATH_MAX];
  if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (char *at = part + 1; *at; at++) {
    if (*at != '/') continue;
    *at = 0;
    if (mkdir(part, 0755) < 0 && errno != EEXIST) return -1;
    *at = '/';
  }
  return mkdir(part, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

/* A directory that only its owner, this user, can look into. -1 with a message. */
static int open_private(const char *path) {
  struct stat status;
  if (make_directory(path) < 0) return problem("create", path);
  OWN_FD dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0 || fstat(dir, &status) < 0) return problem("open", path);
  if (status.st_uid != geteuid() || (status.st_mode & 0077) != 0) {
    fprintf(stderr, "Cannot use %s: it must be mode 0700 and belong to uid %u\n", path, (unsigned)geteuid());
    return -1;
  }
  return steal_fd(&dir);
}

static void too_long(int number) { (void)number; }

/* Waits for whoever holds it, for a while. */
static int lock_file(int dir, const char *kind, unsigned instance) {
  char name[64];
  snprintf(name, sizeof name, "keeper-%u.%s", instance, kind);
  OWN_FD fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  struct sigaction action = {.sa_handler = too_long};
  sigaction(SIGALRM, &action, NULL);
  alarm(PATIENCE_S);
  int result = flock(fd, LOCK_EX);
  alarm(0);
  if (result == 0) return steal_fd(&fd);
  if (errno == EINTR) errno = ETIMEDOUT;
  return -1;
}

/* Through the directory's descriptor: socket paths are short. */
static struct sockaddr_un address_of(int dir, unsigned instance) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/keeper-%u.sock", dir, instance);
  return address;
}

static bool listens(int dir, unsigned instance) {
  struct sockaddr_un address = address_of(dir, instance);
  OWN_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static int listen_in(int dir, unsigned instance) {
  struct sockaddr_un address = address_of(dir, instance);
  OWN_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (unlink(address.sun_path) < 0 && errno != ENOENT) return -1;
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0) return -1;
  return steal_fd(&fd);
}

static int own_program(void) {
  OWN_FD self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  return self < 0 ? -1 : memfd_copy("warren-keeper", self);
}

/* Clean signals, no terminal, no environment, nothing open but what the holder needs. */
static _Noreturn void become_holder(struct keeper_options *options, int program, const int given[3], int dir) {
  char *arguments[ARGUMENTS_MAX];
  sigset_t none;
  int fds[3];
  setsid();
  umask(077);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int number = 1; number < 65; number++) signal(number, SIG_DFL);
  program = fcntl(program, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int log = openat(dir, "keeper.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  for (int i = 0; i < 3; i++) fds[i] = fcntl(given[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
  log = fcntl(log, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
  null = fcntl(null, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
  for (int i = 0; i < 3; i++) dup2(fds[i], LISTEN_FD + i);
  dup2(null, 0);
  dup2(log, 1);
  dup2(log, 2);
  kernel_close_range(READY_FD + 1, FIRST_FREE_FD - 1, 0);
  if (chdir("/") == 0 && arguments_of(options, "holder", arguments)) {
    kernel_close_range(FIRST_FREE_FD, ~0u, CLOSE_RANGE_CLOEXEC);
    program_execute(program, arguments);
  }
  dprintf(READY_FD, "Cannot execute the holder: %s", strerror(errno));
  _exit(1);
}

/* What the keeper says about itself: "ok", or one line about why it cannot start. */
static int wait_ready(int ready) {
  char text[1024];
  size_t len = 0;
  for (;;) {
    struct pollfd wait = {.fd = ready, .events = POLLIN};
    int result = poll(&wait, 1, PATIENCE_S * 1000);
    ssize_t got = result > 0 ? read(ready, text + len, sizeof text - 1 - len) : -1;
    if (got <= 0) {
      text[len] = 0;
      if (result == 0 && len == 0) snprintf(text, sizeof text, "Cannot start the keeper: it does not answer");
      break;
    }
    len += (size_t)got;
  }
  if (strcmp(text, "ok") == 0) return 0;
  fprintf(stderr, "%s\n", *text ? text : "Cannot start the keeper: it ended; keeper.log in the run dir says why");
  return -1;
}

static int start_holder(struct keeper_options *options, int dir) {
  OWN_FD lock = lock_file(dir, "lock", options->instance);
  if (lock < 0) return problem("lock keeper.lock in", options->run_dir);
  OWN_FD listener = listen_in(dir, options->instance);
  if (listener < 0) return problem("listen in", options->run_dir);
  OWN_FD program = own_program();
  if (program < 0) return problem("copy", "the keeper's program");
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) return problem("create", "a pipe");
  pid_t pid = fork();
  if (pid == 0) become_holder(options, program, (int[]){listener, lock, ready[1]}, dir);
  close(ready[1]);
  OWN_FD answer = ready[0];
  if (pid < 0) return problem("fork", "the holder");
  /* The holder goes into its leaf; controllers can be enabled for a scope's groups when nobody is left in its own. */
  if (options->leave_scope) leaf_to_root(options);
  return wait_ready(answer);
}

static void note_original(struct keeper_options *options) {
  char text[16] = "0";
  struct rlimit files = {.rlim_cur = 1024};
  getrlimit(RLIMIT_NOFILE, &files);
  options->original_files = files.rlim_cur;
  OWN_FD fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (len > 0) options->original_oom_score = atoi(text);
}

int start_main(struct keeper_options *options) {
  if (geteuid() != 0) {
    fprintf(stderr, "Cannot start the keeper: it needs root\n");
    return 1;
  }
  umask(077);
  OWN_FD dir = open_private(options->run_dir);
  if (dir < 0) return 1;
  OWN_FD data = open_private(options->data_root);
  if (data < 0) return 1;
  OWN_FD starting = lock_file(dir, "start", options->instance);
  if (starting < 0) {
    problem("lock keeper.start in", options->run_dir);
    return 1;
  }
  note_original(options);
  if (!listens(dir, options->instance) && start_holder(options, dir) < 0) return 1;
  printf("%s/keeper-%u.sock\n", options->run_dir, options->instance);
  return 0;
}

/* ---- the holder's own start ---- */

static void protect(void) {
  OWN_FD fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  /* Lowering it needs CAP_SYS_RESOURCE, which not every root has. */
  if (fd >= 0 && write(fd, "-999", 4) < 0 && errno != EACCES && errno != EPERM)
    log_line(LEVEL_WARN, "cannot lower oom_score_adj: errno %d", errno);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

_Noreturn void holder_role(struct keeper_options *options) {
  char *arguments[ARGUMENTS_MAX];
  struct failure failure;
  int dir = open(options->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  log_open(dir, "keeper.log");
  for (int fd = LISTEN_FD; fd <= READY_FD; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (leaf_join(options, &failure) < 0) {
    dprintf(READY_FD, "Cannot %s %s: %s", failure.message, failure.path, strerror(failure.error));
    leaf_leave();
    _exit(1);
  }
  protect();
  if (!arguments_of(options, "keeper", arguments)) {
    dprintf(READY_FD, "Cannot start the keeper: no memory");
    _exit(1);
  }
  holder_main(&(struct holder_options){
      .run_dir = options->run_dir,
      .instance = options->instance,
      .keeper_arguments = arguments,
      .leave_cgroups = leaf_leave,
  });
}
