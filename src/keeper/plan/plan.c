#include "plan.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>

#include "ops.h"

enum { HEADER_BYTES = 8, OP_TYPES = OP_CGROUPS_REMOVE + 1 };
enum {
  IN_LAUNCH = 1 << PLAN_LAUNCH,
  IN_EXEC = 1 << PLAN_EXEC,
  IN_CLEANUP = 1 << PLAN_CLEANUP,
  IN_NETLINK = 1 << PLAN_NETLINK
};

/* The decoders' results only matter to the worker; here one place takes them all. */
union decoded {
  struct op_cgroup cgroup;
  struct op_cgroups cgroups;
  struct op_cgroup_write cgroup_write;
  struct op_cgroup_devices cgroup_devices;
  struct op_cgroup_owner cgroup_owner;
  struct op_namespaces namespaces;
  struct op_namespace_join namespace_join;
  struct op_idmap idmap;
  struct op_overlay overlay;
  struct op_bind bind;
  struct op_dev_tree dev_tree;
  struct op_oom_score oom_score;
  struct op_mount mount;
  struct op_path path;
  struct op_sysctl sysctl;
  struct op_hostname hostname;
  struct op_rlimit rlimit;
  struct op_credentials credentials;
  struct op_capabilities capabilities;
  struct op_seccomp seccomp;
  struct op_environment environment;
  struct op_exec exec;
  struct op_netlink netlink;
};

struct rule {
  uint8_t phase, flags, uses;
  bool once;
};

static const struct rule rules[OP_TYPES] = {
    [OP_CGROUP_MAKE] = {PHASE_BEFORE, CGROUP_MAKE_NEW, IN_LAUNCH, false},
    [OP_CGROUP_WRITE] = {PHASE_BEFORE, CGROUP_WRITE_CLAMP, IN_LAUNCH, false},
    [OP_CGROUP_DEVICES] = {PHASE_BEFORE, 0, IN_LAUNCH, false},
    [OP_CGROUP_JOIN] = {PHASE_BEFORE, 0, IN_LAUNCH | IN_EXEC, false},
    [OP_NAMESPACES] = {PHASE_BEFORE, NAMESPACES_LOCKED, IN_LAUNCH | IN_EXEC, true},
    [OP_NAMESPACE_JOIN] = {PHASE_BEFORE, 0, IN_LAUNCH, false},
    [OP_IDMAP] = {PHASE_BEFORE, 0, IN_LAUNCH, true},
    [OP_OVERLAY] = {PHASE_AFTER, 0, IN_LAUNCH, true},
    [OP_BIND] = {PHASE_AFTER, BIND_RECURSIVE | BIND_IDMAPPED | BIND_OPTIONAL | BIND_MAKE_SOURCE, IN_LAUNCH, false},
    [OP_DEV_TREE] = {PHASE_AFTER, DEV_TREE_NO_CONSOLE, IN_LAUNCH, true},
    [OP_OOM_SCORE] = {PHASE_AFTER, 0, IN_LAUNCH | IN_EXEC, true},
    [OP_MOUNT] = {PHASE_CHILD, 0, IN_LAUNCH, false},
    [OP_MASK] = {PHASE_CHILD, 0, IN_LAUNCH, false},
    [OP_READONLY] = {PHASE_CHILD, 0, IN_LAUNCH, false},
    [OP_SYSCTL] = {PHASE_CHILD, 0, IN_LAUNCH, false},
    [OP_HOSTNAME] = {PHASE_CHILD, 0, IN_LAUNCH, true},
    [OP_LOOPBACK_UP] = {PHASE_CHILD, 0, IN_LAUNCH, true},
    [OP_RLIMIT] = {PHASE_CHILD, 0, IN_LAUNCH | IN_EXEC, false},
    [OP_CREDENTIALS] = {PHASE_CHILD, 0, IN_LAUNCH | IN_EXEC, true},
    [OP_CAPABILITIES] = {PHASE_CHILD, 0, IN_LAUNCH | IN_EXEC, true},
    [OP_NO_NEW_PRIVILEGES] = {PHASE_CHILD, 0, IN_LAUNCH | IN_EXEC, true},
    [OP_SECCOMP] = {PHASE_CHILD, 0, IN_LAUNCH | IN_EXEC, true},
    [OP_ENVIRONMENT] = {PHASE_CHILD, 0, IN_LAUNCH | IN_EXEC, true},
    [OP_WORKDIR] = {PHASE_CHILD, WORKDIR_CREATE, IN_LAUNCH | IN_EXEC, true},
    [OP_EXEC] = {PHASE_CHILD, EXEC_INIT, IN_LAUNCH | IN_EXEC, true},
    [OP_CGROUP_REMOVE] = {PHASE_CLEANUP, 0, IN_LAUNCH | IN_CLEANUP, false},
    [OP_NETLINK] = {PHASE_AFTER, NETLINK_TOLERANT, IN_LAUNCH | IN_CLEANUP | IN_NETLINK, false},
    [OP_NETNS] = {PHASE_BEFORE, 0, IN_LAUNCH, true},
    [OP_KEYRING] = {PHASE_CHILD, 0, IN_LAUNCH, true},
    [OP_ROOT_READONLY] = {PHASE_CHILD, 0, IN_LAUNCH, true},
    [OP_CGROUP_OWNER] = {PHASE_BEFORE, 0, IN_LAUNCH, true},
    [OP_CGROUPS_REMOVE] = {PHASE_CLEANUP, 0, IN_CLEANUP, false},
};

