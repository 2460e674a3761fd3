/* Each case is a behaviour of the worker that can only be seen on the real kernel. With its sentence as the argument one runs, with --list all are named. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../src/keeper/base/socket.h"
#include "../worker/harness.h"

#define CAP_SYS_ADMIN_BIT  (UINT64_C(1) << 21)
#define CAP_SYS_PTRACE_BIT (UINT64_C(1) << 19)

static char output[OUTPUT_MAX];

static bool has(const char *text) { return strstr(output, text) != NULL; }

static int exit_code(int status) { return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

static int sh(struct harness *harness, struct launch *launch, const char *script) {
  const char *const argv[] = {"/bin/sh", "-c", script, NULL};
  launch->argv = argv;
  return exit_code(run(harness, launch, output, NULL));
}

static const char *const no_argv[] = {"/bin/true", NULL};

static void in_upper(const struct harness *harness, const struct launch *launch, char *path, size_t size,
                     const char *name) {
  snprintf(path, size, "%s/%s/%s", harness->data, launch->upper, name);
}

static void runs_a_command(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  REQUIRE(sh(harness, &launch, "id -u; hostname; cat /proc/self/uid_map; echo pid $$; cat /proc/self/cgroup; exit 7") ==
          7);
  REQUIRE(strstr(output, "0\ninside\n") == output, "identity");
  REQUIRE(has("0    1000000      65536") && has("pid 1\n") && has("0::/\n"), "namespaces");
  REQUIRE(!has("wrn-worker"), "its cgroup's place on the host shows");
}

static void writes_0_based_ids(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  struct stat status;
  char path[256];
  REQUIRE(sh(harness, &launch,
             "touch /file && chown() { busybox chown $*; } && chown 42:43 /file && rm -f /etc/x; mkdir /etc/d") == 0);
  in_upper(harness, &launch, path, sizeof path, "file");
  REQUIRE(stat(path, &status) == 0 && status.st_uid == 42 && status.st_gid == 43, "ids in the writable layer");
  in_upper(harness, &launch, path, sizeof path, "etc/d");
  REQUIRE(stat(path, &status) == 0 && status.st_uid == 0, "root's id in the writable layer");
}

static bool takes_detached_layers(void) {
  struct utsname names;
  int major = 0, minor = 0;
  REQUIRE(uname(&names) == 0 && sscanf(names.release, "%d.%d", &major, &minor) == 2);
  return major > 6 || (major == 6 && minor >= 15);
}

static void uses_both_overlay_strategies(struct harness *harness) {
  for (uint8_t strategy = takes_detached_layers() ? OVERLAY_FD : OVERLAY_ATTACHED; strategy <= OVERLAY_ATTACHED;
       strategy++) {
    struct launch launch = launch_new(harness, no_argv);
    struct stat status;
    char path[256];
    launch.strategy = strategy;
    REQUIRE(sh(harness, &launch, "echo x >/new && busybox chown 5 /new && cat /proc/self/mountinfo && ls /etc") == 0,
            "overlay");
    in_upper(harness, &launch, path, sizeof path, "new");
    REQUIRE(stat(path, &status) == 0 && status.st_uid == 5, "ids in the writable layer");
    launch = launch_new(harness, no_argv);
    launch.strategy = strategy;
    launch.tmpfs_bytes = 1 << 20;
    REQUIRE(sh(harness, &launch, "echo x >/new && dd if=/dev/zero of=/big bs=1024 count=4096 2>&1; test -e /new") == 0);
    REQUIRE(has("No space left"), "the tmpfs is bounded");
    launch = launch_new(harness, no_argv);
    launch.strategy = strategy;
    launch.read_only_overlay = true;
    REQUIRE(sh(harness, &launch, "echo x >/new || mount -o remount,rw / || echo kept") == 0 && has("kept"));
    launch = launch_new(harness, no_argv);
    launch.strategy = strategy;
    launch.host_users = true;
    REQUIRE(sh(harness, &launch, "cat /proc/self/uid_map; echo x >/new") == 0 && has("4294967295"));
  }
}

static void starts_programs_clean(struct harness *harness) {
  const char *const argv[] = {"/bin/probe", "state", NULL};
  struct launch launch = launch_new(harness, argv);
  REQUIRE(exit_code(run(harness, &launch, output, NULL)) == 0);
  REQUIRE(has("fd 0\nfd 1\nfd 2\nSigQ"), "descriptors beyond stdio are open");
  REQUIRE(has("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000"), "signals");
  REQUIRE(has("CapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb"), "capabilities");
  REQUIRE(has("session 1\n"), "session");
}

static void missing_program(struct harness *harness) {
  struct failure failure;
  struct launch launch = launch_new(harness, no_argv);
  launch.candidate = "/bin/no-such";
  REQUIRE(run(harness, &launch, output, &failure) == -1);
  REQUIRE(failure.error == ENOENT && failure.phase == PHASE_EXEC && failure.type == OP_EXEC &&
          !strcmp(failure.path, "/bin/no-such"));
  launch = launch_new(harness, no_argv);
  launch.candidate = "/etc";
  REQUIRE(run(harness, &launch, output, &failure) == -1 && failure.error == EACCES && failure.phase == PHASE_EXEC);
  launch = launch_new(harness, no_argv);
  launch.candidate = "/proc/version";
  REQUIRE(run(harness, &launch, output, &failure) == -1 && failure.error == EACCES);
  char path[128];
  snprintf(path, sizeof path, "/sys/fs/cgroup/%s%s", harness->is_v2 ? "" : "unified/", launch.cgroup);
  REQUIRE(access(path, F_OK) < 0 && errno == ENOENT, "a failed launch leaves its cgroup");
}

static void link_binds(struct builder *builder, const struct launch *launch) {
  (void)launch;
  const struct bind_options make_dir = {.kind = BIND_HOST, .create = CREATE_DIR, .attributes = 1};
  const struct bind_options make_file = {.kind = BIND_HOST, .create = CREATE_LIKE_SOURCE};
  add_bind(builder, "/usr/share", "/absolute/there", &make_dir);
  add_bind(builder, "/usr/share", "/climbing/there", &make_dir);
  add_bind(builder, "/usr/share", "/dangling/there", &make_dir);
  add_bind(builder, "/etc/hostname", "/new/dir/file", &make_file);
}

static void keeps_targets_in_the_root(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  char path[256];
  launch.after = link_binds;
  in_upper(harness, &launch, path, sizeof path, "absolute");
  REQUIRE(symlink("/tmp", path) == 0);
  in_upper(harness, &launch, path, sizeof path, "climbing");
  REQUIRE(symlink("../../../../../../../../tmp", path) == 0);
  in_upper(harness, &launch, path, sizeof path, "dangling");
  REQUIRE(symlink("/made/later", path) == 0);
  REQUIRE(sh(harness, &launch,
             "cat /proc/self/mountinfo; ls -d /made/later/there/man /tmp/there/man; cat /new/dir/file; touch "
             "/tmp/there/x") != 0);
  REQUIRE(has("/made/later/there/man\n") && has("/tmp/there/man\n"), "targets");
  REQUIRE(access("/tmp/there", F_OK) < 0, "a target was made on the host");
  REQUIRE(has("Read-only"), "the bind is writable");
  struct stat status;
  in_upper(harness, &launch, path, sizeof path, "made/later");
  REQUIRE(stat(path, &status) == 0 && status.st_uid == 0, "targets belong to the container's root");
}

static void loop_binds(struct builder *builder, const struct launch *launch) {
  (void)launch;
  add_bind(builder, "/usr/share", "/loop/there", &(struct bind_options){.kind = BIND_HOST, .create = CREATE_DIR});
}

static void refuses_link_loops(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  struct failure failure;
  char path[256];
  launch.after = loop_binds;
  in_upper(harness, &launch, path, sizeof path, "loop");
  REQUIRE(symlink("/loop/x", path) == 0);
  REQUIRE(run(harness, &launch, output, &failure) == -1 && failure.error == ELOOP && failure.type == OP_BIND);
}

static void magic_binds(struct builder *builder, const struct launch *launch) {
  (void)launch;
  add_bind(builder, "/usr/share", "/proc/self/root/tmp/x",
           &(struct bind_options){.kind = BIND_HOST, .create = CREATE_DIR});
}

static void refuses_magic_links(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  struct failure failure;
  launch.after = magic_binds;
  REQUIRE(run(harness, &launch, output, &failure) == -1 && failure.error == ELOOP && failure.type == OP_BIND);
}

static void optional_binds(struct builder *builder, const struct launch *launch) {
  (void)launch;
  add_bind(builder, "/no/such/place", "/skipped",
           &(struct bind_options){.kind = BIND_HOST, .flags = BIND_OPTIONAL, .create = CREATE_DIR});
  add_bind(builder, "/usr/share", "/kept",
           &(struct bind_options){.kind = BIND_HOST, .flags = BIND_OPTIONAL, .create = CREATE_DIR});
}
static void missing_bind(struct builder *builder, const struct launch *launch) {
  (void)launch;
  add_bind(builder, "/no/such/place", "/skipped", &(struct bind_options){.kind = BIND_HOST, .create = CREATE_DIR});
}

static void skips_optional_binds(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  struct failure failure;
  launch.after = optional_binds;
  REQUIRE(sh(harness, &launch, "test ! -e /skipped && test -e /kept/man") == 0);
  launch = launch_new(harness, no_argv);
  launch.after = missing_bind;
  REQUIRE(run(harness, &launch, output, &failure) == -1);
  REQUIRE(failure.error == ENOENT && failure.type == OP_BIND && failure.phase == PHASE_AFTER &&
          !strcmp(failure.path, "/no/such/place"));
}

static void volume_binds(struct builder *builder, const struct launch *launch) {
  add_bind(builder, "volumes/v", "/data",
           &(struct bind_options){
               .kind = BIND_STORE, .flags = launch->host_users ? 0 : BIND_IDMAPPED, .create = CREATE_DIR});
}

static void volumes_keep_ids(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  char path[256];
  struct stat status;
  snprintf(path, sizeof path, "%s/volumes", harness->data);
  REQUIRE(mkdir(path, 0700) == 0);
  snprintf(path, sizeof path, "%s/volumes/v", harness->data);
  REQUIRE(mkdir(path, 0755) == 0);
  launch.after = volume_binds;
  REQUIRE(sh(harness, &launch, "touch /data/f && busybox chown 7 /data/f && stat -c %u /data") == 0 && has("0\n"));
  snprintf(path, sizeof path, "%s/volumes/v/f", harness->data);
  REQUIRE(stat(path, &status) == 0 && status.st_uid == 7);
}

static void locked_binds(struct builder *builder, const struct launch *launch) {
  (void)launch;
  add_bind(builder, "/usr/share", "/host",
           &(struct bind_options){.kind = BIND_HOST, .create = CREATE_DIR, .attributes = 1 | 2 | 4});
}

/* What a container with CAP_SYS_ADMIN in its user namespace does to a read-only bind. */
static void locks_read_only_binds(struct harness *harness) {
  static const char *const places[] = {"/host", "/dev", "/sys"};
  for (size_t i = 0; i < 3; i++) {
    const char *const argv[] = {"/bin/probe", "writable", places[i], NULL};
    struct launch launch = launch_new(harness, argv);
    launch.locked = true;
    launch.capabilities |= CAP_SYS_ADMIN_BIT;
    launch.after = locked_binds;
    REQUIRE(exit_code(run(harness, &launch, output, NULL)) == 0);
    fputs(output, stderr);
    if (i == 1) {
      /* /dev may lose its flags, not its superblock's. */
      REQUIRE(!has("remount superblock /dev: ok"));
    } else {
      REQUIRE(!has("remount /host: ok") && !has("remount superblock /host: ok") && !has("setattr /host: ok"),
              "loosened");
      REQUIRE(!has("umount /host: ok"), "uncovered");
    }
    REQUIRE(!has("write /host: ok") && !has("write /dev: ok") && !has("write /sys: ok"), "writable");
  }
  const char *const argv[] = {"/bin/probe", "nested", "/host", NULL};
  struct launch launch = launch_new(harness, argv);
  launch.after = locked_binds;
  REQUIRE(exit_code(run(harness, &launch, output, NULL)) == 0);
  fputs(output, stderr);
  REQUIRE(has("unshare: ok") && !has("setattr /host: ok") && !has("write /host: ok"),
          "a nested user namespace loosens a bind");
}

