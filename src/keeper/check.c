#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "plan/plan.h"
#include "plan/supervise.h"
#include "protocol.h"

enum { KIND_SUPERVISE = 3, KIND_NETLINK };

/* 1, 0 at the end of input, -1 when it is cut short. */
static int read_exactly(void *data, size_t size) {
  size_t got = fread(data, 1, size, stdin);
  return got == size ? 1 : got == 0 && feof(stdin) ? 0 : -1;
}

static int check_item(uint8_t kind, const uint8_t *data, size_t size, struct failure *failure) {
  static const enum plan_use uses[] = {PLAN_LAUNCH, PLAN_EXEC, PLAN_CLEANUP};
  struct plan plan;
  struct supervise supervise;
  if (kind < KIND_SUPERVISE) return plan_check(data, size, uses[kind], &plan, failure);
  if (kind == KIND_NETLINK) return plan_check(data, size, PLAN_NETLINK, &plan, failure);
  if (kind != KIND_SUPERVISE) return fail(failure, EINVAL, "know the kind of the item", NULL);
  if (supervise_decode(data, size, &supervise, failure) < 0) return -1;
  supervise_free(&supervise);
  return 0;
}

int check_items(void) {
  int code = 0;
  for (;;) {
    uint8_t head[5];
    int more = read_exactly(head, sizeof head);
    if (more == 0) return code;
    struct reader in = reader_of(head, sizeof head);
    uint32_t size = read_u32(&in);
    OWN_MEM uint8_t *data = more > 0 && size <= FRAME_MAX ? malloc(size + 1u) : NULL;
    if (!data || (size > 0 && read_exactly(data, size) != 1)) {
      fprintf(stderr, "Cannot read an item: it is cut short or too long\n");
      return 1;
    }
    struct failure failure;
    if (check_item(head[4], data, size, &failure) == 0) {
      puts("OK");
      continue;
    }
    code = 1;
    printf("%d %u %u %s %s\n", failure.error, failure.index, failure.type, failure.message, failure.path);
  }
}