/* What the whole plan must satisfy, gathered while its operations are read. */
struct tally {
  uint64_t seen; /* one bit a type */
  uint64_t namespaces, joined;
  unsigned binds, joins, binds_of_joined;
};

static bool decode(enum op_type type, struct reader payload, union decoded *out) {
  switch (type) {
  case OP_CGROUP_MAKE:
  case OP_CGROUP_JOIN:
  case OP_CGROUP_REMOVE:
    return decode_cgroup(payload, &out->cgroup);
  case OP_CGROUP_WRITE:
    return decode_cgroup_write(payload, &out->cgroup_write);
  case OP_CGROUP_DEVICES:
    return decode_cgroup_devices(payload, &out->cgroup_devices);
  case OP_CGROUPS_REMOVE:
    return decode_cgroups(payload, &out->cgroups);
  case OP_CGROUP_OWNER:
    return decode_cgroup_owner(payload, &out->cgroup_owner);
  case OP_NAMESPACES:
    return decode_namespaces(payload, &out->namespaces);
  case OP_NAMESPACE_JOIN:
    return decode_namespace_join(payload, &out->namespace_join);
  case OP_IDMAP:
    return decode_idmap(payload, &out->idmap);
  case OP_OVERLAY:
    return decode_overlay(payload, &out->overlay);
  case OP_BIND:
    return decode_bind(payload, &out->bind);
  case OP_DEV_TREE:
    return decode_dev_tree(payload, &out->dev_tree);
  case OP_OOM_SCORE:
    return decode_oom_score(payload, &out->oom_score);
  case OP_MOUNT:
    return decode_mount(payload, &out->mount);
  case OP_MASK:
  case OP_READONLY:
  case OP_WORKDIR:
    return decode_path(payload, &out->path);
  case OP_SYSCTL:
    return decode_sysctl(payload, &out->sysctl);
  case OP_HOSTNAME:
    return decode_hostname(payload, &out->hostname);
  case OP_RLIMIT:
    return decode_rlimit(payload, &out->rlimit);
  case OP_CREDENTIALS:
    return decode_credentials(payload, &out->credentials);
  case OP_CAPABILITIES:
    return decode_capabilities(payload, &out->capabilities);
  case OP_SECCOMP:
    return decode_seccomp(payload, &out->seccomp);
  case OP_ENVIRONMENT:
    return decode_environment(payload, &out->environment);
  case OP_EXEC:
    return decode_exec(payload, &out->exec);
  case OP_NETNS:
    return decode_host_path(payload, &out->path);
  case OP_LOOPBACK_UP:
  case OP_NO_NEW_PRIVILEGES:
  case OP_KEYRING:
  case OP_ROOT_READONLY:
    return decode_empty(payload, out);
  case OP_NETLINK:
    return decode_netlink(payload, &out->netlink);
  }
  return false;
}

static int reject(struct failure *failure, const struct op *op, const char *why) {
  char message[sizeof failure->message];
  snprintf(message, sizeof message, "check plan: %s", why);
  fail(failure, EBADMSG, message, NULL);
  failure->phase = op && op->phase <= PHASE_CLEANUP ? op->phase : (uint8_t)PHASE_REQUEST;
  failure->index = op ? op->index : 0xffff;
  failure->type = op ? op->type : 0;
  return -1;
}

static bool next_op(struct reader *in, uint16_t index, struct op *op) {
  op->type = read_u16(in);
  op->phase = read_u8(in);
  op->flags = read_u8(in);
  op->index = index;
  struct str payload = read_bytes(in);
  op->payload = reader_of(payload.at, payload.len);
  return !in->bad;
}

