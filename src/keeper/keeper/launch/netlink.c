/* NETLINK: messages for the kernel's networking, sent by a worker; and the pinned namespaces that plans name. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../../base/socket.h"
#include "../../plan/ops.h"
#include "../core.h"

struct netlink {
  struct job job;
  struct keeper *keeper;
  struct request *request; /* NULL: its client left */
  uint8_t *plan_data;
  struct plan plan;
  bool for_container;
  char id[CONTAINER_ID_MAX + 1];
};

void places_close(int *fds, size_t from, size_t count) {
  for (size_t i = from; i < count; i++)
    if (fds[i] >= 0) close(fds[i]);
}

static int open_place(const struct keeper *keeper, struct str name, struct failure *failure) {
  OWN_MEM char *path = str_copy(name);
  if (!path) return fail(failure, ENOMEM, "open network namespace", NULL);
  OWN_FD found = openat(keeper->run_dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct statfs status;
  bool pinned = found >= 0 && fstatfs(found, &status) == 0 && status.f_type == NSFS_MAGIC;
  if (pinned) return steal_fd(&found);
  /* Without its mount, the file that it was on is left. */
  int fd = found;
  if (found >= 0 || errno == ENOENT) fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? fail(failure, 0, "open network namespace", path) : fd;
}

int places_open(const struct keeper *keeper, const struct plan *plan, int *fds, size_t *count,
                struct failure *failure) {
  struct op op;
  size_t next = *count;
  for (size_t at = 0; plan_next(plan, &at, &op);) {
    struct op_netlink netlink;
    if (!plan_is_place(&op) || !decode_netlink(op.payload, &netlink)) continue;
    int fd = next < SOCKET_FDS_MAX ? open_place(keeper, netlink.path, failure)
                                   : fail(failure, E2BIG, "pass network namespaces", NULL);
    if (fd < 0) {
      failure->phase = op.phase;
      failure->index = op.index;
      failure->type = op.type;
      places_close(fds, *count, next);
      return -1;
    }
    fds[next++] = fd;
  }
  *count = next;
  return 0;
}

static void end(struct netlink *netlink, const struct failure *failure) {
  struct request *request = netlink->request;
  free(netlink->plan_data);
  free(netlink);
  if (!request) return;
  request->state = NULL;
  request->gone = NULL;
  if (failure)
    request_fail(request, failure);
  else
    request_ok(request);
  request_end(request);
}

/* The pidfd stays the container's. */
static int add_container(const struct netlink *netlink, int *fds, size_t *count, struct failure *failure) {
  if (!netlink->for_container) return 0;
  struct container *container = container_find(netlink->keeper, netlink->id, strlen(netlink->id));
  if (!container || !container_running(container) || !container->init || container->init->pidfd < 0)
    return fail(failure, ESRCH, "change the network of container", netlink->id);
  fds[(*count)++] = container->init->pidfd;
  return 0;
}

static int begin(struct job *job) {
  struct netlink *netlink = OWNER_OF(job, struct netlink, job);
  struct failure failure;
  int fds[SOCKET_FDS_MAX + 1];
  size_t places = 0;
  int result = places_open(netlink->keeper, &netlink->plan, fds, &places, &failure);
  size_t count = places;
  if (result == 0) result = add_container(netlink, fds, &count, &failure);
  struct job_message message = {.kind = JOB_NETLINK, .size = (uint32_t)netlink->plan.size};
  if (result == 0 && job_post(job, &message, netlink->plan_data, fds, count) < 0)
    result = fail(&failure, 0, "hand netlink messages to a worker", netlink->id);
  places_close(fds, 0, places);
  if (result < 0) end(netlink, &failure);
  return result;
}

static void reply(struct job *job, const struct job_reply *reply) {
  end(OWNER_OF(job, struct netlink, job), reply->message->kind == JOB_DONE ? NULL : &reply->message->failure);
}

/* What is sent is not taken back, and what waits is sent all the same: nobody could tell which it was. */
static void client_gone(struct request *request) {
  struct netlink *netlink = request->state;
  if (netlink) netlink->request = NULL;
}

int netlink_begin(struct request *request, struct container *container, const struct plan *plan,
                  struct failure *failure) {
  struct netlink *netlink = calloc(1, sizeof *netlink);
  uint8_t *copy = netlink ? malloc(plan->size) : NULL;
  if (!copy) {
    free(netlink);
    return fail(failure, ENOMEM, "keep netlink messages", NULL);
  }
  memcpy(copy, plan->data, plan->size);
  *netlink = (struct netlink){
      .job = {.pool = POOL_LAUNCH, .begin = begin, .reply = reply},
      .keeper = request->client->keeper,
      .request = request,
      .plan_data = copy,
      .plan = {.data = copy, .size = plan->size, .count = plan->count},
      .for_container = container != NULL,
  };
  if (container) memcpy(netlink->id, container->supervise.id, strlen(container->supervise.id));
  request->state = netlink;
  request->gone = client_gone;
  job_submit(netlink->keeper, &netlink->job, &request->client->lane);
  return 0;
}
