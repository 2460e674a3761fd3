/* One program, several roles: the command that starts a keeper, the holder, the keeper, and checks of the protocol. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "keeper/arguments.h"
#include "keeper/core.h"
#include "netns.h"
#include "start.h"

static int usage(void) {
  fputs("Usage: warren-keeper start --run-dir DIR --data-root DIR --instance N --hierarchy NAME=PATH...\n"
        "                           [--cgroup LEAF] [--workers N] [--idle-exit-ms N] [--leave-scope]\n"
        "       warren-keeper netns pin PATH [NAME=VALUE...] | drop PATH | links PATH\n"
        "       warren-keeper --check [--table] | --version\n",
        stderr);
  return 2;
}

static int run_role(const char *role, char **arguments) {
  struct keeper_options options;
  const char *problem = "";
  if (!arguments_parse(arguments, &options, &problem)) {
    fprintf(stderr, "Cannot use the argument %s: it is missing, unknown or has no valid value\n", problem);
    return 2;
  }
  if (strcmp(role, "start") == 0) return start_main(&options);
  if (strcmp(role, "holder") == 0) holder_role(&options);
  if (strcmp(role, "keeper") == 0) keeper_main(&options);
  return usage();
}

int main(int argc, char **argv) {
  if (argc < 2) return usage();
  if (strcmp(argv[1], "--version") == 0) {
    printf("warren-keeper %s protocol %d-%d\n", WARREN_VERSION, WARREN_PROTOCOL_MIN, WARREN_PROTOCOL_MAX);
    return 0;
  }
  if (strcmp(argv[1], "--check") == 0)
    return argc > 2 && strcmp(argv[2], "--table") == 0 ? check_table() : check_items();
  if (strcmp(argv[1], "netns") == 0) return netns_main(argv + 2);
  return run_role(argv[1], argv + 2);
}
