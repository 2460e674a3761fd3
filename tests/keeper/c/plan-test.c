/* The checks of plans and of the supervise section, on plans that are right but for one thing. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/keeper/plan/ops.h"
#include "../../../src/keeper/plan/plan.h"
#include "../../../src/keeper/plan/supervise.h"
#include "../worker/plan-builder.h"

#define REQUIRE(condition) require((condition), __LINE__, #condition)

static void require(bool condition, int line, const char *text) {
  if (condition) return;
  fprintf(stderr, "plan-test.c:%d: %s\n", line, text);
  exit(1);
}

struct seed {
  uint8_t bytes[4096];
  size_t size;
};

static struct seed seed(const char *name) {
  struct seed seed;
  char path[512];
  snprintf(path, sizeof path, "%s/%s", getenv("SEEDS"), name);
  FILE *file = fopen(path, "re");
  REQUIRE(file != NULL && fgetc(file) != EOF);
  seed.size = fread(seed.bytes, 1, sizeof seed.bytes, file);
  fclose(file);
  return seed;
}

static int check(const void *data, size_t size, enum plan_use use, struct failure *failure) {
  struct plan plan;
  *failure = (struct failure){0};
  return plan_check(data, size, use, &plan, failure);
}

static void accepts_right_plans(void) {
  static const struct {
    const char *name;
    enum plan_use use;
  } plans[] = {{"launch", PLAN_LAUNCH}, {"exec", PLAN_EXEC}, {"cleanup", PLAN_CLEANUP}, {"netlink", PLAN_NETLINK}};
  struct failure failure;
  for (int i = 0; i < 4; i++) {
    struct seed plan = seed(plans[i].name);
    REQUIRE(check(plan.bytes, plan.size, plans[i].use, &failure) == 0);
    for (int use = 0; use < 4; use++)
      REQUIRE(use == (int)plans[i].use || check(plan.bytes, plan.size, (enum plan_use)use, &failure) < 0);
  }
}

static void knows_every_operation(void) {
  struct seed bytes = seed("launch");
  struct failure failure;
  struct plan plan;
  struct op op;
  uint64_t seen = 0;
  REQUIRE(plan_check(bytes.bytes, bytes.size, PLAN_LAUNCH, &plan, &failure) == 0);
  for (size_t at = 0; plan_next(&plan, &at, &op);) seen |= UINT64_C(1) << op.type;
  for (int type = OP_CGROUP_MAKE; type <= OP_CGROUP_OWNER; type++) REQUIRE(seen & UINT64_C(1) << type);
  REQUIRE(plan_host_binds(&plan) == 2 && plan_namespace_joins(&plan) == 1);
}

static void rejects_cut_and_longer_plans(void) {
  struct seed plan = seed("launch");
  struct failure failure;
  for (size_t size = 0; size < plan.size; size++) {
    uint8_t *exact = malloc(size + 1); /* so that reading on is noticed */
    REQUIRE(exact != NULL);
    memcpy(exact, plan.bytes, size);
    REQUIRE(check(exact, size, PLAN_LAUNCH, &failure) < 0 && failure.error == EBADMSG);
    free(exact);
  }
  plan.bytes[plan.size] = 0;
  REQUIRE(check(plan.bytes, plan.size + 1, PLAN_LAUNCH, &failure) < 0);
}

/* A launch that is right, with one operation of the test's own before its last. */
static int launch_with(void (*add)(struct builder *), struct failure *failure) {
  static const char *const argv[] = {"/bin/true", NULL};
  struct builder builder = builder_new();
  add_namespaces(&builder, CLONE_NEWNS, 0);
  add_overlay(&builder, "layers/a", &(struct overlay_options){.upper = "a/upper", .work = "a/work"});
  if (add) add(&builder);
  add_exec(&builder, argv, argv, 0);
  builder_finish(&builder);
  int result = check(builder.out.data, builder.out.len, PLAN_LAUNCH, failure);
  writer_free(&builder.out);
  return result;
}

