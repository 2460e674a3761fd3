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

enum { RANGE_BYTES = 12 };
static const uint64_t every_namespace =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;

/* The maps of the container's init, in the form that a plan has them in. */
struct maps {
  uint8_t uids[ID_RANGES_MAX * RANGE_BYTES], gids[ID_RANGES_MAX * RANGE_BYTES];
};

static ssize_t read_proc(const struct worker *worker, const char *path, char *text, size_t cap) {
  OWN_FD fd = openat(worker->host_proc, path, O_RDONLY | O_CLOEXEC);
  size_t len = 0;
  ssize_t got = fd < 0 ? -1 : 0;
  while (fd >= 0 && len < cap - 1 && (got = read(fd, text + len, cap - 1 - len)) > 0) len += (size_t)got;
  text[len] = 0;
  return got < 0 ? -1 : (ssize_t)len;
}

static pid_t pid_of(const struct worker *worker, int pidfd) {
  char path[40], text[512];
  snprintf(path, sizeof path, "self/fdinfo/%d", pidfd);
  if (read_proc(worker, path, text, sizeof text) < 0) return -1;
  const char *line = strstr(text, "Pid:");
  return line ? (pid_t)strtol(line + 4, NULL, 10) : -1;
}

static int same_user_namespace(const struct worker *worker, pid_t pid, bool *same, struct failure *failure) {
  char path[32], own[64] = "", other[64] = "";
  snprintf(path, sizeof path, "%d/ns/user", (int)pid);
  if (readlinkat(worker->host_proc, "self/ns/user", own, sizeof own - 1) < 0 ||
      readlinkat(worker->host_proc, path, other, sizeof other - 1) < 0)
    return fail(failure, errno == ENOENT ? ESRCH : errno, "look at the container's user namespace", NULL);
  *same = strcmp(own, other) == 0;
  return 0;
}

static void put_u32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static int read_map(const struct worker *worker, pid_t pid, const char *name, uint8_t *bytes, struct list *list) {
  char path[32], text[ID_RANGES_MAX * 36];
  snprintf(path, sizeof path, "%d/%s", (int)pid, name);
  if (read_proc(worker, path, text, sizeof text) < 0) return -1;
  char *at = text;
  for (list->count = 0; *at && list->count < ID_RANGES_MAX; list->count++) {
    for (int field = 0; field < 3; field++)
      put_u32(bytes + list->count * RANGE_BYTES + 4 * field, (uint32_t)strtoul(at, &at, 10));
    at += strspn(at, " \n");
  }
  list->items = reader_of(bytes, (size_t)list->count * RANGE_BYTES);
  return 0;
}

static int look_at_container(struct job *job, struct maps *maps, struct failure *failure) {
  const struct worker *worker = job->worker;
  pid_t pid = pid_of(worker, job->fds[job->stdio_count]);
  if (pid <= 0) return fail(failure, ESRCH, "find the container's init", NULL);
  bool same = false;
  if (same_user_namespace(worker, pid, &same, failure) < 0) return -1;
  if (job->namespaces == 0) job->namespaces = every_namespace;
  /* Never a choice: without it, the host's root would be inside. */
  job->namespaces = same ? job->namespaces & ~(uint64_t)CLONE_NEWUSER : job->namespaces | CLONE_NEWUSER;
  job->idmap.present = !same;
  if (same || !(job->request->flags & JOB_TTY)) return 0;
  if (read_map(worker, pid, "uid_map", maps->uids, &job->idmap.map.uids) < 0 ||
      read_map(worker, pid, "gid_map", maps->gids, &job->idmap.map.gids) < 0)
    return fail(failure, 0, "read id maps", NULL);
  return 0;
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

static int clone_child(struct job *job, struct failure *failure) {
  bool enters = job->namespaces & CLONE_NEWPID;
  if (enters && setns(job->fds[job->stdio_count], CLONE_NEWPID) < 0)
    return fail(failure, 0, "enter the container's pid namespace", NULL);
  int result = spawn(job, 0, child_exec, failure);
  if (enters && setns(job->worker->own_pid_ns, CLONE_NEWPID) < 0) abort(); /* later children would be the container's */
  if (result < 0 && failure->error == ENOMEM)
    failure->error = ESRCH; /* the kernel's word for a pid namespace without init */
  return result;
}

int job_exec(struct job *job, struct failure *failure) {
  struct maps maps;
  if (job->fd_count != job->stdio_count + 1u) return fail(failure, EPROTO, "receive the container's init", NULL);
  job_mark(job, 0);
  if (before(job, failure) < 0 || look_at_container(job, &maps, failure) < 0) return -1;
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
