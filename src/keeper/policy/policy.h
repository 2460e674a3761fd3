/* What the policies share: times that cannot overflow, and repeatable scatter. */
#pragma once

#include "../keeper/keeper.h"

#define SECOND_NS 1000000000ull

/* Capped at about 290 years, so that a sum with any clock still fits. */
static inline uint64_t ns_of_ms(uint64_t ms) { return ms > INT64_MAX / 1000000 ? INT64_MAX : ms * 1000000; }

/* CLOCK_BOOTTIME of the moment `after` ns past a realtime one; now when that is over. */
static inline uint64_t due_after(uint64_t realtime, uint64_t after) {
  uint64_t now = realtime_ns(), since = now > realtime ? now - realtime : 0;
  return now_ns() + (after > since ? after - since : 0);
}

/* SplitMix64: spreads what happens to 1,000 containers at once; the same for the same seed. */
static inline uint64_t scatter(uint64_t seed) {
  seed += 0x9e3779b97f4a7c15ull;
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9ull;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebull;
  return seed ^ (seed >> 31);
}
