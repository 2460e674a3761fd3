/*
 * Writes the seeds of the fuzzer into a directory: plans with every operation, and the supervise section. The first byte
 * tells the fuzzer what follows. `make -C src/keeper corpus` keeps them.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan-builder.h"

enum { SEED_LAUNCH, SEED_EXEC, SEED_CLEANUP, SEED_SUPERVISE, SEED_NETLINK };

/* Two that ask for nothing in particular: a header and room for a descriptor each, the second wants an answer. */
static const uint32_t messages[] = {20, 0x00010010, 0, 0, 0, 20, 0x00050010, 0, 0, 0};

static void add_messages(struct builder *builder, uint8_t phase) {
  struct netlink_options options = {
      .phase = phase, .flags = NETLINK_TOLERANT, .place = PLACE_RUN_DIR, .path = "net/router"};
  add_netlink(builder, messages, sizeof messages, &options);
  if (phase == PHASE_CLEANUP) return;
  options = (struct netlink_options){
      .phase = phase, .protocol = NETLINK_OF_NETFILTER, .place = PLACE_CONTAINER, .spot = sizeof messages - 4};
  add_netlink(builder, messages, sizeof messages, &options);
}

static void save(const char *directory, const char *name, uint8_t kind, const struct writer *data) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "we");
  if (!file || fputc(kind, file) == EOF || fwrite(data->data, 1, data->len, file) != data->len || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

static void last_steps(struct builder *builder) {
  static const char *const argv[] = {"sh", "-c", "true", NULL}, *const candidates[] = {"/usr/bin/sh", "/bin/sh", NULL},
                           *const environment[] = {"PATH=/bin", "A=b", NULL};
  static const uint64_t allow[] = {UINT64_C(0x7fff000000000006)};
  add_rlimit(builder, 7, 1024, 4096);
  add_credentials(builder, 1000, 1000);
  add_capabilities(builder, 0xa80425fb, 0x400);
  add_empty(builder, OP_NO_NEW_PRIVILEGES);
  add_seccomp(builder, allow, sizeof allow);
  add_environment(builder, environment);
  add_path(builder, OP_WORKDIR, WORKDIR_CREATE, "/srv/app");
  add_exec(builder, candidates, argv, 0);
}

static void before(struct builder *builder) {
  static const uint64_t program[] = {UINT64_C(0x00000001000000b7), UINT64_C(0x0000000000000095)};
  add_cgroup(builder, OP_CGROUP_MAKE, 0, "warren/a");
  add_cgroup_write(builder, 1, "warren/a", "memory.limit_in_bytes", "67108864");
  op_begin(builder, OP_CGROUP_DEVICES, PHASE_BEFORE, 0);
  write_u8(&builder->out, 0);
  write_str(&builder->out, "warren/a");
  write_bytes(&builder->out, program, sizeof program);
  op_end(builder);
  op_begin(builder, OP_CGROUP_OWNER, PHASE_BEFORE, 0);
  write_u8(&builder->out, 0);
  write_str(&builder->out, "warren/a");
  write_u32(&builder->out, 1 << 20);
  write_u32(&builder->out, 1 << 20);
  op_end(builder);
  add_cgroup(builder, OP_CGROUP_JOIN, 0, "warren/a");
  add_namespaces(builder, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER, NAMESPACES_LOCKED);
  op_begin(builder, OP_NAMESPACE_JOIN, PHASE_BEFORE, 0);
  write_u64(&builder->out, CLONE_NEWIPC);
  write_str(&builder->out, "b");
  op_end(builder);
  add_idmap(builder, 1 << 20);
  op_begin(builder, OP_NETNS, PHASE_BEFORE, 0);
  write_str(&builder->out, "/run/netns/a");
  op_end(builder);
}

static void after(struct builder *builder) {
  add_overlay(builder, "layers/a",
              &(struct overlay_options){.upper = "containers/a/upper", .work = "containers/a/work", .idmapped = true});
  add_bind(builder, "/srv", "/srv",
           &(struct bind_options){.kind = BIND_HOST, .flags = BIND_RECURSIVE, .create = CREATE_DIR, .attributes = 1});
  add_bind(builder, "volumes/v", "/data", &(struct bind_options){.kind = BIND_STORE, .flags = BIND_IDMAPPED});
  add_bind(builder, "sys", "/sys", &(struct bind_options){.kind = BIND_SHARED});
  op_begin(builder, OP_DEV_TREE, PHASE_AFTER, 0);
  write_u32(&builder->out, 1);
  write_str(&builder->out, "net/tun");
  write_u8(&builder->out, 'c');
  const uint32_t node[] = {10, 200, 0666, 0, 0};
  for (size_t i = 0; i < 5; i++) write_u32(&builder->out, node[i]);
  op_end(builder);
  op_begin(builder, OP_OOM_SCORE, PHASE_AFTER, 0);
  write_i32(&builder->out, 500);
  op_end(builder);
  add_messages(builder, PHASE_AFTER);
}

static void every_operation(const char *directory) {
  static const char *const options[] = {"mode", "1777", "noswap", "", NULL, NULL};
  struct builder builder = builder_new();
  before(&builder);
  after(&builder);
  add_mount(&builder, "tmpfs", "/tmp", 6, options);
  add_path(&builder, OP_MASK, 0, "/proc/kcore");
  add_path(&builder, OP_READONLY, 0, "/proc/sys");
  add_pair(&builder, OP_SYSCTL, "net.ipv4.ip_forward", "1");
  add_pair(&builder, OP_HOSTNAME, "web", "example");
  add_empty(&builder, OP_LOOPBACK_UP);
  add_empty(&builder, OP_KEYRING);
  add_empty(&builder, OP_ROOT_READONLY);
  last_steps(&builder);
  add_cgroup(&builder, OP_CGROUP_REMOVE, 0, "warren/a");
  add_messages(&builder, PHASE_CLEANUP);
  builder_finish(&builder);
  save(directory, "launch", SEED_LAUNCH, &builder.out);
  writer_free(&builder.out);
}

static struct builder exec_plan(void) {
  struct builder builder = builder_new();
  add_cgroup(&builder, OP_CGROUP_JOIN, 0, "warren/a");
  add_namespaces(&builder, 0, 0);
  last_steps(&builder);
  builder_finish(&builder);
  return builder;
}

static void cleanup_plan(const char *directory) {
  struct builder builder = builder_new();
  add_cgroup(&builder, OP_CGROUP_REMOVE, 1, "warren/a");
  add_cgroup(&builder, OP_CGROUP_REMOVE, 0, "warren/a");
  add_messages(&builder, PHASE_CLEANUP);
  builder_finish(&builder);
  save(directory, "cleanup", SEED_CLEANUP, &builder.out);
  writer_free(&builder.out);
}

static void netlink_plan(const char *directory) {
  struct builder builder = builder_new();
  add_messages(&builder, PHASE_AFTER);
  builder_finish(&builder);
  save(directory, "netlink", SEED_NETLINK, &builder.out);
  writer_free(&builder.out);
}

static void supervise(const char *directory, const char *name, const struct builder *probe) {
  struct writer out = writer_new(FRAME_MAX);
  write_str(&out, "0123456789ab");
  write_u64(&out, 3);
  write_u32(&out, 2);
  write_u8(&out, 0);
  write_str(&out, "warren/a");
  write_u8(&out, 1);
  write_str(&out, "warren/a");
  for (int i = 0; i < 3; i++) write_u8(&out, (uint8_t)(i & 1)); /* tty, stdin open, stdin once */
  write_u32(&out, 1 << 20);
  write_u32(&out, 1 << 20);
  write_u8(&out, LOG_PUMP);
  write_str(&out, "/var/lib/warren/logs/a");
  write_u64(&out, 1 << 20);
  write_u32(&out, 3);
  write_i32(&out, 15);
  write_u64(&out, 10000);
  write_u64(&out, 0);
  write_u64(&out, 60000);
  write_u8(&out, RESTART_ON_FAILURE);
  write_u32(&out, 5);
  write_u32(&out, 0);
  write_u64(&out, probe ? 30000 : 0);
  write_u64(&out, 5000);
  write_u32(&out, 3);
  write_u64(&out, 0);
  write_u64(&out, 5000);
  write_bytes(&out, probe ? probe->out.data : NULL, probe ? probe->out.len : 0);
  write_u8(&out, 1);
  save(directory, name, SEED_SUPERVISE, &out);
  writer_free(&out);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  struct builder probe = exec_plan();
  every_operation(argv[1]);
  cleanup_plan(argv[1]);
  netlink_plan(argv[1]);
  save(argv[1], "exec", SEED_EXEC, &probe.out);
  supervise(argv[1], "supervise", NULL);
  supervise(argv[1], "supervise-health", &probe);
  writer_free(&probe.out);
  return 0;
}
