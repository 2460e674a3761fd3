/*
 * Latency of launches (or execs) as a keeper sees them: from the job's message to its end. To be read beside the raw
 * control in the same minute: `bench COUNT launch|exec yes|no PAUSE` where PAUSE is the raw control's program.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void report(const char *mode, uint64_t *ns, unsigned count) {
  qsort(ns, count, sizeof *ns, by_size);
  printf("{\"mode\":\"%s\",\"count\":%u,\"p50Ns\":%llu,\"p90Ns\":%llu,\"p99Ns\":%llu}\n", mode, count,
         (unsigned long long)ns[count / 2], (unsigned long long)ns[count * 9 / 10],
         (unsigned long long)ns[count * 99 / 100]);
}

/* As long as the raw control's. */
static void filter(struct builder *builder, const struct launch *options) {
  static struct {
    uint16_t code;
    uint8_t yes, no;
    uint32_t value;
  } program[342] = {{0x20, 0, 0, 0}};
  (void)options;
  for (unsigned i = 1; i <= 340; i += 2) {
    program[i].code = 0x15;
    program[i].no = 1;
    program[i].value = 2000 + i;
    program[i + 1].code = 0x06;
    program[i + 1].value = 0x00050001;
  }
  program[341].code = 0x06;
  program[341].value = 0x7fff0000;
  add_seccomp(builder, program, sizeof program);
}

int main(int argc, char **argv) {
  static const char *const pause_argv[] = {"/bin/pause", NULL}, *const true_argv[] = {"/bin/probe", NULL};
  static char output[OUTPUT_MAX];
  struct harness harness;
  if (argc < 4) return 2;
  unsigned count = (unsigned)strtoul(argv[1], NULL, 10);
  bool exec = strcmp(argv[2], "exec") == 0;
  uint64_t *ns = calloc(count, sizeof *ns), sums[4] = {0};
  harness_open(&harness);
  struct launch *options = calloc(count, sizeof *options);
  struct running *running = calloc(count, sizeof *running);
  unsigned launches = exec ? 1 : count;
  for (unsigned i = 0; i < launches; i++) {
    options[i] = launch_new(&harness, pause_argv);
    options[i].argv = (const char *const[]){"pause", NULL};
    options[i].candidate = "/bin/pause";
    options[i].child = filter;
    if (strcmp(argv[3], "no") == 0) options[i].namespaces &= ~(uint64_t)CLONE_NEWNET;
  }
  for (unsigned i = 0; i < launches; i++) {
    running[i] = launch(&harness, &options[i]);
    REQUIRE(running[i].failure.error == 0);
    ns[i] = running[i].took_ns;
    for (int phase = 0; phase < 4; phase++) sums[phase] += running[i].times_ns[phase];
  }
  for (unsigned i = 0; exec && i < count; i++) {
    uint64_t start = now();
    struct running process = exec_in(&harness, &running[0], &options[0], true_argv);
    REQUIRE(process.failure.error == 0);
    finish(&harness, &process, output);
    ns[i] = now() - start;
    for (int phase = 0; phase < 4; phase++) sums[phase] += process.times_ns[phase];
  }
  report(argv[2], ns, count);
  for (int phase = 0; phase < 4; phase++)
    printf("phase %d mean %llu ns\n", phase, (unsigned long long)(sums[phase] / count));
  for (unsigned i = 0; i < launches; i++) end_container(&harness, &running[i]);
  for (unsigned i = 0; i < launches; i++) REQUIRE(cleanup(&harness, &options[i]) == 0);
  harness_close(&harness);
  return 0;
}
