/* Feeds bytes to the decoders of plans and of the supervise section. The first byte chooses which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buffer.h"
#include "../plan/ops.h"
#include "../plan/plan.h"
#include "../plan/supervise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_plan(const uint8_t *data, size_t size, enum plan_use use) {
  struct failure failure;
  struct plan plan, cleanup;
  if (plan_check(data, size, use, &plan, &failure) < 0) {
    if (failure.error == 0) abort();
    return;
  }
  struct op op;
  unsigned walked = 0;
  for (size_t at = 0; plan_next(&plan, &at, &op); walked++)
    if (op.index != walked) abort();
  if (walked != plan.count) abort();
  if (plan_host_binds(&plan) + plan_namespace_joins(&plan) + plan_places(&plan) > plan.count) abort();
  struct op_netlink netlink;
  for (size_t at = 0; plan_next(&plan, &at, &op);)
    if (op.type == OP_NETLINK && !decode_netlink(op.payload, &netlink)) abort();
  struct writer out = writer_new(PLAN_MAX);
  if (plan_cleanup(&plan, &out) < 0 || plan_check(out.data, out.len, PLAN_CLEANUP, &cleanup, &failure) < 0) abort();
  writer_free(&out);
}

static void try_supervise(const uint8_t *data, size_t size) {
  struct failure failure;
  struct supervise supervise;
  if (supervise_decode(data, size, &supervise, &failure) < 0) return;
  struct writer out = writer_new(FRAME_MAX);
  supervise_encode(&supervise, &out);
  if (!supervise.id || supervise.cgroup_count == 0 || out.len != size || memcmp(out.data, data, size) != 0) abort();
  writer_free(&out);
  supervise_free(&supervise);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  uint8_t choice = data[0] % 5;
  if (choice == 3)
    try_supervise(data + 1, size - 1);
  else
    try_plan(data + 1, size - 1, choice == 4 ? PLAN_NETLINK : (enum plan_use)choice);
  return 0;
}
