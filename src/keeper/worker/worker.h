/*
 * Inside a worker.
 *
 *   worker.c     start-up, one job at a time        cgroup.c   directories, values, joins
 *   rooms.c      the worker's two mount namespaces  devices.c  the device filter of cgroup v2
 *   shared.c     /dev, /sys and the empty /proc     idmap.c    id maps, acting as a container's root
 *   launch.c     a container's start                overlay.c  its root file system
 *   exec.c       a process in a running container   bind.c     its other trees
 *   spawn.c      clone3 and what the child sends    open.c     bind sources, in the host's mount namespace
 *   netlink.c    links, addresses, firewall elements
 *
 * The worker works in its *store* namespace: the data root, the shared trees and the host's proc. Children are cloned
 * from the *bare* namespace, whose copy is all that a container can ever uncover: an empty read-only root with a proc
 * of an empty pid namespace and a sysfs of an empty network namespace.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../base/buffer.h"
#include "../base/failure.h"
#include "../plan/ops.h"
#include "../plan/plan.h"
#include "job.h"

enum { MOUNTS_MAX = BINDS_MAX + 2, JOB_FDS_MAX = 96, JOB_BYTES_MAX = PLAN_MAX + 4096, EARLY_MAX = 32 };

/* A netfilter socket that waits for the next batch of its namespace. */
struct kept_socket {
  int fd; /* -1: none */
  dev_t device;
  ino_t inode;
};

struct worker {
  int socket;
  struct worker_options options;
  uint8_t *message;          /* the current job: struct job_message and its bytes */
  int store_room, bare_room; /* mount namespaces */
  int own_pid_ns, own_net_ns, own_ipc_ns, own_uts_ns;
  int host_proc;                       /* root of a proc of the host's pid namespace */
  int data;                            /* the data root */
  int dev, sys, empty_dir, empty_file; /* shared trees */
  int layers, upper_mount, merged;     /* mount points for what an older kernel cannot use detached */
  bool overlay_by_fd;                  /* the kernel takes detached layers */
  struct kept_socket kept[2];          /* in the host's namespace, in a pinned one */
  bool broken;                         /* start-up failed: every job is answered with why */
  struct failure why;
};

/* ---- rooms.c, shared.c: start-up ---- */
int rooms_build(struct worker *, struct failure *);
int room_enter(int room, struct failure *);
/* Detached mounts. */
int shared_dev_make(struct failure *);
int shared_sys_make(int own_net_ns, struct failure *);
int shared_proc_make(struct failure *);
int shared_empty_make(struct failure *);
int fs_detached(const char *type, unsigned attributes); /* fsopen, create, fsmount */
int fs_seal(int context, struct failure *);             /* read-only at the superblock */
int dev_populate(int tree, uint32_t uid, uint32_t gid, struct failure *);
int path_name(struct str, char (*out)[PATH_BYTES_MAX + 1]); /* terminates; 0 */

/* ---- cgroup.c, devices.c ---- */

struct cgroups {
  int unified;                /* O_PATH of the joined one, or -1 */
  int tasks[HIERARCHIES_MAX]; /* of the joined v1 ones */
  unsigned task_count;
  uint16_t made[PLAN_OPS_MAX]; /* indices of operations that made something */
  unsigned made_count;
};
void cgroups_init(struct cgroups *);
void cgroups_close(struct cgroups *);
int cgroup_make(const struct worker *, const struct op *, struct cgroups *, struct failure *);
int cgroup_write(const struct worker *, const struct op *, struct writer *clamps, uint32_t *clamp_count,
                 struct failure *);
int cgroup_join(const struct worker *, const struct op *, struct cgroups *, struct failure *);
/* Hands the group to the container: what it takes to make groups below and to move processes, never the limits. */
int cgroup_owner(const struct worker *, const struct op *, struct failure *);
int cgroup_devices(const struct worker *, const struct op *, struct failure *);
/* Removes the directory and whatever is below it; waits at most `wait_ms` for its last processes. */
int cgroup_remove(const struct worker *, const struct op_cgroup *, int wait_ms, struct failure *);

/* ---- idmap.c ---- */

struct idmap {
  bool present;
  struct op_idmap map;
  uint32_t root_uid, root_gid; /* on the host */
};
int idmap_read(const struct op *, struct idmap *, struct failure *);
int idmap_write(const struct worker *, const struct idmap *, pid_t, struct failure *);
uint32_t idmap_outside(const struct list *, uint32_t inside); /* UINT32_MAX: not mapped */
uint32_t idmap_inside(const struct list *, uint32_t outside);
/* File access with the container's root ids and the worker's capabilities, until mapped_root_leave. */
int mapped_root_enter(const struct idmap *, struct failure *);
void mapped_root_leave(const struct idmap *);

