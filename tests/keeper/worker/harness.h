/*
 * Plays the keeper for a real worker on the real kernel: forks worker_main, sends it jobs, reaps its children. Its files
 * are below a directory of its own in /tmp, its cgroups below /wrn-worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../../src/keeper/worker/job.h"
#include "plan-builder.h"

enum { OUTPUT_MAX = 65536, ID_BASE = 1000000 };

struct harness {
  char directory[64], data[80];
  int hierarchies[8];
  unsigned hierarchy_count;
  int launcher, opener; /* sockets */
  pid_t launcher_pid, opener_pid;
  uint64_t jobs;
  unsigned containers;
  bool is_v2;
};

struct running;
struct launch {
  char name[32], cgroup[64], upper[64], work[64];
  const char *const *argv;
  uint64_t namespaces;
  bool locked, host_users, tty, plain_root, v1_limits;
  uint8_t strategy;
  uint64_t tmpfs_bytes, capabilities;
  bool read_only_overlay;
  const char *user_environment;
  /* More operations for each phase. */
  void (*after)(struct builder *, const struct launch *);
  void (*child)(struct builder *, const struct launch *);
  const struct running *peer; /* whose namespaces are joined */
  uint64_t joined;
  const char *candidate; /* instead of argv[0] */
  uint8_t exec_flags;
  bool no_go;   /* stops before "go" */
  int stdin_fd; /* 0: /dev/null */
};

struct running {
  pid_t pid;
  int pidfd, output, pty;
  struct failure failure; /* error 0: it started */
  uint32_t clamps;
  uint32_t times_ns[4];
  uint64_t took_ns; /* from the job's message to its end */
};

void harness_open(struct harness *);
void harness_close(struct harness *);
struct launch launch_new(struct harness *, const char *const *argv);
void launch_plan(const struct harness *, const struct launch *, struct builder *);
struct running launch(struct harness *, const struct launch *);
struct running exec_in(struct harness *, const struct running *, const struct launch *, const char *const *argv);
/* Reads all output, waits for the end and returns the wait status. */
int finish(struct harness *, struct running *, char *output);
void end_container(struct harness *, struct running *); /* kills and reaps */
int cleanup(struct harness *, const struct launch *);   /* 0 or an errno */
/* launch + finish + cleanup; the wait status, or -1 when it did not start. */
int run(struct harness *, const struct launch *, char *output, struct failure *);
void send_job(struct harness *, uint32_t kind, uint64_t job);

#define REQUIRE(condition, ...) require((condition), __FILE__, __LINE__, #condition, "" __VA_ARGS__)
void require(bool, const char *file, int line, const char *condition, const char *detail);
