#include <sys/ioctl.h>
#include <termios.h>

#include "streams.h"

int pty_size(int fd, uint16_t cols, uint16_t rows) {
  struct winsize size = {.ws_col = cols, .ws_row = rows};
  return ioctl(fd, TIOCSWINSZ, &size);
}

int pty_end_character(int fd) {
  struct termios settings;
  if (tcgetattr(fd, &settings) < 0 || !(settings.c_lflag & ICANON)) return -1;
  return settings.c_cc[VEOF];
}
