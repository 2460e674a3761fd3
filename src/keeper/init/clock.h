/* Time in nanoseconds. */
#ifndef WARREN_INIT_CLOCK_H
#define WARREN_INIT_CLOCK_H

#include "sys.h"

uint64_t clock_monotonic(void);
/* CPU time of this process. */
uint64_t clock_cpu(void);
/* Sleeps the whole time, whatever signals are handled meanwhile. */
void clock_sleep(int64_t nanoseconds);
__attribute__((noreturn)) void clock_sleep_forever(void);

#endif
