/* Decoders of the operations that the child performs on itself. */
#include <linux/seccomp.h>
#include <sys/resource.h>

#include "ops.h"

enum { HOSTNAME_BYTES_MAX = 64 };

bool decode_path(struct reader in, struct op_path *out) {
  out->path = read_str(&in);
  return reader_done(&in) && path_is_absolute(out->path);
}

/* "." separates; a "/" stands for a dot inside a component, as sysctl(8) has it. */
static bool sysctl_name_ok(struct str name) {
  uint32_t start = 0;
  for (uint32_t i = 0; i <= name.len; i++) {
    if (i < name.len && name.at[i] != '.') continue;
    uint32_t len = i - start, dots = 0;
    for (uint32_t j = start; j < i; j++) dots += name.at[j] == '/';
    if (len == 0 || len > 255 || dots == len) return false;
    start = i + 1;
  }
  return name.len <= 1024;
}

bool decode_sysctl(struct reader in, struct op_sysctl *out) {
  out->name = read_str(&in);
  out->value = read_str(&in);
  return reader_done(&in) && sysctl_name_ok(out->name) && out->value.len <= PATH_BYTES_MAX;
}

bool decode_hostname(struct reader in, struct op_hostname *out) {
  out->hostname = read_str(&in);
  out->domainname = read_str(&in);
  return reader_done(&in) && out->hostname.len <= HOSTNAME_BYTES_MAX && out->domainname.len <= HOSTNAME_BYTES_MAX;
}

bool decode_rlimit(struct reader in, struct op_rlimit *out) {
  out->resource = read_u32(&in);
  out->soft = read_u64(&in);
  out->hard = read_u64(&in);
  return reader_done(&in) && out->resource < RLIM_NLIMITS && out->soft <= out->hard;
}

bool decode_credentials(struct reader in, struct op_credentials *out) {
  out->uid = read_u32(&in);
  out->gid = read_u32(&in);
  out->groups = (struct list){.count = read_count(&in, 4), .items = in};
  for (uint32_t i = 0; i < out->groups.count && !in.bad; i++) read_u32(&in);
  out->umask = read_u32(&in);
  return reader_done(&in) && out->uid != UINT32_MAX && out->gid != UINT32_MAX && out->groups.count <= GROUPS_MAX &&
         out->umask <= 0777;
}

/* The kernel's own rules, so that a plan that can only fail is refused before anything is made. */
bool decode_capabilities(struct reader in, struct op_capabilities *out) {
  out->bounding = read_u64(&in);
  out->effective = read_u64(&in);
  out->permitted = read_u64(&in);
  out->inheritable = read_u64(&in);
  out->ambient = read_u64(&in);
  return reader_done(&in) && (out->effective & ~out->permitted) == 0 && (out->inheritable & ~out->bounding) == 0 &&
         (out->ambient & ~(out->permitted & out->inheritable)) == 0;
}

bool decode_seccomp(struct reader in, struct op_seccomp *out) {
  out->flags = read_u32(&in);
  out->program = read_bytes(&in);
  return reader_done(&in) &&
         (out->flags & ~(uint32_t)(SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW)) == 0 &&
         out->program.len > 0 && out->program.len % 8 == 0 && out->program.len / 8 <= BPF_INSNS_MAX;
}

bool decode_empty(struct reader in, void *out) {
  (void)out;
  return reader_done(&in);
}
