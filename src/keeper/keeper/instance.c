/* The keeper itself: start-up, idle exit, shutdown. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/memfd.h"
#include "../holder/holder.h"
#include "instance.h"

enum { TRANSIENT_FDS = 192 };

extern const uint8_t warren_init_start[], warren_init_end[];

static void check(struct deferred *);
static void idle_over(struct timer *);

/* ---- start ---- */

static _Noreturn void cannot_start(const char *what, const char *path) {
  int error = errno;
  log_line(LEVEL_ERROR, "cannot %s %s: %s", what, path, strerror(error));
  dprintf(READY_FD, "Cannot %s %s: %s", what, path, strerror(error));
  _exit(1);
}

static void open_places(struct keeper *keeper) {
  const struct keeper_options *options = &keeper->options;
  keeper->run_dir_fd = open(options->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (keeper->run_dir_fd < 0) cannot_start("open run dir", options->run_dir);
  log_open(keeper->run_dir_fd, "keeper.log");
  for (unsigned i = 0; i < 16; i++) keeper->hierarchies[i] = -1;
  for (unsigned i = 0; i < options->hierarchy_count; i++) {
    keeper->hierarchies[i] = open(options->hierarchy_roots[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (keeper->hierarchies[i] < 0) cannot_start("open cgroup hierarchy", options->hierarchy_roots[i]);
  }
  OWN_FD boot = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  ssize_t len = boot < 0 ? -1 : read(boot, keeper->boot_id, sizeof keeper->boot_id - 1);
  if (len < 36) cannot_start("read", "/proc/sys/kernel/random/boot_id");
  keeper->boot_id[36] = 0;
}

static void open_programs(struct keeper *keeper) {
  keeper->self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  keeper->init_fd = memfd_of("warren-init", warren_init_start, (size_t)(warren_init_end - warren_init_start));
  if (keeper->self_fd < 0 || keeper->init_fd < 0) cannot_start("prepare", "warren-init");
}

static void set_limits(struct keeper *keeper) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) cannot_start("read", "RLIMIT_NOFILE");
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  uint32_t most = files.rlim_max > UINT32_MAX ? UINT32_MAX : (uint32_t)files.rlim_max;
  uint32_t transient = most / 3 < TRANSIENT_FDS ? most / 3 : (uint32_t)TRANSIENT_FDS;
  keeper->fd_limit = most - transient;
}

int fd_reserve(struct keeper *keeper, unsigned count) {
  if (keeper->fd_limit - keeper->fd_used < count) {
    errno = EMFILE;
    return -1;
  }
  keeper->fd_used += count;
  return 0;
}

void fd_release(struct keeper *keeper, unsigned count) { keeper->fd_used -= count; }

static void nothing(int number) { (void)number; }

/* A handler, not SIG_IGN, which programs would inherit. */
static void set_signals(void) {
  struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
  sigaction(SIGPIPE, &action, NULL);
}

static void start_parts(struct keeper *keeper) {
  if (loop_init(keeper) < 0 || containers_init(keeper) < 0 || processes_init(keeper) < 0 || locks_init(keeper) < 0 ||
      workers_init(keeper) < 0)
    cannot_start("start in", keeper->options.run_dir);
  keeper->instance = calloc(1, sizeof *keeper->instance);
  if (!keeper->instance) cannot_start("start in", keeper->options.run_dir);
  keeper->instance->keeper = keeper;
  keeper->instance->started_ns = now_ns();
  keeper->instance->check.run = check;
  keeper->instance->idle.fire = idle_over;
  if (holder_link_init(keeper, LINK_FD) < 0) cannot_start("reach the holder in", keeper->options.run_dir);
  if (event_file_open(keeper) < 0) cannot_start("store events in", keeper->options.run_dir);
  if (ledger_open(keeper) < 0) cannot_start("make the ledger of logs in", keeper->options.run_dir);
  if (reconcile_init(keeper) < 0) log_line(LEVEL_ERROR, "cannot read the reconcile command: errno %d", errno);
  if (service_init(keeper) < 0) log_line(LEVEL_ERROR, "cannot start the service: errno %d", errno);
  if (adopt_all(keeper) < 0) cannot_start("read the journal in", keeper->options.run_dir);
  process_sweep(keeper); /* what the program that this one replaced had given up */
  if (clients_listen(keeper, LISTEN_FD) < 0) cannot_start("listen in", keeper->options.run_dir);
}

/* After an upgrade nobody waits to hear that the keeper is ready; its descriptor's number must not become another's. */
static void take_descriptors(const struct keeper_options *options) {
  if (options->upgraded) {
    OWN_FD null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null != READY_FD)
      dup3(null, READY_FD, O_CLOEXEC);
    else
      steal_fd(&null);
  }
  for (int fd = LISTEN_FD; fd <= LINK_FD; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(LISTEN_FD, F_SETFL, O_NONBLOCK);
}

_Noreturn void keeper_main(const struct keeper_options *options) {
  static struct keeper keeper;
  keeper.options = *options;
  keeper.log_level = LEVEL_INFO;
  take_descriptors(options);
  umask(077);
  set_signals();
  open_places(&keeper);
  open_programs(&keeper);
  set_limits(&keeper);
  start_parts(&keeper);
  log_line(LEVEL_INFO, "keeper %u %s %s", options->instance, WARREN_VERSION,
           options->upgraded ? "upgraded" : "started");
  dprintf(READY_FD, "ok");
  close(READY_FD);
  instance_check(&keeper);
  loop_run(&keeper);
  _exit(0);
}

/* ---- the end ---- */

bool instance_closing(const struct keeper *keeper) {
  return keeper->instance && (keeper->instance->closing || keeper->instance->upgrade_fd > 0);
}

void instance_check(struct keeper *keeper) {
  if (keeper->instance) defer(keeper, &keeper->instance->check);
}

/* Exited containers stay in the journal, for the next keeper to tell of them. */
static void end(struct keeper *keeper) {
  char name[64];
  snprintf(name, sizeof name, "keeper-%u.sock", keeper->options.instance);
  unlinkat(keeper->run_dir_fd, name, 0);
  struct request *request = keeper->instance->request;
  if (request) {
    request_ok(request);
    request_end(request);
  }
  clients_close(keeper);
  service_end(keeper);
  workers_end(keeper);
  if (containers_count(keeper) == 0) {
    journal_remove(keeper);
    snprintf(name, sizeof name, "reaped-%u", keeper->options.instance);
    unlinkat(keeper->run_dir_fd, name, 0);
    unlinkat(keeper->run_dir_fd, "plans", AT_REMOVEDIR);
    unlinkat(keeper->run_dir_fd, "io", AT_REMOVEDIR);
  }
  log_line(LEVEL_INFO, "keeper %u ends", keeper->options.instance);
  holder_tell_ending(keeper);
  keeper->ending = true;
}

static bool idle(struct keeper *keeper) {
  return clients_count(keeper) == 0 && !reconcile_busy(keeper) && containers_active(keeper) == 0 &&
         workers_idle(keeper);
}

static void idle_over(struct timer *timer) {
  struct keeper *keeper = OWNER_OF(timer, struct instance, idle)->keeper;
  if (idle(keeper) && !client_pending(keeper)) end(keeper);
}

static void check(struct deferred *work) {
  struct instance *instance = OWNER_OF(work, struct instance, check);
  struct keeper *keeper = instance->keeper;
  if (keeper->ending) return;
  if (instance->upgrade_fd > 0) {
    if (workers_idle(keeper)) upgrade_now(keeper);
    return;
  }
  if (instance->closing) {
    /* A reconcile process that is at work would start the next keeper. */
    if (containers_active(keeper) == 0 && workers_idle(keeper) && reconcile_pid(keeper) == 0) end(keeper);
    return;
  }
  if (keeper->options.idle_exit_ms == 0) return;
  if (!idle(keeper))
    timer_clear(keeper, &instance->idle);
  else if (instance->idle.due == 0)
    timer_set(keeper, &instance->idle, now_ns() + keeper->options.idle_exit_ms * NS_PER_MS);
}

static void count_live(struct container *container, void *context) {
  *(unsigned *)context += container_live(container);
}

static void shut_one(struct container *container, void *context) {
  (void)context;
  container->stopping = true;
  if (container->launch) {
    launch_cancel(container->launch);
  } else if (container->status == STATUS_RESTARTING) {
    restart_cancel(container);
    container_set_status(container, STATUS_EXITED);
  } else if (container->init && container_kill(container, REASON_SHUTDOWN) < 0 && errno != ESRCH) {
    log_line(LEVEL_ERROR, "cannot kill %s: errno %d", container->supervise.id, errno);
  }
}

static void requester_gone(struct request *request) { request->client->keeper->instance->request = NULL; }

void instance_shutdown(struct request *request, bool force) {
  struct keeper *keeper = request->client->keeper;
  struct instance *instance = keeper->instance;
  unsigned live = 0;
  container_each(keeper, count_live, &live);
  if (instance_closing(keeper) || (live > 0 && !force)) {
    request_fail_with(request, EBUSY, "end the keeper while containers run", NULL);
    return request_end(request);
  }
  instance->closing = true;
  instance->request = request;
  request->gone = requester_gone;
  container_each(keeper, shut_one, NULL);
  instance_check(keeper);
}

static uint64_t resident_bytes(void) {
  char text[128];
  OWN_FD fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (len <= 0) return 0;
  text[len] = 0;
  const char *second = strchr(text, ' ');
  return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void instance_status(struct request *request) {
  struct keeper *keeper = request->client->keeper;
  unsigned live = 0;
  container_each(keeper, count_live, &live);
  struct writer out = writer_new(FRAME_MAX);
  write_u32(&out, containers_count(keeper));
  write_u32(&out, live);
  write_u32(&out, keeper->fd_used);
  write_u32(&out, keeper->fd_limit);
  write_u32(&out, clients_count(keeper));
  write_u32(&out, workers_count(keeper));
  write_u64(&out, resident_bytes());
  write_u64(&out, (now_ns() - keeper->instance->started_ns) / NS_PER_MS);
  write_u64(&out, keeper->log_lines_dropped);
  write_u32(&out, keeper->adopted);
  client_send(request, REP_STATUS_OK, &out);
  writer_free(&out);
  request_end(request);
}
