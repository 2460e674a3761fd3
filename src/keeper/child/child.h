/*
 * What runs in the child, between its birth and execve.
 *
 *   launch.c   the order of a container's start       target.c      paths in the root, attaching trees
 *   exec.c     the order of a process's start          mount.c       mounts, masks, read-only paths
 *   report.c   what the worker is told                 system.c      sysctls, names, loopback, limits
 *   final.c    the last steps, in their one order      privileges.c  ids, capabilities, seccomp
 *   pty.c      a terminal of the container's own       execute.c     arguments, environment, execve
 *   join.c     other containers' namespaces
 *
 * Nothing here returns to the worker: a failure is reported and ends the process.
 */
#pragma once

#include "../worker/worker.h"

_Noreturn void child_launch(struct job *);
/* Joins other containers' namespaces, then clones the real child and ends. */
_Noreturn void child_join(struct job *);
int join_namespaces(struct job *, struct failure *);
uint64_t child_namespaces(const struct job *); /* those that the clone makes */
_Noreturn void child_exec(struct job *);

/* ---- report.c ---- */
_Noreturn void report_failure(const struct job *, const struct failure *);
int report_clamp(const struct job *, const char *name, uint64_t wanted, uint64_t given, struct failure *);
int report_pty(const struct job *, int master, struct failure *);
int op_failed(const struct op *, struct failure *); /* notes the operation; -1 */
/* Keeps 0, 1, 2 and the named descriptors; stdio of the job becomes 0, 1, 2. */
int keep_only(struct job *, int *keep, size_t count, struct failure *);
int join_tasks(struct job *, struct failure *);

/* ---- target.c ---- */

enum bind_time { BINDS_OF_HOST = -1 }; /* those that no MOUNT of the child's must come before */

/* Paths are in the root: job->mounts[0] in the worker, job->mounts[0] too in the child. */
int root_open(int root, const char *path, uint64_t flags);
int target_open(int root, struct str path, uint8_t create, int like, struct failure *);
int target_attach(int root, int tree, struct str path, uint8_t create, struct failure *);
/* Moves mounts[0] over the root of the mount namespace. */
int attach_root(struct job *, struct failure *);
int lock_root(struct job *, struct failure *); /* a read-only root, before its flags are locked */
/* Attaches the binds that come after the MOUNT of this index. */
int attach_binds(struct job *, int mount_index, struct failure *);

/* ---- mount.c, system.c ---- */

/* The bare namespace's trees that masks are made of, opened before the root covers them. */
struct masks {
  int directory, null;
};
int masks_open(struct masks *, struct failure *);
int op_mount_make(const struct op *, struct failure *); /* detached */
/* Attaches it, and the binds that come after it; `made` is taken over, -1 when that failed. */
int op_mount(struct job *, const struct op *, int made, struct failure *);
int op_mask(struct job *, const struct op *, const struct masks *, struct failure *);
int op_readonly(struct job *, const struct op *, struct failure *);
int root_readonly(struct failure *);
int op_sysctl(struct job *, const struct op *, struct failure *);
int op_hostname(const struct op *, struct failure *);
int op_rlimit(struct job *, const struct op *, struct failure *);
int loopback_up(struct failure *);
int new_keyring(struct failure *);

/* ---- pty.c ---- */
int pty_open(struct job *, bool bind_console, struct failure *);

/* ---- final.c, privileges.c, execute.c ---- */

/* The operations whose order is fixed by the kernel's rules, whatever the plan's order; type 0: not in the plan. */
struct final {
  struct op credentials, capabilities, no_new_privileges, seccomp, environment, workdir, exec, keyring, root_readonly;
};
struct final final_read(const struct plan *);
_Noreturn void final_perform(struct job *, const struct final *, bool launch);
int become(const struct final *, struct failure *);
int execute(const struct job *, const struct final *, struct failure *);
