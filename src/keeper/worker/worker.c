#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "../base/socket.h"
#include "../child/child.h"

enum { CGROUP_WAIT_MS = 5000, CLAMPS_MAX = 65536, KEEP_MS = 1000 };

/* ---- start-up ---- */

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void drop_descriptors(int socket, const struct worker_options *options) {
  int keep[HIERARCHIES_MAX + 2];
  size_t count = 0;
  unsigned next = 3;
  keep[count++] = socket;
  keep[count++] = options->init_fd;
  for (unsigned i = 0; i < options->hierarchy_count && i < HIERARCHIES_MAX; i++)
    keep[count++] = options->hierarchies[i];
  qsort(keep, count, sizeof *keep, ascending);
  for (size_t i = 0; i < count; i++) {
    if (keep[i] < (int)next) continue;
    if (keep[i] > (int)next) kernel_close_range(next, (unsigned)keep[i] - 1, 0);
    next = (unsigned)keep[i] + 1;
  }
  kernel_close_range(next, ~0u, 0);
}

/* Children inherit all of this: they have nothing of it to do again. */
static void clean_process(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  umask(0);
  for (int fd = 0; fd < 3; fd++) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) continue;
    if (null != fd) dup2(null, fd);
    if (null > 2) close(null);
  }
}

/* ---- one job ---- */

static void job_init(struct job *job, struct worker *worker, const struct job_message *request) {
  *job = (struct job){.worker = worker,
                      .request = request,
                      .netns = -1,
                      .status = -1,
                      .child_status = -1,
                      .pidfd = -1,
                      .user_ns = -1,
                      .locked_room = -1,
                      .container_pidfd = -1,
                      .container_netns = -1,
                      .store = -1,
                      .pty = -1,
                      .clamps = writer_new(CLAMPS_MAX)};
  cgroups_init(&job->cgroups);
  for (size_t i = 0; i < MOUNTS_MAX; i++) job->mounts[i] = -1;
}

static void job_close(struct job *job) {
  for (size_t i = 0; i < job->fd_count; i++) set_fd(&job->fds[i], -1);
  for (size_t i = 0; i < job->mount_count; i++) set_fd(&job->mounts[i], -1);
  cgroups_close(&job->cgroups);
  int *const owned[] = {&job->status,      &job->child_status, &job->pidfd,           &job->user_ns,
                        &job->locked_room, &job->pty,          &job->container_netns, &job->store};
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) set_fd(owned[i], -1);
  writer_free(&job->clamps);
}

static void answer_done(struct job *job) {
  struct writer body = writer_new(sizeof(struct job_message) + CLAMPS_MAX + 4);
  struct job_message reply = {
      .kind = JOB_DONE, .job = job->request->job, .pid = job->pid, .size = (uint32_t)job->clamps.len + 4};
  if (job->request->flags & JOB_TRACE)
    for (int i = 0; i < 4; i++) reply.times_ns[i] = (uint32_t)(job->marks[i + 1] - job->marks[i]);
  write_u32(&body, job->clamp_count);
  OWN_MEM uint8_t *message = malloc(sizeof reply + reply.size);
  if (!message || body.failed || job->clamps.failed) abort(); /* the keeper sees a worker that died */
  memcpy(message, &reply, sizeof reply);
  memcpy(message + sizeof reply, body.data, body.len);
  if (job->clamps.len > 0) memcpy(message + sizeof reply + body.len, job->clamps.data, job->clamps.len);
  socket_send(job->worker->socket, message, sizeof reply + reply.size, &job->pty, job->pty >= 0 ? 1 : 0);
  writer_free(&body);
}

static void answer_failed(const struct job *job, const struct failure *failure) {
  struct job_message reply = {.kind = JOB_FAILED, .job = job->request->job, .pid = job->pid, .failure = *failure};
  socket_send(job->worker->socket, &reply, sizeof reply, NULL, 0);
}

/* Of a keeper before this one: one hierarchy in an operation. */
static bool removed_cgroups(const struct op *op, struct op_cgroups *out) {
  struct op_cgroup cgroup;
  if (op->type == OP_CGROUPS_REMOVE) return decode_cgroups(op->payload, out);
  if (op->type != OP_CGROUP_REMOVE || !decode_cgroup(op->payload, &cgroup)) return false;
  *out = (struct op_cgroups){.hierarchies = UINT32_C(1) << cgroup.hierarchy, .path = cgroup.path};
  return true;
}

/* Removes all that can be; the first failure is told. */
static int remove_cgroups(const struct job *job, const struct op_cgroups *cgroups, struct failure *failure) {
  int result = 0;
  for (uint8_t i = 0; i < HIERARCHIES_MAX; i++) {
    struct op_cgroup cgroup = {.hierarchy = i, .path = cgroups->path};
    struct failure here;
    if (!(cgroups->hierarchies & UINT32_C(1) << i)) continue;
    if (cgroup_remove(job->worker, &cgroup, CGROUP_WAIT_MS, &here) == 0 || result < 0) continue;
    *failure = here;
    result = -1;
  }
  return result;
}

