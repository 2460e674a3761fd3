/*
 * Ids, capabilities and seccomp. With no-new-privileges the filter comes last. Without, loading a filter needs
 * CAP_SYS_ADMIN, so it comes before the capabilities are dropped and must let that happen.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/own.h"
#include "child.h"

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct data[2] = {
      {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
      {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
  };
  return (int)syscall(SYS_capset, &header, data);
}

static uint64_t permitted_now(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{0}, {0}};
  if (syscall(SYS_capget, &header, data) < 0) return 0;
  return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

/* The kernel says EINVAL after its last capability. */
static int drop_bounding(uint64_t keep, struct failure *failure) {
  for (unsigned capability = 0; capability < 64; capability++) {
    if (keep & UINT64_C(1) << capability) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;
    return fail(failure, 0, "limit capabilities", NULL);
  }
  return 0;
}

static int set_groups(const struct list *groups, struct failure *failure) {
  OWN_MEM gid_t *ids = calloc(groups->count + 1, sizeof *ids);
  if (!ids) return fail(failure, ENOMEM, "set groups", NULL);
  struct reader items = groups->items;
  for (uint32_t i = 0; i < groups->count; i++) ids[i] = read_u32(&items);
  if (setgroups(groups->count, ids) < 0) return fail(failure, 0, "set groups", NULL);
  return 0;
}

static int set_ids(const struct final *final, struct failure *failure) {
  struct op_credentials credentials;
  if (!final->credentials.type) return 0;
  decode_credentials(final->credentials.payload, &credentials);
  if (set_groups(&credentials.groups, failure) < 0) return op_failed(&final->credentials, failure);
  if (setresgid(credentials.gid, credentials.gid, credentials.gid) < 0 ||
      setresuid(credentials.uid, credentials.uid, credentials.uid) < 0) {
    fail(failure, 0, "set user and group", NULL);
    return op_failed(&final->credentials, failure);
  }
  umask(credentials.umask);
  return 0;
}

static int load_filter(const struct op *op, struct failure *failure) {
  struct op_seccomp seccomp;
  decode_seccomp(op->payload, &seccomp);
  OWN_MEM void *filter = aligned_alloc(8, seccomp.program.len);
  if (!filter) return fail(failure, ENOMEM, "load seccomp filter", NULL);
  memcpy(filter, seccomp.program.at, seccomp.program.len);
  struct sock_fprog program = {.len = (unsigned short)(seccomp.program.len / 8), .filter = filter};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, seccomp.flags, &program) < 0) {
    fail(failure, 0, "load seccomp filter", NULL);
    return op_failed(op, failure);
  }
  return 0;
}

static int final_capabilities(const struct final *final, struct failure *failure) {
  struct op_capabilities wanted;
  if (!final->capabilities.type) return 0;
  decode_capabilities(final->capabilities.payload, &wanted);
  /* The kernel knows fewer than 64. */
  uint64_t known = permitted_now();
  int result = set_capabilities(wanted.effective & known, wanted.permitted & known, wanted.inheritable & known);
  for (unsigned capability = 0; capability < 64 && result == 0; capability++)
    if (wanted.ambient & known & UINT64_C(1) << capability)
      result = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  if (result == 0) return 0;
  fail(failure, 0, "set capabilities", NULL);
  return op_failed(&final->capabilities, failure);
}

static int before_ids(const struct final *final, struct failure *failure) {
  struct op_capabilities wanted;
  if (!final->capabilities.type) return 0;
  decode_capabilities(final->capabilities.payload, &wanted);
  if (drop_bounding(wanted.bounding, failure) < 0) return op_failed(&final->capabilities, failure);
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return fail(failure, 0, "keep capabilities", NULL);
  return 0;
}

/* Leaving uid 0 cleared the effective ones; the filter needs one of them. */
static int after_ids(const struct final *final, struct failure *failure) {
  if (!final->capabilities.type) return 0;
  uint64_t all = permitted_now();
  if (set_capabilities(all, all, 0) < 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
    return fail(failure, 0, "raise capabilities", NULL);
  return 0;
}

int become(const struct final *final, struct failure *failure) {
  bool no_new = final->no_new_privileges.type != 0;
  if (before_ids(final, failure) < 0 || set_ids(final, failure) < 0 || after_ids(final, failure) < 0) return -1;
  if (!no_new && final->seccomp.type && load_filter(&final->seccomp, failure) < 0) return -1;
  if (final_capabilities(final, failure) < 0) return -1;
  if (no_new && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail(failure, 0, "set no-new-privileges", NULL);
  if (no_new && final->seccomp.type && load_filter(&final->seccomp, failure) < 0) return -1;
  return 0;
}
