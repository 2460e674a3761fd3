/* Cgroup v2 has no device list: a BPF program decides. It lives as long as the cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/own.h"
#include "worker.h"

static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
  return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* The kernel wants aligned instructions; a plan's bytes are not. */
static int load(struct str program, struct failure *failure) {
  OWN_MEM void *instructions = aligned_alloc(8, program.len);
  if (!instructions) return fail(failure, ENOMEM, "load device filter", NULL);
  memcpy(instructions, program.at, program.len);
  union bpf_attr attributes = {
      .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
      .insns = (uint64_t)(uintptr_t)instructions,
      .insn_cnt = program.len / 8,
      .license = (uint64_t)(uintptr_t) "Apache-2.0",
  };
  int fd = bpf(BPF_PROG_LOAD, &attributes);
  return fd < 0 ? fail(failure, 0, "load device filter", NULL) : fd;
}

int cgroup_devices(const struct worker *worker, const struct op *op, struct failure *failure) {
  struct op_cgroup_devices devices;
  char path[PATH_BYTES_MAX + 1];
  decode_cgroup_devices(op->payload, &devices);
  path_name(devices.path, &path);
  if (devices.hierarchy >= worker->options.hierarchy_count) return fail(failure, ENODEV, "attach device filter", path);
  OWN_FD cgroup =
      openat(worker->options.hierarchies[devices.hierarchy], path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (cgroup < 0) return fail(failure, 0, "open cgroup", path);
  OWN_FD program = load(devices.program, failure);
  if (program < 0) return -1;
  union bpf_attr attributes = {
      .target_fd = (uint32_t)cgroup,
      .attach_bpf_fd = (uint32_t)program,
      .attach_type = BPF_CGROUP_DEVICE,
      .attach_flags = BPF_F_ALLOW_MULTI,
  };
  if (bpf(BPF_PROG_ATTACH, &attributes) < 0) return fail(failure, 0, "attach device filter", path);
  return 0;
}
