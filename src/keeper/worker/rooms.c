/* The worker's two mount namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "worker.h"

int room_enter(int room, struct failure *failure) {
  if (setns(room, CLONE_NEWNS) < 0) return fail(failure, 0, "enter mount namespace", NULL);
  return 0;
}

static int open_own(const struct worker *worker, const char *name, struct failure *failure) {
  char path[32];
  snprintf(path, sizeof path, "self/ns/%s", name);
  int fd = openat(worker->host_proc, path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? fail(failure, 0, "open own namespace", name) : fd;
}

static int attach(int tree, int directory, const char *name, struct failure *failure) {
  if (kernel_move_mount(tree, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fail(failure, 0, "attach tree", name);
  return 0;
}

/* Makes `tree` the root and the only mount. /proc is merely a place that exists. */
static int replace_root(int tree, struct failure *failure) {
  if (attach(tree, AT_FDCWD, "/proc", failure) < 0) return -1;
  if (fchdir(tree) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
    return fail(failure, 0, "replace the root", NULL);
  return 0;
}

static int build_bare(struct worker *worker, struct failure *failure) {
  OWN_FD empty = shared_empty_make(failure);
  OWN_FD proc = empty < 0 ? -1 : shared_proc_make(failure);
  OWN_FD sys = proc < 0 ? -1 : shared_sys_make(worker->own_net_ns, failure);
  if (sys < 0 || replace_root(empty, failure) < 0) return -1;
  if (attach(proc, empty, "proc", failure) < 0 || attach(sys, empty, "sys", failure) < 0) return -1;
  worker->bare_room = open_own(worker, "mnt", failure);
  return worker->bare_room < 0 ? -1 : 0;
}

/* Directories of the store room: name, and the descriptor that is kept of it. */
static int open_place(const char *name, int *place, struct failure *failure) {
  *place = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return *place < 0 ? fail(failure, 0, "open", name) : 0;
}

static int make_places(int root, struct failure *failure) {
  static const char *const names[] = {"data", "dev", "host-proc", "layers", "upper", "merged", "empty"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (mkdirat(root, names[i], 0755) < 0) return fail(failure, 0, "make directory", names[i]);
  return 0;
}

static int build_store(struct worker *worker, int data, struct failure *failure) {
  if (unshare(CLONE_NEWNS) < 0) return fail(failure, 0, "make mount namespace", NULL);
  worker->sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
  worker->empty_dir = open("/empty", O_PATH | O_DIRECTORY | O_CLOEXEC);
  worker->empty_file = open("/file", O_PATH | O_CLOEXEC);
  if (worker->sys < 0 || worker->empty_dir < 0 || worker->empty_file < 0)
    return fail(failure, 0, "open shared trees", NULL);
  OWN_FD root = fs_detached("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
  OWN_FD dev = root < 0 ? -1 : shared_dev_make(failure);
  if (root < 0) return fail(failure, 0, "create tmpfs", NULL);
  if (dev < 0 || attach(root, AT_FDCWD, "/", failure) < 0) return -1;
  if (fchdir(root) < 0 || chroot(".") < 0) return fail(failure, 0, "enter the store's root", NULL);
  if (make_places(root, failure) < 0 || attach(dev, root, "dev", failure) < 0 ||
      attach(data, root, "data", failure) < 0)
    return -1;
  OWN_FD proc = fs_detached("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (proc < 0) return fail(failure, 0, "mount proc", NULL);
  if (attach(proc, root, "host-proc", failure) < 0) return -1;
  if (open_place("/data", &worker->data, failure) < 0 || open_place("/dev", &worker->dev, failure) < 0 ||
      open_place("/layers", &worker->layers, failure) < 0 || open_place("/upper", &worker->upper_mount, failure) < 0 ||
      open_place("/merged", &worker->merged, failure) < 0)
    return -1;
  worker->store_room = open_own(worker, "mnt", failure);
  return worker->store_room < 0 ? -1 : 0;
}

static int open_own_namespaces(struct worker *worker, struct failure *failure) {
  worker->own_pid_ns = open_own(worker, "pid", failure);
  worker->own_net_ns = worker->own_pid_ns < 0 ? -1 : open_own(worker, "net", failure);
  worker->own_ipc_ns = worker->own_net_ns < 0 ? -1 : open_own(worker, "ipc", failure);
  worker->own_uts_ns = worker->own_ipc_ns < 0 ? -1 : open_own(worker, "uts", failure);
  return worker->own_uts_ns < 0 ? -1 : 0;
}

int rooms_build(struct worker *worker, struct failure *failure) {
  worker->host_proc = fs_detached("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (worker->host_proc < 0) return fail(failure, 0, "mount proc", NULL);
  if (open_own_namespaces(worker, failure) < 0) return -1;
  if (unshare(CLONE_NEWNS) < 0) return fail(failure, 0, "make mount namespace", NULL);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return fail(failure, 0, "make mounts private", NULL);
  OWN_FD data =
      kernel_open_tree(AT_FDCWD, worker->options.data_root, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (data < 0) return fail(failure, 0, "open data root", worker->options.data_root);
  if (build_bare(worker, failure) < 0 || build_store(worker, data, failure) < 0) return -1;
  worker->overlay_by_fd = overlay_probe();
  return 0;
}
