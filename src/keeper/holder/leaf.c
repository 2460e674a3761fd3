#include "leaf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/own.h"
#include "../keeper/keeper.h"

enum { PATH_SIZE = 4096 };

/* What leaf_leave undoes: the holder lives until its end. */
static struct {
  const struct keeper_options *options;
  unsigned made[16]; /* how many of the path's last components were made, in each hierarchy */
} leaf;

static bool write_file(int dir, const char *name, const char *value, size_t len) {
  OWN_FD fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
  return fd >= 0 && write(fd, value, len) == (ssize_t)len;
}

/* A new v1 cpuset takes no process before it has processors and memory nodes. */
static void copy_cpuset(int parent, int child, const char *name) {
  char text[4096];
  OWN_FD own = openat(child, name, O_RDONLY | O_CLOEXEC);
  if (own < 0) return;
  ssize_t len = read(own, text, sizeof text);
  if (len > 1) return;
  OWN_FD from = openat(parent, name, O_RDONLY | O_CLOEXEC);
  len = from < 0 ? -1 : read(from, text, sizeof text);
  if (len > 0) write_file(child, name, text, (size_t)len);
}

/* Opens the leaf below `root`, making what is missing; counts what it made at the path's end. */
static int open_leaf(int root, const char *path, unsigned *made) {
  char rest[PATH_SIZE];
  OWN_FD at = dup(root);
  snprintf(rest, sizeof rest, "%s", path);
  for (char *name = strtok(rest, "/"); name && at >= 0; name = strtok(NULL, "/")) {
    bool made_now = mkdirat(at, name, 0755) == 0;
    *made = made_now ? *made + 1 : 0;
    OWN_FD below = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (below < 0) return -1;
    /* Whatever the umask: older kernels mount a container's cgroup2 only if its root may search every directory above. */
    if (made_now && fchmod(below, 0755) < 0) return -1;
    copy_cpuset(at, below, "cpuset.cpus");
    copy_cpuset(at, below, "cpuset.mems");
    set_fd(&at, steal_fd(&below));
  }
  return steal_fd(&at);
}

int leaf_join(const struct keeper_options *options, struct failure *failure) {
  leaf.options = options;
  if (!options->cgroup) return 0;
  for (unsigned i = 0; i < options->hierarchy_count; i++) {
    OWN_FD root = open(options->hierarchy_roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return fail(failure, 0, "open cgroup hierarchy", options->hierarchy_roots[i]);
    OWN_FD own = open_leaf(root, options->cgroup, &leaf.made[i]);
    if (own < 0) return fail(failure, 0, "create cgroup", options->cgroup);
    if (!write_file(own, "cgroup.procs", "0", 1)) return fail(failure, 0, "enter cgroup", options->cgroup);
  }
  return 0;
}

void leaf_to_root(const struct keeper_options *options) {
  for (unsigned i = 0; i < options->hierarchy_count; i++) {
    OWN_FD root = open(options->hierarchy_roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Not where that is a container's root, which has groups below it. */
    if (root >= 0) (void)write_file(root, "cgroup.procs", "0", 1);
  }
}

static void remove_leaf(int root, unsigned made) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s", leaf.options->cgroup);
  for (; made > 0; made--) {
    if (unlinkat(root, path, AT_REMOVEDIR) < 0 && errno != ENOENT) return;
    char *slash = strrchr(path, '/');
    if (!slash) return;
    *slash = 0;
  }
}

void leaf_leave(void) {
  const struct keeper_options *options = leaf.options;
  if (!options || !options->cgroup) return;
  for (unsigned i = 0; i < options->hierarchy_count; i++) {
    OWN_FD root = open(options->hierarchy_roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || !write_file(root, "cgroup.procs", "0", 1)) {
      log_line(LEVEL_WARN, "cannot leave the cgroup %s of %s: errno %d", options->cgroup, options->hierarchy_names[i],
               errno);
      continue;
    }
    /* The leaf itself is the keeper's even if an earlier one had left it behind. */
    remove_leaf(root, leaf.made[i] > 0 ? leaf.made[i] : 1);
  }
}
