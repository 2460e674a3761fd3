#include "text.h"

size_t text_length(const char *text) {
  size_t length = 0;

  while (text[length] != '\0') length++;
  return length;
}

bool text_equal(const char *left, const char *right) {
  while (*left != '\0' && *left == *right) {
    left++;
    right++;
  }
  return *left == *right;
}

bool text_starts(const char *text, const char *prefix) {
  while (*prefix != '\0') {
    if (*text++ != *prefix++) return false;
  }
  return true;
}

const char *text_basename(const char *path) {
  const char *base = path;

  for (; *path != '\0'; path++) {
    if (*path == '/') base = path + 1;
  }
  return base;
}

const char *text_getenv(char *const *envp, const char *name) {
  size_t length = text_length(name);

  for (; *envp != NULL; envp++) {
    if (text_starts(*envp, name) && (*envp)[length] == '=') return *envp + length + 1;
  }
  return NULL;
}

bool text_digits(const char **text, uint64_t *value) {
  const char *at = *text;
  uint64_t sum = 0;

  if (*at < '0' || *at > '9') return false;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum)) return false;
  }
  *text = at;
  *value = sum;
  return true;
}

bool text_number(const char *text, uint64_t limit, uint64_t *value) {
  return text_digits(&text, value) && *text == '\0' && *value <= limit;
}

bool text_seconds(const char *text, int64_t *nanoseconds) {
  uint64_t whole = 0;
  int64_t fraction = 0;
  int64_t unit = 100000000;
  bool seen = text_digits(&text, &whole);

  if (whole > INT64_MAX / 1000000000 - 1) return false;
  if (*text == '.') {
    for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10) {
      fraction += (*text - '0') * unit;
      seen = true;
    }
  }
  *nanoseconds = (int64_t)whole * 1000000000 + fraction;
  return seen && *text == '\0';
}
