#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"

/* A NULL-terminated array of terminated copies; what is left of them ends with the process. */
static char **strings(const struct list *list) {
  char **array = calloc((size_t)list->count + 1, sizeof *array);
  struct reader items = list->items;
  for (uint32_t i = 0; array && i < list->count; i++)
    if (!(array[i] = str_copy(read_str(&items)))) return NULL;
  return array;
}

static int failed(const struct op *op, int error, const char *path, struct failure *failure) {
  fail(failure, error, "execute", path);
  op_failed(op, failure);
  failure->phase = PHASE_EXEC;
  return -1;
}

/* As a shell searches: what is not there is skipped, what may not be run is remembered. */
static int try_candidates(const struct op *op, const struct op_exec *exec, char **argv, char **envp,
                          struct failure *failure) {
  char **candidates = strings(&exec->candidates);
  if (!candidates) return failed(op, ENOMEM, NULL, failure);
  int error = ENOENT;
  const char *path = candidates[0];
  for (uint32_t i = 0; i < exec->candidates.count; i++) {
    execve(candidates[i], argv, envp);
    if (errno == ENOENT || errno == ENOTDIR) continue;
    if (error != EACCES) path = candidates[i];
    error = errno;
    if (error != EACCES) break;
  }
  return failed(op, error, path, failure);
}

int execute(const struct job *job, const struct final *final, struct failure *failure) {
  struct op_exec exec;
  struct op_environment environment = {{0, {0}}};
  decode_exec(final->exec.payload, &exec);
  if (final->environment.type) decode_environment(final->environment.payload, &environment);
  char **argv = strings(&exec.argv), **envp = strings(&environment.entries);
  if (!argv || !envp) return failed(&final->exec, ENOMEM, NULL, failure);
  if (!(final->exec.flags & EXEC_INIT)) return try_candidates(&final->exec, &exec, argv, envp, failure);
  syscall(SYS_execveat, job->worker->options.init_fd, "", argv, envp, AT_EMPTY_PATH);
  return failed(&final->exec, errno, "warren-init", failure);
}
