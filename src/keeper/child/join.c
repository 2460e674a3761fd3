/*
 * A container that shares another's user namespace. Its own namespaces must be made from inside that one, and a pid
 * namespace takes a clone of its own: so the first child joins, clones the real one (as the keeper's, like itself),
 * hands its pidfd over, and ends. The keeper reaps both.
 */
#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/socket.h"
#include "child.h"

uint64_t child_namespaces(const struct job *job) {
  return job->namespaces & ~(uint64_t)(CLONE_NEWCGROUP | (job->locked ? CLONE_NEWNS : 0));
}

int join_namespaces(struct job *job, struct failure *failure) {
  struct op op;
  size_t next = job->stdio_count + plan_host_binds(&job->plan);
  for (size_t at = 0; plan_next(&job->plan, &at, &op) && op.phase == PHASE_BEFORE;) {
    struct op_namespace_join join;
    if (op.type != OP_NAMESPACE_JOIN || !decode_namespace_join(op.payload, &join)) continue;
    if (setns(job->fds[next++], (int)join.flags) == 0) continue;
    fail(failure, 0, "join namespaces of a container", NULL);
    return op_failed(&op, failure);
  }
  return 0;
}

_Noreturn void child_join(struct job *job) {
  struct failure failure;
  struct child_report report = {.kind = CHILD_BORN};
  int pidfd = -1;
  struct clone_args args = {.flags = child_namespaces(job) | CLONE_PARENT | CLONE_PIDFD,
                            .pidfd = (uint64_t)(uintptr_t)&pidfd};
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* fails for other values only */
  if (join_namespaces(job, &failure) < 0) report_failure(job, &failure);
  pid_t pid = kernel_clone3(&args);
  if (pid == 0) child_launch(job);
  if (pid < 0) {
    fail(&failure, 0, "clone", NULL);
    report_failure(job, &failure);
  }
  _exit(socket_send(job->child_status, &report, sizeof report, &pidfd, 1) < 0);
}
