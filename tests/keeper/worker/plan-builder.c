#include "plan-builder.h"

#include <string.h>

struct builder builder_new(void) {
  struct builder builder = {.out = writer_new(PLAN_MAX)};
  write_u32(&builder.out, WARREN_PLAN_MAGIC);
  write_u16(&builder.out, WARREN_PLAN_VERSION);
  write_u16(&builder.out, 0);
  return builder;
}

void builder_finish(struct builder *builder) {
  builder->out.data[6] = (uint8_t)builder->count;
  builder->out.data[7] = (uint8_t)(builder->count >> 8);
}

void op_begin(struct builder *builder, uint16_t type, uint8_t phase, uint8_t flags) {
  write_u16(&builder->out, type);
  write_u8(&builder->out, phase);
  write_u8(&builder->out, flags);
  builder->size_at = builder->out.len;
  write_u32(&builder->out, 0);
}

void op_end(struct builder *builder) {
  uint32_t size = (uint32_t)(builder->out.len - builder->size_at - 4);
  for (int i = 0; i < 4; i++) builder->out.data[builder->size_at + (size_t)i] = (uint8_t)(size >> (8 * i));
  builder->count++;
}

void add_strings(struct builder *builder, const char *const *items) {
  uint32_t count = 0;
  while (items && items[count]) count++;
  write_u32(&builder->out, count);
  for (uint32_t i = 0; i < count; i++) write_str(&builder->out, items[i]);
}

void add_cgroup(struct builder *builder, uint16_t type, uint8_t hierarchy, const char *path) {
  op_begin(builder, type, type == OP_CGROUP_REMOVE ? PHASE_CLEANUP : PHASE_BEFORE,
           type == OP_CGROUP_MAKE ? CGROUP_MAKE_NEW : 0);
  write_u8(&builder->out, hierarchy);
  write_str(&builder->out, path);
  op_end(builder);
}

void add_cgroup_write(struct builder *builder, uint8_t hierarchy, const char *path, const char *file,
                      const char *value) {
  op_begin(builder, OP_CGROUP_WRITE, PHASE_BEFORE, CGROUP_WRITE_CLAMP);
  write_u8(&builder->out, hierarchy);
  write_str(&builder->out, path);
  write_str(&builder->out, file);
  write_str(&builder->out, value);
  op_end(builder);
}

void add_namespaces(struct builder *builder, uint64_t flags, uint8_t op_flags) {
  op_begin(builder, OP_NAMESPACES, PHASE_BEFORE, op_flags);
  write_u64(&builder->out, flags);
  op_end(builder);
}

void add_idmap(struct builder *builder, uint32_t base) {
  op_begin(builder, OP_IDMAP, PHASE_BEFORE, 0);
  for (int i = 0; i < 2; i++) {
    write_u32(&builder->out, 1);
    write_u32(&builder->out, 0);
    write_u32(&builder->out, base);
    write_u32(&builder->out, 65536);
  }
  op_end(builder);
}

void add_overlay(struct builder *builder, const char *lower, const struct overlay_options *options) {
  const char *const lowers[] = {lower, NULL};
  op_begin(builder, OP_OVERLAY, PHASE_AFTER, 0);
  write_u8(&builder->out, options->strategy);
  add_strings(builder, lowers);
  write_str(&builder->out, options->upper ? options->upper : "");
  write_str(&builder->out, options->work ? options->work : "");
  write_u64(&builder->out, options->tmpfs_bytes);
  write_u8(&builder->out, options->idmapped);
  write_u8(&builder->out, 0);
  write_u64(&builder->out, options->attributes);
  op_end(builder);
}

void add_bind(struct builder *builder, const char *source, const char *target, const struct bind_options *options) {
  op_begin(builder, OP_BIND, PHASE_AFTER, options->flags);
  write_u8(&builder->out, options->kind);
  write_str(&builder->out, source);
  write_str(&builder->out, target);
  write_u64(&builder->out, options->attributes);
  write_u8(&builder->out, 0);
  write_u8(&builder->out, options->create);
  op_end(builder);
}

void add_mount(struct builder *builder, const char *type, const char *target, uint64_t attributes,
               const char *const *options) {
  uint32_t pairs = 0;
  while (options && options[pairs * 2]) pairs++;
  op_begin(builder, OP_MOUNT, PHASE_CHILD, 0);
  write_str(&builder->out, type);
  write_str(&builder->out, type);
  write_str(&builder->out, target);
  write_u64(&builder->out, attributes);
  write_u8(&builder->out, CREATE_DIR);
  write_u32(&builder->out, pairs);
  for (uint32_t i = 0; i < pairs * 2; i++) write_str(&builder->out, options[i]);
  op_end(builder);
}

void add_path(struct builder *builder, uint16_t type, uint8_t flags, const char *path) {
  op_begin(builder, type, PHASE_CHILD, flags);
  write_str(&builder->out, path);
  op_end(builder);
}

void add_empty(struct builder *builder, uint16_t type) {
  op_begin(builder, type, PHASE_CHILD, 0);
  op_end(builder);
}

void add_pair(struct builder *builder, uint16_t type, const char *first, const char *second) {
  op_begin(builder, type, PHASE_CHILD, 0);
  write_str(&builder->out, first);
  write_str(&builder->out, second);
  op_end(builder);
}

void add_rlimit(struct builder *builder, uint32_t resource, uint64_t soft, uint64_t hard) {
  op_begin(builder, OP_RLIMIT, PHASE_CHILD, 0);
  write_u32(&builder->out, resource);
  write_u64(&builder->out, soft);
  write_u64(&builder->out, hard);
  op_end(builder);
}

void add_credentials(struct builder *builder, uint32_t uid, uint32_t gid) {
  op_begin(builder, OP_CREDENTIALS, PHASE_CHILD, 0);
  write_u32(&builder->out, uid);
  write_u32(&builder->out, gid);
  write_u32(&builder->out, 0);
  write_u32(&builder->out, 022);
  op_end(builder);
}

void add_capabilities(struct builder *builder, uint64_t permitted, uint64_t inheritable) {
  op_begin(builder, OP_CAPABILITIES, PHASE_CHILD, 0);
  write_u64(&builder->out, permitted);
  write_u64(&builder->out, permitted);
  write_u64(&builder->out, permitted);
  write_u64(&builder->out, inheritable);
  write_u64(&builder->out, 0);
  op_end(builder);
}

void add_seccomp(struct builder *builder, const void *program, size_t size) {
  op_begin(builder, OP_SECCOMP, PHASE_CHILD, 0);
  write_u32(&builder->out, 0);
  write_bytes(&builder->out, program, size);
  op_end(builder);
}

void add_netlink(struct builder *builder, const void *messages, size_t size, const struct netlink_options *options) {
  op_begin(builder, OP_NETLINK, options->phase, options->flags);
  write_u8(&builder->out, options->protocol);
  write_u8(&builder->out, options->place);
  write_str(&builder->out, options->path ? options->path : "");
  write_u32(&builder->out, options->spot ? 1 : 0);
  if (options->spot) write_u32(&builder->out, options->spot);
  write_bytes(&builder->out, messages, size);
  op_end(builder);
}

void add_exec(struct builder *builder, const char *const *candidates, const char *const *argv, uint8_t flags) {
  op_begin(builder, OP_EXEC, PHASE_CHILD, flags);
  add_strings(builder, candidates);
  add_strings(builder, argv);
  op_end(builder);
}

void add_environment(struct builder *builder, const char *const *entries) {
  op_begin(builder, OP_ENVIRONMENT, PHASE_CHILD, 0);
  add_strings(builder, entries);
  op_end(builder);
}
