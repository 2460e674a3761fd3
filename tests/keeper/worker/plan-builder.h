/* Writes plans, for tests and as seeds for the fuzzer. */
#pragma once

#include "../../../src/keeper/base/buffer.h"
#include "../../../src/keeper/protocol.h"

struct builder {
  struct writer out;
  uint16_t count;
  size_t size_at; /* of the open operation */
};

struct builder builder_new(void);
void builder_finish(struct builder *); /* the plan is in `out` */

void op_begin(struct builder *, uint16_t type, uint8_t phase, uint8_t flags);
void op_end(struct builder *);
void add_strings(struct builder *, const char *const *items);

/* One operation each, in the order of the protocol's table. */
void add_cgroup(struct builder *, uint16_t type, uint8_t hierarchy, const char *path);
void add_cgroup_write(struct builder *, uint8_t hierarchy, const char *path, const char *file, const char *value);
void add_namespaces(struct builder *, uint64_t flags, uint8_t op_flags);
void add_idmap(struct builder *, uint32_t base);
struct overlay_options {
  uint8_t strategy;
  const char *upper, *work; /* NULL: none */
  uint64_t tmpfs_bytes, attributes;
  bool idmapped;
};
void add_overlay(struct builder *, const char *lower, const struct overlay_options *);
struct bind_options {
  uint8_t kind, flags, create;
  uint64_t attributes;
};
void add_bind(struct builder *, const char *source, const char *target, const struct bind_options *);
void add_mount(struct builder *, const char *type, const char *target, uint64_t attributes, const char *const *options);
void add_path(struct builder *, uint16_t type, uint8_t flags, const char *path);
void add_empty(struct builder *, uint16_t type);
void add_pair(struct builder *, uint16_t type, const char *first, const char *second);
void add_rlimit(struct builder *, uint32_t resource, uint64_t soft, uint64_t hard);
void add_credentials(struct builder *, uint32_t uid, uint32_t gid);
void add_capabilities(struct builder *, uint64_t permitted, uint64_t inheritable);
void add_seccomp(struct builder *, const void *program, size_t size);
struct netlink_options {
  uint8_t phase, flags, protocol, place;
  const char *path;
  uint32_t spot; /* 0: none */
};
void add_netlink(struct builder *, const void *messages, size_t size, const struct netlink_options *);
void add_exec(struct builder *, const char *const *candidates, const char *const *argv, uint8_t flags);
void add_environment(struct builder *, const char *const *entries);
