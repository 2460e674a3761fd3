/* A launch's first job: a worker opens its bind sources in the host's mount namespace. */
#include <errno.h>

#include "../../plan/ops.h"
#include "launch.h"

int launch_add_joined(struct launch *launch, int *fds, size_t *count, struct failure *failure) {
  size_t at = 0;
  struct op op;
  while (plan_next(&launch->plan, &at, &op)) {
    struct op_namespace_join join;
    if (op.type != OP_NAMESPACE_JOIN || !decode_namespace_join(op.payload, &join)) continue;
    struct container *other = container_find(launch->keeper, join.container.at, join.container.len);
    OWN_MEM char *name = str_copy(join.container);
    if (!other || !other->init || other->init->pidfd < 0) {
      fail(failure, ESRCH, "join the namespaces of container", name ? name : "");
      failure->phase = op.phase;
      failure->index = op.index;
      failure->type = op.type;
      return -1;
    }
    if (*count >= SOCKET_FDS_MAX)
      return fail(failure, E2BIG, "pass the mount sources of", launch->container->supervise.id);
    fds[(*count)++] = other->init->pidfd;
  }
  return 0;
}

int launch_open(struct job *job) {
  struct launch *launch = OWNER_OF(job, struct launch, open);
  struct job_message message = {.kind = JOB_OPEN, .size = (uint32_t)launch->plan.size};
  struct failure failure;
  int fds[SOCKET_FDS_MAX];
  size_t count = 0;
  if (launch_add_joined(launch, fds, &count, &failure) == 0) {
    if (job_post(job, &message, launch->plan_data, fds, count) == 0) return 0;
    fail(&failure, 0, "ask for the mount sources of", launch->container->supervise.id);
  }
  launch_failed(launch, &failure, true);
  return -1;
}

void launch_opened(struct job *job, const struct job_reply *reply) {
  struct launch *launch = OWNER_OF(job, struct launch, open);
  if (reply->message->kind != JOB_OPENED) return launch_failed(launch, &reply->message->failure, true);
  if (launch->cancelled || reply->nfds != plan_host_binds(&launch->plan))
    return launch_fail_early(launch, launch->cancelled ? ECANCELED : EPROTO, "open the mount sources of",
                             launch->container->supervise.id);
  for (size_t i = 0; i < reply->nfds; i++) {
    launch->binds[i] = reply->fds[i];
    reply->fds[i] = -1;
  }
  launch->bind_count = (unsigned)reply->nfds;
  job_submit(launch->keeper, &launch->start, launch_lane(launch));
}
