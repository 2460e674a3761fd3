/* Strings, numbers and buffered output. */
#ifndef WARREN_INIT_TEXT_H
#define WARREN_INIT_TEXT_H

#include "sys.h"

size_t text_length(const char *text);
bool text_equal(const char *left, const char *right);
bool text_starts(const char *text, const char *prefix);
/* The part after the last '/'. */
const char *text_basename(const char *path);
/* Value of NAME in an environment block, or NULL. */
const char *text_getenv(char *const *envp, const char *name);

/* Decimal digits at *text, moving it behind them. False when there is none, or on overflow. */
bool text_digits(const char **text, uint64_t *value);
/* A whole decimal number up to limit. */
bool text_number(const char *text, uint64_t limit, uint64_t *value);
/* "12", "1.5", ".25" seconds to nanoseconds, up to about 292 years. */
bool text_seconds(const char *text, int64_t *nanoseconds);

/* Collects output and writes it when full; the owner flushes at the end. */
struct out {
  int fd;
  /* First write error (a positive errno), 0 when all went well. */
  int error;
  size_t used;
  char data[1024];
};

void out_open(struct out *out, int fd);
void out_flush(struct out *out);
void out_bytes(struct out *out, const char *data, size_t size);
void out_text(struct out *out, const char *text);
void out_number(struct out *out, uint64_t value);
void out_signed(struct out *out, int64_t value);
void out_octal(struct out *out, uint64_t value);
/* Nanoseconds as seconds with three decimals. */
void out_seconds(struct out *out, uint64_t nanoseconds);
/* A JSON string with its quotes; bytes that are not ASCII become \u00XX of that byte. */
void out_json(struct out *out, const char *data, size_t size);
void out_json_text(struct out *out, const char *text);

/* Symbolic name of a positive errno: "ENOENT"; the plain words for the frequent ones. */
void out_errno(struct out *out, int error);

/* One line "NAME: cannot WHAT OBJECT: REASON" on stderr; returns 1 for use as exit status. */
int fail(const char *name, const char *what, const char *object, long result);
/* One line "NAME: MESSAGE" on stderr; returns 2. */
int usage(const char *name, const char *message);

#endif
