#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../src/keeper/base/kernel.h"
#include "../../../src/keeper/base/own.h"
#include "../../../src/keeper/base/socket.h"

#define PARENT "wrn-worker"

void require(bool condition, const char *file, int line, const char *text, const char *detail) {
  if (condition) return;
  fprintf(stderr, "%s:%d: %s\n%s\n", file, line, text, detail);
  exit(1);
}

static void command(const char *text) {
  int status = system(text);
  REQUIRE(status == 0, "shell command");
}

static void open_hierarchies(struct harness *harness) {
  static const char *const v1[] = {"unified", "memory", "pids", "cpu", "devices"};
  char path[64];
  harness->is_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  harness->hierarchy_count = harness->is_v2 ? 1 : 5;
  for (unsigned i = 0; i < harness->hierarchy_count; i++) {
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", harness->is_v2 ? "" : v1[i]);
    harness->hierarchies[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(harness->hierarchies[i] >= 0);
    REQUIRE(mkdirat(harness->hierarchies[i], PARENT, 0755) == 0 || errno == EEXIST);
  }
}

static void make_rootfs(const struct harness *harness) {
  char text[512];
  snprintf(
      text, sizeof text,
      "set -e; cd %s; mkdir -p layers/base containers; cd layers/base; mkdir bin dev proc sys tmp etc run; "
      "cp /bin/busybox bin/; for a in sh ls cat echo sleep mount umount id readlink hostname touch mkdir ps stat "
      "unshare true grep env pwd ln tty test kill dd head; do ln -s busybox bin/$a; done; chmod 1777 tmp; "
      "cp \"${PROBE:-/bin/busybox}\" bin/probe; cp \"${PAUSE:-/bin/busybox}\" bin/pause; chmod 755 bin/probe bin/pause",
      harness->data);
  command(text);
}

static pid_t start_worker(struct harness *harness, enum worker_role role, int *ours) {
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
  int size = 1 << 20;
  setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    OWN_FD init = open("/bin/busybox", O_RDONLY | O_CLOEXEC);
    struct worker_options options = {.role = role,
                                     .data_root = harness->data,
                                     .hierarchies = harness->hierarchies,
                                     .hierarchy_count = harness->hierarchy_count,
                                     .init_fd = init};
    worker_main(pair[1], &options);
  }
  close(pair[1]);
  *ours = pair[0];
  return pid;
}

void harness_open(struct harness *harness) {
  *harness = (struct harness){.jobs = 1};
  const char *place = getenv("TMPDIR");
  snprintf(harness->directory, sizeof harness->directory, "%s/wrn-worker-XXXXXX", place ? place : "/tmp");
  REQUIRE(mkdtemp(harness->directory) != NULL);
  snprintf(harness->data, sizeof harness->data, "%s/data", harness->directory);
  REQUIRE(mkdir(harness->data, 0700) == 0);
  open_hierarchies(harness);
  make_rootfs(harness);
  harness->launcher_pid = start_worker(harness, ROLE_LAUNCH, &harness->launcher);
  harness->opener_pid = start_worker(harness, ROLE_OPEN, &harness->opener);
}

void harness_close(struct harness *harness) {
  char text[128];
  int status;
  close(harness->launcher);
  close(harness->opener);
  REQUIRE(waitpid(harness->launcher_pid, &status, 0) > 0 && status == 0, "the launching worker ended badly");
  REQUIRE(waitpid(harness->opener_pid, &status, 0) > 0 && status == 0, "the opening worker ended badly");
  for (unsigned i = 0; i < harness->hierarchy_count; i++) {
    unlinkat(harness->hierarchies[i], PARENT, AT_REMOVEDIR); /* another harness may be at work */
    close(harness->hierarchies[i]);
  }
  snprintf(text, sizeof text, "rm -rf %s", harness->directory);
  command(text);
}

struct launch launch_new(struct harness *harness, const char *const *argv) {
  struct launch launch = {.argv = argv,
                          .capabilities = UINT64_C(0xa80425fb),
                          .namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
                                        CLONE_NEWUSER | CLONE_NEWCGROUP};
  char path[160];
  snprintf(launch.name, sizeof launch.name, "c%d-%u", (int)getpid(), harness->containers++);
  snprintf(launch.cgroup, sizeof launch.cgroup, PARENT "/%s", launch.name);
  snprintf(launch.upper, sizeof launch.upper, "containers/%s-upper", launch.name);
  snprintf(launch.work, sizeof launch.work, "containers/%s-work", launch.name);
  snprintf(path, sizeof path, "%s/%s", harness->data, launch.upper);
  REQUIRE(mkdir(path, 0755) == 0);
  snprintf(path, sizeof path, "%s/%s", harness->data, launch.work);
  REQUIRE(mkdir(path, 0755) == 0);
  return launch;
}

