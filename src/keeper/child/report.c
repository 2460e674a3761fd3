#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "../base/socket.h"
#include "child.h"

_Noreturn void report_failure(const struct job *job, const struct failure *failure) {
  struct child_report report = {.kind = CHILD_FAILED, .failure = *failure};
  if (report.failure.phase == PHASE_REQUEST) report.failure.phase = PHASE_CHILD;
  socket_send(job->child_status, &report, sizeof report, NULL, 0);
  _exit(127);
}

int report_clamp(const struct job *job, const char *name, uint64_t wanted, uint64_t given, struct failure *failure) {
  struct child_report report = {.kind = CHILD_CLAMP, .wanted = wanted, .given = given};
  snprintf(report.name, sizeof report.name, "%s", name);
  if (socket_send(job->child_status, &report, sizeof report, NULL, 0) < 0)
    return fail(failure, 0, "report a limit", name);
  return 0;
}

int report_pty(const struct job *job, int master, struct failure *failure) {
  struct child_report report = {.kind = CHILD_PTY};
  if (socket_send(job->child_status, &report, sizeof report, &master, 1) < 0)
    return fail(failure, 0, "hand over terminal", NULL);
  return 0;
}

int op_failed(const struct op *op, struct failure *failure) {
  failure->phase = op->phase;
  failure->index = op->index;
  failure->type = op->type;
  return -1;
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int keep_only(struct job *job, int *keep, size_t count, struct failure *failure) {
  for (int i = 0; i < (int)job->stdio_count; i++)
    if (dup2(job->fds[i], i) < 0) return fail(failure, 0, "set up stdio", NULL);
  qsort(keep, count, sizeof *keep, ascending);
  unsigned next = 3;
  for (size_t i = 0; i < count; i++) {
    unsigned fd = (unsigned)keep[i];
    if (fd > next && kernel_close_range(next, fd - 1, 0) < 0) return fail(failure, 0, "close descriptors", NULL);
    if (fd >= next) next = fd + 1;
  }
  if (kernel_close_range(next, ~0u, 0) < 0) return fail(failure, 0, "close descriptors", NULL);
  return 0;
}

/* Its own 0 is a hundred times cheaper for the kernel than its number from outside. */
int join_tasks(struct job *job, struct failure *failure) {
  for (unsigned i = 0; i < job->cgroups.task_count; i++)
    if (write(job->cgroups.tasks[i], "0", 1) != 1) return fail(failure, 0, "join cgroup", NULL);
  cgroups_close(&job->cgroups);
  return 0;
}