static void uncovers_nothing(struct harness *harness) {
  for (int locked = 0; locked < 2; locked++) {
    const char *const argv[] = {"/bin/probe", "uncover", NULL};
    struct launch launch = launch_new(harness, argv);
    launch.locked = locked;
    launch.capabilities |= CAP_SYS_ADMIN_BIT;
    REQUIRE(exit_code(run(harness, &launch, output, NULL)) == 0);
    fputs(output, stderr);
    if (!locked) REQUIRE(has("setns: ok\nin /: ") && !has("bin"), "not the bare root");
    REQUIRE(has(locked ? "pids in /proc: 1" : "pids in /proc: 0"), "host processes");
    REQUIRE(locked || (has("write: Read-only file system") && has("mkdir: Read-only file system")),
            "the bare root is writable");
  }
}

static void sees_only_its_own(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  REQUIRE(sh(harness, &launch,
             "ls -d /proc/[0-9]* | grep -v self; cat /proc/self/mountinfo; ls /sys/class/net; ls -la /dev; cat "
             "/proc/kcore | head -c 1; "
             "ls /proc/scsi; echo 1 >/proc/sys/fs/file-max; echo x >/proc/sysrq-trigger; cat /proc/net/dev") >= 0);
  fputs(output, stderr);
  REQUIRE(has("/proc/1\n") && !has("wrn-worker"), "host paths");
  REQUIRE(!has("eth0"), "host devices");
  REQUIRE(has("can't create /proc/sys/fs/file-max: Read-only"), "sysctl");
}

