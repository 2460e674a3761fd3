/* One function for each type of request: decodes, then acts. False: the payload does not decode. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/log.h"
#include "../../base/own.h"
#include "client.h"

static bool running_container(struct request *request, struct str id, const char *action, struct container **out) {
  struct container *container = container_find(request->client->keeper, id.at, id.len);
  *out = container;
  OWN_MEM char *name = container ? NULL : str_copy(id);
  if (!container)
    request_fail_with(request, ENOENT, action, name ? name : "");
  else if (!container_running(container) || !container->init)
    request_fail_with(request, ESRCH, action, container->supervise.id);
  else
    return true;
  request_end(request);
  return false;
}

static struct container *any_container(struct request *request, struct str id, const char *action) {
  struct container *container = container_find(request->client->keeper, id.at, id.len);
  if (container) return container;
  OWN_MEM char *name = str_copy(id);
  request_fail_with(request, ENOENT, action, name ? name : "");
  request_end(request);
  return NULL;
}

/* Answers OK, or the errno that an action left. */
static bool answer(struct request *request, int result, const char *action, const char *path) {
  if (result == 0)
    request_ok(request);
  else
    request_fail_with(request, 0, action, path);
  request_end(request);
  return true;
}

static bool refuse(struct request *request, const struct failure *failure) {
  request_fail(request, failure);
  request_end(request);
  return true;
}

static bool on_hello(struct request *request, struct reader *in) {
  struct client *client = request->client;
  struct keeper *keeper = client->keeper;
  uint32_t magic = read_u32(in);
  uint16_t least = read_u16(in), most = read_u16(in);
  struct str version = read_str(in);
  if (!reader_done(in) || magic != WARREN_HELLO_MAGIC || least > most || client->greeted) return false;
  if (least > WARREN_PROTOCOL_MAX || most < WARREN_PROTOCOL_MIN) {
    request_fail_with(request, EPROTONOSUPPORT, "agree on a protocol version", WARREN_VERSION);
    request_end(request);
    return true;
  }
  client->greeted = true;
  log_line(LEVEL_DEBUG, "client %.*s of pid %d", (int)version.len, version.at, (int)client->pid);
  struct writer out = writer_new(FRAME_MAX);
  write_u16(&out, most < WARREN_PROTOCOL_MAX ? most : WARREN_PROTOCOL_MAX);
  write_str(&out, WARREN_VERSION);
  write_u32(&out, (uint32_t)getpid());
  write_u32(&out, (uint32_t)holder_pid(keeper));
  write_u16(&out, (uint16_t)keeper->options.instance);
  write_str(&out, keeper->boot_id);
  client_send(request, REP_HELLO_OK, &out);
  writer_free(&out);
  request_end(request);
  return true;
}

static bool on_launch(struct request *request, struct reader *in) {
  struct launch_request launch = {.request = request};
  struct failure failure;
  launch.flags = read_u32(in);
  launch.fence = read_u64(in);
  struct str supervise = read_bytes(in), plan = read_bytes(in);
  if (!reader_done(in)) { /* since version 4 */
    launch.cols = read_u16(in);
    launch.rows = read_u16(in);
  }
  if (!reader_done(in) || launch.flags > (START_DISCARD | (START_DISCARD - 1))) return false;
  if (instance_closing(request->client->keeper)) {
    fail(&failure, ESHUTDOWN, "start a container", NULL);
    return refuse(request, &failure);
  }
  if (supervise_decode(supervise.at, supervise.len, &launch.supervise, &failure) < 0) return refuse(request, &failure);
  if (plan_check(plan.at, plan.len, PLAN_LAUNCH, &launch.plan, &failure) < 0 ||
      launch_begin(request->client->keeper, &launch, &failure) < 0) {
    supervise_free(&launch.supervise);
    return refuse(request, &failure);
  }
  return true;
}

