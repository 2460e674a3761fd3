/* A process in a running container. The worker enters only the pid namespace, for the child it clones next. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/own.h"
#include "../child/child.h"
#include "worker.h"

static const uint64_t every_namespace =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;

static int look_at_container(struct job *job, struct failure *failure) {
  const struct worker *worker = job->worker;
  pid_t pid = peer_pid(worker, job->fds[job->stdio_count]);
  if (pid <= 0) return fail(failure, ESRCH, "find the container's init", NULL);
  bool same = false;
  if (peer_same_user_ns(worker, pid, &same, failure) < 0) return -1;
  if (job->namespaces == 0) job->namespaces = every_namespace;
  /* Never a choice: without it, the host's root would be inside. */
  job->namespaces = same ? job->namespaces & ~(uint64_t)CLONE_NEWUSER : job->namespaces | CLONE_NEWUSER;
  job->idmap.present = !same;
  if (same || !(job->request->flags & JOB_TTY)) return 0;
  return peer_maps(worker, pid, &job->peer_maps, &job->idmap, failure);
}

static int before(struct job *job, struct failure *failure) {
  struct op op;
  for (size_t at = 0; plan_next(&job->plan, &at, &op) && op.phase == PHASE_BEFORE;) {
    struct op_namespaces namespaces;
    if (op.type == OP_CGROUP_JOIN && cgroup_join(job->worker, &op, &job->cgroups, failure) < 0)
      return op_failed(&op, failure);
    if (op.type == OP_NAMESPACES && decode_namespaces(op.payload, &namespaces)) job->namespaces = namespaces.flags;
  }
  return 0;
}

/*
 * A service manager to which the group was handed has moved its processes into groups below, enabled controllers for
 * those, and so closed its own group to processes: what it calls its own leaf takes them.
 */
static int enter_init_scope(struct job *job) {
  int fd = openat(job->cgroups.unified, "init.scope", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  set_fd(&job->cgroups.unified, fd);
  set_fd(&job->status, -1);
  return 0;
}

static int clone_child(struct job *job, struct failure *failure) {
  bool enters = job->namespaces & CLONE_NEWPID;
  if (enters && setns(job->fds[job->stdio_count], CLONE_NEWPID) < 0)
    return fail(failure, 0, "enter the container's pid namespace", NULL);
  int result = spawn(job, 0, child_exec, failure);
  if (result < 0 && failure->error == EBUSY && enter_init_scope(job) == 0) result = spawn(job, 0, child_exec, failure);
  if (enters && setns(job->worker->own_pid_ns, CLONE_NEWPID) < 0) abort(); /* later children would be the container's */
  if (result < 0 && failure->error == ENOMEM)
    failure->error = ESRCH; /* the kernel's word for a pid namespace without init */
  return result;
}

int job_exec(struct job *job, struct failure *failure) {
  if (job->fd_count != job->stdio_count + 1u) return fail(failure, EPROTO, "receive the container's init", NULL);
  job_mark(job, 0);
  if (before(job, failure) < 0 || look_at_container(job, failure) < 0) return -1;
  job_mark(job, 1);
  if (clone_child(job, failure) < 0) return -1;
  job_mark(job, 2);
  job_mark(job, 3);
  if (spawn_announce(job, failure) == 0 && spawn_wait(job, false, failure) >= 0) {
    job_mark(job, 4);
    return 0;
  }
  spawn_kill(job);
  return -1;
}