static void execs(struct harness *harness) {
  const char *const idle[] = {"/bin/sleep", "100", NULL},
                    *const argv[] = {"/bin/sh", "-c",
                                     "id -u; hostname; echo $$; cat /proc/1/comm /proc/self/cgroup; exit 9", NULL};
  const char *const state[] = {"/bin/probe", "state", NULL}, *const missing[] = {"/no/such", NULL};
  struct launch options = launch_new(harness, idle);
  struct running container = launch(harness, &options);
  REQUIRE(container.failure.error == 0);
  struct running process = exec_in(harness, &container, &options, argv);
  REQUIRE(process.failure.error == 0);
  REQUIRE(exit_code(finish(harness, &process, output)) == 9);
  REQUIRE(strstr(output, "0\ninside\n2\nsleep\n") == output && has("0::/\n"), "in the container");
  process = exec_in(harness, &container, &options, state);
  REQUIRE(exit_code(finish(harness, &process, output)) == 0);
  REQUIRE(has("fd 0\nfd 1\nfd 2\nSigQ") && has("CapBnd:\t00000000a80425fb"), "clean");
  process = exec_in(harness, &container, &options, missing);
  REQUIRE(process.failure.error == ENOENT && process.failure.phase == PHASE_EXEC);
  close(process.output);
  end_container(harness, &container);
  REQUIRE(cleanup(harness, &options) == 0);
}

