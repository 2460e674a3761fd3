/* The trees that containers share, each read-only at its superblock. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "../base/socket.h"
#include "worker.h"

int fs_detached(const char *type, unsigned attributes) {
  OWN_FD context = kernel_fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0 || kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -1;
  return kernel_fsmount(context, FSMOUNT_CLOEXEC, attributes);
}

int fs_seal(int context, struct failure *failure) {
  if (kernel_fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
      kernel_fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
    return fail(failure, 0, "make superblock read-only", NULL);
  return 0;
}

struct standard_node {
  const char *name;
  unsigned major, minor;
};
static const struct standard_node standard_nodes[] = {
    {"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};
static const char *const standard_links[][2] = {
    {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
    {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"},         {"/proc/kcore", "core"},
};
static const char *const standard_dirs[] = {"pts", "shm", "mqueue"};

/* The worker's umask is 0. */
int dev_populate(int tree, uint32_t uid, uint32_t gid, struct failure *failure) {
  for (size_t i = 0; i < sizeof standard_nodes / sizeof *standard_nodes; i++) {
    const struct standard_node *node = &standard_nodes[i];
    if (mknodat(tree, node->name, S_IFCHR | 0666, makedev(node->major, node->minor)) < 0 ||
        fchownat(tree, node->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(failure, 0, "make device node", node->name);
  }
  for (size_t i = 0; i < sizeof standard_links / sizeof *standard_links; i++)
    if (symlinkat(standard_links[i][0], tree, standard_links[i][1]) < 0 ||
        fchownat(tree, standard_links[i][1], uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(failure, 0, "make link", standard_links[i][1]);
  for (size_t i = 0; i < sizeof standard_dirs / sizeof *standard_dirs; i++)
    if (mkdirat(tree, standard_dirs[i], 0755) < 0 || fchownat(tree, standard_dirs[i], uid, gid, 0) < 0)
      return fail(failure, 0, "make directory", standard_dirs[i]);
  if (mknodat(tree, "console", S_IFREG | 0600, 0) < 0 || fchownat(tree, "console", uid, gid, 0) < 0)
    return fail(failure, 0, "make file", "console");
  return 0;
}

static int sealed_tmpfs(int (*populate)(int tree, struct failure *), struct failure *failure) {
  OWN_FD context = kernel_fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0 || kernel_fsconfig(context, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
      kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    return fail(failure, 0, "create tmpfs", NULL);
  OWN_FD tree = kernel_fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (tree < 0) return fail(failure, 0, "mount tmpfs", NULL);
  if (populate(tree, failure) < 0 || fs_seal(context, failure) < 0) return -1;
  return steal_fd(&tree);
}

static int populate_dev(int tree, struct failure *failure) { return dev_populate(tree, 0, 0, failure); }

int shared_dev_make(struct failure *failure) { return sealed_tmpfs(populate_dev, failure); }

/* What a container sees of the world when it takes everything else away, and what masks are made of. */
static int populate_empty(int tree, struct failure *failure) {
  if (mkdirat(tree, "proc", 0555) < 0 || mkdirat(tree, "sys", 0555) < 0 || mkdirat(tree, "empty", 0555) < 0 ||
      mknodat(tree, "file", S_IFREG | 0444, 0) < 0 || mknodat(tree, "null", S_IFCHR | 0666, makedev(1, 3)) < 0)
    return fail(failure, 0, "fill the empty root", NULL);
  return 0;
}

int shared_empty_make(struct failure *failure) { return sealed_tmpfs(populate_empty, failure); }

/* sysfs shows the network devices of the network namespace that mounts it: none. */
int shared_sys_make(int own_net_ns, struct failure *failure) {
  if (unshare(CLONE_NEWNET) < 0) return fail(failure, 0, "make an empty network namespace", NULL);
  OWN_FD context = kernel_fsopen("sysfs", FSOPEN_CLOEXEC);
  int error = 0;
  if (context < 0 || kernel_fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
      kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    error = errno;
  if (setns(own_net_ns, CLONE_NEWNET) < 0) return fail(failure, 0, "leave the empty network namespace", NULL);
  if (error) return fail(failure, error, "create sysfs", NULL);
  int tree = kernel_fsmount(context, FSMOUNT_CLOEXEC,
                            MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
  return tree < 0 ? fail(failure, 0, "mount sysfs", NULL) : tree;
}

static _Noreturn void mount_proc_and_exit(int socket) {
  int tree = fs_detached("proc", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  int error = tree < 0 ? errno : 0;
  _exit(socket_send(socket, &error, sizeof error, &tree, tree < 0 ? 0 : 1) < 0);
}

/* A proc shows the pid namespace of the process that mounts it; that process ends, so it is empty. */
int shared_proc_make(struct failure *failure) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
    return fail(failure, 0, "make socket pair", NULL);
  OWN_FD ours = pair[0];
  OWN_FD theirs = pair[1];
  struct clone_args args = {.flags = CLONE_NEWPID, .exit_signal = SIGCHLD};
  pid_t pid = kernel_clone3(&args);
  if (pid < 0) return fail(failure, 0, "make an empty pid namespace", NULL);
  if (pid == 0) mount_proc_and_exit(theirs);
  set_fd(&theirs, -1);
  int error = EPIPE;
  OWN_FD tree = -1;
  size_t count = 1;
  ssize_t got = socket_receive(ours, &error, sizeof error, &tree, &count);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
  if (got != (ssize_t)sizeof error || count != 1) return fail(failure, error, "mount an empty proc", NULL);
  return steal_fd(&tree);
}
