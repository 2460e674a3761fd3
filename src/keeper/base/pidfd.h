/* What a pidfd tells beyond its signal: who the process is, and how it ended. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A number that no other process of this boot shares with it at the same pid: the inode in pidfs (Linux 6.9), else
 * the start time. 0 when the process is gone.
 */
uint64_t pidfd_identity(int pidfd, pid_t pid);

/* Opens the process only if it still is the one with that identity; -1 and ESRCH otherwise. */
int pidfd_reopen(pid_t pid, uint64_t identity);

/*
 * The wait status of somebody else's child that ended: while it is a zombie from /proc, afterwards from pidfs (Linux
 * 6.15). False when the kernel does not tell.
 */
bool pidfd_exit_code(int pidfd, pid_t pid, int *wait_status);

/* The parent's pid as seen from here; 0 when unknown. */
pid_t pidfd_parent(int pidfd, pid_t pid);
