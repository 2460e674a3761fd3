/*
 * The service: one program of the engine's that runs as long as the keeper does, and is started again when it ends. Its standard
 * input is a pipe that nothing is written to: it ends when the keeper is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/log.h"
#include "../keeper/core.h"
#include "policy.h"
#include "program.h"

enum { SHIFT_MAX = 8 };
#define FIRST_NS   (SECOND_NS / 10)
#define LASTING_NS (10 * SECOND_NS)

static const char config_name[] = "service";

struct service {
  struct keeper *keeper;
  struct program program;
  pid_t pid;       /* 0: does not run */
  int pidfd, bond; /* bond: our end of its standard input */
  struct watch watch;
  struct timer retry;
  uint64_t started_ns;
  unsigned failures; /* in a row */
};

static void run(struct service *service);

static struct service *service_of(struct keeper *keeper) {
  if (keeper->service) return keeper->service;
  struct service *service = calloc(1, sizeof *service);
  if (!service) return NULL;
  *service = (struct service){.keeper = keeper, .pidfd = -1, .bond = -1};
  keeper->service = service;
  return service;
}

static void let_go(struct service *service) {
  if (service->pidfd >= 0) close(service->pidfd);
  if (service->bond >= 0) close(service->bond);
  service->pidfd = service->bond = -1;
  service->pid = 0;
}

/* SIGKILL ends it at once: this does not wait for anything else. */
static void stop(struct service *service) {
  timer_clear(service->keeper, &service->retry);
  if (service->pid == 0) return;
  watch_remove(service->keeper, &service->watch);
  kill(service->pid, SIGKILL);
  kernel_waitid(P_PID, service->pid, NULL, WEXITED, NULL);
  let_go(service);
}

static void again(struct service *service, const char *why, int number) {
  bool lasted = service->started_ns > 0 && now_ns() - service->started_ns >= LASTING_NS;
  service->failures = lasted ? 0 : service->failures + 1;
  log_line(LEVEL_ERROR, "service %s: %s %d; started again", service->program.argv[0], why, number);
  if (service->failures == 0) return run(service);
  unsigned shift = service->failures - 1 < SHIFT_MAX ? service->failures - 1 : SHIFT_MAX;
  timer_set(service->keeper, &service->retry, now_ns() + (FIRST_NS << shift));
}

static void ended(struct watch *watch, uint32_t events) {
  struct service *service = OWNER_OF(watch, struct service, watch);
  (void)events;
  siginfo_t info = {0};
  int result = kernel_waitid(P_PIDFD, service->pidfd, &info, WEXITED | WNOHANG, NULL);
  if (result == 0 && info.si_pid == 0) return;
  watch_remove(service->keeper, &service->watch);
  let_go(service);
  if (instance_closing(service->keeper)) return;
  again(service,
        result < 0                   ? "lost, errno"
        : info.si_code == CLD_EXITED ? "exit code"
                                     : "signal",
        result < 0 ? errno : info.si_status);
}

static void retry_due(struct timer *timer) { run(OWNER_OF(timer, struct service, retry)); }

static void run(struct service *service) {
  int ends[2];
  service->retry.fire = retry_due;
  service->watch.ready = ended;
  service->started_ns = now_ns();
  if (pipe2(ends, O_CLOEXEC) < 0) return again(service, "cannot make a pipe, errno", errno);
  int error = program_spawn(&service->program, ends[0], &service->pid);
  close(ends[0]);
  service->bond = ends[1];
  if (error) {
    let_go(service);
    return again(service, "cannot start, errno", error);
  }
  service->pidfd = kernel_pidfd_open(service->pid, 0);
  if (service->pidfd >= 0 && watch_add(service->keeper, &service->watch, service->pidfd, EPOLLIN) == 0) return;
  error = errno;
  kill(service->pid, SIGKILL);
  kernel_waitid(P_PID, service->pid, NULL, WEXITED, NULL);
  let_go(service);
  again(service, "cannot watch, errno", error);
}

static bool same_list(char **one, char **other) {
  if (!one || !other) return one == other;
  for (; *one && *other; one++, other++)
    if (strcmp(*one, *other) != 0) return false;
  return *one == *other;
}

int service_configure(struct keeper *keeper, struct reader *strings, bool anew) {
  struct service *service = service_of(keeper);
  struct program wanted = {0};
  if (!service || program_read(&wanted, strings) < 0) return -1;
  bool same =
      same_list(wanted.argv, service->program.argv) && same_list(wanted.environment, service->program.environment);
  if (same && !anew && (service->pid != 0 || service->retry.due)) {
    program_free(&wanted);
    return 0;
  }
  stop(service);
  program_free(&service->program);
  service->program = wanted;
  service->failures = 0;
  if (!wanted.argv[0]) return unlinkat(keeper->run_dir_fd, config_name, 0) < 0 && errno != ENOENT ? -1 : 0;
  if (program_store(&service->program, keeper->run_dir_fd, config_name, keeper->boot_id) < 0) return -1;
  run(service);
  return 0;
}

int service_init(struct keeper *keeper) {
  struct service *service = service_of(keeper);
  if (!service) return -1;
  if (program_load(&service->program, keeper->run_dir_fd, config_name, keeper->boot_id) < 0)
    return errno == ENOENT ? 0 : -1;
  if (service->program.argv[0]) run(service);
  return 0;
}

pid_t service_pid(const struct keeper *keeper) { return keeper->service ? keeper->service->pid : 0; }

void service_end(struct keeper *keeper) {
  if (keeper->service) stop(keeper->service);
  unlinkat(keeper->run_dir_fd, config_name, 0);
}
