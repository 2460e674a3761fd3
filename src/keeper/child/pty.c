/* A terminal from the container's own devpts: never one of the host's, whatever /dev says. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "child.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static int open_master(int root, struct failure *failure) {
  struct statfs filesystem;
  struct stat status;
  OWN_FD master = root_open(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (master < 0) return fail(failure, 0, "open", "/dev/pts/ptmx");
  if (fstatfs(master, &filesystem) < 0 || filesystem.f_type != DEVPTS_SUPER_MAGIC || fstat(master, &status) < 0 ||
      !S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2))
    return fail(failure, ENODEV, "find devpts at", "/dev/pts/ptmx");
  return steal_fd(&master);
}

static int open_slave(int master, const struct job_message *request, struct failure *failure) {
  int unlocked = 0;
  struct winsize size = {.ws_col = request->cols, .ws_row = request->rows};
  if (ioctl(master, TIOCSPTLCK, &unlocked) < 0) return fail(failure, 0, "unlock terminal", NULL);
  if (size.ws_col > 0 && size.ws_row > 0 && ioctl(master, TIOCSWINSZ, &size) < 0)
    return fail(failure, 0, "size terminal", NULL);
  int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return slave < 0 ? fail(failure, 0, "open terminal", NULL) : slave;
}

/* The ids came as the host's; here they are the container's. */
static int own_slave(const struct job *job, int slave, struct failure *failure) {
  uint32_t uid = job->request->stdio_uid, gid = job->request->stdio_gid;
  if (job->idmap.present) {
    uid = idmap_inside(&job->idmap.map.uids, uid);
    gid = idmap_inside(&job->idmap.map.gids, gid);
  }
  if (uid == UINT32_MAX || gid == UINT32_MAX)
    return fail(failure, EINVAL, "own terminal by an id that is not mapped", NULL);
  if (fchown(slave, uid, gid) < 0 || fchmod(slave, 0620) < 0) return fail(failure, 0, "own terminal", NULL);
  return 0;
}

static int bind_slave(int root, int slave, struct failure *failure) {
  OWN_FD console = root_open(root, "/dev/console", O_PATH);
  if (console < 0) return errno == ENOENT ? 0 : fail(failure, 0, "open", "/dev/console");
  OWN_FD tree = kernel_open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (tree < 0 || kernel_move_mount(tree, "", console, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return fail(failure, 0, "bind terminal to", "/dev/console");
  return 0;
}

int pty_open(struct job *job, bool bind_console, struct failure *failure) {
  int root = job->mounts[0];
  OWN_FD master = open_master(root, failure);
  OWN_FD slave = master < 0 ? -1 : open_slave(master, job->request, failure);
  if (slave < 0 || own_slave(job, slave, failure) < 0) return -1;
  if (bind_console && bind_slave(root, slave, failure) < 0) return -1;
  if (ioctl(slave, TIOCSCTTY, 0) < 0) return fail(failure, 0, "take controlling terminal", NULL);
  for (int i = 0; i < 3; i++)
    if (dup2(slave, i) < 0) return fail(failure, 0, "set up stdio", NULL);
  return report_pty(job, master, failure);
}
