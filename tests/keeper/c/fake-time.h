/*
 * Time that passes when told to, and containers in it, for the policies: hours of 1,000 containers take a moment. Events, kills
 * and starts are only counted.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/keeper/keeper/core.h"

struct test {
  const char *name; /* a sentence */
  void (*run)(void);
};
extern const struct test tests[];
extern const size_t test_count;

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                          \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

#define START_NS (1000 * NS_PER_S)

extern struct keeper keeper;
extern uint64_t now;
void pass(uint64_t ns);
void pass_ms(uint64_t ms);

struct seen {
  unsigned count;
  uint64_t at;
  char detail[8192];
};
extern struct seen events[32];
extern unsigned starts, kills, journals;
extern uint8_t kill_reason;
extern bool attached; /* what stdio_attached says */
extern unsigned pending_timers;
extern void (*clear_more)(struct container *); /* at the end of a test, for every container */

enum { MADE_MAX = 1100 };
extern struct container *made[MADE_MAX];
/* Running since now; its generation is its number. */
struct container *container_make(void);
