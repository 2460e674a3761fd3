/* What stdin is. With "watch", again after each change of the window's size. */
#include "../applets.h"
#include "../signals.h"
#include "../text.h"

#include <asm/ioctls.h>

/* struct winsize of <asm/termios.h>, which drags in far more. */
struct window {
  uint16_t rows;
  uint16_t columns;
  uint16_t pixels[2];
};

static bool print_window(struct out *out) {
  struct window window = {0};
  char path[256];
  long length;

  if (sys_call(__NR_ioctl, 0, TIOCGWINSZ, &window) < 0) {
    out_text(out, "not a tty\n");
    out_flush(out);
    return false;
  }
  length = sys_readlink("/proc/self/fd/0", path, sizeof(path));
  out_text(out, "tty ");
  out_bytes(out, length > 0 ? path : "?", length > 0 ? (size_t)length : 1);
  out_text(out, " rows ");
  out_number(out, window.rows);
  out_text(out, " columns ");
  out_number(out, window.columns);
  out_text(out, "\n");
  out_flush(out);
  return true;
}

int applet_tty(const struct args *args) {
  const uint64_t resized = SIGNAL_BIT(SIG_WINCH);
  bool watch = args->argc == 2 && text_equal(args->argv[1], "watch");
  struct out out;

  if (args->argc > 1 && !watch) return usage("tty", "knows only the argument watch");
  out_open(&out, 1);
  signals_block(watch ? resized : 0);
  if (!print_window(&out)) return 1;
  while (watch && signals_wait(resized) > 0 && print_window(&out)) continue;
  return 0;
}
