/* Signal numbers, sets and names as the kernel knows them (64 signals, one word). */
#ifndef WARREN_INIT_SIGNALS_H
#define WARREN_INIT_SIGNALS_H

#include "text.h"

/* The same numbers on x86_64 and aarch64. */
enum {
  SIG_HUP = 1,
  SIG_INT = 2,
  SIG_KILL = 9,
  SIG_PIPE = 13,
  SIG_TERM = 15,
  SIG_CHLD = 17,
  SIG_WINCH = 28,
};

#define SIGNAL_BIT(number) (UINT64_C(1) << ((number)-1))

/* Replaces the calling process's mask; returns the one before. */
uint64_t signals_block(uint64_t set);
/* Waits for one signal of the set and takes it. */
int signals_wait(uint64_t set);
void signals_ignore(int number);
void signals_default(int number);
/*
 * For an applet that is PID 1, where the kernel drops signals without a handler:
 * SIGTERM, SIGINT and SIGHUP end it with 128+n, and orphans are reaped by the kernel.
 */
void signals_as_pid1(void);
/* "SIGTERM", "SIGRTMIN+3". */
void signals_name(struct out *out, int number);

#endif
