/* Uses one CPU and reports the share that it got. */
#include "../applets.h"
#include "../clock.h"
#include "../text.h"

/* About a millisecond between two looks at the clock. */
static void spin(void) {
  for (unsigned i = 0; i < 2000000; i++) __asm__ volatile("" ::: "memory");
}

int applet_burn(const struct args *args) {
  bool limited = args->argc > 1;
  uint64_t start = clock_monotonic();
  uint64_t elapsed = 0;
  int64_t limit = 0;
  struct out out;

  if (args->argc > 2 || (limited && !text_seconds(args->argv[1], &limit)))
    return usage("burn", "needs a number of seconds, or nothing to go on for ever");
  while (!limited || elapsed < (uint64_t)limit) {
    spin();
    elapsed = clock_monotonic() - start;
  }
  out_open(&out, 1);
  out_text(&out, "burn: ");
  out_seconds(&out, clock_cpu());
  out_text(&out, " s of CPU in ");
  out_seconds(&out, elapsed);
  out_text(&out, " s\n");
  out_flush(&out);
  return 0;
}
