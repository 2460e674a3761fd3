/*
 * Between the keeper and its workers: one SOCK_SEQPACKET pair each, one struct and its bytes a message.
 *
 *   keeper                         worker                       child
 *     JOB_LAUNCH plan, fds ───────▶ host-before, clone ─────────▶ drops fds, waits
 *     journal ◀──────── JOB_CLONED  id maps ────────────────────▶ its own file systems
 *                                   host-after
 *     JOB_GO ─────────────────────▶ "go", mount fds ────────────▶ child phase, execve
 *     running ◀────────── JOB_DONE  (end of the status socket) ◀── close-on-exec
 *
 * A child whose worker or keeper ends before "go" reads the end of its socket and exits. Each worker takes
 * one launch or exec at a time; the keeper queues. JOB_ABORT (any time before JOB_DONE) makes the worker kill the child and
 * answer JOB_FAILED with ECANCELED. After JOB_FAILED the worker has undone what it made (cgroups included).
 * The child's parent is the keeper (CLONE_PARENT): the keeper reaps it, but not before JOB_DONE or JOB_FAILED (the worker
 * asks the process whether it executed), with __WALL (until execve it has no exit signal), and never waiting (a zombie
 * that a process of the container traces belongs to its tracer first). JOB_FAILED with a pid: reap that child.
 * An exec sends JOB_CLONED too, but does not wait for JOB_GO. A job_message with a large plan needs a socket buffer
 * of its size (SO_SNDBUFFORCE at the keeper's end).
 *
 * Workers come in two roles. ROLE_LAUNCH: in a private mount namespace with an almost empty root. ROLE_OPEN: in
 * the host's mount namespace, resolves and clones bind sources (a hung file system hangs only it; the
 * keeper starts another one).
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "../base/failure.h"

enum worker_role { ROLE_LAUNCH, ROLE_OPEN };

enum job_kind {
  JOB_LAUNCH =
      1, /* plan; fds: 0, 1, 2 of the child (absent with JOB_TTY), then one per NETNS, BIND_HOST and BIND_JOINED in the
                     plan's order (a missing optional one: an fd of /dev/null), then one pidfd per NAMESPACE_JOIN,
                     then one per NETLINK in a pinned namespace (missing: /dev/null) */
  JOB_EXEC,    /* plan; fds: 0, 1, 2 (absent with JOB_TTY), then the pidfd of the container's init */
  JOB_OPEN,    /* plan; fds: one pidfd per NAMESPACE_JOIN; answers JOB_OPENED */
  JOB_CLEANUP, /* the cleanup operations as a plan, fds as for NETLINK above: removes cgroups, waiting for busy ones;
                  answers JOB_DONE or JOB_FAILED */
  JOB_GO,
  JOB_ABORT,
  JOB_NETLINK,     /* plan of NETLINK only; fds as above, then the pidfd of the container's init if there is one */
  JOB_CLONED = 16, /* pid; fd: pidfd */
  JOB_OPENED,      /* fds: one per NETNS, BIND_HOST and BIND_JOINED, plan_host_binds() of them */
  JOB_DONE,        /* clamps as in LAUNCHED (list<clamp>), times; fd: the pty's master with JOB_TTY */
  JOB_FAILED,      /* failure */
};

enum job_flags { JOB_TTY = 1, JOB_TRACE = 2 };

struct job_message {
  uint32_t kind;
  uint32_t flags;
  uint64_t job;
  pid_t pid;
  pid_t first;         /* JOB_CLONED: a child that only joined namespaces and ends; to be reaped too (0: none) */
  uint16_t cols, rows; /* of the new pty */
  uint32_t stdio_uid, stdio_gid; /* host ids that own the pty's slave */
  uint32_t times_ns[4];          /* before, clone, after, child to exec */
  uint32_t size;                 /* of the bytes that follow */
  struct failure failure;
};

struct worker_options {
  enum worker_role role;
  const char *data_root;
  const int *hierarchies; /* O_PATH descriptors of the cgroup hierarchies' roots, [0] the unified one or -1 */
  unsigned hierarchy_count;
  int init_fd; /* the sealed memfd of warren-init */
};

/* Runs in the forked worker until its socket ends; never returns. Keeps only `socket` and what the options name open. */
_Noreturn void worker_main(int socket, const struct worker_options *options);
