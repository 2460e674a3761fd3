#include "../applets.h"
#include "../text.h"

#include <linux/fcntl.h>

int applet_write(const struct args *args) {
  const char *path = args->argv[1];
  struct out out;
  long fd;

  if (args->argc != 3) return usage("write", "needs a file and a text");
  fd = sys_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return fail("write", "open", path, fd);
  out_open(&out, (int)fd);
  out_text(&out, args->argv[2]);
  out_text(&out, "\n");
  out_flush(&out);
  sys_close((int)fd);
  return out.error == 0 ? 0 : fail("write", "write to", path, -out.error);
}
