#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "streams.h"

/*
 * The host's own /dev/null will not do: a container without a user namespace could chmod it through its descriptor. This one
 * is alone on a file system that is mounted nowhere and read-only at the superblock.
 */
static int make_null_dir(void) {
  OWN_FD context = kernel_fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0 || kernel_fsconfig(context, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
      kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    return -1;
  OWN_FD dir = kernel_fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (dir < 0 || mknodat(dir, "null", S_IFCHR | 0666, makedev(1, 3)) < 0 || fchmodat(dir, "null", 0666, 0) < 0)
    return -1;
  OWN_FD again = kernel_fspick(dir, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
  if (again < 0 || kernel_fsconfig(again, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
      kernel_fsconfig(again, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
    return -1;
  return steal_fd(&dir);
}

int null_open(struct keeper *keeper) {
  if (keeper->null_dir_fd <= 0) {
    int dir = make_null_dir();
    if (dir < 0) return -1;
    keeper->null_dir_fd = dir;
  }
  return openat(keeper->null_dir_fd, "null", O_RDWR | O_CLOEXEC | O_NOCTTY);
}