static void exec_in_a_dead_container(struct harness *harness) {
  const char *const idle[] = {"/bin/sleep", "100", NULL};
  struct launch options = launch_new(harness, idle);
  struct running container = launch(harness, &options), copy = container;
  copy.pidfd = fcntl(container.pidfd, F_DUPFD_CLOEXEC, 3);
  end_container(harness, &container);
  struct running process = exec_in(harness, &copy, &options, no_argv);
  REQUIRE(process.failure.error == ESRCH);
  close(process.output);
  close(copy.pidfd);
  REQUIRE(cleanup(harness, &options) == 0);
}

static void exec_cannot_be_attacked(struct harness *harness) {
  const char *const attacker[] = {"/bin/probe", "attack", NULL}, *const stop[] = {"/bin/touch", "/tmp/stop", NULL};
  struct launch options = launch_new(harness, attacker);
  options.capabilities |= CAP_SYS_PTRACE_BIT | CAP_SYS_ADMIN_BIT;
  options.locked = true;
  struct running container = launch(harness, &options);
  REQUIRE(container.failure.error == 0);
  for (int i = 0; i < 300; i++) {
    struct running process = exec_in(harness, &container, &options, no_argv);
    REQUIRE(process.failure.error == 0);
    finish(harness, &process, output);
  }
  struct running process = exec_in(harness, &container, &options, stop);
  finish(harness, &process, output);
  REQUIRE(exit_code(finish(harness, &container, output)) == 0);
  fputs(output, stderr);
  REQUIRE(has("tries some") && !has("saw "), "the host's program was seen from inside");
  REQUIRE(cleanup(harness, &options) == 0);
}