static void count(struct tally *tally, const struct op *op, const union decoded *decoded) {
  tally->seen |= UINT64_C(1) << op->type;
  if (op->type == OP_BIND) tally->binds++;
  if (op->type == OP_BIND && decoded->bind.kind == BIND_JOINED) tally->binds_of_joined++;
  if (op->type == OP_NETNS || plan_is_place(op)) tally->binds++;
  if (op->type == OP_NAMESPACES) tally->namespaces = decoded->namespaces.flags;
  if (op->type == OP_NAMESPACE_JOIN) {
    tally->joins++;
    tally->joined |= decoded->namespace_join.flags;
  }
}

/* NETLINK alone has a place in two phases; when nothing runs any more there is no container to send from. */
static bool phase_ok(const struct op *op, const struct rule *rule, enum plan_use use) {
  if (op->type != OP_NETLINK || use == PLAN_NETLINK) return op->phase == rule->phase;
  return op->phase == PHASE_CLEANUP || (op->phase == rule->phase && use == PLAN_LAUNCH);
}

static int check_netlink(const struct op *op, const struct op_netlink *netlink, struct failure *failure) {
  if (op->phase == PHASE_CLEANUP && (netlink->place == PLACE_CONTAINER || netlink->spots.count > 0))
    return reject(failure, op, "a cleanup has no container");
  return 0;
}

static int check_op(const struct op *op, enum plan_use use, struct tally *tally, struct failure *failure) {
  union decoded decoded;
  if (op->type >= OP_TYPES || rules[op->type].phase == 0) return reject(failure, op, "unknown operation");
  const struct rule *rule = &rules[op->type];
  if (!phase_ok(op, rule, use)) return reject(failure, op, "operation in the wrong phase");
  if (op->flags & ~rule->flags) return reject(failure, op, "unknown flag");
  if (!(rule->uses & 1 << use)) return reject(failure, op, "operation has no place in this plan");
  if (rule->once && (tally->seen & UINT64_C(1) << op->type)) return reject(failure, op, "operation given twice");
  if (!decode((enum op_type)op->type, op->payload, &decoded)) return reject(failure, op, "malformed payload");
  if (op->type == OP_EXEC && !(op->flags & EXEC_INIT) && decoded.exec.candidates.count == 0)
    return reject(failure, op, "no candidates to execute");
  if (op->type == OP_BIND && (op->flags & BIND_MAKE_SOURCE) && decoded.bind.kind != BIND_HOST)
    return reject(failure, op, "only a host path can be made");
  if (op->type == OP_BIND && (op->flags & BIND_OPTIONAL) && decoded.bind.kind == BIND_SHARED)
    return reject(failure, op, "shared trees are never missing");
  if (op->type == OP_NETLINK && check_netlink(op, &decoded.netlink, failure) < 0) return -1;
  count(tally, op, &decoded);
  return 0;
}

static bool has(const struct tally *tally, enum op_type type) { return tally->seen & UINT64_C(1) << type; }

static int check_launch(const struct tally *tally, struct failure *failure) {
  if (!has(tally, OP_NAMESPACES) || !(tally->namespaces & CLONE_NEWNS))
    return reject(failure, NULL, "a launch needs its own mount namespace");
  if (!has(tally, OP_OVERLAY)) return reject(failure, NULL, "a launch needs a root file system");
  if (((tally->namespaces & CLONE_NEWUSER) != 0) != has(tally, OP_IDMAP))
    return reject(failure, NULL, "id maps and a new user namespace go together");
  if (tally->namespaces & tally->joined) return reject(failure, NULL, "a namespace is both new and joined");
  if (has(tally, OP_NETNS) && ((tally->namespaces | tally->joined) & CLONE_NEWNET))
    return reject(failure, NULL, "more than one network namespace");
  if (tally->binds_of_joined > 0 && tally->joins == 0)
    return reject(failure, NULL, "a bind of a joined container without one");
  if (tally->binds + tally->joins > BINDS_MAX) return reject(failure, NULL, "too many binds");
  return 0;
}

int plan_check(const void *data, size_t size, enum plan_use use, struct plan *plan, struct failure *failure) {
  if (size > PLAN_MAX) return reject(failure, NULL, "too large");
  struct reader in = reader_of(data, size);
  uint32_t magic = read_u32(&in);
  uint16_t version = read_u16(&in), operations = read_u16(&in);
  if (in.bad || magic != WARREN_PLAN_MAGIC) return reject(failure, NULL, "not a plan");
  if (version != WARREN_PLAN_VERSION) return reject(failure, NULL, "unknown version");
  if (operations > PLAN_OPS_MAX) return reject(failure, NULL, "too many operations");
  struct tally tally = {0};
  uint8_t phase = PHASE_BEFORE;
  for (uint16_t i = 0; i < operations; i++) {
    struct op op;
    if (!next_op(&in, i, &op)) return reject(failure, NULL, "cut short");
    if (op.phase < phase) return reject(failure, &op, "phases out of order");
    phase = op.phase;
    if (check_op(&op, use, &tally, failure) < 0) return -1;
  }
  if (!reader_done(&in)) return reject(failure, NULL, "trailing bytes");
  if (use == PLAN_NETLINK && tally.binds > BINDS_MAX) return reject(failure, NULL, "too many namespaces");
  if ((use == PLAN_LAUNCH || use == PLAN_EXEC) && !has(&tally, OP_EXEC))
    return reject(failure, NULL, "nothing to execute");
  if (use == PLAN_LAUNCH && check_launch(&tally, failure) < 0) return -1;
  *plan = (struct plan){.data = data, .size = size, .count = operations};
  return 0;
}