static bool on_exec(struct request *request, struct reader *in) {
  struct exec_start start = {.starter = request};
  struct failure failure;
  start.flags = read_u32(in);
  struct str id = read_str(in);
  start.timeout_ms = read_u64(in);
  start.cols = read_u16(in);
  start.rows = read_u16(in);
  struct str plan = read_bytes(in);
  struct plan checked;
  if (!reader_done(in) || start.flags > (START_DISCARD | (START_DISCARD - 1))) return false;
  if (!running_container(request, id, "exec in container", &start.container)) return true;
  if (plan_check(plan.at, plan.len, PLAN_EXEC, &checked, &failure) < 0) return refuse(request, &failure);
  start.plan = (const uint8_t *)plan.at;
  start.plan_size = plan.len;
  if (exec_begin(request->client->keeper, &start, &failure) < 0) return refuse(request, &failure);
  return true;
}

/* Passes over a list of strings, and gives where they begin; their number. */
static uint32_t pass_strings(struct reader *in, struct reader *strings) {
  uint32_t count = read_count(in, 4);
  *strings = *in;
  for (uint32_t i = 0; i < count; i++) read_str(in);
  return count;
}

static bool on_signal(struct request *request, struct reader *in) {
  struct str id = read_str(in);
  int32_t signal = read_i32(in);
  uint8_t scope = read_u8(in);
  uint64_t other = read_u64(in);
  struct container *container;
  if (!reader_done(in) || scope > 2 || signal < 0 || signal > SIGRTMAX) return false;
  if (!running_container(request, id, "signal container", &container)) return true;
  const char *name = container->supervise.id;
  if (scope < 2) return answer(request, signal_container(container, signal, scope == 1), "signal container", name);
  struct request *exec = request_find(request->client, other);
  errno = ESRCH;
  int result =
      exec && exec->type == REQ_EXEC && exec->process ? process_signal(exec->process, signal, REASON_KILL) : -1;
  return answer(request, result, "signal exec", name);
}

static bool on_signal_many(struct request *request, struct reader *in) {
  int32_t signal = read_i32(in);
  bool whole = read_bool(in);
  struct reader ids;
  uint32_t count = pass_strings(in, &ids);
  /* A whole cgroup is walked for any other signal than SIGKILL: too long for many in one go. */
  if (!reader_done(in) || signal < 0 || signal > SIGRTMAX || (whole && signal != SIGKILL)) return false;
  signal_many(request, ids, count, signal, whole);
  return true;
}

static bool on_kill_all(struct request *request, struct reader *in) {
  struct reader ids;
  uint32_t count = pass_strings(in, &ids);
  if (!reader_done(in)) return false;
  kill_all(request, ids, count);
  return true;
}

static bool on_stop(struct request *request, struct reader *in) {
  struct str id = read_str(in);
  int32_t signal = read_i32(in);
  uint64_t timeout_ms = read_u64(in);
  if (!reader_done(in) || signal < 0 || signal > SIGRTMAX) return false;
  struct container *container = any_container(request, id, "stop container");
  if (container) container_stop(container, request, signal, timeout_ms);
  return true;
}

static bool on_freeze(struct request *request, struct reader *in) {
  struct str id = read_str(in);
  bool frozen = read_bool(in);
  struct container *container;
  if (!reader_done(in)) return false;
  if (running_container(request, id, frozen ? "pause container" : "unpause container", &container))
    freeze_begin(container, request, frozen);
  return true;
}

static bool on_wait(struct request *request, struct reader *in) {
  struct str id = read_str(in);
  uint8_t condition = read_u8(in);
  if (!reader_done(in) || condition > 1) return false;
  struct container *container = any_container(request, id, "wait for container");
  if (!container) return true;
  if (condition == 0 && !container_live(container))
    request_exit(request, container, &container->last);
  else if (container_wait(container, request, condition == 1) < 0)
    return answer(request, -1, "wait for container", container->supervise.id);
  return true;
}

static bool on_list(struct request *request, struct reader *in) {
  struct reader names;
  uint32_t count = pass_strings(in, &names);
  if (!reader_done(in)) return false;
  list_begin(request, &names, count);
  return true;
}

static bool on_subscribe(struct request *request, struct reader *in) {
  uint32_t mask = read_u32(in);
  if (!reader_done(in)) return false;
  event_subscribe(request, mask);
  return true;
}

static void attach_gone(struct request *request) { stdio_detach(request); }

