/* Control groups: paths are below a hierarchy's root, checked by plan_check; the file system has no symbolic links. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/own.h"
#include "worker.h"

enum { DEPTH_MAX = 64, RETRY_FIRST_MS = 1, RETRY_MOST_MS = 50 };

typedef char path_buffer[PATH_BYTES_MAX + 1];

void cgroups_init(struct cgroups *cgroups) {
  cgroups->unified = -1;
  cgroups->task_count = 0;
  cgroups->made_count = 0;
}

void cgroups_close(struct cgroups *cgroups) {
  set_fd(&cgroups->unified, -1);
  for (unsigned i = 0; i < cgroups->task_count; i++) close(cgroups->tasks[i]);
  cgroups->task_count = 0;
}

static int hierarchy(const struct worker *worker, uint8_t index, struct failure *failure) {
  if (index >= worker->options.hierarchy_count || worker->options.hierarchies[index] < 0)
    return fail(failure, ENODEV, "use a cgroup hierarchy that is not there", NULL);
  return worker->options.hierarchies[index];
}

static int make_parents(int root, char *path) {
  for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    int failed = mkdirat(root, path, 0755) < 0 && errno != EEXIST;
    *slash = '/';
    if (failed) return -1;
  }
  return 0;
}

int cgroup_make(const struct worker *worker, const struct op *op, struct cgroups *cgroups, struct failure *failure) {
  struct op_cgroup cgroup;
  path_buffer path;
  decode_cgroup(op->payload, &cgroup);
  path_name(cgroup.path, &path);
  int root = hierarchy(worker, cgroup.hierarchy, failure);
  if (root < 0) return -1;
  int made = mkdirat(root, path, 0755);
  if (made < 0 && errno == ENOENT) made = make_parents(root, path) < 0 ? -1 : mkdirat(root, path, 0755);
  if (made < 0 && (errno != EEXIST || (op->flags & CGROUP_MAKE_NEW))) return fail(failure, 0, "create cgroup", path);
  if (made == 0) cgroups->made[cgroups->made_count++] = op->index;
  return 0;
}

static int open_file(const struct worker *worker, const struct op_cgroup_write *write, int flags, path_buffer path,
                     struct failure *failure) {
  char full[2 * PATH_BYTES_MAX];
  snprintf(full, sizeof full, "%.*s/%.*s", (int)write->path.len, write->path.at, (int)write->file.len, write->file.at);
  snprintf(path, sizeof(path_buffer), "%.*s", PATH_BYTES_MAX, full);
  int root = hierarchy(worker, write->hierarchy, failure);
  if (root < 0) return -1;
  int fd = openat(root, full, flags | O_CLOEXEC | O_NOFOLLOW);
  return fd < 0 ? fail(failure, 0, "open", path) : fd;
}

/* The value in force, if it is a number. */
static uint64_t read_back(const struct worker *worker, const struct op_cgroup_write *write) {
  struct failure ignored;
  path_buffer path;
  char text[64];
  OWN_FD fd = open_file(worker, write, O_RDONLY, path, &ignored);
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (len <= 0) return 0;
  text[len] = 0;
  return strncmp(text, "max", 3) == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
}

static void clamp(const struct worker *worker, const struct op_cgroup_write *write, struct writer *clamps) {
  char value[64];
  snprintf(value, sizeof value, "%.*s", (int)write->value.len, write->value.at);
  write_u8(clamps, CLAMP_CGROUP);
  write_view(clamps, write->file);
  write_u64(clamps, strtoull(value, NULL, 10));
  write_u64(clamps, read_back(worker, write));
}

int cgroup_write(const struct worker *worker, const struct op *op, struct writer *clamps, uint32_t *clamp_count,
                 struct failure *failure) {
  struct op_cgroup_write value;
  path_buffer path;
  decode_cgroup_write(op->payload, &value);
  OWN_FD fd = open_file(worker, &value, O_WRONLY, path, failure);
  if (fd >= 0) {
    ssize_t written = write(fd, value.value.at, value.value.len);
    if (written == (ssize_t)value.value.len) return 0;
    fail(failure, written < 0 ? errno : EIO, "set cgroup value", path);
  }
  int error = failure->error;
  if (!(op->flags & CGROUP_WRITE_CLAMP) || (error != EINVAL && error != ENOENT && error != EPERM)) return -1;
  clamp(worker, &value, clamps);
  ++*clamp_count;
  return 0;
}