static void gives_terminals(struct harness *harness) {
  const char *const script[] = {"/bin/sh", "-c",
                                "tty; echo uid $(stat -c %u /dev/pts/0); busybox stty size; test -c /dev/console && "
                                "echo console; echo done; read x <&2",
                                NULL};
  const char *const argv[] = {"/bin/sh", "-c", "tty; echo second", NULL};
  struct launch options = launch_new(harness, script);
  options.tty = true;
  struct running container = launch(harness, &options);
  REQUIRE(container.failure.error == 0 && container.pty >= 0, "no terminal");
  struct running process = exec_in(harness, &container, &options, argv);
  REQUIRE(process.failure.error == 0 && process.pty >= 0);
  finish(harness, &process, output);
  REQUIRE(has("/dev/pts/1\r\nsecond\r\n"), "a terminal for exec");
  REQUIRE(write(container.pty, "x\n", 2) == 2);
  REQUIRE(exit_code(finish(harness, &container, output)) == 0);
  fputs(output, stderr);
  REQUIRE(has("/dev/pts/0\r\n") && has("uid 0\r\n") && has("25 81\r\n") && has("console\r\ndone\r\n"),
          "a terminal for init");
  REQUIRE(cleanup(harness, &options) == 0);
}

static void aborts(struct harness *harness) {
  struct launch options = launch_new(harness, no_argv);
  struct job_message message;
  options.no_go = true;
  struct running container = launch(harness, &options);
  size_t count = 1;
  REQUIRE(socket_receive(harness->launcher, &message, sizeof message, &container.pidfd, &count) > 0 &&
          message.kind == JOB_CLONED);
  send_job(harness, JOB_ABORT, harness->jobs);
  REQUIRE(recv(harness->launcher, &message, sizeof message, 0) > 0);
  REQUIRE(message.kind == JOB_FAILED && message.failure.error == ECANCELED);
  REQUIRE(waitpid(message.pid, NULL, __WALL) == message.pid);
  close(container.pidfd);
  close(container.output);
  REQUIRE(cleanup(harness, &options) == 0, "already clean");
}

static void tells_death_from_success(struct harness *harness) {
  struct launch options = launch_new(harness, no_argv);
  struct job_message message;
  options.no_go = true;
  struct running container = launch(harness, &options);
  size_t count = 1;
  REQUIRE(socket_receive(harness->launcher, &message, sizeof message, &container.pidfd, &count) > 0 &&
          message.kind == JOB_CLONED);
  REQUIRE(kill(message.pid, SIGKILL) == 0);
  REQUIRE(recv(harness->launcher, &message, sizeof message, 0) > 0);
  REQUIRE(message.kind == JOB_FAILED && message.failure.error == ECHILD, "a silent death");
  REQUIRE(strcmp(message.failure.path, "signal 9") == 0, "the signal that ended it");
  REQUIRE(waitpid(message.pid, NULL, __WALL) == message.pid);
  close(container.pidfd);
  close(container.output);
}

static void more_limits(struct builder *builder, const struct launch *launch) {
  (void)launch;
  add_rlimit(builder, 7, 1 << 30, 1 << 30);
  add_rlimit(builder, 4, 0, 0);
  add_pair(builder, OP_SYSCTL, "net.ipv4.ping_group_range", "0 0");
  add_empty(builder, OP_KEYRING);
  add_path(builder, OP_WORKDIR, WORKDIR_CREATE, "/a/b");
}

static void clamps_limits(struct harness *harness) {
  const char *const argv[] = {"/bin/sh", "-c", "ulimit -n; ulimit -c; pwd; cat /proc/sys/net/ipv4/ping_group_range",
                              NULL};
  struct launch options = launch_new(harness, argv);
  options.child = more_limits;
  struct running container = launch(harness, &options);
  REQUIRE(container.failure.error == 0 || container.failure.type == OP_SYSCTL);
  fprintf(stderr, "%s %s %d\n", container.failure.message, container.failure.path, container.failure.error);
  REQUIRE(container.clamps == 1, "the clamp is reported");
  REQUIRE(exit_code(finish(harness, &container, output)) == 0);
  fputs(output, stderr);
  REQUIRE(has("\n0\n/a/b\n"), "limits");
  REQUIRE(cleanup(harness, &options) == 0);
}

