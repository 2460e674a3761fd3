#include "clock.h"

#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>

static uint64_t read_clock(int which) {
  struct __kernel_timespec time = {0};

  sys_call(__NR_clock_gettime, which, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t clock_monotonic(void) { return read_clock(CLOCK_MONOTONIC); }

uint64_t clock_cpu(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

void clock_sleep(int64_t nanoseconds) {
  struct __kernel_timespec left = {nanoseconds / 1000000000, nanoseconds % 1000000000};

  while (sys_call(__NR_nanosleep, &left, &left) == -EINTR) continue;
}

void clock_sleep_forever(void) {
  for (;;) sys_call(__NR_ppoll, 0, 0, 0, 0, 0);
}