static void bad_phase(struct builder *builder) {
  op_begin(builder, OP_LOOPBACK_UP, PHASE_AFTER, 0);
  op_end(builder);
}
static void late_phase(struct builder *builder) { add_cgroup(builder, OP_CGROUP_MAKE, 0, "late"); }
static void bad_type(struct builder *builder) {
  op_begin(builder, 77, PHASE_CHILD, 0);
  op_end(builder);
}
static void no_messages(struct builder *builder) {
  op_begin(builder, OP_NETLINK, PHASE_AFTER, 0);
  write_bytes(&builder->out, "x", 1);
  op_end(builder);
}
/* A group of a v1 hierarchy cannot be handed over: its limits would go with it. */
static void hands_over(struct builder *builder, uint8_t hierarchy) {
  op_begin(builder, OP_CGROUP_OWNER, PHASE_BEFORE, 0);
  write_u8(&builder->out, hierarchy);
  write_str(&builder->out, "warren/a");
  write_u32(&builder->out, 1 << 20);
  write_u32(&builder->out, 1 << 20);
  op_end(builder);
}
static void rejects_handing_over_v1(void) {
  static const char *const argv[] = {"/bin/true", NULL};
  struct failure failure;
  for (uint8_t hierarchy = 0; hierarchy < 2; hierarchy++) {
    struct builder builder = builder_new();
    hands_over(&builder, hierarchy);
    add_namespaces(&builder, CLONE_NEWNS, 0);
    add_overlay(&builder, "layers/a", &(struct overlay_options){.upper = "a/upper", .work = "a/work"});
    add_exec(&builder, argv, argv, 0);
    builder_finish(&builder);
    REQUIRE(check(builder.out.data, builder.out.len, PLAN_LAUNCH, &failure) == (hierarchy == 0 ? 0 : -1));
    writer_free(&builder.out);
  }
}
static void bad_flag(struct builder *builder) { add_path(builder, OP_MASK, 1, "/proc/kcore"); }
static void twice(struct builder *builder) {
  add_empty(builder, OP_KEYRING);
  add_empty(builder, OP_KEYRING);
}
static void trailing(struct builder *builder) {
  op_begin(builder, OP_KEYRING, PHASE_CHILD, 0);
  write_u8(&builder->out, 0);
  op_end(builder);
}

/* ---- NETLINK ---- */

static const uint32_t acked[] = {16, 0x00050010, 0, 0};
static const struct netlink_options netlink_right = {.phase = PHASE_AFTER};

static int launch_with_netlink(const void *messages, size_t size, const struct netlink_options *options) {
  static const char *const argv[] = {"/bin/true", NULL};
  struct builder builder = builder_new();
  struct failure failure;
  add_namespaces(&builder, CLONE_NEWNS, 0);
  add_overlay(&builder, "layers/a", &(struct overlay_options){.upper = "a/upper", .work = "a/work"});
  if (options->phase != PHASE_CLEANUP) add_netlink(&builder, messages, size, options);
  add_exec(&builder, argv, argv, 0);
  if (options->phase == PHASE_CLEANUP) add_netlink(&builder, messages, size, options);
  builder_finish(&builder);
  int result = check(builder.out.data, builder.out.len, PLAN_LAUNCH, &failure);
  REQUIRE(result == 0 || failure.error == EBADMSG);
  writer_free(&builder.out);
  return result;
}

static void netlink_messages_are_framed(void) {
  static const uint32_t unanswered[] = {16, 0x00010010, 0, 0}, short_one[] = {15, 0x00050010, 0, 0},
                        long_one[] = {17, 0x00050010, 0, 0}, tail[] = {16, 0x00050010, 0, 0, 0},
                        huge[] = {0xfffffff8, 0x00050010, 0, 0};
  REQUIRE(launch_with_netlink(acked, sizeof acked, &netlink_right) == 0);
  REQUIRE(launch_with_netlink(acked, 0, &netlink_right) < 0);
  REQUIRE(launch_with_netlink(unanswered, sizeof unanswered, &netlink_right) < 0);
  REQUIRE(launch_with_netlink(short_one, sizeof short_one, &netlink_right) < 0);
  REQUIRE(launch_with_netlink(long_one, sizeof long_one, &netlink_right) < 0);
  REQUIRE(launch_with_netlink(tail, sizeof tail, &netlink_right) < 0);
  REQUIRE(launch_with_netlink(huge, sizeof huge, &netlink_right) < 0);
}

