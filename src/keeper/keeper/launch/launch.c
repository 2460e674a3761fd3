/*
 * A launch: [cleanup of the last run] → open bind sources → (a worker is free) prepare stdio → intent in the journal →
 * JOB_LAUNCH → pid in the journal → JOB_GO → JOB_DONE → running. Whatever is prepared ahead waits as bytes, not as
 * descriptors: thousands of launches may be queued.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../base/kernel.h"
#include "../../base/log.h"
#include "../../base/pidfd.h"
#include "../../base/socket.h"
#include "../../plan/ops.h"
#include "launch.h"

enum { START_FDS = 4, EXEC_FDS = 256 };

static int begin_start(struct job *);
static void start_reply(struct job *, const struct job_reply *);

static void launch_free(struct launch *launch) {
  for (unsigned i = 0; i < launch->bind_count; i++)
    if (launch->binds[i] >= 0) close(launch->binds[i]);
  if (launch->fence) fence_leave(launch->keeper, launch->fence);
  if (launch->request) launch->request->state = NULL;
  launch->container->launch = NULL;
  launch->keeper->launches--;
  free(launch->plan_data);
  free(launch);
}

void launch_failed(struct launch *launch, const struct failure *failure, bool undone) {
  struct container *container = launch->container;
  struct request *request = launch->request;
  bool again = launch->again, tell = again && !launch->cancelled;
  if (launch->process) process_free(launch->process);
  if (launch->pidfd >= 0) {
    kernel_pidfd_send_signal(launch->pidfd, SIGKILL);
    process_reap_stray(launch->keeper, launch->pidfd);
  }
  launch_free(launch);
  if (request) {
    request->gone = NULL;
    request_fail(request, failure);
    request_end(request);
  } else {
    log_line(LEVEL_WARN, "cannot start %s: %s %s: %s", container->supervise.id, failure->message, failure->path,
             strerror(failure->error));
  }
  char detail[sizeof failure->message + sizeof failure->path + 80];
  snprintf(detail, sizeof detail, "%s %s: %s", failure->message, failure->path, strerror(failure->error));
  container_start_failed(container, tell ? detail : NULL, undone);
  if (again && container->supervise.engine_on_exit) reconcile_request(container->keeper);
}

void launch_fail_early(struct launch *launch, int error, const char *action, const char *path) {
  struct failure failure;
  fail(&failure, error, action, path);
  launch_failed(launch, &failure, true);
}

static void request_gone_from_launch(struct request *request) {
  struct launch *launch = request->state;
  if (!launch) return;
  bool undo = request->cancelled || (launch->flags & START_OWNER);
  launch->request = NULL;
  request->state = NULL;
  if (launch->process) launch->process->starter = NULL;
  if (undo) launch_cancel(launch);
}

void launch_cancel(struct launch *launch) {
  launch->cancelled = true;
  if (launch->open.lane || launch->start.lane || !launch->submitted) {
    if (launch->open.lane) job_cancel(launch->keeper, &launch->open);
    if (launch->start.lane) job_cancel(launch->keeper, &launch->start);
    return launch_fail_early(launch, ECANCELED, "start container", launch->container->supervise.id);
  }
  if (launch->start.worker) job_cancel(launch->keeper, &launch->start);
}

struct lane *launch_lane(const struct launch *launch) {
  return launch->request ? &launch->request->client->lane : NULL;
}

void launch_resume(struct launch *launch) {
  launch->submitted = true;
  struct job *job = launch->bind_count == 0 && plan_host_binds(&launch->plan) > 0 ? &launch->open : &launch->start;
  job_submit(launch->keeper, job, launch_lane(launch));
}

/* ---- the start itself ---- */

static int post_start(struct launch *launch, const int out[3], struct failure *failure) {
  struct container *container = launch->container;
  const struct supervise *supervise = &container->supervise;
  int fds[SOCKET_FDS_MAX];
  size_t count = 0;
  for (int i = 0; i < 3 && !supervise->tty; i++) fds[count++] = out[i];
  if (count + launch->bind_count > SOCKET_FDS_MAX)
    return fail(failure, E2BIG, "pass the mount sources of", supervise->id);
  for (unsigned i = 0; i < launch->bind_count; i++) fds[count++] = launch->binds[i];
  if (launch_add_joined(launch, fds, &count, failure) < 0) return -1;
  size_t places = count;
  if (places_open(launch->keeper, &launch->plan, fds, &count, failure) < 0) return -1;
  struct job_message message = {
      .kind = JOB_LAUNCH,
      .flags = JOB_TRACE | (supervise->tty ? (uint32_t)JOB_TTY : 0),
      .stdio_uid = supervise->stdio_uid,
      .stdio_gid = supervise->stdio_gid,
      .cols = launch->cols,
      .rows = launch->rows,
      .size = (uint32_t)launch->plan.size,
  };
  int posted = job_post(&launch->start, &message, launch->plan_data, fds, count);
  if (posted < 0) fail(failure, 0, "hand the launch to a worker", supervise->id);
  places_close(fds, places, count);
  return posted;
}