int cgroup_owner(const struct worker *worker, const struct op *op, struct failure *failure) {
  static const char *const delegated[] = {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"};
  struct op_cgroup_owner owner;
  path_buffer path;
  decode_cgroup_owner(op->payload, &owner);
  path_name(owner.path, &path);
  int root = hierarchy(worker, owner.hierarchy, failure);
  if (root < 0) return -1;
  OWN_FD group = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (group < 0) return fail(failure, 0, "open cgroup", path);
  if (fchown(group, owner.uid, owner.gid) < 0) return fail(failure, 0, "hand over cgroup", path);
  for (unsigned i = 0; i < sizeof delegated / sizeof *delegated; i++)
    if (fchownat(group, delegated[i], owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(failure, 0, "hand over cgroup file", delegated[i]);
  return 0;
}

int cgroup_join(const struct worker *worker, const struct op *op, struct cgroups *cgroups, struct failure *failure) {
  struct op_cgroup cgroup;
  decode_cgroup(op->payload, &cgroup);
  path_buffer path;
  char tasks[PATH_BYTES_MAX + 8];
  path_name(cgroup.path, &path);
  int root = hierarchy(worker, cgroup.hierarchy, failure);
  if (root < 0) return -1;
  if (cgroup.hierarchy == 0) {
    set_fd(&cgroups->unified, openat(root, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    return cgroups->unified < 0 ? fail(failure, 0, "open cgroup", path) : 0;
  }
  if (cgroups->task_count == HIERARCHIES_MAX) return fail(failure, E2BIG, "join more cgroups", path);
  snprintf(tasks, sizeof tasks, "%s/tasks", path);
  int fd = openat(root, tasks, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fail(failure, 0, "open cgroup", path);
  cgroups->tasks[cgroups->task_count++] = fd;
  return 0;
}

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Until the cgroup's last process is gone: an event on the unified hierarchy, a short pause elsewhere. */
static void wait_for_end(int root, const char *path, int pause_ms) {
  char events[PATH_BYTES_MAX + 32], text[256];
  snprintf(events, sizeof events, "%s/cgroup.events", path);
  OWN_FD fd = openat(root, events, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (len > 0) text[len] = 0;
  if (len > 0 && strstr(text, "populated 1")) {
    struct pollfd wait = {.fd = fd, .events = POLLPRI};
    poll(&wait, 1, pause_ms);
  } else {
    poll(NULL, 0, pause_ms);
  }
}

static int remove_children(int root, const char *path, int depth);

static int remove_tree(int root, const char *path, int depth) {
  if (unlinkat(root, path, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  if ((errno != EBUSY && errno != ENOTEMPTY) || depth == DEPTH_MAX) return -1;
  int error = errno;
  if (remove_children(root, path, depth) < 0) return -1;
  if (unlinkat(root, path, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  if (errno == ENOTEMPTY) errno = error;
  return -1;
}

/* A container may have made cgroups of its own. */
static int remove_children(int root, const char *path, int depth) {
  int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (!directory) {
    if (fd >= 0) close(fd);
    return errno == ENOENT ? 0 : -1;
  }
  int result = 0, error = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (remove_tree(fd, entry->d_name, depth + 1) == 0) continue;
    error = errno;
    result = -1;
  }
  closedir(directory);
  if (result < 0) errno = error;
  return result;
}

int cgroup_remove(const struct worker *worker, const struct op_cgroup *cgroup, int wait_ms, struct failure *failure) {
  path_buffer path;
  path_name(cgroup->path, &path);
  int root = hierarchy(worker, cgroup->hierarchy, failure);
  if (root < 0) return -1;
  int64_t end = now_ms() + wait_ms;
  for (int pause = RETRY_FIRST_MS;; pause = pause * 2 < RETRY_MOST_MS ? pause * 2 : RETRY_MOST_MS) {
    if (remove_tree(root, path, 0) == 0) return 0;
    int error = errno;
    if (error != EBUSY || now_ms() >= end) return fail(failure, error, "remove cgroup", path);
    wait_for_end(root, path, pause);
  }
}