int job_cleanup(struct job *job, struct failure *failure) {
  struct op op;
  int result = netlink_clean(job, job->fds, failure);
  for (size_t at = 0; plan_next(&job->plan, &at, &op);) {
    struct op_cgroups cgroups;
    struct failure here;
    if (!removed_cgroups(&op, &cgroups) || remove_cgroups(job, &cgroups, &here) == 0 || result < 0) continue;
    *failure = here;
    result = op_failed(&op, failure);
  }
  return result;
}

static enum plan_use use_of(const struct job_message *request) {
  switch (request->kind) {
  case JOB_EXEC:
    return PLAN_EXEC;
  case JOB_CLEANUP:
    return PLAN_CLEANUP;
  case JOB_NETLINK:
    return PLAN_NETLINK;
  default:
    return PLAN_LAUNCH;
  }
}

/* The worker walks plans without looking where it steps: it checks them again, for they crossed a socket. */
static int check(struct job *job, struct failure *failure) {
  const struct job_message *request = job->request;
  if (plan_check(request + 1, request->size, use_of(request), &job->plan, failure) < 0) return -1;
  bool starts = request->kind == JOB_LAUNCH || request->kind == JOB_EXEC;
  job->stdio_count = starts && !(request->flags & JOB_TTY) ? 3 : 0;
  size_t expected = job->stdio_count;
  if (request->kind == JOB_LAUNCH) expected += plan_host_binds(&job->plan);
  if (request->kind == JOB_LAUNCH || request->kind == JOB_OPEN) expected += plan_namespace_joins(&job->plan);
  if (request->kind != JOB_OPEN) expected += plan_places(&job->plan);
  if (request->kind == JOB_EXEC) expected += 1;
  if (request->kind == JOB_NETLINK && job->fd_count == expected + 1) return 0;
  return job->fd_count == expected ? 0 : fail(failure, EPROTO, "receive descriptors", NULL);
}

static int perform(struct job *job, struct failure *failure) {
  bool launches = job->worker->options.role == ROLE_LAUNCH;
  if (job->worker->broken) {
    *failure = job->worker->why;
    return -1;
  }
  if (check(job, failure) < 0) return -1;
  if (job->request->kind == JOB_LAUNCH && launches) return job_launch(job, failure);
  if (job->request->kind == JOB_EXEC && launches) return job_exec(job, failure);
  if (job->request->kind == JOB_CLEANUP && launches) return job_cleanup(job, failure);
  if (job->request->kind == JOB_NETLINK && launches) return job_netlink(job, failure);
  if (job->request->kind == JOB_OPEN && !launches) return job_open(job, failure);
  return fail(failure, ENOSYS, "perform a job of another role", NULL);
}

/* False at the end of the socket. */
static bool take_job(struct worker *worker) {
  struct job job;
  struct failure failure;
  const struct job_message *request = (const struct job_message *)(const void *)worker->message;
  int fds[JOB_FDS_MAX];
  size_t count = JOB_FDS_MAX;
  ssize_t got = socket_receive(worker->socket, worker->message, JOB_BYTES_MAX, fds, &count);
  if (got == 0 || (got < 0 && errno != EMSGSIZE)) return false;
  if (got < (ssize_t)sizeof *request || (size_t)got != sizeof *request + request->size) {
    for (size_t i = 0; i < count; i++) close(fds[i]);
    return got >= 0 ? false : true; /* what does not decode is not from the keeper */
  }
  if (request->kind == JOB_GO || request->kind == JOB_ABORT) return true; /* of a job that is over */
  job_init(&job, worker, request);
  memcpy(job.fds, fds, count * sizeof *fds);
  job.fd_count = count;
  if (perform(&job, &failure) < 0)
    answer_failed(&job, &failure);
  else if (request->kind != JOB_OPEN)
    answer_done(&job);
  job_close(&job);
  return true;
}

/* Without work for a while, it keeps no namespace alive by a socket. */
static void wait_for_job(struct worker *worker) {
  struct pollfd next = {.fd = worker->socket, .events = POLLIN};
  if (netlink_keeps(worker) && poll(&next, 1, KEEP_MS) == 0) netlink_forget(worker);
}

_Noreturn void worker_main(int socket, const struct worker_options *options) {
  static struct worker worker;
  worker = (struct worker){.socket = socket, .options = *options, .kept = {{.fd = -1}, {.fd = -1}}};
  drop_descriptors(socket, options);
  clean_process();
  prctl(PR_SET_NAME, options->role == ROLE_LAUNCH ? "warren-worker" : "warren-opener");
  worker.message = malloc(JOB_BYTES_MAX);
  if (!worker.message) _exit(1);
  worker.broken = options->role == ROLE_LAUNCH && rooms_build(&worker, &worker.why) < 0;
  do wait_for_job(&worker);
  while (take_job(&worker));
  _exit(0);
}