static void netlink_places_are_checked(void) {
  static const struct netlink_options wrong[] = {
      {.phase = PHASE_AFTER, .protocol = 2},
      {.phase = PHASE_AFTER, .place = 3},
      {.phase = PHASE_AFTER, .flags = 2},
      {.phase = PHASE_AFTER, .place = PLACE_RUN_DIR},
      {.phase = PHASE_AFTER, .place = PLACE_RUN_DIR, .path = "/proc/1/ns/net"},
      {.phase = PHASE_AFTER, .place = PLACE_RUN_DIR, .path = "../other/net"},
      {.phase = PHASE_AFTER, .place = PLACE_HOST, .path = "net"},
      {.phase = PHASE_AFTER, .spot = 2},
      {.phase = PHASE_AFTER, .spot = sizeof acked},
      {.phase = PHASE_AFTER, .spot = 0xfffffffc},
      {.phase = PHASE_CLEANUP, .spot = 4},
      {.phase = PHASE_CLEANUP, .place = PLACE_CONTAINER},
      {.phase = PHASE_BEFORE},
      {.phase = PHASE_CHILD},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    REQUIRE(launch_with_netlink(acked, sizeof acked, &wrong[i]) < 0);
  struct netlink_options right = {.phase = PHASE_CLEANUP, .place = PLACE_RUN_DIR, .path = "net/a"};
  REQUIRE(launch_with_netlink(acked, sizeof acked, &right) == 0);
  right = (struct netlink_options){.phase = PHASE_AFTER, .place = PLACE_CONTAINER, .spot = sizeof acked - 4};
  REQUIRE(launch_with_netlink(acked, sizeof acked, &right) == 0);
}

static void rejects_wrong_operations(void) {
  static void (*const wrong[])(struct builder *) = {bad_phase, late_phase, bad_type, no_messages,
                                                    bad_flag,  twice,      trailing};
  struct failure failure;
  REQUIRE(launch_with(NULL, &failure) == 0);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    REQUIRE(launch_with(wrong[i], &failure) < 0);
    REQUIRE(failure.error == EBADMSG && failure.index >= 2 && failure.index < 4 && failure.type != 0);
  }
}

static const char *bad_path;
static void store_path(struct builder *builder) {
  add_bind(builder, bad_path, "/x", &(struct bind_options){.kind = BIND_STORE});
}
static void host_path(struct builder *builder) {
  add_bind(builder, bad_path, "/x", &(struct bind_options){.kind = BIND_HOST});
}
static void target_path(struct builder *builder) {
  add_bind(builder, "/x", bad_path, &(struct bind_options){.kind = BIND_HOST});
}
static void mask_path(struct builder *builder) { add_path(builder, OP_MASK, 0, bad_path); }
static void sysctl_name(struct builder *builder) { add_pair(builder, OP_SYSCTL, bad_path, "1"); }

static void rejects_paths_that_leave(void) {
  static const char *const relative[] = {"", "/a", "..", "../a", "a/..", "a/../b", "a//b", "./a", "a/.", "a/"};
  static const char *const absolute[] = {"", "a", "/..", "/a/../b", "/a//b", "/./a", "/a/"};
  static const char *const sysctls[] = {"", "a..b", ".a", "a.", "a.//.b", "/.a"};
  struct failure failure;
  for (size_t i = 0; i < sizeof relative / sizeof *relative; i++) {
    bad_path = relative[i];
    REQUIRE(launch_with(store_path, &failure) < 0);
  }
  for (size_t i = 0; i < sizeof absolute / sizeof *absolute; i++) {
    bad_path = absolute[i];
    REQUIRE(launch_with(host_path, &failure) < 0 && launch_with(target_path, &failure) < 0 &&
            launch_with(mask_path, &failure) < 0);
  }
  for (size_t i = 0; i < sizeof sysctls / sizeof *sysctls; i++) {
    bad_path = sysctls[i];
    REQUIRE(launch_with(sysctl_name, &failure) < 0);
  }
  bad_path = "net.ipv4.conf.eth0/1.forwarding";
  REQUIRE(launch_with(sysctl_name, &failure) == 0);
}

static void supervise_seeds(void) {
  static const char *const names[] = {"supervise", "supervise-health"};
  struct failure failure;
  struct supervise supervise;
  for (int i = 0; i < 2; i++) {
    struct seed bytes = seed(names[i]);
    REQUIRE(supervise_decode(bytes.bytes, bytes.size, &supervise, &failure) == 0);
    REQUIRE(!strcmp(supervise.id, "0123456789ab") && supervise.cgroup_count == 2 &&
            !strcmp(supervise.cgroups[1].path, "warren/a"));
    REQUIRE(!strcmp(supervise.log.path, "/var/lib/warren/logs/a") && supervise.engine_on_exit &&
            supervise.stop_signal == 15);
    struct writer again = writer_new(PLAN_MAX);
    supervise_encode(&supervise, &again);
    REQUIRE(again.len == bytes.size && memcmp(again.data, bytes.bytes, bytes.size) == 0);
    writer_free(&again);
    supervise_free(&supervise);
    for (size_t size = 0; size < bytes.size; size++) {
      uint8_t *exact = malloc(size + 1);
      REQUIRE(exact != NULL);
      memcpy(exact, bytes.bytes, size);
      REQUIRE(supervise_decode(exact, size, &supervise, &failure) < 0 && failure.error == EBADMSG);
      free(exact);
    }
  }
}