struct row {
  const char *group, *name;
  long long value;
};
#define ROW(group, name)                                                                                               \
  { group, #name, name }

static const struct row rows[] = {
    ROW("protocol", WARREN_PROTOCOL_MIN),
    ROW("protocol", WARREN_PROTOCOL_MAX),
    ROW("protocol", WARREN_HELLO_MAGIC),
    ROW("plan", WARREN_PLAN_MAGIC),
    ROW("plan", WARREN_PLAN_VERSION),
    ROW("limit", FRAME_HEADER),
    ROW("limit", FRAME_MAX),
    ROW("limit", PLAN_MAX),
    ROW("limit", PLAN_OPS_MAX),
    ROW("limit", STREAM_WINDOW),
    ROW("limit", CLIENT_OUT_MAX),
    ROW("limit", CLIENT_REQUESTS_MAX),
    ROW("limit", CONTAINER_ID_MAX),
    ROW("frame_type", REQ_HELLO),
    ROW("frame_type", REQ_LAUNCH),
    ROW("frame_type", REQ_EXEC),
    ROW("frame_type", REQ_SIGNAL),
    ROW("frame_type", REQ_STOP),
    ROW("frame_type", REQ_FREEZE),
    ROW("frame_type", REQ_WAIT),
    ROW("frame_type", REQ_LIST),
    ROW("frame_type", REQ_SUBSCRIBE),
    ROW("frame_type", REQ_ATTACH),
    ROW("frame_type", REQ_RESIZE),
    ROW("frame_type", REQ_LOCK),
    ROW("frame_type", REQ_UNLOCK),
    ROW("frame_type", REQ_FORGET),
    ROW("frame_type", REQ_SUPERVISE),
    ROW("frame_type", REQ_CONFIG),
    ROW("frame_type", REQ_SHUTDOWN),
    ROW("frame_type", REQ_UPGRADE),
    ROW("frame_type", REQ_CANCEL),
    ROW("frame_type", REQ_STREAM),
    ROW("frame_type", REQ_STREAM_END),
    ROW("frame_type", REQ_CREDIT),
    ROW("frame_type", REQ_STATUS),
    ROW("frame_type", REQ_NETLINK),
    ROW("frame_type", REQ_SERVICE),
    ROW("frame_type", REQ_SIGNAL_MANY),
    ROW("frame_type", REQ_KILL_ALL),
    ROW("frame_type", REP_OK),
    ROW("frame_type", REP_ERROR),
    ROW("frame_type", REP_HELLO_OK),
    ROW("frame_type", REP_LAUNCHED),
    ROW("frame_type", REP_EXIT),
    ROW("frame_type", REP_STATES),
    ROW("frame_type", REP_EVENT),
    ROW("frame_type", REP_STREAM),
    ROW("frame_type", REP_STREAM_END),
    ROW("frame_type", REP_CREDIT),
    ROW("frame_type", REP_LOCKED),
    ROW("frame_type", REP_STATUS_OK),
    ROW("frame_type", REP_SIGNALED),
    ROW("start_flags", START_STDIN),
    ROW("start_flags", START_STDOUT),
    ROW("start_flags", START_STDERR),
    ROW("start_flags", START_OWNER),
    ROW("start_flags", START_DISCARD),
    ROW("plan_phase", PHASE_REQUEST),
    ROW("plan_phase", PHASE_BEFORE),
    ROW("plan_phase", PHASE_AFTER),
    ROW("plan_phase", PHASE_CHILD),
    ROW("plan_phase", PHASE_CLEANUP),
    ROW("plan_phase", PHASE_EXEC),
    ROW("op_type", OP_CGROUP_MAKE),
    ROW("op_type", OP_CGROUP_WRITE),
    ROW("op_type", OP_CGROUP_DEVICES),
    ROW("op_type", OP_CGROUP_JOIN),
    ROW("op_type", OP_NAMESPACES),
    ROW("op_type", OP_NAMESPACE_JOIN),
    ROW("op_type", OP_IDMAP),
    ROW("op_type", OP_OVERLAY),
    ROW("op_type", OP_BIND),
    ROW("op_type", OP_DEV_TREE),
    ROW("op_type", OP_OOM_SCORE),
    ROW("op_type", OP_MOUNT),
    ROW("op_type", OP_MASK),
    ROW("op_type", OP_READONLY),
    ROW("op_type", OP_SYSCTL),
    ROW("op_type", OP_HOSTNAME),
    ROW("op_type", OP_LOOPBACK_UP),
    ROW("op_type", OP_RLIMIT),
    ROW("op_type", OP_CREDENTIALS),
    ROW("op_type", OP_CAPABILITIES),
    ROW("op_type", OP_NO_NEW_PRIVILEGES),
    ROW("op_type", OP_SECCOMP),
    ROW("op_type", OP_ENVIRONMENT),
    ROW("op_type", OP_WORKDIR),
    ROW("op_type", OP_EXEC),
    ROW("op_type", OP_CGROUP_REMOVE),
    ROW("op_type", OP_NETNS),
    ROW("op_type", OP_NETLINK),
    ROW("op_type", OP_KEYRING),
    ROW("op_type", OP_ROOT_READONLY),
    ROW("op_type", OP_CGROUP_OWNER),
    ROW("op_type", OP_CGROUPS_REMOVE),
    ROW("op_flags", CGROUP_MAKE_NEW),
    ROW("op_flags", CGROUP_WRITE_CLAMP),
    ROW("op_flags", NAMESPACES_LOCKED),
    ROW("op_flags", BIND_RECURSIVE),
    ROW("op_flags", BIND_IDMAPPED),
    ROW("op_flags", BIND_OPTIONAL),
    ROW("op_flags", BIND_MAKE_SOURCE),
    ROW("op_flags", DEV_TREE_NO_CONSOLE),
    ROW("op_flags", WORKDIR_CREATE),
    ROW("op_flags", EXEC_INIT),
    ROW("op_flags", NETLINK_TOLERANT),
    ROW("netlink_protocol", NETLINK_OF_ROUTE),
    ROW("netlink_protocol", NETLINK_OF_NETFILTER),
    ROW("netlink_place", PLACE_HOST),
    ROW("netlink_place", PLACE_RUN_DIR),
    ROW("netlink_place", PLACE_CONTAINER),
    ROW("bind_source", BIND_HOST),
    ROW("bind_source", BIND_STORE),
    ROW("bind_source", BIND_SHARED),
    ROW("bind_source", BIND_JOINED),
    ROW("create_kind", CREATE_NO),
    ROW("create_kind", CREATE_DIR),
    ROW("create_kind", CREATE_FILE),
    ROW("create_kind", CREATE_LIKE_SOURCE),
    ROW("overlay_strategy", OVERLAY_PROBE),
    ROW("overlay_strategy", OVERLAY_FD),
    ROW("overlay_strategy", OVERLAY_ATTACHED),
    ROW("clamp_kind", CLAMP_RLIMIT),
    ROW("clamp_kind", CLAMP_CGROUP),
    ROW("log_mode", LOG_NULL),
    ROW("log_mode", LOG_PUMP),
    ROW("log_mode", LOG_FILE),
    ROW("restart_policy", RESTART_NO),
    ROW("restart_policy", RESTART_ON_FAILURE),
    ROW("restart_policy", RESTART_ALWAYS),
    ROW("restart_policy", RESTART_UNLESS_STOPPED),
    ROW("exit_how", EXIT_NONE),
    ROW("exit_how", EXIT_EXITED),
    ROW("exit_how", EXIT_SIGNALED),
    ROW("exit_how", EXIT_UNKNOWN),
    ROW("exit_reason", REASON_OWN),
    ROW("exit_reason", REASON_STOP),
    ROW("exit_reason", REASON_KILL),
    ROW("exit_reason", REASON_TTL),
    ROW("exit_reason", REASON_IDLE),
    ROW("exit_reason", REASON_OWNER),
    ROW("exit_reason", REASON_TIMEOUT),
    ROW("exit_reason", REASON_SHUTDOWN),
    ROW("exit_reason", REASON_UNHEALTHY),
    ROW("container_status", STATUS_STARTING),
    ROW("container_status", STATUS_RUNNING),
    ROW("container_status", STATUS_PAUSED),
    ROW("container_status", STATUS_RESTARTING),
    ROW("container_status", STATUS_EXITED),
    ROW("health_status", HEALTH_NONE),
    ROW("health_status", HEALTH_STARTING),
    ROW("health_status", HEALTH_HEALTHY),
    ROW("health_status", HEALTH_UNHEALTHY),
    ROW("event_kind", EVENT_STARTED),
    ROW("event_kind", EVENT_EXITED),
    ROW("event_kind", EVENT_OOM),
    ROW("event_kind", EVENT_PAUSED),
    ROW("event_kind", EVENT_UNPAUSED),
    ROW("event_kind", EVENT_RESTARTING),
    ROW("event_kind", EVENT_HEALTH),
    ROW("event_kind", EVENT_EXEC_STARTED),
    ROW("event_kind", EVENT_EXEC_EXITED),
    ROW("event_kind", EVENT_ATTACH),
    ROW("event_kind", EVENT_DETACH),
    ROW("event_kind", EVENT_LEASE),
    ROW("event_kind", EVENT_LOG_DROPPED),
    ROW("event_kind", EVENT_ADOPTED),
};

int check_table(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    printf("%s %s %lld\n", rows[i].group, rows[i].name, rows[i].value);
  return 0;
}
