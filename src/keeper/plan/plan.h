/*
 * Plans: checked once on arrival (by the keeper, which trusts no client), then walked by the worker.
 * The walkers assume a checked plan.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/buffer.h"
#include "../base/failure.h"
#include "../protocol.h"

struct op {
  uint16_t type; /* enum op_type */
  uint8_t phase; /* enum plan_phase */
  uint8_t flags;
  uint16_t index;
  struct reader payload;
};

struct plan {
  const uint8_t *data;
  size_t size;
  uint16_t count;
};

enum plan_use { PLAN_LAUNCH, PLAN_EXEC, PLAN_CLEANUP, PLAN_NETLINK };

/* Checks every length, type, phase, order, flag and payload for the use. 0, or -1 with a failure of EBADMSG. */
int plan_check(const void *data, size_t size, enum plan_use use, struct plan *plan, struct failure *);

/* Walks: set *at to 0 first; false at the end. */
bool plan_next(const struct plan *, size_t *at, struct op *);

/* How many descriptors the keeper must add for this plan. */
unsigned plan_host_binds(const struct plan *);
unsigned plan_namespace_joins(const struct plan *);
unsigned plan_places(const struct plan *); /* NETLINK with PLACE_RUN_DIR, of every phase */
bool plan_is_place(const struct op *);

/* Copies the cleanup operations into a plan of their own (PLAN_CLEANUP). */
int plan_cleanup(const struct plan *, struct writer *out);
