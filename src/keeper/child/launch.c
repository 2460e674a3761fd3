/* A container's first process, from clone to its last steps. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/own.h"
#include "../base/socket.h"
#include "child.h"

static int prepare(struct job *job, const struct final *final, struct failure *failure) {
  int keep[HIERARCHIES_MAX + 2];
  size_t count = 0;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return fail(failure, 0, "hide from tracers", NULL);
  keep[count++] = job->child_status;
  if (final->exec.flags & EXEC_INIT) keep[count++] = job->worker->options.init_fd;
  for (unsigned i = 0; i < job->cgroups.task_count; i++) keep[count++] = job->cgroups.tasks[i];
  job->cgroups.unified = -1;
  if (keep_only(job, keep, count, failure) < 0 || join_tasks(job, failure) < 0) return -1;
  /* After the joins: its root is where the process is now. */
  if ((job->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
    return fail(failure, 0, "make cgroup namespace", NULL);
  if (setsid() < 0) return fail(failure, 0, "make session", NULL);
  return 0;
}

/* The worker has mapped the ids. The end of the socket is the end of worker or keeper, and of this. */
static int wait_mapped(struct job *job, struct failure *failure) {
  uint32_t mounts = 0;
  ssize_t got = socket_receive(job->child_status, &mounts, sizeof mounts, NULL, NULL);
  if (got == 0) _exit(125);
  return got == (ssize_t)sizeof mounts ? 0 : fail(failure, got < 0 ? errno : EPROTO, "wait for ids", NULL);
}

static int wait_go(struct job *job, struct failure *failure) {
  uint32_t expected = 0;
  size_t count = MOUNTS_MAX;
  ssize_t got = socket_receive(job->child_status, &expected, sizeof expected, job->mounts, &count);
  if (got == 0) _exit(125);
  if (got != (ssize_t)sizeof expected || count != expected || count == 0)
    return fail(failure, got < 0 ? errno : EPROTO, "receive mounts", NULL);
  job->mount_count = (unsigned)count;
  return 0;
}

static int become_root(const struct job *job, struct failure *failure) {
  if (!job->idmap.present) return 0;
  if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
    return fail(failure, 0, "become the container's root", NULL);
  return 0;
}

/* What lies under the new root is empty and read-only; nothing has to be unmounted. */
static int enter_root(struct job *job, struct masks *masks, struct failure *failure) {
  if (job->locked && unshare(CLONE_NEWNS) < 0) return fail(failure, 0, "make mount namespace", NULL);
  if (masks_open(masks, failure) < 0) return -1;
  if (job->locked) {
    /* ".." of the covered root leads to what covers it, in this process's own copy. */
    set_fd(&job->mounts[0], open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (job->mounts[0] < 0) return fail(failure, 0, "open root", NULL);
  } else if (attach_root(job, failure) < 0) {
    return -1;
  }
  if (fchdir(job->mounts[0]) < 0 || chroot(".") < 0) return fail(failure, 0, "enter root", NULL);
  return 0;
}

static int early_op(struct job *job, const struct op *op, struct failure *failure) {
  if (op->type == OP_HOSTNAME) return op_hostname(op, failure);
  if (op->type == OP_LOOPBACK_UP) return loopback_up(failure);
  int tree = op_mount_make(op, failure);
  if (tree >= 0) job->early[job->early_count++] = tree;
  return tree < 0 ? -1 : 0;
}

static bool is_early(const struct job *job, const struct op *op) {
  if (op->type == OP_HOSTNAME || op->type == OP_LOOPBACK_UP) return true;
  return op->type == OP_MOUNT && job->early_count < EARLY_MAX;
}

/*
 * While the worker makes the root: what the child's phase begins with, as far as it needs none. Not in locked mode, where
 * the mount namespace is still to come.
 */
static int start_early(struct job *job, struct failure *failure) {
  struct op op;
  if (job->locked) return 0;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);) {
    if (op.phase < PHASE_CHILD) continue;
    if (op.phase > PHASE_CHILD || !is_early(job, &op)) break;
    if (early_op(job, &op, failure) < 0) return op_failed(&op, failure);
    job->early_end = op.index + 1;
  }
  return 0;
}

static int child_op(struct job *job, const struct op *op, const struct masks *masks, struct failure *failure) {
  bool done = op->index < job->early_end;
  if (done && op->type != OP_MOUNT) return 0;
  switch ((int)op->type) {
  case OP_MOUNT:
    return op_mount(job, op, done ? job->early[job->early_used++] : op_mount_make(op, failure), failure);
  case OP_MASK:
    return op_mask(job, op, masks, failure);
  case OP_READONLY:
    return op_readonly(job, op, failure);
  case OP_SYSCTL:
    return op_sysctl(job, op, failure);
  case OP_HOSTNAME:
    return op_hostname(op, failure);
  case OP_LOOPBACK_UP:
    return loopback_up(failure);
  default:
    return 0; /* one of the last steps */
  }
}

static int build(struct job *job, struct failure *failure) {
  struct masks masks;
  struct op op;
  if (enter_root(job, &masks, failure) < 0) return -1;
  if (!job->locked && attach_binds(job, BINDS_OF_HOST, failure) < 0) return -1;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);)
    if (op.phase == PHASE_CHILD && child_op(job, &op, &masks, failure) < 0)
      return failure->type ? -1 : op_failed(&op, failure);
  return 0;
}

static int start(struct job *job, const struct final *final, struct failure *failure) {
  if (prepare(job, final, failure) < 0 || wait_mapped(job, failure) < 0 || become_root(job, failure) < 0) return -1;
  umask(0);
  if (start_early(job, failure) < 0 || wait_go(job, failure) < 0 || build(job, failure) < 0) return -1;
  umask(022);
  return 0;
}

_Noreturn void child_launch(struct job *job) {
  struct failure failure;
  struct final final = final_read(&job->plan);
  if (start(job, &final, &failure) < 0) report_failure(job, &failure);
  final_perform(job, &final, true);
}
