/*
 * The raw control: the kernel work of a default Warren launch and nothing else.
 * One process, no protocol, no plan, no supervision. What Warren promises is a
 * multiple of what this takes on the same machine in the same run.
 *
 *   raw [--count N] [--netns yes|no] [--superblocks 3|5] [--limits yes|no]
 * [--mode launch|exec]
 *       [--program FILE] [--cgroup NAME] [--directory NEW]
 *
 * Prints one JSON line a launch (or exec), one of all, one of their end
 * (killed, reaped) and one of the removal of their cgroups. Linux 6.15 or newer,
 * root. The program is a static one that does by its name what "pause"
 * and "true" say; without it, that is this one. Everything it made is gone when
 * it ends.
 */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "raw.h"

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

struct totals {
  uint64_t ns;
  int64_t memory_bytes;
};

static void report(const struct control *control, uint64_t *ns,
                   struct totals total) {
  for (unsigned i = 0; i < control->count; i++)
    printf("{\"index\":%u,\"ns\":%llu}\n", i, (unsigned long long)ns[i]);
  qsort(ns, control->count, sizeof *ns, by_size);
  printf("{\"mode\":\"%s\",\"count\":%u,\"netns\":%s,\"limits\":%s,"
         "\"superblocks\":%u,\"totalNs\":%llu,"
         "\"memoryBytes\":%lld,\"p50Ns\":%llu,\"p90Ns\":%llu,\"p99Ns\":%llu}\n",
         control->exec ? "exec" : "launch", control->count,
         control->netns ? "true" : "false", control->limits ? "true" : "false",
         control->superblocks, (unsigned long long)total.ns,
         (long long)total.memory_bytes,
         (unsigned long long)ns[control->count / 2],
         (unsigned long long)ns[control->count * 9 / 10],
         (unsigned long long)ns[control->count * 99 / 100]);
}

static void end_all(const struct control *control,
                    const struct container *containers, unsigned count) {
  uint64_t start = now();
  write_at(control->hierarchies[UNIFIED], "cgroup.kill", "1");
  uint64_t killed = now();
  for (unsigned i = 0; i < count; i++)
    waitpid(containers[i].pid, NULL, 0);
  printf("{\"killNs\":%llu,\"reapNs\":%llu}\n",
         (unsigned long long)(killed - start),
         (unsigned long long)(now() - killed));
}

/* ---- the end, by the process that stayed in the host's mount namespace ----
 */

static void remove_cgroups(const struct control *control) {
  char path[160];
  uint64_t start = now();
  write_at(control->hierarchies[UNIFIED], "cgroup.kill", "1");
  for (int h = 0; h < HIERARCHIES; h++) {
    if (control->hierarchies[h] < 0)
      continue;
    for (unsigned i = 0; i < control->count; i++) {
      snprintf(path, sizeof path, "%u", i);
      while (unlinkat(control->hierarchies[h], path, AT_REMOVEDIR) < 0 &&
             errno == EBUSY)
        poll(NULL, 0, 1);
    }
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/%s",
             control->v2 ? "" : hierarchy_paths[h], control->cgroup);
    CHECK(rmdir(path), path);
  }
  printf("{\"removeNs\":%llu}\n", (unsigned long long)(now() - start));
}

static void remove_files(const struct control *control) {
  char command[sizeof control->directory + 16];
  snprintf(command, sizeof command, "rm -rf '%s'", control->directory);
  if (system(command) != 0)
    die("remove the files");
}

static _Noreturn void measure(struct control *control) {
  unsigned launches = control->exec ? 1 : control->count;
  struct container *containers = calloc(launches, sizeof *containers);
  uint64_t *ns = calloc(control->count, sizeof *ns);
  if (!containers || !ns)
    die("allocate");
  make_room(control);
  uint64_t before = memory_available(), start = now();
  for (unsigned i = 0; i < launches; i++) {
    containers[i] = launch(control, i);
    ns[i] = containers[i].ns;
  }
  if (control->exec)
    start = now();
  for (unsigned i = 0; control->exec && i < control->count; i++)
    ns[i] = exec_once(control, &containers[0]);
  struct totals total = {.ns = now() - start};
  total.memory_bytes = (int64_t)(before - memory_available());
  report(control, ns, total);
  end_all(control, containers, launches);
  exit(0);
}

static bool yes(const char *text) {
  if (strcmp(text, "yes") == 0)
    return true;
  if (strcmp(text, "no") == 0)
    return false;
  errno = EINVAL;
  die(text);
}

static void read_options(struct control *control, char **argv) {
  for (; argv[0] && argv[1]; argv += 2) {
    if (!strcmp(argv[0], "--count"))
      control->count = (unsigned)strtoul(argv[1], NULL, 10);
    else if (!strcmp(argv[0], "--netns"))
      control->netns = yes(argv[1]);
    else if (!strcmp(argv[0], "--superblocks"))
      control->superblocks = (unsigned)strtoul(argv[1], NULL, 10);
    else if (!strcmp(argv[0], "--limits"))
      control->limits = yes(argv[1]);
    else if (!strcmp(argv[0], "--mode"))
      control->exec = strcmp(argv[1], "exec") == 0;
    else if (!strcmp(argv[0], "--program"))
      control->program = argv[1];
    else if (!strcmp(argv[0], "--cgroup"))
      control->cgroup = argv[1];
    else if (!strcmp(argv[0], "--directory"))
      snprintf(control->directory, sizeof control->directory, "%s", argv[1]);
    else
      break;
  }
  errno = EINVAL;
  if (argv[0] || control->count == 0 ||
      (control->superblocks != 3 && control->superblocks != 5))
    die("understand the options");
}

/* ---- an interrupted run ---- */

static volatile pid_t measuring;
static volatile sig_atomic_t interrupted;

static void end_measuring(int signal) {
  (void)signal;
  interrupted = 1;
  if (measuring > 0)
    kill(measuring, SIGKILL);
}

/* Ends the measurement, not the clean-up: also when whoever started this is
 * gone. */
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = end_measuring,
                             .sa_flags = SA_RESTART};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static pid_t start_measuring(struct control *control) {
  sigset_t ending, before;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGHUP);
  sigprocmask(SIG_BLOCK, &ending, &before);
  pid_t pid = fork();
  CHECK(pid, "fork");
  if (pid == 0 && interrupted)
    _exit(1);
  if (pid == 0) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    measure(control);
  }
  measuring = pid;
  sigprocmask(SIG_SETMASK, &before, NULL);
  return pid;
}

int main(int argc, char **argv) {
  const char *name =
      strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
  if (argc == 1 && strcmp(name, "pause") == 0)
    return pause();
  if (argc == 1 && strcmp(name, "true") == 0)
    return 0;
  struct control control = {.count = 100,
                            .superblocks = 5,
                            .netns = true,
                            .limits = true,
                            .program = "/proc/self/exe",
                            .cgroup = "warren-raw",
                            .directory = "/tmp/warren-raw"};
  int status;
  read_options(&control, argv + 1);
  umask(0);
  catch_signals();
  open_hierarchies(&control);
  build_filter(&control);
  make_files(&control);
  fflush(stdout);
  pid_t pid = start_measuring(&control);
  CHECK(waitpid(pid, &status, 0), "wait");
  remove_cgroups(&control);
  remove_files(&control);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