/* Denies /dev/full: the whole of a device filter's work in five instructions. */
static void add_device_filter(struct builder *builder, const char *cgroup) {
  static const uint64_t program[] = {
      UINT64_C(0x0000000000081261), /* r2 = minor */
      UINT64_C(0x0000000000041361), /* r3 = major */
      UINT64_C(0x00000001000000b7), /* r0 = 1 */
      UINT64_C(0x0000000100020355), /* if r3 != 1 skip 2 */
      UINT64_C(0x0000000700010255), /* if r2 != 7 skip 1 */
      UINT64_C(0x00000000000000b7), /* r0 = 0 */
      UINT64_C(0x0000000000000095), /* exit */
  };
  op_begin(builder, OP_CGROUP_DEVICES, PHASE_BEFORE, 0);
  write_u8(&builder->out, 0);
  write_str(&builder->out, cgroup);
  write_bytes(&builder->out, program, sizeof program);
  op_end(builder);
}

static void add_join(struct builder *builder, uint64_t flags) {
  op_begin(builder, OP_NAMESPACE_JOIN, PHASE_BEFORE, 0);
  write_u64(&builder->out, flags);
  write_str(&builder->out, "peer");
  op_end(builder);
}

static void plan_before(const struct harness *harness, const struct launch *launch, struct builder *builder) {
  for (uint8_t i = 0; i < harness->hierarchy_count; i++) add_cgroup(builder, OP_CGROUP_MAKE, i, launch->cgroup);
  if (harness->is_v2) {
    add_device_filter(builder, launch->cgroup);
  } else {
    add_cgroup_write(builder, 1, launch->cgroup, "memory.limit_in_bytes", "67108864");
    add_cgroup_write(builder, 2, launch->cgroup, "pids.max", "64");
    add_cgroup_write(builder, 3, launch->cgroup, "cpu.shares", "512");
    add_cgroup_write(builder, 4, launch->cgroup, "devices.deny", "c 1:7 rwm");
  }
  for (uint8_t i = 0; i < harness->hierarchy_count; i++) add_cgroup(builder, OP_CGROUP_JOIN, i, launch->cgroup);
  uint64_t flags = launch->namespaces & ~launch->joined;
  if (launch->host_users) flags &= ~(uint64_t)CLONE_NEWUSER;
  add_namespaces(builder, flags, launch->locked ? NAMESPACES_LOCKED : 0);
  if (flags & CLONE_NEWUSER) add_idmap(builder, ID_BASE);
  if (launch->peer) add_join(builder, launch->joined);
}

static void plan_mounts(struct builder *builder, const struct launch *launch) {
  static const char *const pts[] = {"newinstance", "", "ptmxmode", "0666", "mode", "0620", NULL, NULL};
  static const char *const shm[] = {"mode", "1777", "size", "65536k", NULL, NULL};
  const uint64_t safe = 2 | 4 | 8; /* nosuid, nodev, noexec */
  static const char *const masked[] = {"/proc/kcore", "/proc/keys",    "/proc/timer_list",
                                       "/proc/scsi",  "/sys/firmware", NULL};
  static const char *const readonly[] = {"/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
                                         "/proc/sysrq-trigger", NULL};
  add_mount(builder, "proc", "/proc", safe, NULL);
  add_mount(builder, "devpts", "/dev/pts", 2 | 8, pts);
  add_mount(builder, "tmpfs", "/dev/shm", safe, shm);
  add_mount(builder, "mqueue", "/dev/mqueue", safe, NULL);
  if (launch->child) launch->child(builder, launch);
  for (size_t i = 0; masked[i]; i++) add_path(builder, OP_MASK, 0, masked[i]);
  for (size_t i = 0; readonly[i]; i++) add_path(builder, OP_READONLY, 0, readonly[i]);
}