static int begin_start(struct job *job) {
  struct launch *launch = OWNER_OF(job, struct launch, start);
  struct container *container = launch->container;
  struct failure failure;
  int out[3] = {-1, -1, -1};
  journal_intent(container); /* before its first FIFO: the next keeper finds what it left */
  launch->process = process_new(container, true);
  int result = -1;
  if (!launch->process)
    fail(&failure, ENOMEM, "start container", container->supervise.id);
  else if (stdio_prepare(launch->process, launch->flags & 7, 0, out, &failure) == 0)
    result = post_start(launch, out, &failure);
  for (int i = 0; i < 3; i++)
    if (out[i] >= 0) close(out[i]);
  if (result < 0) launch_failed(launch, &failure, true);
  return result;
}

static void on_cloned(struct launch *launch, const struct job_reply *reply) {
  struct process *process = launch->process;
  struct container *container = launch->container;
  if (reply->nfds < 1 || reply->message->pid <= 0) {
    job_cancel(launch->keeper, &launch->start);
    return;
  }
  launch->pidfd = reply->fds[0];
  reply->fds[0] = -1;
  process_set_pid(process, reply->message->pid);
  process->identity = pidfd_identity(launch->pidfd, process->pid);
  process->started_ns = realtime_ns();
  container->init = process;
  siginfo_t ended = {0}; /* it is on its way out: the wait is short */
  if (reply->message->first > 0) kernel_waitid(P_PID, reply->message->first, &ended, WEXITED | __WALL, NULL);
  journal_started(container);
  if (launch->cancelled || job_tell(&launch->start, JOB_GO) < 0) job_cancel(launch->keeper, &launch->start);
}

static void starter_gone(struct request *request) { stdio_detach(request); }

/* Its streams begin after LAUNCHED, which is therefore sent first. */
static void answer(struct launch *launch, const struct job_reply *reply) {
  struct request *request = launch->request;
  struct process *process = launch->process;
  if (!request) return;
  request->state = NULL;
  request->gone = NULL;
  launch->request = NULL;
  request_launched(request, process, reply);
  if (launch->flags & START_OWNER && bond_make(request->client, launch->container) < 0) client_drop(request->client);
  if ((launch->flags & (START_STDIN | START_STDOUT | START_STDERR)) == 0) return request_end(request);
  request->process = process;
  request->stream_flags = launch->flags & 7;
  request->gone = starter_gone;
  process->starter = request;
}

static void on_done(struct launch *launch, const struct job_reply *reply) {
  struct process *process = launch->process;
  struct container *container = launch->container;
  bool cancelled = launch->cancelled;
  int pty = container->supervise.tty && reply->nfds > 0 ? reply->fds[0] : -1;
  if (pty >= 0) reply->fds[0] = -1;
  if (process_watch(process, launch->pidfd) < 0) {
    struct failure failure;
    fail(&failure, 0, "watch the init of", container->supervise.id);
    if (pty >= 0) close(pty);
    return launch_failed(launch, &failure, false);
  }
  launch->pidfd = -1;
  answer(launch, reply); /* its frame leaves before the event is stored */
  container_set_status(container, STATUS_RUNNING);
  launch_free(launch);
  int result = stdio_start(process, pty, 0, 0);
  if (result < 0) log_line(LEVEL_ERROR, "cannot start the streams of %s: errno %d", container->supervise.id, errno);
  if (result < 0 || cancelled) {
    container->stopping = true;
    container_kill(container, REASON_KILL);
  }
}

static void start_reply(struct job *job, const struct job_reply *reply) {
  struct launch *launch = OWNER_OF(job, struct launch, start);
  if (reply->message->kind == JOB_CLONED) return on_cloned(launch, reply);
  if (reply->message->kind == JOB_DONE && launch->pidfd >= 0) return on_done(launch, reply);
  struct failure failure = reply->message->failure;
  if (reply->message->kind == JOB_DONE) fail(&failure, EPROTO, "start container", launch->container->supervise.id);
  if (reply->lost) cgroup_kill(launch->keeper, container_cgroup(launch->container, 0));
  launch_failed(launch, &failure, !reply->lost);
}

/* ---- the ways in ---- */

/* The end of an init ends everything in a pid namespace that is new. */
static bool has_own_pidns(const struct plan *plan) {
  size_t at = 0;
  struct op op;
  while (plan_next(plan, &at, &op)) {
    struct op_namespaces made;
    if (op.type == OP_NAMESPACES && decode_namespaces(op.payload, &made) && (made.flags & CLONE_NEWPID)) return true;
  }
  return false;
}

