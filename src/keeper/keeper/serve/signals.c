/* Signals to containers: to one, to many, and SIGKILL to all of the keeper's. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../../plan/ops.h"
#include "client.h"

int signal_container(struct container *container, int signal, bool whole) {
  if (!whole) return process_signal(container->init, signal, REASON_KILL);
  if (signal == SIGKILL) return container_kill(container, REASON_KILL);
  return cgroup_signal(container->keeper, container_cgroup(container, 0), signal);
}

/* 0, or the error that SIGNALED has for it. */
static int find_running(struct keeper *keeper, struct str id, struct container **container) {
  *container = container_find(keeper, id.at, id.len);
  if (!*container) return ENOENT;
  return container_running(*container) && (*container)->init ? 0 : ESRCH;
}

static int signal_one_of_many(struct keeper *keeper, struct str id, int signal, bool whole) {
  struct container *container;
  int error = find_running(keeper, id, &container);
  if (error) return error;
  return signal_container(container, signal, whole) < 0 ? errno : 0;
}

void signal_many(struct request *request, struct reader ids, uint32_t count, int signal, bool whole) {
  struct writer out = writer_new(FRAME_MAX);
  write_u32(&out, count);
  for (uint32_t i = 0; i < count; i++)
    write_i32(&out, signal_one_of_many(request->client->keeper, read_str(&ids), signal, whole));
  client_send(request, REP_SIGNALED, &out);
  writer_free(&out);
  request_end(request);
}

/* ---- all of the keeper's ---- */

/*
 * KILL_ALL. The engine has this keeper launch below a group of the keeper's own, `containers-<instance>-<digest>` beside its leaf, and
 * puts nothing else there. When everything in it is to be killed, one write does it: between signals one by one the scheduler
 * lets dying containers go first, which takes thousands of them thirty times as long.
 */
struct census {
  char group[PATH_BYTES_MAX + 1];
  size_t len;
  unsigned unnamed; /* that run in the group */
};

/* The keeper's group that a container is in. False: in none. */
static bool group_of(const struct container *container, struct census *census) {
  const struct keeper_options *options = &container->keeper->options;
  const char *path = container_cgroup(container, 0), *own = options->cgroup, *end = own ? strrchr(own, '/') : NULL;
  int parent = end ? (int)(end - own) + 1 : 0;
  char start[sizeof census->group];
  int len = snprintf(start, sizeof start, "%.*scontainers-%u-", parent, own ? own : "", options->instance);
  if (!path || !own || len >= (int)sizeof start || strncmp(path, start, (size_t)len) != 0) return false;
  const char *below = strchr(path + len, '/');
  if (!below || (size_t)(below - path) >= sizeof census->group) return false;
  census->len = (size_t)(below - path);
  memcpy(census->group, path, census->len);
  census->group[census->len] = 0;
  return true;
}

static bool runs_inside(const struct container *container, const struct census *census) {
  const char *path = container_cgroup(container, 0);
  return container_running(container) && container->init && path && strncmp(path, census->group, census->len) == 0 &&
         path[census->len] == '/';
}

static void look(struct container *container, void *context) {
  struct census *census = context;
  if (runs_inside(container, census) && !container->named) census->unnamed++;
}

/* Names those that run, and finds their group. False: they are not all in one. */
static bool name_all(struct keeper *keeper, struct reader ids, uint32_t count, struct census *census) {
  for (uint32_t i = 0; i < count; i++) {
    struct container *container;
    if (find_running(keeper, read_str(&ids), &container) != 0) continue;
    if (census->len == 0 && !group_of(container, census)) return false;
    if (!runs_inside(container, census)) return false;
    container->named = true;
  }
  return true;
}

/* The answer; nothing is named any more. */
static void tell(struct request *request, struct reader ids, uint32_t count, bool killed) {
  struct writer out = writer_new(FRAME_MAX);
  write_u32(&out, count);
  for (uint32_t i = 0; i < count; i++) {
    struct container *container;
    int error = find_running(request->client->keeper, read_str(&ids), &container);
    if (container) container->named = false;
    if (!killed) continue;
    if (!error && container->init->kill_reason == REASON_OWN) container->init->kill_reason = REASON_KILL;
    write_i32(&out, error);
  }
  if (killed) client_send(request, REP_SIGNALED, &out);
  writer_free(&out);
}

void kill_all(struct request *request, struct reader ids, uint32_t count) {
  struct keeper *keeper = request->client->keeper;
  struct census census = {.len = 0};
  /* What is being launched would be hit as well. */
  bool whole = keeper->launches == 0 && name_all(keeper, ids, count, &census) && census.len > 0;
  if (whole) container_each(keeper, look, &census);
  int error = whole && census.unnamed == 0 ? 0 : EBUSY;
  if (error == 0 && cgroup_kill(keeper, census.group) < 0) error = errno;
  tell(request, ids, count, error == 0);
  if (error) request_fail_with(request, error, "kill all containers", census.group);
  request_end(request);
}
