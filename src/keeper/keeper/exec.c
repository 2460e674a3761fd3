/* An exec: (a worker is free) prepare stdio → JOB_EXEC → pid in the journal → JOB_GO → JOB_DONE → running. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/log.h"
#include "../base/pidfd.h"
#include "core.h"

struct exec {
  struct job job;
  struct exec_start start; /* its plan is `plan_data` */
  struct request *request; /* NULL: a probe, or the client left */
  struct process *process;
  uint8_t *plan_data;
  int pidfd;
  bool cancelled;
};

static void exec_free(struct exec *exec) {
  if (exec->request) exec->request->state = NULL;
  free(exec->plan_data);
  free(exec);
}

static void exec_failed(struct exec *exec, const struct failure *failure) {
  struct container *container = exec->start.container;
  struct request *request = exec->request;
  struct exec_start start = exec->start;
  if (exec->process->pid > 0) journal_exec_ended(exec->process);
  process_free(exec->process);
  if (exec->pidfd >= 0) {
    kernel_pidfd_send_signal(exec->pidfd, SIGKILL);
    process_reap_stray(container->keeper, exec->pidfd);
  }
  exec_free(exec);
  if (start.on_started) start.on_started(start.context, NULL, failure);
  if (request) {
    request->gone = NULL;
    request_fail(request, failure);
    request_end(request);
  }
  container_settle(container);
}

static void fail_early(struct exec *exec, int error, const char *action) {
  struct failure failure;
  fail(&failure, error, action, exec->start.container->supervise.id);
  exec_failed(exec, &failure);
}

static void gone_while_starting(struct request *request) {
  struct exec *exec = request->state;
  if (!exec) return;
  bool undo = request->cancelled || (exec->start.flags & START_OWNER);
  exec->request = NULL;
  request->state = NULL;
  if (!undo) return;
  exec->cancelled = true;
  bool waiting = exec->job.lane != NULL;
  job_cancel(exec->start.container->keeper, &exec->job);
  if (waiting) fail_early(exec, ECANCELED, "exec in container");
}

static void gone_while_running(struct request *request) {
  struct process *process = request->process;
  bool kills = request->cancelled || (process && process->owner == request);
  stdio_detach(request);
  if (!process) return;
  if (process->starter == request) process->starter = NULL;
  process->owner = NULL;
  if (kills && process_signal(process, SIGKILL, request->cancelled ? REASON_KILL : REASON_OWNER) < 0 && errno != ESRCH)
    log_line(LEVEL_WARN, "cannot kill an exec of %s: errno %d", process->container->supervise.id, errno);
}

static int begin(struct job *job) {
  struct exec *exec = OWNER_OF(job, struct exec, job);
  struct container *container = exec->start.container;
  struct failure failure;
  int out[4] = {-1, -1, -1, -1};
  bool tty = exec->start.flags & START_TTY;
  int result = -1;
  if (!container_running(container) || !container->init || container->init->pidfd < 0)
    fail(&failure, ESRCH, "exec in container", container->supervise.id);
  else
    result = stdio_prepare(exec->process, exec->start.flags, exec->start.capture_bytes, out, &failure);
  if (result == 0) {
    struct job_message message = {
        .kind = JOB_EXEC,
        .flags = JOB_TRACE | (tty ? (uint32_t)JOB_TTY : 0),
        .cols = exec->start.cols,
        .rows = exec->start.rows,
        .stdio_uid = container->supervise.stdio_uid,
        .stdio_gid = container->supervise.stdio_gid,
        .size = (uint32_t)exec->start.plan_size,
    };
    int count = tty ? 0 : 3;
    out[count] = container->init->pidfd;
    result = job_post(job, &message, exec->plan_data, out, (size_t)count + 1);
    if (result < 0) fail(&failure, 0, "hand the exec to a worker", container->supervise.id);
    out[count] = -1; /* the pidfd stays the init's */
  }
  for (int i = 0; i < 3; i++)
    if (out[i] >= 0) close(out[i]);
  if (result < 0) exec_failed(exec, &failure);
  return result;
}

