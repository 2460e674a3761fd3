/* A process of a running container: until execve it can be neither traced nor looked into from inside. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/own.h"
#include "child.h"

/* While the worker's own namespace, with a proc of the host, is still around. */
static int oom_score(const struct job *job, struct failure *failure) {
  struct op op;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);) {
    struct op_oom_score score;
    char text[16];
    if (op.type != OP_OOM_SCORE) continue;
    decode_oom_score(op.payload, &score);
    int len = snprintf(text, sizeof text, "%d", score.score);
    OWN_FD fd = open("/host-proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, text, (size_t)len) == len) continue;
    fail(failure, 0, "set OOM score", text);
    return op_failed(&op, failure);
  }
  return 0;
}

static int enter(struct job *job, int container, struct failure *failure) {
  if (setns(container, (int)(job->namespaces & ~(uint64_t)CLONE_NEWPID)) < 0)
    return fail(failure, 0, "enter container", NULL);
  close(container);
  if (job->idmap.present && (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
    return fail(failure, 0, "become the container's root", NULL);
  if (setsid() < 0) return fail(failure, 0, "make session", NULL);
  job->mounts[0] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (job->mounts[0] < 0) return fail(failure, 0, "open root", NULL);
  job->mount_count = 1;
  return 0;
}

static int start(struct job *job, const struct final *final, struct failure *failure) {
  int keep[HIERARCHIES_MAX + 3], container = job->fds[job->stdio_count];
  size_t count = 0;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return fail(failure, 0, "hide from tracers", NULL);
  keep[count++] = job->child_status;
  keep[count++] = container;
  if (final->exec.flags & EXEC_INIT) keep[count++] = job->worker->options.init_fd;
  for (unsigned i = 0; i < job->cgroups.task_count; i++) keep[count++] = job->cgroups.tasks[i];
  job->cgroups.unified = -1;
  if (keep_only(job, keep, count, failure) < 0 || join_tasks(job, failure) < 0 || oom_score(job, failure) < 0)
    return -1;
  umask(022);
  return enter(job, container, failure);
}

_Noreturn void child_exec(struct job *job) {
  struct failure failure;
  struct final final = final_read(&job->plan);
  if (start(job, &final, &failure) < 0) report_failure(job, &failure);
  final_perform(job, &final, false);
}
