/* A container's start, up to the child's own phase. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/own.h"
#include "../base/socket.h"
#include "../child/child.h"
#include "worker.h"

static int at_op(const struct op *op, struct failure *failure) {
  failure->phase = op->phase;
  failure->index = op->index;
  failure->type = op->type;
  return -1;
}

static int before_op(struct job *job, const struct op *op, struct failure *failure) {
  struct op_namespaces namespaces;
  struct op_namespace_join join;
  switch (op->type) {
  case OP_CGROUP_MAKE:
    return cgroup_make(job->worker, op, &job->cgroups, failure);
  case OP_CGROUP_WRITE:
    return cgroup_write(job->worker, op, &job->clamps, &job->clamp_count, failure);
  case OP_CGROUP_DEVICES:
    return cgroup_devices(job->worker, op, failure);
  case OP_CGROUP_OWNER:
    return cgroup_owner(job->worker, op, failure);
  case OP_CGROUP_JOIN:
    return cgroup_join(job->worker, op, &job->cgroups, failure);
  case OP_IDMAP:
    return idmap_read(op, &job->idmap, failure);
  case OP_NAMESPACES:
    decode_namespaces(op->payload, &namespaces);
    job->namespaces = namespaces.flags;
    job->locked = op->flags & NAMESPACES_LOCKED;
    return 0;
  case OP_NAMESPACE_JOIN:
    decode_namespace_join(op->payload, &join);
    job->joined |= join.flags;
    return 0;
  case OP_NETNS:
    job->netns = job->fds[job->stdio_count];
    return 0;
  default:
    return fail(failure, EPROTO, "perform an operation in this phase", NULL);
  }
}

static int before(struct job *job, struct failure *failure) {
  struct op op;
  for (size_t at = 0; plan_next(&job->plan, &at, &op) && op.phase == PHASE_BEFORE;)
    if (before_op(job, &op, failure) < 0) return at_op(&op, failure);
  return 0;
}

/* Other containers' namespaces that need no user namespace: entered around the clone, so that the child is born in them. */
static int enter_joined(struct job *job, struct failure *failure) {
  if (job->netns >= 0 && setns(job->netns, CLONE_NEWNET) < 0)
    return fail(failure, 0, "enter prepared network namespace", NULL);
  if (job->joined & CLONE_NEWUSER) return 0; /* the child does it: from a user namespace there is no way back */
  return join_namespaces(job, failure);
}

/* A worker that stays in a container's namespace would make the next one there: better no worker. */
static void leave_joined(const struct job *job) {
  const struct worker *worker = job->worker;
  if (job->joined == 0 && job->netns < 0) return;
  if (setns(worker->own_net_ns, CLONE_NEWNET) < 0 || setns(worker->own_ipc_ns, CLONE_NEWIPC) < 0 ||
      setns(worker->own_uts_ns, CLONE_NEWUTS) < 0 || setns(worker->own_pid_ns, CLONE_NEWPID) < 0)
    abort();
}

/* In locked mode the child starts in a copy of the bare namespace that belongs to the host's user namespace. */
static int make_locked_room(struct job *job, struct failure *failure) {
  if (!job->locked) return 0;
  if (unshare(CLONE_NEWNS) < 0) return fail(failure, 0, "make mount namespace", NULL);
  job->locked_room = openat(job->worker->host_proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
  return job->locked_room < 0 ? fail(failure, 0, "open own namespace", "mnt") : 0;
}

/* The container whose user namespace is joined: its ids are this one's too. */
static int look_at_peer(struct job *job, struct failure *failure) {
  struct op op;
  char path[32];
  size_t next = job->stdio_count + plan_host_binds(&job->plan);
  for (size_t at = 0; plan_next(&job->plan, &at, &op); next += op.type == OP_NAMESPACE_JOIN) {
    struct op_namespace_join join;
    if (op.type != OP_NAMESPACE_JOIN || !decode_namespace_join(op.payload, &join) || !(join.flags & CLONE_NEWUSER))
      continue;
    pid_t pid = peer_pid(job->worker, job->fds[next]);
    if (pid <= 0) return fail(failure, ESRCH, "join a container that ended", NULL), at_op(&op, failure);
    if (peer_maps(job->worker, pid, &job->peer_maps, &job->idmap, failure) < 0) return at_op(&op, failure);
    snprintf(path, sizeof path, "%d/ns/user", (int)pid);
    job->user_ns = openat(job->worker->host_proc, path, O_RDONLY | O_CLOEXEC);
    if (job->user_ns >= 0) return 0;
    fail(failure, 0, "open user namespace", NULL);
    return at_op(&op, failure);
  }
  return 0;
}

static int clone_child(struct job *job, struct failure *failure) {
  bool joins_users = job->joined & CLONE_NEWUSER;
  if (joins_users && look_at_peer(job, failure) < 0) return -1;
  if (room_enter(job->worker->bare_room, failure) < 0) return -1;
  int result = make_locked_room(job, failure);
  if (result == 0 && (result = enter_joined(job, failure)) == 0)
    result =
        joins_users ? spawn(job, 0, child_join, failure) : spawn(job, child_namespaces(job), child_launch, failure);
  leave_joined(job);
  struct failure lost;
  if (room_enter(job->worker->store_room, &lost) < 0) abort(); /* nothing works from here */
  return result == 0 && joins_users ? spawn_adopt(job, failure) : result;
}

static int map_ids(struct job *job, struct failure *failure) {
  char path[32];
  if (!job->idmap.present || job->user_ns >= 0) return 0;
  if (idmap_write(job->worker, &job->idmap, job->pid, failure) < 0) return -1;
  snprintf(path, sizeof path, "%d/ns/user", (int)job->pid);
  job->user_ns = openat(job->worker->host_proc, path, O_RDONLY | O_CLOEXEC);
  return job->user_ns < 0 ? fail(failure, 0, "open user namespace", NULL) : 0;
}

static int set_oom_score(const struct job *job, const struct op *op, struct failure *failure) {
  struct op_oom_score score;
  char path[40], text[16];
  decode_oom_score(op->payload, &score);
  snprintf(path, sizeof path, "%d/oom_score_adj", (int)job->pid);
  int len = snprintf(text, sizeof text, "%d", score.score);
  OWN_FD fd = openat(job->worker->host_proc, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, (size_t)len) != len) return fail(failure, 0, "set OOM score", text);
  return 0;
}