void launch_plan(const struct harness *harness, const struct launch *launch, struct builder *builder) {
  static const char *const environment[] = {"PATH=/bin", "TERM=xterm", NULL};
  struct overlay_options overlay = {.strategy = launch->strategy, .attributes = 4, .idmapped = !launch->host_users};
  overlay.upper = launch->read_only_overlay || launch->tmpfs_bytes ? NULL : launch->upper;
  overlay.work = overlay.upper ? launch->work : NULL;
  overlay.tmpfs_bytes = launch->tmpfs_bytes;
  plan_before(harness, launch, builder);
  add_overlay(builder, "layers/base", &overlay);
  add_bind(builder, "dev", "/dev",
           &(struct bind_options){
               .kind = BIND_SHARED, .flags = launch->host_users ? 0 : BIND_IDMAPPED, .attributes = 2 | 8});
  add_bind(builder, "sys", "/sys", &(struct bind_options){.kind = BIND_SHARED, .attributes = 1 | 2 | 4 | 8});
  if (launch->after) launch->after(builder, launch);
  plan_mounts(builder, launch);
  add_pair(builder, OP_HOSTNAME, "inside", "");
  if (launch->namespaces & CLONE_NEWNET) add_empty(builder, OP_LOOPBACK_UP);
  add_credentials(builder, 0, 0);
  add_capabilities(builder, launch->capabilities, 0);
  add_environment(builder, environment);
  const char *const candidates[] = {launch->candidate ? launch->candidate : launch->argv[0], NULL};
  add_exec(builder, candidates, launch->argv, launch->exec_flags);
  for (uint8_t i = harness->hierarchy_count; i-- > 0;) add_cgroup(builder, OP_CGROUP_REMOVE, i, launch->cgroup);
  builder_finish(builder);
}

static void send_plan(int socket, struct job_message message, const struct writer *plan, const int *fds, size_t count) {
  uint8_t *bytes = malloc(sizeof message + plan->len);
  REQUIRE(bytes != NULL);
  message.size = (uint32_t)plan->len;
  memcpy(bytes, &message, sizeof message);
  memcpy(bytes + sizeof message, plan->data, plan->len);
  REQUIRE(socket_send(socket, bytes, sizeof message + plan->len, fds, count) == 0);
  free(bytes);
}

void send_job(struct harness *harness, uint32_t kind, uint64_t job) {
  struct job_message message = {.kind = kind, .job = job};
  REQUIRE(socket_send(harness->launcher, &message, sizeof message, NULL, 0) == 0);
}

struct answer {
  struct job_message message;
  uint8_t bytes[4096];
};

static struct answer receive(int socket, int *fds, size_t *count) {
  struct answer answer;
  ssize_t got = socket_receive(socket, &answer, sizeof answer, fds, count);
  REQUIRE(got >= (ssize_t)sizeof answer.message, "the worker does not answer");
  return answer;
}

static size_t open_binds(struct harness *harness, const struct launch *options, const struct writer *plan, int *fds,
                         struct failure *failure) {
  size_t count = 64;
  send_plan(harness->opener, (struct job_message){.kind = JOB_OPEN, .job = harness->jobs}, plan,
            options->peer ? &options->peer->pidfd : NULL, options->peer ? 1 : 0);
  struct answer answer = receive(harness->opener, fds, &count);
  *failure = answer.message.failure;
  if (answer.message.kind == JOB_OPENED) failure->error = 0;
  return count;
}

static void take_end(struct harness *harness, struct running *running) {
  int pty = -1;
  size_t count = 1;
  struct answer answer = receive(harness->launcher, &pty, &count);
  running->failure = answer.message.failure;
  running->pty = count == 1 ? pty : -1;
  memcpy(running->times_ns, answer.message.times_ns, sizeof running->times_ns);
  if (answer.message.kind == JOB_DONE) {
    running->failure.error = 0;
    running->clamps = answer.bytes[0];
  } else {
    REQUIRE(answer.message.kind == JOB_FAILED);
  }
}

static void reap_failed(struct running *running) {
  if (running->failure.error == 0 || running->pid == 0) return;
  REQUIRE(waitpid(running->pid, NULL, __WALL) == running->pid);
  close(running->pidfd);
}

/* From the job to its end; the child's ends of stdio are closed here. */
static void drive(struct harness *harness, struct running *running, bool with_go) {
  size_t count = 1;
  struct answer answer = receive(harness->launcher, &running->pidfd, &count);
  if (answer.message.kind == JOB_FAILED) {
    running->failure = answer.message.failure;
    return;
  }
  REQUIRE(answer.message.kind == JOB_CLONED && count == 1);
  running->pid = answer.message.pid;
  if (answer.message.first > 0) REQUIRE(waitpid(answer.message.first, NULL, __WALL) == answer.message.first);
  if (with_go) send_job(harness, JOB_GO, harness->jobs);
  take_end(harness, running);
  reap_failed(running);
}

