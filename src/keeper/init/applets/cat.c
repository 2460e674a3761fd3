#include "../applets.h"
#include "../text.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

static int copy(int fd, const char *path, struct out *out) {
  for (;;) {
    long got = sys_read(fd, out->data, sizeof(out->data));

    if (got == -EINTR) continue;
    if (got < 0) return fail("cat", "read", path, got);
    if (got == 0) return 0;
    out->used = (size_t)got;
    out_flush(out);
    if (out->error != 0) return fail("cat", "write", NULL, -out->error);
  }
}

int applet_cat(const struct args *args) {
  struct out out;
  int status = 0;

  out_open(&out, 1);
  if (args->argc < 2) return copy(0, "stdin", &out);
  for (int i = 1; i < args->argc && out.error == 0; i++) {
    const char *path = args->argv[i];
    long fd;

    if (text_equal(path, "-")) {
      status |= copy(0, "stdin", &out);
      continue;
    }
    fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
      status |= fail("cat", "open", path, fd);
      continue;
    }
    status |= copy((int)fd, path, &out);
    sys_close((int)fd);
  }
  return status;
}
