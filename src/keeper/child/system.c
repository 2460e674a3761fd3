/* Settings of the container's namespaces and of the process. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../base/own.h"
#include "child.h"

int op_sysctl(struct job *job, const struct op *op, struct failure *failure) {
  struct op_sysctl sysctl;
  char path[1100] = "/proc/sys/";
  struct statfs filesystem;
  decode_sysctl(op->payload, &sysctl);
  size_t prefix = strlen(path);
  for (uint32_t i = 0; i < sysctl.name.len; i++) {
    char c = sysctl.name.at[i];
    path[prefix + i] = c == '.' ? '/' : c == '/' ? '.' : c;
  }
  path[prefix + sysctl.name.len] = 0;
  OWN_FD fd = root_open(job->mounts[0], path, O_WRONLY);
  if (fd < 0) return fail(failure, 0, "open", path);
  if (fstatfs(fd, &filesystem) < 0 || filesystem.f_type != PROC_SUPER_MAGIC)
    return fail(failure, EINVAL, "find proc at", path);
  if (write(fd, sysctl.value.at, sysctl.value.len) != (ssize_t)sysctl.value.len) return fail(failure, 0, "set", path);
  return 0;
}

int op_hostname(const struct op *op, struct failure *failure) {
  struct op_hostname names;
  decode_hostname(op->payload, &names);
  if (names.hostname.len > 0 && sethostname(names.hostname.at, names.hostname.len) < 0)
    return fail(failure, 0, "set hostname", NULL);
  if (names.domainname.len > 0 && setdomainname(names.domainname.at, names.domainname.len) < 0)
    return fail(failure, 0, "set domain name", NULL);
  return 0;
}

int loopback_up(struct failure *failure) {
  OWN_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0) return fail(failure, 0, "bring up loopback", NULL);
  return 0;
}

static const char *const rlimit_names[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = "RLIMIT_CPU",           [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
    [RLIMIT_DATA] = "RLIMIT_DATA",         [RLIMIT_STACK] = "RLIMIT_STACK",
    [RLIMIT_CORE] = "RLIMIT_CORE",         [RLIMIT_RSS] = "RLIMIT_RSS",
    [RLIMIT_NPROC] = "RLIMIT_NPROC",       [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
    [RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",   [RLIMIT_AS] = "RLIMIT_AS",
    [RLIMIT_LOCKS] = "RLIMIT_LOCKS",       [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
    [RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE", [RLIMIT_NICE] = "RLIMIT_NICE",
    [RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",     [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
};

/* The C library's types differ; the kernel's call is 64 bits wide. */
struct limit {
  uint64_t soft, hard;
};

static int limit(uint32_t resource, const struct limit *new, struct limit *old) {
  return (int)syscall(SYS_prlimit64, 0, resource, new, old);
}

int op_rlimit(struct job *job, const struct op *op, struct failure *failure) {
  struct op_rlimit wanted;
  struct limit have;
  decode_rlimit(op->payload, &wanted);
  const char *name = rlimit_names[wanted.resource];
  struct limit given = {.soft = wanted.soft, .hard = wanted.hard};
  if (limit(wanted.resource, &given, NULL) == 0) return 0;
  if (errno != EPERM || limit(wanted.resource, NULL, &have) < 0) return fail(failure, 0, "set limit", name);
  if (given.hard > have.hard) given.hard = have.hard;
  if (given.soft > given.hard) given.soft = given.hard;
  if (limit(wanted.resource, &given, NULL) < 0) return fail(failure, 0, "set limit", name);
  return report_clamp(job, name, wanted.hard, given.hard, failure);
}

int new_keyring(struct failure *failure) {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0) return fail(failure, 0, "make session keyring", NULL);
  return 0;
}
