/* Decoders of the operations that work on the host's side: phases 1, 2 and 4. */
#include "ops.h"

#include <linux/mount.h>
#include <linux/sched.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

static const uint64_t namespace_flags =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

static bool attributes_ok(uint64_t attributes) {
  const uint64_t known = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                         MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW;
  return (attributes & ~known) == 0 && (attributes & MOUNT_ATTR__ATIME) != MOUNT_ATTR__ATIME;
}

static bool program_ok(struct str program) {
  return program.len > 0 && program.len % 8 == 0 && program.len / 8 <= BPF_INSNS_MAX;
}

static struct list read_strings(struct reader *in) {
  struct list list = {.count = read_count(in, 4), .items = *in};
  for (uint32_t i = 0; i < list.count && !in->bad; i++) read_str(in);
  return list;
}

bool decode_cgroup(struct reader in, struct op_cgroup *out) {
  out->hierarchy = read_u8(&in);
  out->path = read_str(&in);
  return reader_done(&in) && out->hierarchy < HIERARCHIES_MAX && path_is_relative(out->path);
}

bool decode_cgroups(struct reader in, struct op_cgroups *out) {
  out->hierarchies = read_u32(&in);
  out->path = read_str(&in);
  return reader_done(&in) && out->hierarchies > 0 && out->hierarchies >> HIERARCHIES_MAX == 0 &&
         path_is_relative(out->path);
}

bool decode_cgroup_write(struct reader in, struct op_cgroup_write *out) {
  out->hierarchy = read_u8(&in);
  out->path = read_str(&in);
  out->file = read_str(&in);
  out->value = read_str(&in);
  return reader_done(&in) && out->hierarchy < HIERARCHIES_MAX && path_is_relative(out->path) &&
         name_is_plain(out->file) && out->value.len <= PATH_BYTES_MAX;
}

bool decode_cgroup_devices(struct reader in, struct op_cgroup_devices *out) {
  out->hierarchy = read_u8(&in);
  out->path = read_str(&in);
  out->program = read_bytes(&in);
  return reader_done(&in) && out->hierarchy < HIERARCHIES_MAX && path_is_relative(out->path) &&
         program_ok(out->program);
}

/* Of the unified hierarchy only: in a v1 one, what makes groups may change their limits too. */
bool decode_cgroup_owner(struct reader in, struct op_cgroup_owner *out) {
  out->hierarchy = read_u8(&in);
  out->path = read_str(&in);
  out->uid = read_u32(&in);
  out->gid = read_u32(&in);
  return reader_done(&in) && out->hierarchy == 0 && path_is_relative(out->path) && out->uid != UINT32_MAX &&
         out->gid != UINT32_MAX;
}

bool decode_namespaces(struct reader in, struct op_namespaces *out) {
  out->flags = read_u64(&in);
  return reader_done(&in) && (out->flags & ~namespace_flags) == 0;
}

bool decode_namespace_join(struct reader in, struct op_namespace_join *out) {
  out->flags = read_u64(&in);
  out->container = read_str(&in);
  return reader_done(&in) && out->flags != 0 &&
         (out->flags & ~(namespace_flags & ~(uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP))) == 0 &&
         out->container.len > 0 && out->container.len <= CONTAINER_ID_MAX;
}

struct id_range read_id_range(struct reader *in) {
  struct id_range range = {.inside = read_u32(in)};
  range.outside = read_u32(in);
  range.count = read_u32(in);
  return range;
}

static struct list read_id_ranges(struct reader *in, bool *ok) {
  struct list list = {.count = read_count(in, 12), .items = *in};
  if (list.count == 0 || list.count > ID_RANGES_MAX) *ok = false;
  for (uint32_t i = 0; i < list.count && !in->bad; i++) {
    struct id_range range = read_id_range(in);
    if (range.count == 0 || range.inside > UINT32_MAX - range.count || range.outside > UINT32_MAX - range.count)
      *ok = false;
  }
  return list;
}

bool decode_idmap(struct reader in, struct op_idmap *out) {
  bool ok = true;
  out->uids = read_id_ranges(&in, &ok);
  out->gids = read_id_ranges(&in, &ok);
  return reader_done(&in) && ok;
}

