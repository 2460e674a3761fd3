/* Paths below a tree that a container or an image wrote: every step stays in the root, no magic links. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "child.h"

enum { LINKS_MAX = 16 };
typedef char path_buffer[PATH_BYTES_MAX + 1];

int path_name(struct str text, char (*out)[PATH_BYTES_MAX + 1]) {
  uint32_t len = text.len < PATH_BYTES_MAX ? text.len : PATH_BYTES_MAX;
  memcpy(*out, text.at, len);
  (*out)[len] = 0;
  return 0;
}

int root_open(int root, const char *path, uint64_t flags) {
  return kernel_openat2(root, path, flags | O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

static int make_path(int root, const char *path, bool directory, int links);

/* The name exists but leads nowhere: a link to what is to be made. */
static int make_link_target(int root, int parent, const char *path, bool directory, int links) {
  path_buffer link, next;
  const char *name = strrchr(path, '/');
  ssize_t len = readlinkat(parent, name ? name + 1 : path, link, sizeof link - 1);
  if (len < 0) return -1;
  link[len] = 0;
  int prefix = link[0] == '/' || !name ? 0 : (int)(name - path) + 1;
  if (snprintf(next, sizeof next, "%.*s%s", prefix, path, link) >= (int)sizeof next || links == 0) {
    errno = links == 0 ? ELOOP : ENAMETOOLONG;
    return -1;
  }
  return make_path(root, next, directory, links - 1);
}

static int open_parent(int root, const char *path, int links) {
  path_buffer parent;
  const char *name = strrchr(path, '/');
  if (!name || name == path) return root_open(root, "/", O_PATH | O_DIRECTORY);
  snprintf(parent, sizeof parent, "%.*s", (int)(name - path), path);
  int fd = root_open(root, parent, O_PATH | O_DIRECTORY);
  if (fd >= 0 || errno != ENOENT) return fd;
  if (make_path(root, parent, true, links) < 0) return -1;
  return root_open(root, parent, O_PATH | O_DIRECTORY);
}

static int make_path(int root, const char *path, bool directory, int links) {
  OWN_FD parent = open_parent(root, path, links);
  if (parent < 0) return -1;
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  int made = directory ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0);
  if (made == 0) return 0;
  if (errno != EEXIST) return -1;
  struct stat status;
  if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return -1;
  return S_ISLNK(status.st_mode) ? make_link_target(root, parent, path, directory, links) : 0;
}

static int wants_directory(uint8_t create, int like, bool *directory) {
  struct stat status;
  *directory = create == CREATE_DIR;
  if (create != CREATE_LIKE_SOURCE) return 0;
  if (fstat(like, &status) < 0) return -1;
  *directory = S_ISDIR(status.st_mode);
  return 0;
}

int target_open(int root, struct str text, uint8_t create, int like, struct failure *failure) {
  path_buffer path;
  bool directory;
  path_name(text, &path);
  int fd = root_open(root, path, O_PATH);
  if (fd >= 0) return fd;
  if (errno != ENOENT || create == CREATE_NO) return fail(failure, 0, "open mount target", path);
  if (wants_directory(create, like, &directory) < 0 || make_path(root, path, directory, LINKS_MAX) < 0)
    return fail(failure, 0, "make mount target", path);
  fd = root_open(root, path, O_PATH);
  return fd < 0 ? fail(failure, 0, "open mount target", path) : fd;
}

int target_attach(int root, int tree, struct str path, uint8_t create, struct failure *failure) {
  path_buffer name;
  OWN_FD target = target_open(root, path, create, tree, failure);
  if (target < 0) return -1;
  if (kernel_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0) return 0;
  path_name(path, &name);
  return fail(failure, 0, "attach mount", name);
}

int attach_root(struct job *job, struct failure *failure) {
  if (kernel_move_mount(job->mounts[0], "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fail(failure, 0, "attach root", NULL);
  return 0;
}

static bool is_below(struct str path, struct str parent) {
  return path.len > parent.len && memcmp(path.at, parent.at, parent.len) == 0 && path.at[parent.len] == '/';
}

/* The last of the child's mounts that would cover the target, were the target there before it; BINDS_OF_HOST: none. */
static int comes_after(const struct plan *plan, struct str target) {
  struct op op;
  int found = BINDS_OF_HOST;
  for (size_t at = 0; plan_next(plan, &at, &op);) {
    struct op_mount mount;
    if (op.type == OP_MOUNT && decode_mount(op.payload, &mount) && is_below(target, mount.target)) found = op.index;
  }
  return found;
}

static int attach_bind(struct job *job, const struct op *op, unsigned slot, int mount_index, struct failure *failure) {
  struct op_bind bind = {.target = {"/dev", 4}, .create = CREATE_DIR};
  if (op->type == OP_BIND) decode_bind(op->payload, &bind);
  int after = comes_after(&job->plan, bind.target);
  path_buffer name;
  path_name(bind.target, &name);
  const uint64_t lockable = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (job->locked && after != BINDS_OF_HOST && (bind.attributes & lockable) && bind.kind != BIND_SHARED)
    return fail(failure, EINVAL, "lock a bind's attributes below the container's own mount", name);
  if (after != mount_index || !(fcntl(job->mounts[slot], F_GETFL) & O_PATH)) return 0;
  return target_attach(job->mounts[0], job->mounts[slot], bind.target, bind.create, failure);
}

int attach_binds(struct job *job, int mount_index, struct failure *failure) {
  struct op op;
  unsigned slot = 1;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);) {
    if (op.type != OP_BIND && op.type != OP_DEV_TREE) continue;
    if (attach_bind(job, &op, slot++, mount_index, failure) < 0) return op_failed(&op, failure);
  }
  return 0;
}

static int make_target(struct job *job, const struct op *op, struct failure *failure) {
  struct op_mount mount;
  struct op_path path;
  struct str target = {NULL, 0};
  uint8_t create = CREATE_DIR;
  if (op->type == OP_MOUNT && decode_mount(op->payload, &mount)) {
    target = mount.target;
    create = mount.create;
  } else if (op->type == OP_WORKDIR && (op->flags & WORKDIR_CREATE) && decode_path(op->payload, &path)) {
    target = path.path;
  }
  if (target.len == 0 || comes_after(&job->plan, target) != BINDS_OF_HOST) return 0;
  OWN_FD made = target_open(job->mounts[0], target, create, -1, failure);
  return made < 0 ? op_failed(op, failure) : 0;
}

/* What the child will want in the root is there before, so that the lock can hold the root, too. */
int lock_root(struct job *job, struct failure *failure) {
  struct op op;
  bool readonly = false;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);) readonly |= op.type == OP_ROOT_READONLY;
  if (!readonly) return 0;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);)
    if (make_target(job, &op, failure) < 0) return -1;
  if (kernel_mount_setattr(job->mounts[0], "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1) < 0)
    return fail(failure, 0, "make read-only", "/");
  return 0;
}
