#include "../applets.h"
#include "../text.h"

int applet_echo(const struct args *args) {
  bool newline = args->argc < 2 || !text_equal(args->argv[1], "-n");
  int first = newline ? 1 : 2;
  struct out out;

  out_open(&out, 1);
  for (int i = first; i < args->argc; i++) {
    if (i > first) out_text(&out, " ");
    out_text(&out, args->argv[i]);
  }
  if (newline) out_text(&out, "\n");
  out_flush(&out);
  return out.error == 0 ? 0 : fail("echo", "write", NULL, -out.error);
}
