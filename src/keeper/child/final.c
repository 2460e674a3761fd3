/* The last steps before execve, for a container's first process and for every later one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <unistd.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "child.h"

struct final final_read(const struct plan *plan) {
  struct final final = {.exec = {0}};
  struct op op;
  for (size_t at = 0; plan_next(plan, &at, &op);) switch ((int)op.type) {
    case OP_CREDENTIALS:
      final.credentials = op;
      break;
    case OP_CAPABILITIES:
      final.capabilities = op;
      break;
    case OP_NO_NEW_PRIVILEGES:
      final.no_new_privileges = op;
      break;
    case OP_SECCOMP:
      final.seccomp = op;
      break;
    case OP_ENVIRONMENT:
      final.environment = op;
      break;
    case OP_WORKDIR:
      final.workdir = op;
      break;
    case OP_EXEC:
      final.exec = op;
      break;
    case OP_KEYRING:
      final.keyring = op;
      break;
    case OP_ROOT_READONLY:
      final.root_readonly = op;
      break;
    default:
      break;
    }
  return final;
}

/* Opened in the root without magic links, so that no descriptor's directory can be the working directory. */
static int enter_workdir(const struct job *job, const struct op *op, struct failure *failure) {
  char name[PATH_BYTES_MAX + 1];
  struct op_path path = {.path = {"/", 1}};
  if (op->type) decode_path(op->payload, &path);
  path_name(path.path, &name);
  uint8_t create = op->type && (op->flags & WORKDIR_CREATE) ? CREATE_DIR : CREATE_NO;
  OWN_FD directory = target_open(job->mounts[0], path.path, create, -1, failure);
  if (directory >= 0 && fchdir(directory) == 0) return 0;
  fail(failure, directory < 0 ? failure->error : errno, "enter working directory", name);
  return op->type ? op_failed(op, failure) : -1;
}

/* Root in the container may lack access that the user has, and the other way round: the user has the last word. */
static int enter_as_root(const struct job *job, const struct op *op, bool *again, struct failure *failure) {
  *again = false;
  if (enter_workdir(job, op, failure) == 0) return 0;
  *again = failure->error == EACCES;
  return *again ? 0 : -1;
}

static int limits(struct job *job, struct failure *failure) {
  struct op op;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);)
    if (op.type == OP_RLIMIT && op_rlimit(job, &op, failure) < 0) return op_failed(&op, failure);
  return 0;
}

static int perform(struct job *job, const struct final *final, bool launch, struct failure *failure) {
  bool again;
  if (limits(job, failure) < 0) return -1;
  if (final->keyring.type && new_keyring(failure) < 0) return op_failed(&final->keyring, failure);
  if ((job->request->flags & JOB_TTY) && pty_open(job, launch, failure) < 0) return -1;
  if (enter_as_root(job, &final->workdir, &again, failure) < 0) return -1;
  if (final->root_readonly.type && root_readonly(failure) < 0) return op_failed(&final->root_readonly, failure);
  if (kernel_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0) return fail(failure, 0, "close descriptors", NULL);
  if (become(final, failure) < 0) return -1;
  if (again && enter_workdir(job, &final->workdir, failure) < 0) return -1;
  return execute(job, final, failure);
}

_Noreturn void final_perform(struct job *job, const struct final *final, bool launch) {
  struct failure failure;
  perform(job, final, launch, &failure);
  report_failure(job, &failure);
}