static void no_new_privileges(struct builder *builder, const struct launch *launch) {
  add_empty(builder, OP_NO_NEW_PRIVILEGES);
  (void)launch;
}
/* Allows all but uname, which fails with EPERM. */
static void filter(struct builder *builder, const struct launch *launch) {
  static const struct {
    uint16_t code;
    uint8_t yes, no;
    uint32_t value;
  } program[] = {{0x20, 0, 0, 0}, {0x15, 0, 1, 63}, {0x06, 0, 0, 0x00050001}, {0x06, 0, 0, 0x7fff0000}};
  add_seccomp(builder, program, sizeof program);
  if (launch->user_environment) no_new_privileges(builder, launch);
}

static void filters_calls(struct harness *harness) {
  for (int nnp = 0; nnp < 2; nnp++) {
    struct launch launch = launch_new(harness, no_argv);
    launch.child = filter;
    launch.user_environment = nnp ? "x" : NULL;
    REQUIRE(sh(harness, &launch, "busybox uname; grep -E 'Seccomp:|NoNewPrivs' /proc/self/status") == 0);
    fputs(output, stderr);
    REQUIRE(!has("Linux") && has("Seccomp:\t2") && has(nnp ? "NoNewPrivs:\t1" : "NoNewPrivs:\t0"));
  }
}

static void runs_by_descriptor(struct harness *harness) {
  const char *const argv[] = {"sh", "-c", "readlink /proc/self/exe; echo $$", NULL};
  struct launch launch = launch_new(harness, argv);
  launch.exec_flags = EXEC_INIT;
  REQUIRE(exit_code(run(harness, &launch, output, NULL)) == 0 && has("1\n"), "executed by descriptor");
}

static void removes_inner_cgroups(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  REQUIRE(sh(harness, &launch,
             "mkdir /c && mount -t cgroup2 c /c && mkdir -p /c/a/b/c && echo 1 >/c/a/b/cgroup.procs; ls /c") >= 0);
}

static void own_cgroup_mount(struct builder *builder, const struct launch *launch) {
  (void)launch;
  add_mount(builder, "cgroup2", "/cg", 2 | 4 | 8, NULL);
}

static void mounts_its_cgroup(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  launch.child = own_cgroup_mount;
  REQUIRE(sh(harness, &launch, "cat /cg/cgroup.procs; cat /proc/self/mountinfo | grep cg; ls /cg") == 0);
  REQUIRE(!has("wrn-worker") && strstr(output, "1\n") == output, "its own cgroup's root");
}

static void filters_devices(struct harness *harness) {
  struct launch launch = launch_new(harness, no_argv);
  REQUIRE(sh(harness, &launch, "head -c 1 /dev/zero | busybox wc -c; head -c 1 /dev/full") != 0);
  REQUIRE(strstr(output, "1\n") == output && has("Operation not permitted"), "the device filter");
}

static void joins_namespaces(struct harness *harness) {
  static const char *const idle[] = {"/bin/sleep", "100", NULL};
  for (int host_users = 0; host_users < 2; host_users++) {
    struct launch first = launch_new(harness, idle), second = launch_new(harness, no_argv);
    first.host_users = second.host_users = host_users;
    struct running peer = launch(harness, &first);
    REQUIRE(peer.failure.error == 0);
    second.peer = &peer;
    second.joined = (host_users ? 0 : CLONE_NEWUSER) | CLONE_NEWNET | CLONE_NEWIPC;
    char theirs[64] = "", path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)peer.pid);
    REQUIRE(readlink(path, theirs, sizeof theirs - 1) > 0);
    REQUIRE(sh(harness, &second,
               "readlink /proc/self/ns/net; echo pid $$; busybox ping -c 1 -q 127.0.0.1; cat /proc/self/uid_map; touch "
               "/f") == 0);
    REQUIRE(strstr(output, theirs) == output && has("pid 1\n") && has("1 packets received"), "shared namespaces");
    end_container(harness, &peer);
    REQUIRE(cleanup(harness, &first) == 0);
  }
}

static unsigned count_in(pid_t pid, const char *name) {
  char command[96];
  unsigned count = 0;
  snprintf(command, sizeof command, "%s /proc/%d/%s | wc -l", strcmp(name, "fd") ? "cat" : "ls", (int)pid, name);
  FILE *pipe = popen(command, "re");
  REQUIRE(pipe != NULL && fscanf(pipe, "%u", &count) == 1);
  pclose(pipe);
  return count;
}