static bool on_attach(struct request *request, struct reader *in) {
  struct str id = read_str(in);
  uint32_t flags = read_u32(in);
  uint16_t cols = read_u16(in), rows = read_u16(in);
  struct container *container;
  struct failure failure;
  if (!reader_done(in) || flags > (START_STDIN | START_STDOUT | START_STDERR)) return false;
  if (!running_container(request, id, "attach to container", &container)) return true;
  request->process = container->init;
  request->stream_flags = flags;
  request->gone = attach_gone;
  if (stdio_attach(request, container->init, flags, &failure) < 0) return refuse(request, &failure);
  if (cols > 0 && rows > 0 && container->supervise.tty && stdio_resize(container->init, cols, rows) < 0)
    log_line(LEVEL_WARN, "cannot resize the terminal of %s: errno %d", container->supervise.id, errno);
  container_activity(container);
  return true;
}

static bool on_resize(struct request *request, struct reader *in) {
  uint64_t other = read_u64(in);
  struct str id = read_str(in);
  uint16_t cols = read_u16(in), rows = read_u16(in);
  if (!reader_done(in)) return false;
  struct container *container;
  if (!running_container(request, id, "resize the terminal of container", &container)) return true;
  struct process *process = container->init;
  if (other) {
    struct request *exec = request_find(request->client, other);
    process = exec && exec->type == REQ_EXEC ? exec->process : NULL;
  }
  errno = ESRCH;
  return answer(request, process ? stdio_resize(process, cols, rows) : -1, "resize the terminal of container",
                container->supervise.id);
}

static bool on_lock(struct request *request, struct reader *in) {
  struct str name = read_str(in);
  uint64_t timeout_ms = read_u64(in);
  struct str operation = read_str(in);
  if (!reader_done(in) || name.len == 0 || name.len > 255 || operation.len > 63) return false;
  lock_request(request, name, timeout_ms, operation);
  return true;
}

static bool on_unlock(struct request *request, struct reader *in) {
  uint64_t fence = read_u64(in);
  if (!reader_done(in)) return false;
  errno = ESTALE;
  return answer(request, lock_release(request->client, fence) ? 0 : -1, "release lock", NULL);
}

static bool on_forget(struct request *request, struct reader *in) {
  struct reader names;
  uint32_t count = pass_strings(in, &names);
  if (!reader_done(in)) return false;
  forget_begin(request, &names, count);
  return true;
}

static bool on_supervise(struct request *request, struct reader *in) {
  struct str id = read_str(in), section = read_bytes(in);
  struct failure failure;
  struct supervise supervise;
  if (!reader_done(in)) return false;
  struct container *container = any_container(request, id, "update container");
  if (!container) return true;
  if (supervise_decode(section.at, section.len, &supervise, &failure) < 0) return refuse(request, &failure);
  if (!str_equal(id, supervise.id)) {
    supervise_free(&supervise);
    fail(&failure, EINVAL, "update container", container->supervise.id);
    return refuse(request, &failure);
  }
  container_supervise(container, &supervise);
  return answer(request, 0, NULL, NULL);
}

/* Passes over a program's argv and environment, and gives where they are. */
static struct reader pass_program(struct reader *in) {
  struct reader strings = *in, list;
  for (int i = 0; i < 2; i++) pass_strings(in, &list);
  return strings;
}

static bool on_config(struct request *request, struct reader *in) {
  struct reader strings = pass_program(in);
  uint8_t level = read_u8(in);
  if (!reader_done(in) || level > LEVEL_DEBUG) return false;
  struct keeper *keeper = request->client->keeper;
  keeper->log_level = level;
  log_set_level((enum log_level)level);
  return answer(request, reconcile_configure(keeper, &strings), "configure the keeper", NULL);
}

static bool on_service(struct request *request, struct reader *in) {
  struct reader strings = pass_program(in);
  bool anew = read_bool(in);
  if (!reader_done(in)) return false;
  struct keeper *keeper = request->client->keeper;
  return answer(request, service_configure(keeper, &strings, anew), "start the service", NULL);
}

static bool on_shutdown(struct request *request, struct reader *in) {
  bool force = read_bool(in);
  if (!reader_done(in)) return false;
  instance_shutdown(request, force);
  return true;
}

