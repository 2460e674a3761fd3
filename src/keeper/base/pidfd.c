#include "pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel.h"
#include "own.h"

#define PIDFS_FILESYSTEM 0x50494446

/* Linux 6.13; `exit_code` 6.15. The first published size. */
struct info {
  uint64_t mask, cgroup;
  uint32_t pid, tgid, ppid, ids[8];
  int32_t exit_code;
};
#define GET_INFO _IOWR(0xff, 11, struct info)
enum { INFO_PID = 1, INFO_EXIT = 8 };

/* The nth field (from 1) of /proc/PID/stat, counted after the command, which may hold anything. 0: none. */
static uint64_t stat_field(pid_t pid, int field) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t len = read(fd, text, sizeof text - 1);
  if (len <= 0) return 0;
  text[len] = 0;
  char *at = strrchr(text, ')');
  for (int i = 2; at && i < field; i++) at = strchr(at + 1, ' ');
  return at ? strtoull(at + 1, NULL, 10) : 0;
}

uint64_t pidfd_identity(int pidfd, pid_t pid) {
  struct statfs filesystem;
  struct stat status;
  if (fstatfs(pidfd, &filesystem) == 0 && filesystem.f_type == PIDFS_FILESYSTEM && fstat(pidfd, &status) == 0)
    return status.st_ino;
  return stat_field(pid, 22);
}

int pidfd_reopen(pid_t pid, uint64_t identity) {
  OWN_FD pidfd = kernel_pidfd_open(pid, 0);
  if (pidfd < 0) return -1;
  if (identity == 0 || pidfd_identity(pidfd, pid) != identity) {
    errno = ESRCH;
    return -1;
  }
  return steal_fd(&pidfd);
}

/* The last field of stat; the pid still is the process's if it can be signalled after the reading. */
static bool zombie_code(int pidfd, pid_t pid, int *wait_status) {
  uint64_t code = stat_field(pid, 52);
  if (kernel_pidfd_send_signal(pidfd, 0) < 0) return false;
  *wait_status = (int)code;
  return true;
}

bool pidfd_exit_code(int pidfd, pid_t pid, int *wait_status) {
  if (zombie_code(pidfd, pid, wait_status)) return true;
  struct info info = {.mask = INFO_EXIT};
  if (ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT)) return false;
  *wait_status = info.exit_code;
  return true;
}

pid_t pidfd_parent(int pidfd, pid_t pid) {
  struct info info = {.mask = INFO_PID};
  if (ioctl(pidfd, GET_INFO, &info) == 0 && (info.mask & INFO_PID)) return (pid_t)info.ppid;
  return (pid_t)stat_field(pid, 4);
}
