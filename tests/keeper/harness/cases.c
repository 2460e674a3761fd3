/* Each case is a behaviour of the worker that can only be seen on the real kernel. `cases NAME` runs one, `cases` lists them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static char output[OUTPUT_MAX];

static void runs_a_command(struct harness *harness) {
  const char *const argv[] = {"/bin/sh", "-c",
                              "id -u; hostname; cat /proc/self/uid_map; echo $$; cat /proc/self/cgroup; exit 7", NULL};
  struct launch launch = launch_new(harness, argv);
  int status = run(harness, &launch, output, NULL);
  fprintf(stderr, "%s", output);
  REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  REQUIRE(strstr(output, "0\ninside\n") == output, "identity");
}

struct named_case {
  const char *name;
  void (*run)(struct harness *);
};
static const struct named_case cases[] = {
    {"runs a command in a container", runs_a_command},
};

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (argc < 2) puts(cases[i].name);
    if (argc < 2 || strcmp(argv[1], cases[i].name) != 0) continue;
    struct harness harness;
    harness_open(&harness);
    cases[i].run(&harness);
    harness_close(&harness);
    return 0;
  }
  return argc < 2 ? 0 : 2;
}
