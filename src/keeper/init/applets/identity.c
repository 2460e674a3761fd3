/* env, hostname and id. */
#include "../applets.h"
#include "../text.h"

#include <linux/utsname.h>

int applet_env(const struct args *args) {
  struct out out;

  out_open(&out, 1);
  for (char *const *entry = args->envp; *entry != NULL; entry++) {
    out_text(&out, *entry);
    out_text(&out, "\n");
  }
  out_flush(&out);
  return 0;
}

int applet_hostname(const struct args *args) {
  struct new_utsname names;
  struct out out;

  (void)args;
  sys_call(__NR_uname, &names);
  out_open(&out, 1);
  out_text(&out, names.nodename);
  out_text(&out, "\n");
  out_flush(&out);
  return 0;
}

int applet_id(const struct args *args) {
  uint32_t groups[64];
  struct out out;
  long count = sys_call(__NR_getgroups, sizeof(groups) / sizeof(groups[0]), groups);

  (void)args;
  out_open(&out, 1);
  out_text(&out, "uid=");
  out_number(&out, (uint64_t)sys_call(__NR_getuid, 0));
  out_text(&out, " gid=");
  out_number(&out, (uint64_t)sys_call(__NR_getgid, 0));
  out_text(&out, " groups=");
  for (long i = 0; i < count; i++) {
    if (i > 0) out_text(&out, ",");
    out_number(&out, groups[i]);
  }
  out_text(&out, "\n");
  out_flush(&out);
  return 0;
}
