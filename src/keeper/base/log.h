/* The keeper's own log: one line each, to <run dir>/keeper.log (rotated at 1 MiB, one old file). Never blocks. */
#pragma once

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };

void log_open(int dir_fd, const char *name);
void log_set_level(enum log_level);
void log_line(enum log_level, const char *format, ...) __attribute__((format(printf, 2, 3)));
