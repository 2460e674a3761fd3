/*
 * The pool of workers. Starts wait in lanes, one for each client and one for the keeper's own; free workers
 * take from the lanes in turn, so that a client with thousands of starts does not hold up the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../base/kernel.h"
#include "../../base/log.h"
#include "../../base/socket.h"
#include "lane.h"

enum {
  MESSAGE_MAX = sizeof(struct job_message) + PLAN_MAX,
  SOCKET_BUFFER = 2 * MESSAGE_MAX,
  OPENERS_MAX = 8,
  /* A busy worker is taken for hung after this; others start while there are not too many. */
  PATIENCE_MS = 200,
  SPARE_LAUNCHERS = 8,
  OPEN_TIMEOUT_MS = 30000,
  SWEEP_MS = 20,
  SWEEPS = 50,
};

struct worker {
  struct keeper *keeper;
  struct watch watch;
  enum pool pool;
  pid_t pid;
  int pidfd;
  struct job *job;
  uint64_t busy_since;
  struct timer deadline;
  struct worker *next;
};

struct workers {
  struct worker *first;
  unsigned count[POOL_COUNT];
  struct lanes lanes[POOL_COUNT]; /* clients' lanes are in POOL_LAUNCH */
  uint64_t next_job;
  struct deferred pump;
  struct timer sweep, patience;
  unsigned sweeps_left;
  struct keeper *keeper;
  bool ending;
  uint8_t *message;
};

static void pump(struct deferred *);
static void worker_ready(struct watch *, uint32_t);

static void sweep(struct timer *timer) {
  struct workers *workers = OWNER_OF(timer, struct workers, sweep);
  process_sweep(workers->keeper);
  if (workers->sweeps_left-- > 0) timer_set(workers->keeper, timer, now_ns() + SWEEP_MS * NS_PER_MS);
}

static void worker_late(struct timer *timer) {
  struct workers *workers = OWNER_OF(timer, struct workers, patience);
  defer(workers->keeper, &workers->pump);
}

int workers_init(struct keeper *keeper) {
  struct workers *workers = calloc(1, sizeof *workers);
  if (!workers) return -1;
  workers->keeper = keeper;
  workers->pump.run = pump;
  workers->sweep.fire = sweep;
  workers->patience.fire = worker_late;
  workers->next_job = 1;
  workers->message = malloc(MESSAGE_MAX);
  for (int pool = 0; pool < POOL_COUNT; pool++) lanes_init(&workers->lanes[pool]);
  keeper->workers = workers;
  return workers->message ? 0 : -1;
}

unsigned workers_count(const struct keeper *keeper) {
  const unsigned *count = keeper->workers->count;
  return count[POOL_LAUNCH] + count[POOL_OPEN] + count[POOL_CLEAN];
}

struct lane *workers_lane(struct keeper *keeper) {
  return &keeper->workers->lanes[POOL_LAUNCH].own;
}

bool workers_idle(const struct keeper *keeper) {
  for (struct worker *worker = keeper->workers->first; worker; worker = worker->next)
    if (worker->job) return false;
  for (int pool = 0; pool < POOL_COUNT; pool++)
    if (keeper->workers->lanes[pool].first) return false;
  return true;
}

void job_submit(struct keeper *keeper, struct job *job, struct lane *lane) {
  struct workers *workers = keeper->workers;
  if (job->pool != POOL_LAUNCH || !lane) lane = &workers->lanes[job->pool].own;
  job->id = workers->next_job++;
  job->worker = NULL;
  lanes_add(&workers->lanes[job->pool], lane, job);
  defer(keeper, &workers->pump);
}

void job_cancel(struct keeper *keeper, struct job *job) {
  if (job->lane)
    lanes_remove(&keeper->workers->lanes[job->pool], job);
  else if (job->worker && job_tell(job, JOB_ABORT) < 0)
    log_line(LEVEL_WARN, "cannot abort a job of worker %d: errno %d", (int)job->worker->pid, errno);
}

/* What still waits goes on in the keeper's own lane. */
void lane_forget(struct keeper *keeper, struct lane *lane) {
  struct lanes *lanes = &keeper->workers->lanes[POOL_LAUNCH];
  while (lane->first) {
    struct job *job = lane->first;
    lanes_remove(lanes, job);
    job_submit(keeper, job, NULL);
  }
}

/* ---- workers ---- */

/* Containers start with what the keeper's starter had, not with what suits the keeper. */
static void restore_original(const struct keeper *keeper) {
  char score[16];
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && keeper->options.original_files < files.rlim_max) {
    files.rlim_cur = keeper->options.original_files;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  int len = snprintf(score, sizeof score, "%d", keeper->options.original_oom_score);
  OWN_FD file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file >= 0 && write(file, score, (size_t)len) < 0)
    log_line(LEVEL_WARN, "cannot restore oom_score_adj: errno %d", errno);
}

