/*
 * Forks until the kernel refuses. Contained: the children wait, do not fork, and die
 * with their parent.
 */
#include "../applets.h"
#include "../clock.h"
#include "../signals.h"
#include "../text.h"

#include <linux/errno.h>
#include <linux/prctl.h>

enum { DEFAULT_MAX = 10000 };

__attribute__((noreturn)) static void wait_for_parent(long parent) {
  sys_call(__NR_prctl, PR_SET_PDEATHSIG, SIG_KILL);
  /* It may have died before the line above took effect. */
  if (sys_call(__NR_getppid, 0) != parent) sys_exit(0);
  clock_sleep_forever();
}

int applet_fork_bomb(const struct args *args) {
  long parent = sys_getpid();
  uint64_t most = DEFAULT_MAX;
  uint64_t count = 0;
  int64_t hold = 0;
  long pid = 0;
  struct out out;

  if (args->argc > 3 || (args->argc > 1 && !text_number(args->argv[1], 1000000, &most)) ||
      (args->argc > 2 && !text_seconds(args->argv[2], &hold)))
    return usage("fork-bomb", "needs a maximum number of processes and seconds to hold them");
  while (count < most) {
    pid = sys_fork();
    if (pid == 0) wait_for_parent(parent);
    if (pid < 0) break;
    count++;
  }
  out_open(&out, 1);
  out_text(&out, "fork-bomb: ");
  out_number(&out, count);
  out_text(&out, " processes, then ");
  if (pid < 0)
    out_errno(&out, (int)-pid);
  else
    out_text(&out, "the maximum asked for");
  out_text(&out, "\n");
  out_flush(&out);
  clock_sleep(hold);
  return 0;
}