/* ---- peer.c: a container that runs already, by its init ---- */

/* Id ranges in the form that a plan has them in. */
struct peer_maps {
  uint8_t uids[ID_RANGES_MAX * 12], gids[ID_RANGES_MAX * 12];
};
pid_t peer_pid(const struct worker *, int pidfd); /* -1: it ended */
int peer_same_user_ns(const struct worker *, pid_t, bool *same, struct failure *);
int peer_maps(const struct worker *, pid_t, struct peer_maps *, struct idmap *, struct failure *);

/* ---- spawn.c ---- */

enum child_message { CHILD_FAILED = 1, CHILD_CLAMP, CHILD_PTY, CHILD_BORN };

/* From the child to the worker. */
struct child_report {
  uint32_t kind;
  uint64_t wanted, given;
  char name[24];
  struct failure failure;
};

/* What a job holds: descriptors and results, all given back by job_close. */
struct job {
  struct worker *worker;
  const struct job_message *request;
  struct plan plan;
  int fds[JOB_FDS_MAX]; /* as they came */
  size_t fd_count;
  unsigned stdio_count; /* 0 or 3, the first of them */
  struct cgroups cgroups;
  struct idmap idmap;
  uint64_t namespaces; /* new ones; for an exec: those to enter */
  bool locked;
  int netns;                  /* prepared, or -1 */
  uint64_t joined;            /* namespaces of other containers */
  struct peer_maps peer_maps; /* of the one whose user namespace is joined or entered */
  int status;                 /* the worker's end of the child's socket */
  int child_status;           /* the child's end, until it is cloned */
  int pidfd, user_ns;
  pid_t pid, first;    /* `first` joined namespaces for `pid` and ended */
  int container_pidfd; /* of a container that runs, not ours to close; -1 */
  int container_netns; /* its or the child's, once it was needed */
  bool in_bare_copy;   /* the locked mode's own mount namespace is */
  int locked_room;     /* this */
  int mounts[MOUNTS_MAX];
  unsigned mount_count;
  int store; /* the id-mapped clone of the data root: its end waits for every CPU, so it comes after the answer */
  int early[EARLY_MAX]; /* in the child: file systems made before the root came */
  unsigned early_count, early_used;
  uint16_t early_end; /* the first of its operations that is still to be done */
  int pty;
  struct writer clamps;
  uint32_t clamp_count;
  uint64_t marks[5];
};

/* Clones the child as the keeper's; in it, `run` is called and does not return. */
int spawn(struct job *, uint64_t namespaces, void (*run)(struct job *), struct failure *);
/*
 * Waits for the child's next step: 1 exec happened, 0 the keeper said "go" (only when `wait_go`), -1 it failed or the
 * job was aborted.
 */
int spawn_wait(struct job *, bool wait_go, struct failure *);
/* The child's ids are mapped: it goes on as far as it can without its mounts. */
int spawn_mapped(struct job *, struct failure *);
/* Whether the child has said why it ended; then it is the failure. */
bool spawn_told(struct job *, struct failure *);
void spawn_kill(struct job *); /* and waits for its end */
/* The first child joined a user namespace and cloned the real one: takes that from it. */
int spawn_adopt(struct job *, struct failure *);
int spawn_announce(struct job *, struct failure *);
void add_clamp(struct job *, uint8_t kind, const char *name, uint64_t wanted, uint64_t given);
void job_mark(struct job *, unsigned phase);

/* ---- jobs ---- */
int job_launch(struct job *, struct failure *);
int job_exec(struct job *, struct failure *);
int job_open(struct job *, struct failure *);
int job_cleanup(struct job *, struct failure *);

/* ---- netlink.c ---- */
/* `place`: the pinned namespace of PLACE_RUN_DIR, /dev/null when it is missing. */
int netlink_perform(struct job *, const struct op *, int place, struct failure *);
int netlink_clean(struct job *, const int *fds, struct failure *);
int job_netlink(struct job *, struct failure *);
bool netlink_keeps(const struct worker *); /* sockets, which it forgets when nothing is to be done */
void netlink_forget(struct worker *);

/* ---- overlay.c, bind.c ---- */
bool overlay_probe(void);
int overlay_make(struct job *, const struct op *, struct failure *); /* the mount, detached */
int bind_make(struct job *, const struct op *, int host,
              struct failure *); /* `host` taken over; -1 unless a host path */
int dev_tree_make(struct job *, const struct op *, struct failure *);
/* A clone of the data root, id-mapped when the container has an own user namespace. */
int store_clone(struct job *, bool idmapped, struct failure *);
/* A path below the data root, as an O_PATH descriptor in `clone`. */
int store_open(struct job *, int clone, struct str path, bool idmapped, struct failure *);
