/* The cleanup phase, when nothing runs any more: one job for the cleaning worker. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/log.h"
#include "../../base/socket.h"
#include "../core.h"

enum { TRIES = 3 };

struct clean {
  struct job job;
  struct container *container;
  unsigned tries;
};

static void cleaned(struct clean *clean) {
  struct container *container = clean->container;
  free(clean);
  container->cleaning = false;
  container->cleaned = true;
  journal_cleaned(container);
  if (container->launch)
    launch_resume(container->launch);
  else
    container_settle(container);
}

static int begin(struct job *job) {
  struct clean *clean = OWNER_OF(job, struct clean, job);
  struct container *container = clean->container;
  struct job_message message = {.kind = JOB_CLEANUP, .size = container->cleanup_size};
  struct failure failure;
  struct plan plan;
  int fds[SOCKET_FDS_MAX];
  size_t count = 0;
  int result = plan_check(container->cleanup, container->cleanup_size, PLAN_CLEANUP, &plan, &failure);
  if (result == 0) result = places_open(container->keeper, &plan, fds, &count, &failure);
  if (result == 0 && job_post(job, &message, container->cleanup, fds, count) < 0)
    result = fail(&failure, 0, "hand the cleanup to a worker", NULL);
  places_close(fds, 0, count);
  if (result == 0) return 0;
  log_line(LEVEL_ERROR, "cannot clean up after %s: %s %s: %s", container->supervise.id, failure.message, failure.path,
           strerror(failure.error));
  cleaned(clean);
  return -1;
}

static void reply(struct job *job, const struct job_reply *reply) {
  struct clean *clean = OWNER_OF(job, struct clean, job);
  struct keeper *keeper = clean->container->keeper;
  const struct failure *failure = &reply->message->failure;
  if (reply->lost && ++clean->tries < TRIES) {
    job_submit(keeper, job, NULL);
    return;
  }
  if (reply->message->kind != JOB_DONE)
    log_line(LEVEL_ERROR, "cannot clean up after %s: %s %s: %s", clean->container->supervise.id, failure->message,
             failure->path, strerror(failure->error));
  cleaned(clean);
}

void container_clean(struct container *container) {
  if (container->cleaning) return;
  struct clean *clean = container->cleanup_size > 0 ? calloc(1, sizeof *clean) : NULL;
  if (!clean) {
    if (container->cleanup_size > 0) log_line(LEVEL_ERROR, "no memory to clean up after %s", container->supervise.id);
    container->cleaned = container->cleanup_size == 0;
    return;
  }
  *clean = (struct clean){.job = {.pool = POOL_CLEAN, .begin = begin, .reply = reply}, .container = container};
  container->cleaning = true;
  container->cleaned = false;
  job_submit(container->keeper, &clean->job, NULL);
}