static int add_mount(struct job *job, int mount_fd) {
  if (mount_fd < 0) return -1;
  job->mounts[job->mount_count++] = mount_fd;
  return 0;
}

/* Which of the descriptors that came with the job is the next one's. */
struct next {
  size_t bind, place;
};

/* mounts[0] is the root; then one per BIND and DEV_TREE in the plan's order. */
static int after_op(struct job *job, const struct op *op, struct next *next, struct failure *failure) {
  struct op_bind bind;
  switch (op->type) {
  case OP_OVERLAY:
    return 0;
  case OP_BIND:
    decode_bind(op->payload, &bind);
    return add_mount(job,
                     bind_make(job, op, bind_is_opened(bind.kind) ? steal_fd(&job->fds[next->bind++]) : -1, failure));
  case OP_DEV_TREE:
    return add_mount(job, dev_tree_make(job, op, failure));
  case OP_OOM_SCORE:
    return set_oom_score(job, op, failure);
  case OP_NETLINK:
    return netlink_perform(job, op, plan_is_place(op) ? job->fds[next->place++] : -1, failure);
  default:
    return fail(failure, EPROTO, "perform an operation in this phase", NULL);
  }
}

static int make_root(struct job *job, struct failure *failure) {
  struct op op;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);)
    if (op.type == OP_OVERLAY && add_mount(job, overlay_make(job, &op, failure)) < 0) return at_op(&op, failure);
  return 0;
}

/* Descriptors of pinned namespaces are the last ones. */
static size_t first_place(const struct job *job) { return job->fd_count - plan_places(&job->plan); }

static int after(struct job *job, struct failure *failure) {
  struct op op;
  struct next next = {.bind = job->stdio_count + (job->netns >= 0 ? 1 : 0), .place = first_place(job)};
  if (map_ids(job, failure) < 0 || spawn_mapped(job, failure) < 0 || make_root(job, failure) < 0) return -1;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);)
    if (op.phase == PHASE_AFTER && after_op(job, &op, &next, failure) < 0) return at_op(&op, failure);
  return 0;
}

/* Before the child copies the namespace for itself, which locks every flag. */
static int attach_locked(struct job *job, struct failure *failure) {
  if (!job->locked) return 0;
  if (room_enter(job->locked_room, failure) < 0) return -1;
  int result = mapped_root_enter(&job->idmap, failure);
  if (result == 0) {
    result = attach_root(job, failure);
    if (result == 0) result = attach_binds(job, BINDS_OF_HOST, failure);
    if (result == 0) result = lock_root(job, failure);
    mapped_root_leave(&job->idmap);
  }
  struct failure lost;
  if (room_enter(job->worker->store_room, &lost) < 0) abort(); /* nothing works from here */
  set_fd(&job->locked_room, -1);
  return result;
}

static int go(struct job *job, struct failure *failure) {
  uint32_t count = job->mount_count;
  if (socket_send(job->status, &count, sizeof count, job->mounts, count) < 0) {
    int heard = spawn_wait(job, false, failure); /* it ended: it may have said why */
    return heard < 0 ? -1 : fail(failure, EPROTO, "let child go", NULL);
  }
  for (unsigned i = 0; i < job->mount_count; i++) set_fd(&job->mounts[i], -1);
  return 0;
}

static int start(struct job *job, struct failure *failure) {
  job_mark(job, 0);
  if (before(job, failure) < 0) return -1;
  job_mark(job, 1);
  if (clone_child(job, failure) < 0 || spawn_announce(job, failure) < 0) return -1;
  job_mark(job, 2);
  if (after(job, failure) < 0 || attach_locked(job, failure) < 0) {
    spawn_told(job, failure); /* the cause, when it ended under the worker's hands */
    return -1;
  }
  job_mark(job, 3);
  if (spawn_wait(job, true, failure) < 0 || go(job, failure) < 0) return -1;
  if (spawn_wait(job, false, failure) < 0) return -1;
  job_mark(job, 4);
  return 0;
}

static void undo_cgroups(struct job *job) {
  struct op op;
  for (unsigned i = job->cgroups.made_count; i-- > 0;)
    for (size_t at = 0; plan_next(&job->plan, &at, &op);) {
      struct op_cgroup cgroup;
      struct failure ignored; /* others may use a parent by now */
      if (op.index == job->cgroups.made[i] && decode_cgroup(op.payload, &cgroup))
        cgroup_remove(job->worker, &cgroup, 500, &ignored);
    }
}

/* Links end with the namespace that died; elements of the firewall do not. */
static void undo_netlink(struct job *job) {
  struct failure ignored; /* the launch's own failure is told */
  size_t first = first_place(job);
  struct op op;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);) first += plan_is_place(&op) && op.phase == PHASE_AFTER;
  if (job->pidfd >= 0) netlink_clean(job, job->fds + first, &ignored);
}

int job_launch(struct job *job, struct failure *failure) {
  if (start(job, failure) == 0) return 0;
  spawn_kill(job);
  undo_netlink(job);
  undo_cgroups(job);
  return -1;
}