static void copies_the_cleanup(void) {
  struct seed bytes = seed("launch");
  struct failure failure;
  struct plan plan, cleanup;
  struct op op;
  struct writer out = writer_new(PLAN_MAX);
  REQUIRE(plan_check(bytes.bytes, bytes.size, PLAN_LAUNCH, &plan, &failure) == 0 && plan_cleanup(&plan, &out) == 0);
  REQUIRE(plan_check(out.data, out.len, PLAN_CLEANUP, &cleanup, &failure) == 0 && cleanup.count == 2);
  size_t at = 0;
  REQUIRE(plan_next(&cleanup, &at, &op) && op.type == OP_CGROUPS_REMOVE);
  REQUIRE(plan_next(&cleanup, &at, &op) && op.type == OP_NETLINK && !plan_next(&cleanup, &at, &op));
  writer_free(&out);
}

static void keeps_removals_with_one_path_once(void) {
  static const char *const argv[] = {"/bin/true", NULL};
  static const struct op_cgroups expected[] = {{.hierarchies = 0x7, .path = {"a/b", 3}},
                                               {.hierarchies = 0x8, .path = {"a", 1}},
                                               {.hierarchies = 0x2, .path = {"a/b", 3}}};
  struct builder builder = builder_new();
  add_namespaces(&builder, CLONE_NEWNS, 0);
  add_overlay(&builder, "layers/a", &(struct overlay_options){.upper = "a/upper", .work = "a/work"});
  add_exec(&builder, argv, argv, 0);
  for (uint8_t i = 0; i < 3; i++) add_cgroup(&builder, OP_CGROUP_REMOVE, i, "a/b");
  add_cgroup(&builder, OP_CGROUP_REMOVE, 3, "a");
  add_cgroup(&builder, OP_CGROUP_REMOVE, 1, "a/b");
  builder_finish(&builder);
  struct failure failure;
  struct plan plan, cleanup;
  struct writer out = writer_new(PLAN_MAX);
  REQUIRE(plan_check(builder.out.data, builder.out.len, PLAN_LAUNCH, &plan, &failure) == 0);
  REQUIRE(plan_cleanup(&plan, &out) == 0);
  REQUIRE(plan_check(out.data, out.len, PLAN_CLEANUP, &cleanup, &failure) == 0 && cleanup.count == 3);
  REQUIRE(check(out.data, out.len, PLAN_LAUNCH, &failure) < 0);
  struct op op;
  struct op_cgroups kept;
  size_t at = 0;
  for (int i = 0; i < 3; i++) {
    REQUIRE(plan_next(&cleanup, &at, &op) && op.type == OP_CGROUPS_REMOVE && decode_cgroups(op.payload, &kept));
    REQUIRE(kept.hierarchies == expected[i].hierarchies && str_equal(kept.path, expected[i].path.at));
  }
  writer_free(&out);
  writer_free(&builder.out);
}

static const struct {
  const char *name;
  void (*run)(void);
} cases[] = {
    {"accepts right plans, each for its use only", accepts_right_plans},
    {"knows every operation", knows_every_operation},
    {"keeps removals of groups with one path once", keeps_removals_with_one_path_once},
    {"rejects plans that are cut short or longer", rejects_cut_and_longer_plans},
    {"rejects operations in the wrong place, unknown flags and trailing bytes", rejects_wrong_operations},
    {"rejects netlink messages whose frames are wrong", netlink_messages_are_framed},
    {"rejects netlink messages for places that a plan may not name", netlink_places_are_checked},
    {"rejects paths that leave where they belong", rejects_paths_that_leave},
    {"rejects handing a group of a v1 hierarchy to a container", rejects_handing_over_v1},
    {"decodes the supervise section and rejects every cut", supervise_seeds},
    {"copies the cleanup operations into a plan of their own", copies_the_cleanup},
};

int main(int argc, char **argv) {
  bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (list) puts(cases[i].name);
    if (list || argc < 2 || strcmp(argv[1], cases[i].name) != 0) continue;
    cases[i].run();
    return 0;
  }
  return list ? 0 : 2;
}
