#include "signals.h"

#include <linux/errno.h>

/* The kernel's struct, not libc's. Both architectures have the restorer field. */
struct kernel_sigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(int);
  uint64_t mask;
};

#define KERNEL_SA_RESTORER 0x04000000UL
#define HANDLER_DEFAULT    ((void (*)(int))0)
#define HANDLER_IGNORE     ((void (*)(int))1)

static void set_handler(int number, void (*handler)(int)) {
  struct kernel_sigaction action = {.handler = handler, .mask = ~UINT64_C(0)};

  /* x86_64 refuses to deliver without a restorer; ours never returns, so any address does. */
  if (handler != HANDLER_DEFAULT && handler != HANDLER_IGNORE) {
    action.flags = KERNEL_SA_RESTORER;
    action.restorer = handler;
  }
  sys_call(__NR_rt_sigaction, number, &action, 0, sizeof(action.mask));
}

uint64_t signals_block(uint64_t set) {
  uint64_t before = 0;

  sys_call(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &set, &before, sizeof(set));
  return before;
}

int signals_wait(uint64_t set) {
  for (;;) {
    long number = sys_call(__NR_rt_sigtimedwait, &set, 0, 0, sizeof(set));

    if (number > 0) return (int)number;
  }
}

void signals_ignore(int number) { set_handler(number, HANDLER_IGNORE); }

void signals_default(int number) { set_handler(number, HANDLER_DEFAULT); }

static void end_by_signal(int number) { sys_exit(128 + number); }

void signals_as_pid1(void) {
  if (sys_getpid() != 1) return;
  set_handler(SIG_TERM, end_by_signal);
  set_handler(SIG_INT, end_by_signal);
  set_handler(SIG_HUP, end_by_signal);
  signals_ignore(SIG_CHLD);
}

void signals_name(struct out *out, int number) {
  static const char names[32][8] = {
      "0",    "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
      "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
      "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS",
  };
  /* 32 and 33 belong to the libc's threads; RTMIN is 34 for every program that uses one. */
  const int first_realtime = 34;

  out_text(out, "SIG");
  if (number < 32) {
    out_text(out, names[number]);
  } else if (number < first_realtime) {
    out_number(out, (uint64_t)number);
  } else {
    out_text(out, "RTMIN");
    if (number > first_realtime) {
      out_text(out, "+");
      out_number(out, (uint64_t)(number - first_realtime));
    }
  }
}