static struct launch *launch_new(struct keeper *keeper, const struct plan *plan) {
  struct launch *launch = calloc(1, sizeof *launch);
  uint8_t *copy = launch ? malloc(plan->size) : NULL;
  if (!copy) {
    free(launch);
    return NULL;
  }
  memcpy(copy, plan->data, plan->size);
  keeper->launches++;
  *launch = (struct launch){
      .keeper = keeper,
      .open = {.pool = POOL_OPEN, .begin = launch_open, .reply = launch_opened},
      .start = {.pool = POOL_LAUNCH, .begin = begin_start, .reply = start_reply},
      .plan_data = copy,
      .plan = {.data = copy, .size = plan->size, .count = plan->count},
      .pidfd = -1,
  };
  return launch;
}

/* The table's entry for the new run. NULL: a failure says why. */
static struct container *enter(struct keeper *keeper, struct launch_request *from, struct failure *failure) {
  const char *id = from->supervise.id;
  struct container *container = container_find(keeper, id, strlen(id));
  struct writer cleanup = writer_new(PLAN_MAX);
  if (container && (container_live(container) || container->launch || container->forget || container->execs)) {
    fail(failure, EEXIST, "start container", id);
    return NULL;
  }
  if (plan_cleanup(&from->plan, &cleanup) < 0 || cleanup.failed) {
    writer_free(&cleanup);
    fail(failure, ENOMEM, "start container", id);
    return NULL;
  }
  if (container)
    container_renew(container, &from->supervise);
  else
    container = container_add(keeper, &from->supervise);
  if (!container) {
    writer_free(&cleanup);
    fail(failure, ENOMEM, "start container", id);
    return NULL;
  }
  container_set_cleanup(container, cleanup.data, (uint32_t)cleanup.len);
  container->own_pidns = has_own_pidns(&from->plan);
  return container;
}

static void go(struct launch *launch, struct container *container) {
  launch->container = container;
  container->launch = launch;
  container->oom_kills = 0;
  container->stopping = false;
  container_set_status(container, STATUS_STARTING);
  if (!container->cleaning) launch_resume(launch);
}

/* A keeper that is full of containers can still run processes in them. */
static unsigned kept_for_execs(const struct keeper *keeper) {
  unsigned part = keeper->fd_limit / 8;
  return part < EXEC_FDS ? part : (unsigned)EXEC_FDS;
}

int launch_begin(struct keeper *keeper, struct launch_request *from, struct failure *failure) {
  const char *id = from->supervise.id;
  /* Launches under way have not taken all of theirs yet. */
  unsigned needed = START_FDS * (1 + keeper->launches) + kept_for_execs(keeper);
  if (fd_reserve(keeper, needed) < 0) return fail(failure, EMFILE, "start one more container in this keeper", id);
  fd_release(keeper, needed);
  if (from->fence && fence_enter(keeper, from->fence) < 0)
    return fail(failure, ESTALE, "start container under a lock that ended", id);
  struct launch *launch = launch_new(keeper, &from->plan);
  struct container *container = launch ? enter(keeper, from, failure) : NULL;
  if (!launch) fail(failure, ENOMEM, "start container", id);
  if (!container) {
    if (from->fence) fence_leave(keeper, from->fence);
    if (launch) free(launch->plan_data);
    keeper->launches -= launch != NULL;
    free(launch);
    return -1;
  }
  launch->request = from->request;
  launch->flags = from->flags;
  launch->cols = from->cols;
  launch->rows = from->rows;
  launch->fence = from->fence;
  from->request->state = launch;
  from->request->gone = request_gone_from_launch;
  go(launch, container);
  if (container->supervise.restart.policy != RESTART_NO &&
      stored_plan_write(container, from->plan.data, from->plan.size) < 0)
    log_line(LEVEL_ERROR, "cannot keep the plan of %s: it will not be restarted: errno %d", container->supervise.id,
             errno);
  return 0;
}

int launch_again(struct container *container) {
  struct keeper *keeper = container->keeper;
  struct failure failure;
  size_t size = 0;
  OWN_MEM uint8_t *data = stored_plan_read(container, &size);
  struct plan plan;
  if (!data) {
    fail(&failure, 0, "read the stored plan of", container->supervise.id);
  } else if (plan_check(data, size, PLAN_LAUNCH, &plan, &failure) == 0) {
    struct launch *launch = launch_new(keeper, &plan);
    if (launch) {
      launch->again = true;
      container->supervise.generation++;
      go(launch, container);
      return 0;
    }
    fail(&failure, ENOMEM, "start container", container->supervise.id);
  }
  container_start_failed(container, failure.message, true);
  if (container->supervise.engine_on_exit) reconcile_request(keeper);
  return -1;
}