/* A worker answers before it closes a job's descriptors. It takes the next message, here one to ignore, after that. */
static void settle(int socket) {
  const struct job_message ignored = {.kind = JOB_ABORT};
  int unread = 0;
  REQUIRE(socket_send(socket, &ignored, sizeof ignored, NULL, 0) == 0);
  do {
    sched_yield();
    REQUIRE(ioctl(socket, SIOCOUTQ, &unread) == 0);
  } while (unread > 0);
}

static void keeps_nothing_of_a_job(struct harness *harness) {
  struct failure failure;
  unsigned fds[2], mounts[2], opener[2];
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 6; i++) {
      struct launch launch = launch_new(harness, no_argv);
      launch.strategy = i & 1 ? OVERLAY_ATTACHED : OVERLAY_PROBE;
      launch.tmpfs_bytes = i & 2 ? 1 << 20 : 0;
      launch.locked = i & 4;
      launch.after = i == 5 ? missing_bind : locked_binds;
      launch.candidate = i == 4 ? "/no/such" : NULL;
      int status = run(harness, &launch, output, &failure);
      REQUIRE((status == 0) == (i < 4));
    }
    settle(harness->launcher);
    settle(harness->opener);
    fds[round] = count_in(harness->launcher_pid, "fd");
    mounts[round] = count_in(harness->launcher_pid, "mountinfo");
    opener[round] = count_in(harness->opener_pid, "fd");
  }
  REQUIRE(fds[0] == fds[1] && opener[0] == opener[1], "descriptors are left");
  REQUIRE(mounts[0] == mounts[1], "mounts are left");
}

static void leaves_no_children(struct harness *harness) {
  (void)harness;
  siginfo_t info = {0};
  waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL);
  REQUIRE(info.si_pid == 0, "a process nobody told about");
}

struct named_case {
  const char *name;
  void (*run)(struct harness *);
};
static const struct named_case cases[] = {
    {"runs a command in namespaces and cgroups of its own", runs_a_command},
    {"keeps ids 0-based on disk", writes_0_based_ids},
    {"makes every kind of root with both overlay strategies", uses_both_overlay_strategies},
    {"starts programs without foreign descriptors, signals and capabilities", starts_programs_clean},
    {"tells a program that is missing from one that may not run, and leaves nothing", missing_program},
    {"keeps bind targets in the root whatever links say", keeps_targets_in_the_root},
    {"refuses loops of links", refuses_link_loops},
    {"refuses magic links in targets", refuses_magic_links},
    {"skips optional binds that are missing and names others", skips_optional_binds},
    {"keeps ids of volumes 0-based", volumes_keep_ids},
    {"locks read-only binds against CAP_SYS_ADMIN and nested user namespaces", locks_read_only_binds},
    {"uncovers only an empty read-only root", uncovers_nothing},
    {"shows a container nothing of the host", sees_only_its_own},
    {"executes in a running container", execs},
    {"refuses to execute in a container that ended", exec_in_a_dead_container},
    {"hides a joining process from the container", exec_cannot_be_attacked},
    {"gives terminals of the container's own devpts", gives_terminals},
    {"aborts before go and undoes everything", aborts},
    {"tells a silent death from success", tells_death_from_success},
    {"clamps limits and reports it, sets sysctls and the working directory", clamps_limits},
    {"loads seccomp filters in both orders", filters_calls},
    {"executes init by descriptor", runs_by_descriptor},
    {"removes cgroups that the container made", removes_inner_cgroups},
    {"mounts the container's own cgroup", mounts_its_cgroup},
    {"filters devices", filters_devices},
    {"keeps no descriptor and no mount of a job", keeps_nothing_of_a_job},
    {"joins another container's namespaces, with its user namespace and without", joins_namespaces},
};

int main(int argc, char **argv) {
  bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (list) puts(cases[i].name);
    if (list || argc < 2 || strcmp(argv[1], cases[i].name) != 0) continue;
    struct harness harness;
    harness_open(&harness);
    cases[i].run(&harness);
    leaves_no_children(&harness);
    harness_close(&harness);
    return 0;
  }
  return list ? 0 : 2;
}
