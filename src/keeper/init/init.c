/*
 * PID 1 of a container started with --init. It runs one child and
 *  - reaps whatever is re-parented to it,
 *  - forwards every signal that a process can send to the child alone: the child leads
 *    its own process group and decides what its descendants get,
 *  - ends with the child's status, 128+n when a signal ended it.
 * A terminal on stdin is handed to the child's group, so that job control works inside.
 */
#include "applets.h"
#include "signals.h"
#include "text.h"

#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/wait.h>

#define NAME           "warren-init"
#define DEFAULT_PATH   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_MAX_BYTES 4096

enum { STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

static bool means_absent(long result) { return result == -ENOENT || result == -ENOTDIR || result == -ENAMETOOLONG; }

/* Tries each directory of PATH as execvp does. Returns only on failure, with the telling errno. */
static long exec_in_path(const struct args *args) {
  const char *name = args->argv[0];
  const char *path = text_getenv(args->envp, "PATH");
  size_t name_size = text_length(name) + 1;
  char candidate[PATH_MAX_BYTES];
  long worst = -ENOENT;

  if (path == NULL) path = DEFAULT_PATH;
  for (;;) {
    size_t length = 0;
    size_t slash;
    long result;

    while (path[length] != '\0' && path[length] != ':') length++;
    /* An empty element is the working directory. */
    slash = length > 0 ? 1 : 0;
    if (length + slash + name_size <= sizeof(candidate)) {
      __builtin_memcpy(candidate, path, length);
      candidate[length] = '/';
      __builtin_memcpy(candidate + length + slash, name, name_size);
      result = sys_call(__NR_execve, candidate, args->argv, args->envp);
      if (!means_absent(result)) worst = result;
      if (!means_absent(result) && result != -EACCES) return result;
    }
    if (path[length] == '\0') return worst;
    path += length + 1;
  }
}

__attribute__((noreturn)) static void run_child(const struct args *args, uint64_t mask) {
  const char *name = args->argv[0];
  bool bare = text_basename(name) == name;
  int group;
  long result;

  sys_call(__NR_setpgid, 0, 0);
  group = (int)sys_getpid();
  /*
	 * ENOTTY when stdin is no terminal of this session: then there is nothing to hand over.
	 * SIGTTOU is still blocked here, so a background caller may do it.
	 */
  sys_call(__NR_ioctl, 0, TIOCSPGRP, &group);
  signals_block(mask);
  if (*name == '\0')
    result = -ENOENT;
  else if (bare)
    result = exec_in_path(args);
  else
    result = sys_call(__NR_execve, name, args->argv, args->envp);
  if (bare && result == -ENOENT) {
    struct out out;

    out_open(&out, 2);
    out_text(&out, NAME ": cannot run ");
    out_text(&out, *name == '\0' ? "an empty command" : name);
    out_text(&out, ": not found in $PATH\n");
    out_flush(&out);
  } else {
    fail(NAME, "run", name, result);
  }
  sys_exit(means_absent(result) ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/* Reaps all that is dead. True when the child was among them, with its exit status. */
static bool reap(long child, int *status) {
  bool found = false;
  int word = 0;
  long pid;

  while ((pid = sys_call(__NR_wait4, -1, &word, WNOHANG | __WALL, 0)) > 0) {
    if (pid != child) continue;
    *status = (word & 0x7f) != 0 ? 128 + (word & 0x7f) : (word >> 8) & 0xff;
    found = true;
  }
  return found;
}

int init_run(const struct args *args) {
  /* Faults of our own end us even when blocked: the kernel forces those. */
  const uint64_t all = ~UINT64_C(0);
  uint64_t mask;
  int status = 0;
  long child;

  /* Before the fork, so that no signal is lost between the two. */
  mask = signals_block(all);
  signals_default(SIG_CHLD);
  if (sys_getpid() != 1) sys_call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1);
  child = sys_fork();
  if (child == 0) run_child(args, mask);
  if (child < 0) {
    fail(NAME, "fork for", args->argv[0], child);
    return STATUS_NOT_EXECUTABLE;
  }
  for (;;) {
    int number = signals_wait(all);

    if (number == SIG_CHLD) {
      if (reap(child, &status)) return status;
    } else {
      sys_call(__NR_kill, child, number);
    }
  }
}
