#include "kernel.h"

#include <errno.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t kernel_clone3(struct clone_args *args) { return (pid_t)syscall(SYS_clone3, args, sizeof *args); }

int kernel_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int)syscall(SYS_close_range, first, last, flags);
}

int kernel_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

int kernel_open_tree(int dir, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, dir, path, flags);
}

int kernel_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  return (int)syscall(SYS_move_mount, from_dir, from, to_dir, to, flags);
}

int kernel_fsopen(const char *type, unsigned flags) { return (int)syscall(SYS_fsopen, type, flags); }

int kernel_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux) {
  return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}

int kernel_fsmount(int fd, unsigned flags, unsigned attributes) {
  return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

int kernel_fspick(int dir, const char *path, unsigned flags) { return (int)syscall(SYS_fspick, dir, path, flags); }

int kernel_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation,
                         int userns) {
  struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
  if (userns >= 0) {
    attr.attr_set |= MOUNT_ATTR_IDMAP;
    attr.userns_fd = (uint64_t)userns;
  }
  return (int)syscall(SYS_mount_setattr, dir, path, flags, &attr, sizeof attr);
}

int kernel_pidfd_open(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }

int kernel_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int kernel_waitid(int idtype, int id, siginfo_t *info, int options, struct rusage *usage) {
  return (int)syscall(SYS_waitid, idtype, id, info, options, usage);
}
