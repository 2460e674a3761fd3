/* ROLE_OPEN: bind sources, resolved and cloned where the user's paths mean what the user sees. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "../base/socket.h"
#include "worker.h"

typedef char path_buffer[PATH_BYTES_MAX + 1];

static int open_path(const char *path) {
  return kernel_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS);
}

static int make_source(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    int failed = mkdir(path, 0755) < 0 && errno != EEXIST;
    *slash = '/';
    if (failed) return -1;
  }
  return mkdir(path, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

/*
 * What a running container has there, seen from its mount namespace: what is cloned is the tree that is mounted, and only
 * of a kind that holds no files of the host's.
 */
static int clone_joined(const struct job *job, const char *path, unsigned recursive, struct failure *failure) {
  struct statfs status;
  OWN_FD own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (own < 0) return fail(failure, 0, "open own mount namespace", NULL);
  if (setns(job->fds[0], CLONE_NEWNS) < 0) return fail(failure, 0, "enter mount namespace for", path);
  OWN_FD source = kernel_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  OWN_FD tree = -1;
  int result = source < 0 || fstatfs(source, &status) < 0 ? fail(failure, 0, "open in joined container", path) : 0;
  if (result == 0 && status.f_type != TMPFS_MAGIC) result = fail(failure, EINVAL, "share what is no tmpfs", path);
  if (result == 0) {
    tree = kernel_open_tree(source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive);
    if (tree < 0) fail(failure, 0, "clone in joined container", path);
  }
  if (setns(own, CLONE_NEWNS) < 0 || chdir("/") < 0) abort(); /* nothing works from here */
  return steal_fd(&tree);
}

static int open_source(const struct op *op, path_buffer path, struct failure *failure) {
  OWN_FD source = open_path(path);
  if (source < 0 && errno == ENOENT && (op->flags & BIND_MAKE_SOURCE)) {
    if (make_source(path) < 0) return fail(failure, 0, "make bind source", path);
    set_fd(&source, open_path(path));
  }
  return source < 0 ? fail(failure, 0, "open bind source", path) : steal_fd(&source);
}

static int clone_host(const struct op *op, path_buffer path, unsigned recursive, struct failure *failure) {
  OWN_FD source = open_source(op, path, failure);
  if (source < 0) return -1;
  int tree = kernel_open_tree(source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive);
  return tree < 0 ? fail(failure, 0, "clone bind source", path) : tree;
}

static int open_bind(const struct job *job, const struct op *op, struct failure *failure) {
  static const uint64_t kinds[] = {MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE};
  unsigned recursive = op->flags & BIND_RECURSIVE ? AT_RECURSIVE : 0;
  struct op_bind bind;
  path_buffer path;
  decode_bind(op->payload, &bind);
  path_name(bind.source, &path);
  OWN_FD tree =
      bind.kind == BIND_JOINED ? clone_joined(job, path, recursive, failure) : clone_host(op, path, recursive, failure);
  if (tree < 0) {
    bool skip = failure->error == ENOENT && (op->flags & BIND_OPTIONAL);
    return skip ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
  }
  if (kernel_mount_setattr(tree, "", AT_EMPTY_PATH | recursive, bind.attributes, 0, kinds[bind.propagation], -1) < 0)
    return fail(failure, 0, "set bind attributes", path);
  return steal_fd(&tree);
}

static int open_netns(const struct op *op, struct failure *failure) {
  struct op_path netns;
  path_buffer path;
  decode_host_path(op->payload, &netns);
  path_name(netns.path, &path);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  return fd < 0 ? fail(failure, 0, "open network namespace", path) : fd;
}

int job_open(struct job *job, struct failure *failure) {
  struct op op;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);) {
    struct op_bind bind;
    bool wanted =
        op.type == OP_NETNS || (op.type == OP_BIND && decode_bind(op.payload, &bind) && bind_is_opened(bind.kind));
    if (!wanted) continue;
    int fd = op.type == OP_NETNS ? open_netns(&op, failure) : open_bind(job, &op, failure);
    if (fd < 0) {
      failure->phase = op.phase;
      failure->index = op.index;
      failure->type = op.type;
      return -1;
    }
    job->mounts[job->mount_count++] = fd;
  }
  struct job_message reply = {.kind = JOB_OPENED, .job = job->request->job};
  if (socket_send(job->worker->socket, &reply, sizeof reply, job->mounts, job->mount_count) < 0)
    return fail(failure, 0, "hand over bind sources", NULL);
  return 0;
}