static uint64_t monotonic_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static struct running start(struct harness *harness, const struct launch *options, uint32_t kind,
                            const struct writer *plan, int *fds, size_t count) {
  int pipes[2] = {-1, -1};
  struct running running = {.output = -1, .pty = -1, .pidfd = -1};
  struct job_message message = {.kind = kind,
                                .job = ++harness->jobs,
                                .flags = JOB_TRACE | (options->tty ? JOB_TTY : 0),
                                .cols = 81,
                                .rows = 25,
                                .stdio_uid = options->host_users ? 0 : ID_BASE,
                                .stdio_gid = options->host_users ? 0 : ID_BASE};
  int all[96];
  size_t total = 0;
  OWN_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (!options->tty) {
    REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
    all[total++] = options->stdin_fd ? options->stdin_fd : null;
    all[total++] = pipes[1];
    all[total++] = pipes[1];
  }
  for (size_t i = 0; i < count; i++) all[total++] = fds[i];
  uint64_t begun = monotonic_ns();
  send_plan(harness->launcher, message, plan, all, total);
  if (pipes[1] >= 0) close(pipes[1]);
  running.output = pipes[0];
  if (!options->no_go) drive(harness, &running, kind == JOB_LAUNCH);
  running.took_ns = monotonic_ns() - begun;
  return running;
}

struct running launch(struct harness *harness, const struct launch *options) {
  struct builder builder = builder_new();
  struct running running = {.output = -1, .pidfd = -1, .pty = -1};
  int fds[64];
  launch_plan(harness, options, &builder);
  size_t count = open_binds(harness, options, &builder.out, fds, &running.failure);
  if (options->peer) fds[count++] = fcntl(options->peer->pidfd, F_DUPFD_CLOEXEC, 3);
  if (running.failure.error == 0) running = start(harness, options, JOB_LAUNCH, &builder.out, fds, count);
  for (size_t i = 0; i < count; i++) close(fds[i]);
  writer_free(&builder.out);
  return running;
}

struct running exec_in(struct harness *harness, const struct running *container, const struct launch *options,
                       const char *const *argv) {
  static const char *const environment[] = {"PATH=/bin", NULL};
  const char *const candidates[] = {argv[0], NULL};
  struct builder builder = builder_new();
  for (uint8_t i = 0; i < harness->hierarchy_count; i++) add_cgroup(&builder, OP_CGROUP_JOIN, i, options->cgroup);
  add_namespaces(&builder, 0, 0);
  add_credentials(&builder, 0, 0);
  add_capabilities(&builder, options->capabilities, 0);
  add_environment(&builder, environment);
  add_exec(&builder, candidates, argv, 0);
  builder_finish(&builder);
  int pidfd = container->pidfd;
  struct running running = start(harness, options, JOB_EXEC, &builder.out, &pidfd, 1);
  writer_free(&builder.out);
  return running;
}

int finish(struct harness *harness, struct running *running, char *output) {
  (void)harness;
  int status = 0, from = running->pty >= 0 ? running->pty : running->output;
  size_t len = 0;
  for (;;) {
    struct pollfd wait = {.fd = from, .events = POLLIN};
    if (poll(&wait, 1, 20000) <= 0) break;
    ssize_t got = read(from, output + len, OUTPUT_MAX - 1 - len);
    if (got <= 0) break;
    len += (size_t)got;
  }
  output[len] = 0;
  REQUIRE(waitpid(running->pid, &status, __WALL) == running->pid);
  set_fd(&running->output, -1);
  set_fd(&running->pty, -1);
  set_fd(&running->pidfd, -1);
  return status;
}

void end_container(struct harness *harness, struct running *running) {
  char output[OUTPUT_MAX];
  REQUIRE(kernel_pidfd_send_signal(running->pidfd, SIGKILL) == 0);
  finish(harness, running, output);
}

int cleanup(struct harness *harness, const struct launch *options) {
  struct builder builder = builder_new();
  for (uint8_t i = harness->hierarchy_count; i-- > 0;) add_cgroup(&builder, OP_CGROUP_REMOVE, i, options->cgroup);
  builder_finish(&builder);
  size_t none = 0;
  send_plan(harness->launcher, (struct job_message){.kind = JOB_CLEANUP, .job = ++harness->jobs}, &builder.out, NULL,
            0);
  struct answer answer = receive(harness->launcher, NULL, &none);
  writer_free(&builder.out);
  return answer.message.kind == JOB_DONE ? 0 : answer.message.failure.error;
}

int run(struct harness *harness, const struct launch *options, char *output, struct failure *failure) {
  struct running running = launch(harness, options);
  output[0] = 0;
  if (failure) *failure = running.failure;
  if (running.failure.error) {
    set_fd(&running.output, -1);
    if (!failure)
      fprintf(stderr, "phase %u op %u type %u: %s %s: %s\n", running.failure.phase, running.failure.index,
              running.failure.type, running.failure.message, running.failure.path, strerror(running.failure.error));
    return -1;
  }
  int status = finish(harness, &running, output);
  REQUIRE(cleanup(harness, options) == 0);
  return status;
}
