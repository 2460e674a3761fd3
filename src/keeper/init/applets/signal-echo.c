/* Prints the name of each signal that it gets; only SIGKILL ends it. */
#include "../applets.h"
#include "../signals.h"

int applet_signal_echo(const struct args *args) {
  const uint64_t all = ~UINT64_C(0);
  struct out out;

  (void)args;
  signals_block(all);
  signals_default(SIG_CHLD);
  out_open(&out, 1);
  out_text(&out, "ready\n");
  out_flush(&out);
  while (out.error == 0) {
    signals_name(&out, signals_wait(all));
    out_text(&out, "\n");
    out_flush(&out);
  }
  return fail("signal-echo", "write", NULL, -out.error);
}