bool decode_overlay(struct reader in, struct op_overlay *out) {
  bool ok = true;
  out->strategy = read_u8(&in);
  out->lowers = (struct list){.count = read_count(&in, 4), .items = in};
  for (uint32_t i = 0; i < out->lowers.count && !in.bad; i++) ok = path_is_relative(read_str(&in)) && ok;
  out->upper = read_str(&in);
  out->work = read_str(&in);
  out->tmpfs_bytes = read_u64(&in);
  out->idmapped = read_bool(&in);
  out->is_volatile = read_bool(&in);
  out->attributes = read_u64(&in);
  if (!reader_done(&in) || !ok || out->lowers.count == 0 || out->lowers.count > LOWERS_MAX) return false;
  if (out->strategy > OVERLAY_ATTACHED || !attributes_ok(out->attributes)) return false;
  if (out->upper.len == 0 || out->tmpfs_bytes > 0) return out->upper.len == 0 && out->work.len == 0;
  return path_is_relative(out->upper) && path_is_relative(out->work);
}

static bool bind_source_ok(const struct op_bind *bind) {
  if (bind->kind == BIND_HOST || bind->kind == BIND_JOINED) return path_is_absolute(bind->source);
  if (bind->kind == BIND_STORE) return path_is_relative(bind->source);
  return bind->kind == BIND_SHARED && (str_equal(bind->source, "dev") || str_equal(bind->source, "sys") ||
                                       str_equal(bind->source, "empty-file") || str_equal(bind->source, "empty-dir"));
}

bool decode_bind(struct reader in, struct op_bind *out) {
  out->kind = read_u8(&in);
  out->source = read_str(&in);
  out->target = read_str(&in);
  out->attributes = read_u64(&in);
  out->propagation = read_u8(&in);
  out->create = read_u8(&in);
  return reader_done(&in) && bind_source_ok(out) && path_is_absolute(out->target) && out->target.len > 1 &&
         attributes_ok(out->attributes) && out->propagation <= 3 && out->create <= CREATE_LIKE_SOURCE;
}

struct device_node read_device_node(struct reader *in) {
  struct device_node node = {.name = read_str(in)};
  node.kind = read_u8(in);
  node.major = read_u32(in);
  node.minor = read_u32(in);
  node.mode = read_u32(in);
  node.uid = read_u32(in);
  node.gid = read_u32(in);
  return node;
}

bool decode_dev_tree(struct reader in, struct op_dev_tree *out) {
  bool ok = true;
  out->nodes = (struct list){.count = read_count(&in, 25), .items = in};
  for (uint32_t i = 0; i < out->nodes.count && !in.bad; i++) {
    struct device_node node = read_device_node(&in);
    ok = ok && path_is_relative(node.name) && (node.kind == 'c' || node.kind == 'b') && node.mode <= 0777 &&
         node.major < 1u << 12 && node.minor < 1u << 20;
  }
  return reader_done(&in) && ok;
}

bool decode_oom_score(struct reader in, struct op_oom_score *out) {
  out->score = read_i32(&in);
  return reader_done(&in) && out->score >= -1000 && out->score <= 1000;
}

bool decode_mount(struct reader in, struct op_mount *out) {
  out->type = read_str(&in);
  out->source = read_str(&in);
  out->target = read_str(&in);
  out->attributes = read_u64(&in);
  out->create = read_u8(&in);
  out->options = (struct list){.count = read_count(&in, 8), .items = in};
  bool ok = true;
  for (uint32_t i = 0; i < out->options.count && !in.bad; i++) {
    struct str key = read_str(&in), value = read_str(&in);
    ok = ok && key.len > 0 && key.len <= 255 && value.len <= 255;
  }
  return reader_done(&in) && ok && name_is_plain(out->type) && out->source.len <= 255 &&
         path_is_absolute(out->target) && out->target.len > 1 && attributes_ok(out->attributes) &&
         out->create <= CREATE_FILE;
}

bool decode_host_path(struct reader in, struct op_path *out) {
  out->path = read_str(&in);
  return reader_done(&in) && path_is_absolute(out->path);
}

bool decode_environment(struct reader in, struct op_environment *out) {
  out->entries = read_strings(&in);
  return reader_done(&in);
}

bool decode_exec(struct reader in, struct op_exec *out) {
  out->candidates = read_strings(&in);
  out->argv = read_strings(&in);
  return reader_done(&in) && out->argv.count > 0;
}
