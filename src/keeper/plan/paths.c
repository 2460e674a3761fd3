/* What a path in a plan may look like. */
#include "ops.h"

enum { NAME_BYTES_MAX = 255 };

static bool component_ok(const char *at, uint32_t len) {
  if (len == 0 || len > NAME_BYTES_MAX) return false;
  if (len == 1 && at[0] == '.') return false;
  return !(len == 2 && at[0] == '.' && at[1] == '.');
}

static bool components_ok(const char *at, uint32_t len) {
  uint32_t start = 0;
  for (uint32_t i = 0; i <= len; i++) {
    if (i < len && at[i] != '/') continue;
    if (!component_ok(at + start, i - start)) return false;
    start = i + 1;
  }
  return true;
}

bool path_is_relative(struct str path) { return path.len <= PATH_BYTES_MAX && components_ok(path.at, path.len); }

bool path_is_absolute(struct str path) {
  if (path.len == 0 || path.len > PATH_BYTES_MAX || path.at[0] != '/') return false;
  return path.len == 1 || components_ok(path.at + 1, path.len - 1);
}

bool name_is_plain(struct str name) {
  for (uint32_t i = 0; i < name.len; i++)
    if (name.at[i] == '/') return false;
  return component_ok(name.at, name.len);
}
