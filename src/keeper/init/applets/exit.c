/* true, false and exit CODE. */
#include "../applets.h"
#include "../text.h"

int applet_true(const struct args *args) {
  (void)args;
  return 0;
}

int applet_false(const struct args *args) {
  (void)args;
  return 1;
}

int applet_exit(const struct args *args) {
  uint64_t code;

  if (args->argc != 2 || !text_number(args->argv[1], 255, &code)) return usage("exit", "needs a status from 0 to 255");
  return (int)code;
}