static bool on_upgrade(struct request *request, struct reader *in) {
  struct str path = read_str(in);
  if (!reader_done(in)) return false;
  OWN_MEM char *name = str_copy(path);
  if (!name) return answer(request, -1, "upgrade the keeper", NULL);
  instance_upgrade(request, name);
  return true;
}

static bool on_cancel(struct request *request, struct reader *in) {
  uint64_t other = read_u64(in);
  if (!reader_done(in)) return false;
  struct request *cancelled = request_find(request->client, other);
  errno = ENOENT;
  if (!cancelled || cancelled == request) return answer(request, -1, "cancel request", NULL);
  request_fail_with(cancelled, ECANCELED, "finish the request", NULL);
  cancelled->cancelled = true;
  request_gone(cancelled);
  return answer(request, 0, NULL, NULL);
}

static bool on_status(struct request *request, struct reader *in) {
  if (!reader_done(in)) return false;
  instance_status(request);
  return true;
}

static bool on_netlink(struct request *request, struct reader *in) {
  struct str id = read_str(in), data = read_bytes(in);
  struct container *container = NULL;
  struct failure failure;
  struct plan plan;
  if (!reader_done(in)) return false;
  if (id.len > 0 && !running_container(request, id, "change the network of container", &container)) return true;
  if (plan_check(data.at, data.len, PLAN_NETLINK, &plan, &failure) < 0 ||
      netlink_begin(request, container, &plan, &failure) < 0)
    return refuse(request, &failure);
  return true;
}

bool dispatch(struct request *request, struct reader *payload) {
  static bool (*const handlers[])(struct request *, struct reader *) = {
      [REQ_HELLO] = on_hello,
      [REQ_LAUNCH] = on_launch,
      [REQ_EXEC] = on_exec,
      [REQ_SIGNAL] = on_signal,
      [REQ_STOP] = on_stop,
      [REQ_FREEZE] = on_freeze,
      [REQ_WAIT] = on_wait,
      [REQ_LIST] = on_list,
      [REQ_SUBSCRIBE] = on_subscribe,
      [REQ_ATTACH] = on_attach,
      [REQ_RESIZE] = on_resize,
      [REQ_LOCK] = on_lock,
      [REQ_UNLOCK] = on_unlock,
      [REQ_FORGET] = on_forget,
      [REQ_SUPERVISE] = on_supervise,
      [REQ_CONFIG] = on_config,
      [REQ_SHUTDOWN] = on_shutdown,
      [REQ_UPGRADE] = on_upgrade,
      [REQ_CANCEL] = on_cancel,
      [REQ_STATUS] = on_status,
      [REQ_NETLINK] = on_netlink,
      [REQ_SERVICE] = on_service,
      [REQ_SIGNAL_MANY] = on_signal_many,
      [REQ_KILL_ALL] = on_kill_all,
  };
  bool known = request->type < sizeof handlers / sizeof *handlers && handlers[request->type];
  return known && handlers[request->type](request, payload);
}

/* Frames for a request that ended meanwhile are late, not wrong. */
bool dispatch_stream(struct client *client, uint16_t type, uint64_t id, struct reader *payload) {
  uint8_t stream = read_u8(payload);
  struct str data = type == REQ_STREAM ? read_bytes(payload) : (struct str){"", 0};
  uint32_t bytes = type == REQ_CREDIT ? read_u32(payload) : 0;
  if (!reader_done(payload) || stream > 2 || (type != REQ_CREDIT && stream != 0)) return false;
  struct request *request = request_find(client, id);
  if (!request) return true;
  bool starting =
      (request->type == REQ_LAUNCH || request->type == REQ_EXEC) && !request->process && !request->attachment;
  if (starting && type != REQ_CREDIT) return false; /* nothing can take it yet */
  if (type == REQ_CREDIT) {
    stdio_credit(request, stream, bytes);
  } else if (type == REQ_STREAM_END) {
    stdio_input_end(request);
  } else {
    if (data.len > request->credit[0]) return false;
    stdio_input(request, data);
  }
  return true;
}
