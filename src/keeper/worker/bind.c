/* Trees beside the root: volumes, shared trees, bind sources that the host's side opened, and an own /dev. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "worker.h"

/* A descriptor that stands for a source that is missing: not O_PATH, as every mount is. */
static int missing(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

static int open_shared(const struct worker *worker, struct str name) {
  if (str_equal(name, "dev")) return worker->dev;
  if (str_equal(name, "sys")) return worker->sys;
  return str_equal(name, "empty-dir") ? worker->empty_dir : worker->empty_file;
}

static int clone_at(int tree, unsigned recursive) {
  return kernel_open_tree(tree, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive);
}

static int clone_store_path(struct job *job, const struct op *op, const struct op_bind *bind, struct failure *failure) {
  char name[PATH_BYTES_MAX + 1];
  path_name(bind->source, &name);
  OWN_FD source = kernel_openat2(job->worker->data, name, O_PATH | O_CLOEXEC, 0,
                                 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  if (source < 0 && errno == ENOENT && (op->flags & BIND_OPTIONAL)) return missing();
  if (source < 0) return fail(failure, 0, "open", name);
  int clone = clone_at(source, op->flags & BIND_RECURSIVE ? AT_RECURSIVE : 0);
  return clone < 0 ? fail(failure, 0, "clone", name) : clone;
}

static uint64_t propagation_of(const struct op_bind *bind) {
  static const uint64_t kinds[] = {MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE};
  return kinds[bind->propagation];
}

int bind_make(struct job *job, const struct op *op, int host, struct failure *failure) {
  struct op_bind bind;
  char name[PATH_BYTES_MAX + 1];
  decode_bind(op->payload, &bind);
  path_name(bind.source, &name);
  if (bind.propagation == 2 && (job->namespaces & CLONE_NEWUSER))
    return own_close(&host),
           fail(failure, EINVAL, "share a bind's mounts with a container in its own user namespace", name);
  OWN_FD tree = host;
  if (bind.kind == BIND_STORE) tree = clone_store_path(job, op, &bind, failure);
  if (bind.kind == BIND_SHARED && (tree = clone_at(open_shared(job->worker, bind.source), 0)) < 0)
    fail(failure, 0, "clone shared tree", name);
  if (tree < 0) return -1;
  if (!(fcntl(tree, F_GETFL) & O_PATH)) return steal_fd(&tree);
  int user_ns = (op->flags & BIND_IDMAPPED) ? job->user_ns : -1;
  unsigned recursive = op->flags & BIND_RECURSIVE ? AT_RECURSIVE : 0;
  uint64_t attributes = bind_is_opened(bind.kind) ? 0 : bind.attributes; /* open.c did the rest */
  uint64_t propagation = bind_is_opened(bind.kind) ? 0 : propagation_of(&bind);
  if ((attributes || propagation || user_ns >= 0) &&
      kernel_mount_setattr(tree, "", AT_EMPTY_PATH | recursive, attributes, 0, propagation, user_ns) < 0)
    return fail(failure, 0, user_ns >= 0 ? "id-map bind" : "set bind attributes", name);
  return steal_fd(&tree);
}

static int make_parents(int tree, char *name) {
  for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    int failed = mkdirat(tree, name, 0755) < 0 && errno != EEXIST;
    *slash = '/';
    if (failed) return -1;
  }
  return 0;
}

static int make_node(const struct job *job, int tree, const struct device_node *node, struct failure *failure) {
  char name[PATH_BYTES_MAX + 1];
  path_name(node->name, &name);
  uint32_t uid = job->idmap.present ? idmap_outside(&job->idmap.map.uids, node->uid) : node->uid;
  uint32_t gid = job->idmap.present ? idmap_outside(&job->idmap.map.gids, node->gid) : node->gid;
  if (uid == UINT32_MAX || gid == UINT32_MAX)
    return fail(failure, EINVAL, "own a device by an id that is not mapped", name);
  if (make_parents(tree, name) < 0 || (unlinkat(tree, name, 0) < 0 && errno != ENOENT))
    return fail(failure, 0, "make device node", name);
  mode_t type = node->kind == 'b' ? S_IFBLK : S_IFCHR;
  if (mknodat(tree, name, type | node->mode, makedev(node->major, node->minor)) < 0 ||
      fchownat(tree, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(failure, 0, "make device node", name);
  return 0;
}

int dev_tree_make(struct job *job, const struct op *op, struct failure *failure) {
  struct op_dev_tree dev;
  decode_dev_tree(op->payload, &dev);
  OWN_FD context = kernel_fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0 || kernel_fsconfig(context, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
      kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    return fail(failure, 0, "create tmpfs for /dev", NULL);
  OWN_FD tree = kernel_fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (tree < 0) return fail(failure, 0, "mount tmpfs for /dev", NULL);
  uint32_t uid = job->idmap.present ? job->idmap.root_uid : 0, gid = job->idmap.present ? job->idmap.root_gid : 0;
  if (fchownat(tree, "", uid, gid, AT_EMPTY_PATH) < 0) return fail(failure, 0, "own /dev", NULL);
  if (dev_populate(tree, uid, gid, failure) < 0) return -1;
  struct reader items = dev.nodes.items;
  for (uint32_t i = 0; i < dev.nodes.count; i++) {
    struct device_node node = read_device_node(&items);
    if (make_node(job, tree, &node, failure) < 0) return -1;
  }
  return fs_seal(context, failure) < 0 ? -1 : steal_fd(&tree);
}
