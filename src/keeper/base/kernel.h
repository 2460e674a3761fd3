/* System calls and constants newer than the C library's headers, as thin wrappers: -1 and errno. */
#pragma once

#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

pid_t kernel_clone3(struct clone_args *args);
int kernel_close_range(unsigned first, unsigned last, unsigned flags);
int kernel_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int kernel_open_tree(int dir, const char *path, unsigned flags);
int kernel_move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int kernel_fsopen(const char *type, unsigned flags);
int kernel_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux);
int kernel_fsmount(int fd, unsigned flags, unsigned attributes);
int kernel_fspick(int dir, const char *path, unsigned flags);
/* userns < 0: no id-mapping */
int kernel_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation,
                         int userns);
int kernel_pidfd_open(pid_t pid, unsigned flags);
int kernel_pidfd_send_signal(int pidfd, int signal);
int kernel_waitid(int idtype, int id, siginfo_t *info, int options, struct rusage *usage);