bool plan_next(const struct plan *plan, size_t *at, struct op *op) {
  /* The high half counts operations, so that one word is the whole position. */
  size_t offset = *at & 0xffffff;
  uint16_t index = (uint16_t)(*at >> 24);
  if (index >= plan->count) return false;
  if (offset == 0) offset = HEADER_BYTES;
  struct reader in = reader_of(plan->data + offset, plan->size - offset);
  if (!next_op(&in, index, op)) return false;
  *at = (size_t)(in.at - plan->data) | ((size_t)index + 1) << 24;
  return true;
}

static unsigned count_ops(const struct plan *plan, bool (*counts)(const struct op *)) {
  struct op op;
  unsigned total = 0;
  for (size_t at = 0; plan_next(plan, &at, &op);) total += counts(&op);
  return total;
}

bool bind_is_opened(uint8_t kind) { return kind == BIND_HOST || kind == BIND_JOINED; }

static bool needs_host(const struct op *op) {
  if (op->type == OP_NETNS) return true;
  return op->type == OP_BIND && op->payload.at < op->payload.end && bind_is_opened(*op->payload.at);
}
static bool joins_container(const struct op *op) { return op->type == OP_NAMESPACE_JOIN; }

bool plan_is_place(const struct op *op) {
  return op->type == OP_NETLINK && op->payload.end - op->payload.at > 1 && op->payload.at[1] == PLACE_RUN_DIR;
}

unsigned plan_places(const struct plan *plan) { return count_ops(plan, plan_is_place); }
unsigned plan_host_binds(const struct plan *plan) { return count_ops(plan, needs_host); }
unsigned plan_namespace_joins(const struct plan *plan) { return count_ops(plan, joins_container); }

static void write_op(struct writer *out, const struct op *op, uint16_t type, struct str payload) {
  write_u16(out, type);
  write_u8(out, op->phase);
  write_u8(out, op->flags);
  write_view(out, payload);
}

/* The removal at `op` with those right after it that have the same path, as one operation. `at` is behind the last of them. */
static void write_removals(const struct plan *plan, size_t *at, const struct op *op, struct writer *out) {
  struct op_cgroup first, next;
  struct op after = *op;
  struct writer payload = writer_new(PLAN_MAX);
  decode_cgroup(op->payload, &first);
  uint32_t hierarchies = UINT32_C(1) << first.hierarchy;
  for (size_t ahead = *at; plan_next(plan, &ahead, &after) && after.type == OP_CGROUP_REMOVE; *at = ahead) {
    decode_cgroup(after.payload, &next);
    if (next.path.len != first.path.len || memcmp(next.path.at, first.path.at, first.path.len) != 0) break;
    hierarchies |= UINT32_C(1) << next.hierarchy;
  }
  write_u32(&payload, hierarchies);
  write_view(&payload, first.path);
  out->failed |= payload.failed;
  write_op(out, op, OP_CGROUPS_REMOVE, (struct str){.at = (const char *)payload.data, .len = (uint32_t)payload.len});
  writer_free(&payload);
}

int plan_cleanup(const struct plan *plan, struct writer *out) {
  struct op op;
  struct writer operations = writer_new(PLAN_MAX);
  uint16_t count = 0;
  for (size_t at = 0; plan_next(plan, &at, &op);) {
    if (op.phase != PHASE_CLEANUP) continue;
    count++;
    if (op.type == OP_CGROUP_REMOVE)
      write_removals(plan, &at, &op, &operations);
    else
      write_op(&operations, &op, op.type,
               (struct str){.at = (const char *)op.payload.at, .len = (uint32_t)(op.payload.end - op.payload.at)});
  }
  write_u32(out, WARREN_PLAN_MAGIC);
  write_u16(out, WARREN_PLAN_VERSION);
  write_u16(out, count);
  write_raw(out, operations.data, operations.len);
  out->failed |= operations.failed;
  writer_free(&operations);
  if (out->failed) errno = ENOMEM;
  return out->failed ? -1 : 0;
}
