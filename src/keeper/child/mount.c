/* Mounts that only the container's own namespaces can make, and what covers parts of them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "child.h"

typedef char path_buffer[PATH_BYTES_MAX + 1];

static int set_option(int context, const char *key, struct str value) {
  path_buffer text;
  path_name(value, &text);
  if (value.len == 0) return kernel_fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0);
  return kernel_fsconfig(context, FSCONFIG_SET_STRING, key, text, 0);
}

/* The kernel's own words about a refused option, when it has some. */
static int refused(int context, const char *type, struct failure *failure) {
  char text[160];
  int error = errno;
  ssize_t len = read(context, text, sizeof text - 1);
  if (len > 2) {
    text[len] = 0;
    return fail(failure, error, "mount", text + 2);
  }
  return fail(failure, error, "mount", type);
}

static int configure(int context, const struct op_mount *mount, const char *type, struct failure *failure) {
  if (mount->source.len > 0 && set_option(context, "source", mount->source) < 0) return refused(context, type, failure);
  struct reader items = mount->options.items;
  for (uint32_t i = 0; i < mount->options.count; i++) {
    path_buffer key;
    path_name(read_str(&items), &key);
    if (set_option(context, key, read_str(&items)) < 0) return refused(context, type, failure);
  }
  if (kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return refused(context, type, failure);
  return 0;
}

int op_mount_make(const struct op *op, struct failure *failure) {
  struct op_mount mount;
  path_buffer type;
  decode_mount(op->payload, &mount);
  path_name(mount.type, &type);
  OWN_FD context = kernel_fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return fail(failure, 0, "open file system type", type);
  if (configure(context, &mount, type, failure) < 0) return -1;
  int tree = kernel_fsmount(context, FSMOUNT_CLOEXEC, (unsigned)mount.attributes);
  return tree < 0 ? refused(context, type, failure) : tree;
}

int op_mount(struct job *job, const struct op *op, int made, struct failure *failure) {
  struct op_mount mount;
  OWN_FD tree = made;
  if (tree < 0) return -1;
  decode_mount(op->payload, &mount);
  if (target_attach(job->mounts[0], tree, mount.target, mount.create, failure) < 0) return -1;
  return attach_binds(job, op->index, failure);
}

int masks_open(struct masks *masks, struct failure *failure) {
  masks->directory = open("/empty", O_PATH | O_DIRECTORY | O_CLOEXEC);
  masks->null = open("/null", O_PATH | O_CLOEXEC);
  return masks->directory < 0 || masks->null < 0 ? fail(failure, 0, "open the bare root", NULL) : 0;
}

/* A path that is not there needs no cover: 1. */
static int open_covered(struct job *job, const struct op *op, path_buffer *name, int *target, struct failure *failure) {
  struct op_path path;
  decode_path(op->payload, &path);
  path_name(path.path, name);
  *target = root_open(job->mounts[0], *name, O_PATH);
  if (*target >= 0) return 0;
  return errno == ENOENT || errno == ENOTDIR ? 1 : fail(failure, 0, "open", *name);
}

int op_mask(struct job *job, const struct op *op, const struct masks *masks, struct failure *failure) {
  path_buffer name;
  struct stat status;
  OWN_FD target = -1;
  int missing = open_covered(job, op, &name, &target, failure);
  if (missing != 0) return missing < 0 ? -1 : 0;
  if (fstat(target, &status) < 0) return fail(failure, 0, "look at", name);
  int cover = S_ISDIR(status.st_mode) ? masks->directory : masks->null;
  OWN_FD tree = kernel_open_tree(cover, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (tree < 0 || kernel_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return fail(failure, 0, "mask", name);
  return 0;
}

int op_readonly(struct job *job, const struct op *op, struct failure *failure) {
  const uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  path_buffer name;
  OWN_FD target = -1;
  int missing = open_covered(job, op, &name, &target, failure);
  if (missing != 0) return missing < 0 ? -1 : 0;
  OWN_FD tree = kernel_open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0 || kernel_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attributes, 0, 0, -1) < 0 ||
      kernel_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return fail(failure, 0, "make read-only", name);
  return 0;
}

int root_readonly(struct failure *failure) {
  if (kernel_mount_setattr(AT_FDCWD, "/", 0, MOUNT_ATTR_RDONLY, 0, 0, -1) < 0)
    return fail(failure, 0, "make read-only", "/");
  return 0;
}
