/*
 * The payload of every operation: decoders that check as they read. plan_check runs each of them once;
 * the worker runs them again to get at the fields. Strings point into the plan and are not terminated.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

enum {
  PATH_BYTES_MAX = 4095,
  BINDS_MAX = 88, /* one message carries their descriptors */
  LOWERS_MAX = 128,
  ID_RANGES_MAX = 340,
  GROUPS_MAX = 65536,
  BPF_INSNS_MAX = 4096,
  NETLINK_SPOTS_MAX = 4096,
  HIERARCHIES_MAX = 16,
};

/* Items of a checked list: read `count` of them from `items`. */
struct list {
  uint32_t count;
  struct reader items;
};

struct op_cgroup {
  uint8_t hierarchy;
  struct str path;
};
struct op_cgroups {
  uint32_t hierarchies; /* one bit each */
  struct str path;
};
struct op_cgroup_write {
  uint8_t hierarchy;
  struct str path, file, value;
};
struct op_cgroup_devices {
  uint8_t hierarchy;
  struct str path, program;
};
struct op_cgroup_owner {
  uint8_t hierarchy;
  struct str path;
  uint32_t uid, gid;
};
struct op_namespaces {
  uint64_t flags;
};
struct op_namespace_join {
  uint64_t flags;
  struct str container;
};
struct id_range {
  uint32_t inside, outside, count;
};
struct op_idmap {
  struct list uids, gids; /* of struct id_range */
};
struct op_overlay {
  uint8_t strategy; /* enum overlay_strategy */
  struct list lowers;
  struct str upper, work;
  uint64_t tmpfs_bytes;
  bool idmapped, is_volatile;
  uint64_t attributes;
};
struct op_bind {
  uint8_t kind; /* enum bind_source */
  struct str source, target;
  uint64_t attributes;
  uint8_t propagation, create;
};
struct device_node {
  struct str name;
  uint8_t kind; /* 'c' or 'b' */
  uint32_t major, minor, mode, uid, gid;
};
struct op_dev_tree {
  struct list nodes;
};
struct op_oom_score {
  int32_t score;
};
struct op_mount {
  struct str type, source, target;
  uint64_t attributes;
  uint8_t create;
  struct list options; /* of two strings each */
};
struct op_path {
  struct str path;
};
struct op_sysctl {
  struct str name, value;
};
struct op_hostname {
  struct str hostname, domainname;
};
struct op_rlimit {
  uint32_t resource;
  uint64_t soft, hard;
};
struct op_credentials {
  uint32_t uid, gid;
  struct list groups;
  uint32_t umask;
};
struct op_capabilities {
  uint64_t bounding, effective, permitted, inheritable, ambient;
};
struct op_seccomp {
  uint32_t flags;
  struct str program;
};
struct op_environment {
  struct list entries;
};
struct op_exec {
  struct list candidates, argv;
};

struct op_netlink {
  uint8_t protocol, place; /* enum netlink_protocol, netlink_place */
  struct str path;         /* below the run dir, with PLACE_RUN_DIR */
  struct list spots;       /* offsets in `messages` at which the container's network namespace is written */
  struct str messages;
  uint32_t last_ack; /* number of the last message that asks for an answer */
};

bool decode_cgroup(struct reader, struct op_cgroup *);
bool decode_cgroups(struct reader, struct op_cgroups *);
bool decode_cgroup_write(struct reader, struct op_cgroup_write *);
bool decode_cgroup_devices(struct reader, struct op_cgroup_devices *);
bool decode_cgroup_owner(struct reader, struct op_cgroup_owner *);
bool decode_namespaces(struct reader, struct op_namespaces *);
bool decode_namespace_join(struct reader, struct op_namespace_join *);
bool decode_idmap(struct reader, struct op_idmap *);
bool decode_overlay(struct reader, struct op_overlay *);
bool decode_bind(struct reader, struct op_bind *);
bool bind_is_opened(uint8_t kind); /* by a worker of ROLE_OPEN */
bool decode_dev_tree(struct reader, struct op_dev_tree *);
bool decode_oom_score(struct reader, struct op_oom_score *);
bool decode_mount(struct reader, struct op_mount *);
bool decode_path(struct reader, struct op_path *);      /* absolute, in the root */
bool decode_host_path(struct reader, struct op_path *); /* absolute, on the host */
bool decode_sysctl(struct reader, struct op_sysctl *);
bool decode_hostname(struct reader, struct op_hostname *);
bool decode_rlimit(struct reader, struct op_rlimit *);
bool decode_credentials(struct reader, struct op_credentials *);
bool decode_capabilities(struct reader, struct op_capabilities *);
bool decode_seccomp(struct reader, struct op_seccomp *);
bool decode_environment(struct reader, struct op_environment *);
bool decode_exec(struct reader, struct op_exec *);
bool decode_netlink(struct reader, struct op_netlink *);
bool decode_empty(struct reader, void *);

/* One item of a list. */
struct id_range read_id_range(struct reader *);
struct device_node read_device_node(struct reader *);

/* Shared with the supervise section. Components are neither empty nor "." nor "..", and at most 255 bytes. */
bool path_is_relative(struct str);
bool path_is_absolute(struct str); /* "/" alone counts */
bool name_is_plain(struct str);    /* one component */