static void on_cloned(struct exec *exec, const struct job_reply *reply) {
  struct process *process = exec->process;
  if (reply->nfds < 1 || reply->message->pid <= 0) return job_cancel(process->keeper, &exec->job);
  exec->pidfd = reply->fds[0];
  reply->fds[0] = -1;
  process_set_pid(process, reply->message->pid);
  process->identity = pidfd_identity(exec->pidfd, process->pid);
  process->started_ns = realtime_ns();
  uint32_t bound = START_STDIN | START_STDOUT | START_STDERR | START_OWNER;
  journal_exec(process, exec->start.capture_bytes > 0 || (exec->start.flags & bound) || exec->start.timeout_ms > 0);
  if (exec->cancelled || job_tell(&exec->job, JOB_GO) < 0) job_cancel(process->keeper, &exec->job);
}

static void answer(struct exec *exec, const struct job_reply *reply) {
  struct request *request = exec->request;
  struct process *process = exec->process;
  if (!request) return;
  request_launched(request, process, reply);
  request->state = NULL;
  request->process = process;
  request->stream_flags = exec->start.flags & 7;
  request->gone = gone_while_running;
  process->starter = request;
  if (exec->start.flags & START_OWNER) process->owner = request;
  exec->request = NULL;
}

static void on_done(struct exec *exec, const struct job_reply *reply) {
  struct process *process = exec->process;
  struct container *container = process->container;
  struct exec_start start = exec->start;
  bool cancelled = exec->cancelled;
  int pty = start.flags & START_TTY && reply->nfds > 0 ? reply->fds[0] : -1;
  if (pty >= 0) reply->fds[0] = -1;
  if (process_watch(process, exec->pidfd) < 0) {
    if (pty >= 0) close(pty);
    return fail_early(exec, errno, "watch an exec of");
  }
  exec->pidfd = -1;
  answer(exec, reply);
  exec_free(exec);
  if (!start.on_started) event_emit(process->keeper, EVENT_EXEC_STARTED, container, (uint32_t)process->pid, NULL, "");
  if (start.timeout_ms > 0 && start.timeout_ms < UINT32_MAX)
    timer_set(process->keeper, &process->timeout, now_ns() + start.timeout_ms * NS_PER_MS);
  int result = stdio_start(process, pty, start.cols, start.rows);
  if (result < 0)
    log_line(LEVEL_ERROR, "cannot start the streams of an exec of %s: errno %d", container->supervise.id, errno);
  if (result < 0 || cancelled) process_signal(process, SIGKILL, REASON_KILL);
  if (start.on_started)
    start.on_started(start.context, process, NULL);
  else
    container_activity(container);
}

static void reply_exec(struct job *job, const struct job_reply *reply) {
  struct exec *exec = OWNER_OF(job, struct exec, job);
  if (reply->message->kind == JOB_CLONED) return on_cloned(exec, reply);
  if (reply->message->kind == JOB_DONE && exec->pidfd >= 0) return on_done(exec, reply);
  struct failure failure = reply->message->failure;
  if (reply->message->kind == JOB_DONE)
    fail(&failure, EPROTO, "exec in container", exec->start.container->supervise.id);
  exec_failed(exec, &failure);
}

int exec_begin(struct keeper *keeper, const struct exec_start *start, struct failure *failure) {
  const char *id = start->container->supervise.id;
  if (start->container->status == STATUS_PAUSED) return fail(failure, EBUSY, "exec in paused container", id);
  if (start->container->status != STATUS_RUNNING) return fail(failure, ESRCH, "exec in container", id);
  if (fd_reserve(keeper, 4) < 0) return fail(failure, EMFILE, "start one more process in this keeper", id);
  fd_release(keeper, 4);
  struct exec *exec = calloc(1, sizeof *exec);
  uint8_t *copy = exec ? malloc(start->plan_size) : NULL;
  struct process *process = copy ? process_new(start->container, false) : NULL;
  if (!process) {
    free(copy);
    free(exec);
    return fail(failure, ENOMEM, "exec in container", id);
  }
  memcpy(copy, start->plan, start->plan_size);
  *exec = (struct exec){.job = {.pool = POOL_LAUNCH, .begin = begin, .reply = reply_exec},
                        .start = *start,
                        .request = start->starter,
                        .process = process,
                        .plan_data = copy,
                        .pidfd = -1};
  if (start->cols > 0) exec->start.flags |= START_TTY;
  if (start->starter) {
    start->starter->state = exec;
    start->starter->gone = gone_while_starting;
  }
  job_submit(keeper, &exec->job, start->starter ? &start->starter->client->lane : NULL);
  return 0;
}
