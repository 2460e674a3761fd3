/* pause and sleep. */
#include "../applets.h"
#include "../clock.h"
#include "../text.h"

int applet_pause(const struct args *args) {
  (void)args;
  clock_sleep_forever();
}

int applet_sleep(const struct args *args) {
  int64_t nanoseconds;

  if (args->argc != 2 || !text_seconds(args->argv[1], &nanoseconds))
    return usage("sleep", "needs a number of seconds, such as 1.5");
  clock_sleep(nanoseconds);
  return 0;
}