static _Noreturn void run_worker(struct keeper *keeper, enum pool pool, int socket) {
  restore_original(keeper);
  struct worker_options options = {
      .role = pool == POOL_OPEN ? ROLE_OPEN : ROLE_LAUNCH,
      .data_root = keeper->options.data_root,
      .hierarchies = keeper->hierarchies,
      .hierarchy_count = keeper->options.hierarchy_count,
      .init_fd = keeper->init_fd,
  };
  worker_main(socket, &options);
}

static void set_buffers(int socket) {
  int size = SOCKET_BUFFER;
  if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
    setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static struct worker *worker_start(struct keeper *keeper, enum pool pool) {
  struct workers *workers = keeper->workers;
  int pair[2];
  struct worker *worker = calloc(1, sizeof *worker);
  if (!worker || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    free(worker);
    return NULL;
  }
  set_buffers(pair[0]);
  set_buffers(pair[1]);
  fcntl(pair[0], F_SETFL, O_NONBLOCK);
  worker->watch.ready = worker_ready;
  worker->keeper = keeper;
  worker->pool = pool;
  worker->pid = watch_add(keeper, &worker->watch, pair[0], EPOLLIN) == 0 ? fork() : -1;
  if (worker->pid == 0) {
    close(pair[0]);
    run_worker(keeper, pool, pair[1]);
  }
  worker->pidfd = worker->pid > 0 ? kernel_pidfd_open(worker->pid, 0) : -1;
  int error = errno;
  close(pair[1]);
  if (worker->pidfd < 0) {
    watch_remove(keeper, &worker->watch);
    close(pair[0]); /* which ends it */
    if (worker->pid > 0) waitpid(worker->pid, NULL, 0);
    free(worker);
    errno = error;
    return NULL;
  }
  worker->next = workers->first;
  workers->first = worker;
  workers->count[pool]++;
  return worker;
}

/* Its process may hang in a dead file system: it is killed, reaped when it ends, and not waited for. */
static void worker_free(struct worker *worker, bool wait) {
  struct keeper *keeper = worker->keeper;
  struct workers *workers = keeper->workers;
  struct worker **at = &workers->first;
  while (*at != worker) at = &(*at)->next;
  *at = worker->next;
  workers->count[worker->pool]--;
  timer_clear(keeper, &worker->deadline);
  int socket = worker->watch.fd;
  watch_remove(keeper, &worker->watch);
  close(socket);
  kernel_pidfd_send_signal(worker->pidfd, SIGKILL);
  if (wait) {
    siginfo_t info;
    kernel_waitid(P_PIDFD, worker->pidfd, &info, WEXITED, NULL);
    close(worker->pidfd);
  } else {
    process_reap_stray(keeper, worker->pidfd);
  }
  free(worker);
}

static void worker_lost(struct worker *worker, int error, const char *why) {
  struct keeper *keeper = worker->keeper;
  struct workers *workers = keeper->workers;
  struct job *job = worker->job;
  bool launching = worker->pool == POOL_LAUNCH && job;
  log_line(workers->ending ? LEVEL_DEBUG : LEVEL_WARN, "worker %d: %s", (int)worker->pid, why);
  worker_free(worker, false);
  if (launching) {
    workers->sweeps_left = SWEEPS;
    timer_set(keeper, &workers->sweep, now_ns() + NS_PER_MS);
  }
  if (job) {
    struct job_message message = {.kind = JOB_FAILED, .job = job->id};
    fail(&message.failure, error, why, NULL);
    job->worker = NULL;
    job->reply(job, &(struct job_reply){.message = &message, .lost = true});
  }
  defer(keeper, &workers->pump);
}

static bool ends_job(uint32_t kind) { return kind == JOB_DONE || kind == JOB_FAILED || kind == JOB_OPENED; }

static bool message_ok(const struct worker *worker, const struct job_message *message, size_t got) {
  return got >= sizeof *message && message->size == got - sizeof *message && worker->job &&
         message->job == worker->job->id && (ends_job(message->kind) || message->kind == JOB_CLONED);
}

static void worker_ready(struct watch *watch, uint32_t events) {
  struct worker *worker = OWNER_OF(watch, struct worker, watch);
  struct workers *workers = worker->keeper->workers;
  int fds[SOCKET_FDS_MAX];
  size_t nfds = SOCKET_FDS_MAX;
  (void)events;
  ssize_t got = socket_receive(watch->fd, workers->message, MESSAGE_MAX, fds, &nfds);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return worker_lost(worker, ECONNRESET, "the worker ended");
  struct job_message message;
  memcpy(&message, workers->message, (size_t)got < sizeof message ? (size_t)got : sizeof message);
  if (!message_ok(worker, &message, (size_t)got)) {
    for (size_t i = 0; i < nfds; i++) close(fds[i]);
    return worker_lost(worker, EPROTO, "the worker sent something else than an answer");
  }
  struct job *job = worker->job;
  struct job_reply reply = {
      .message = &message, .body = workers->message + sizeof message, .size = message.size, .fds = fds, .nfds = nfds};
  if (ends_job(message.kind)) {
    timer_clear(worker->keeper, &worker->deadline);
    worker->job = NULL;
    job->worker = NULL;
    defer(worker->keeper, &workers->pump);
  }
  job->reply(job, &reply);
  for (size_t i = 0; i < nfds; i++)
    if (fds[i] >= 0) close(fds[i]);
}

int job_post(struct job *job, struct job_message *message, const void *body, const int *fds, size_t nfds) {
  struct workers *workers = job->worker->keeper->workers;
  if (message->size > PLAN_MAX) {
    errno = EMSGSIZE;
    return -1;
  }
  message->job = job->id;
  memcpy(workers->message, message, sizeof *message);
  if (message->size > 0) memcpy(workers->message + sizeof *message, body, message->size);
  return socket_send(job->worker->watch.fd, workers->message, sizeof *message + message->size, fds, nfds);
}

int job_tell(struct job *job, uint32_t kind) {
  if (!job->worker) {
    errno = ECONNRESET;
    return -1;
  }
  struct job_message message = {.kind = kind, .job = job->id};
  return socket_send(job->worker->watch.fd, &message, sizeof message, NULL, 0);
}

/* ---- the pump: free workers get work ---- */

static void open_hangs(struct timer *timer) {
  worker_lost(OWNER_OF(timer, struct worker, deadline), ETIMEDOUT, "the source does not answer");
}

/* Workers that there are when none of them hangs, and at most. */
static unsigned wanted(const struct keeper *keeper, enum pool pool) {
  return pool == POOL_LAUNCH ? keeper->options.workers : 1;
}

static unsigned most(const struct keeper *keeper, enum pool pool) {
  if (pool == POOL_LAUNCH) return keeper->options.workers + SPARE_LAUNCHERS;
  return pool == POOL_OPEN ? OPENERS_MAX : 1;
}

/* More than wanted only when they seem to hang: in a dead file system, or because of a container that one joins. */
static bool start_another(struct keeper *keeper, enum pool pool) {
  struct workers *workers = keeper->workers;
  if (workers->count[pool] < wanted(keeper, pool)) return true;
  if (workers->count[pool] >= most(keeper, pool)) return false;
  uint64_t patience = PATIENCE_MS * NS_PER_MS, now = now_ns();
  for (struct worker *worker = workers->first; worker; worker = worker->next)
    if (worker->pool == pool && now - worker->busy_since < patience) {
      if (workers->patience.due == 0) timer_set(keeper, &workers->patience, worker->busy_since + patience);
      return false;
    }
  return true;
}

/* One that was killed is noticed here, before it is given job after job in the round in which it ended. */
static bool has_ended(const struct worker *worker) {
  char byte;
  return recv(worker->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static struct worker *free_worker(struct keeper *keeper, enum pool pool) {
  for (struct worker *worker = keeper->workers->first, *next; worker; worker = next) {
    next = worker->next;
    if (worker->pool != pool || worker->job) continue;
    if (!has_ended(worker)) return worker;
    worker_lost(worker, ECONNRESET, "the worker ended");
  }
  if (!start_another(keeper, pool)) return NULL;
  struct worker *worker = worker_start(keeper, pool);
  if (!worker) log_line(LEVEL_ERROR, "cannot start a worker: errno %d", errno);
  return worker;
}

static void hand_out(struct keeper *keeper, struct worker *worker, struct job *job) {
  worker->job = job;
  worker->busy_since = now_ns();
  job->worker = worker;
  if (job->begin(job) < 0) {
    worker->job = NULL; /* the job is gone */
    return;
  }
  if (worker->pool != POOL_OPEN) return;
  worker->deadline.fire = open_hangs;
  timer_set(keeper, &worker->deadline, worker->busy_since + OPEN_TIMEOUT_MS * NS_PER_MS);
}

static void pump(struct deferred *work) {
  struct workers *workers = OWNER_OF(work, struct workers, pump);
  struct keeper *keeper = workers->keeper;
  if (workers->ending) return;
  for (enum pool pool = 0; pool < POOL_COUNT; pool++) {
    struct lanes *lanes = &workers->lanes[pool];
    while (lanes->first) {
      struct worker *worker = free_worker(keeper, pool);
      if (!worker) break;
      hand_out(keeper, worker, lanes_take(lanes));
    }
  }
  if (instance_closing(keeper)) instance_check(keeper);
}

void workers_end(struct keeper *keeper) {
  keeper->workers->ending = true;
  /* None of them is busy, so they end at once. */
  while (keeper->workers->first) worker_free(keeper->workers->first, true);
}

void workers_resume(struct keeper *keeper) {
  keeper->workers->ending = false;
  defer(keeper, &keeper->workers->pump);
}
