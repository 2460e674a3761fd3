#include "arguments.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keeper.h"

enum { HIERARCHIES = 16, WORKERS_LEAST = 2, WORKERS_MOST = 64 };

static bool number(const char *text, long long least, long long most, long long *value) {
  char *end;
  errno = 0;
  *value = strtoll(text, &end, 10);
  return errno == 0 && *text && !*end && *value >= least && *value <= most;
}

/* NAME=PATH; the name's end is written over. A name may hold "=" itself (`name=systemd`). */
static bool hierarchy(char *text, struct keeper_options *options) {
  char *path = strstr(text, "=/");
  if (!path || path == text || options->hierarchy_count == HIERARCHIES) return false;
  *path = 0;
  options->hierarchy_names[options->hierarchy_count] = text;
  options->hierarchy_roots[options->hierarchy_count++] = path + 1;
  return options->hierarchy_count > 1 || strcmp(text, "unified") == 0;
}

/* Relative, without "..". */
static bool cgroup(const char *text) {
  return *text && *text != '/' && strcmp(text, "..") != 0 && strncmp(text, "../", 3) != 0 && !strstr(text, "/..");
}

static bool option(const char *name, char *value, struct keeper_options *options) {
  long long parsed = 0;
  if (strcmp(name, "--run-dir") == 0) {
    options->run_dir = value;
  } else if (strcmp(name, "--data-root") == 0) {
    options->data_root = value;
  } else if (strcmp(name, "--hierarchy") == 0) {
    return hierarchy(value, options);
  } else if (strcmp(name, "--cgroup") == 0) {
    options->cgroup = value;
    return cgroup(value);
  } else if (strcmp(name, "--instance") == 0) {
    bool ok = number(value, 0, UINT16_MAX, &parsed);
    options->instance = (unsigned)parsed;
    return ok;
  } else if (strcmp(name, "--workers") == 0) {
    bool ok = number(value, 1, WORKERS_MOST, &parsed);
    options->workers = (unsigned)parsed;
    return ok;
  } else if (strcmp(name, "--idle-exit-ms") == 0) {
    bool ok = number(value, 0, LLONG_MAX, &parsed);
    options->idle_exit_ms = (uint64_t)parsed;
    return ok;
  } else if (strcmp(name, "--files") == 0) {
    bool ok = number(value, 0, LLONG_MAX, &parsed);
    options->original_files = (uint64_t)parsed;
    return ok;
  } else if (strcmp(name, "--oom-score") == 0) {
    bool ok = number(value, -1000, 1000, &parsed);
    options->original_oom_score = (int)parsed;
    return ok;
  } else {
    return false;
  }
  return *value == '/';
}

bool arguments_parse(char **argv, struct keeper_options *options, const char **problem) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  *options = (struct keeper_options){0};
  options->workers = processors < WORKERS_LEAST ? (unsigned)WORKERS_LEAST : processors > 16 ? 16 : (unsigned)processors;
  for (; *argv; argv++) {
    *problem = *argv;
    bool upgraded = strcmp(*argv, "--upgraded") == 0, scope = strcmp(*argv, "--leave-scope") == 0;
    options->upgraded |= upgraded;
    options->leave_scope |= scope;
    if (upgraded || scope) continue;
    if (!argv[1] || !option(argv[0], argv[1], options)) return false;
    argv++;
  }
  *problem = !options->run_dir ? "--run-dir" : !options->data_root ? "--data-root" : "--hierarchy";
  return options->run_dir && options->data_root && options->hierarchy_count > 0;
}

__attribute__((format(printf, 3, 4))) static void put(char **argv, unsigned *count, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = NULL;
  if (*count + 1 < ARGUMENTS_MAX && vasprintf(&text, format, arguments) >= 0) argv[(*count)++] = text;
  argv[*count] = NULL;
  va_end(arguments);
}

bool arguments_of(const struct keeper_options *options, const char *role, char *argv[ARGUMENTS_MAX]) {
  unsigned count = 0,
           wanted = 16 + 2 * options->hierarchy_count + (options->cgroup ? 2 : 0) + (options->upgraded ? 1 : 0);
  put(argv, &count, "warren-keeper");
  put(argv, &count, "%s", role);
  put(argv, &count, "--run-dir");
  put(argv, &count, "%s", options->run_dir);
  put(argv, &count, "--data-root");
  put(argv, &count, "%s", options->data_root);
  put(argv, &count, "--instance");
  put(argv, &count, "%u", options->instance);
  put(argv, &count, "--workers");
  put(argv, &count, "%u", options->workers);
  put(argv, &count, "--idle-exit-ms");
  put(argv, &count, "%llu", (unsigned long long)options->idle_exit_ms);
  put(argv, &count, "--files");
  put(argv, &count, "%llu", (unsigned long long)options->original_files);
  put(argv, &count, "--oom-score");
  put(argv, &count, "%d", options->original_oom_score);
  for (unsigned i = 0; i < options->hierarchy_count; i++) {
    put(argv, &count, "--hierarchy");
    put(argv, &count, "%s=%s", options->hierarchy_names[i], options->hierarchy_roots[i]);
  }
  if (options->cgroup) {
    put(argv, &count, "--cgroup");
    put(argv, &count, "%s", options->cgroup);
  }
  if (options->upgraded) put(argv, &count, "--upgraded");
  return count == wanted;
}

void arguments_free(char *argv[ARGUMENTS_MAX]) {
  for (char **at = argv; *at; at++) free(*at);
}
