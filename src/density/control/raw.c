/*
 * The raw control: the kernel work of a default Warren launch and nothing else. One process, no protocol, no plan, no
 * supervision. What Warren promises is a multiple of what this takes on the same machine in the same run.
 *
 *   raw [--count N] [--netns yes|no] [--superblocks 3|5] [--limits yes|no] [--mode launch|exec]
 *       [--program FILE] [--cgroup NAME]
 *
 * Prints one JSON line a launch (or exec) and one at the end. Linux 6.15 or newer, root. The program is a static one that
 * does by its name what "pause" and "true" say; without it, that is this one. Everything it made is gone when it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ATTR_SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define CHECK(call, what)                                                                                              \
  do {                                                                                                                 \
    if ((call) < 0) die(what);                                                                                         \
  } while (0)

enum { ID_BASE = 1 << 20, ID_COUNT = 65536, FILTER_RULES = 340, TREES = 3 };
enum hierarchy { UNIFIED, MEMORY, PIDS, CPU, DEVICES, HIERARCHIES };

static const char *const hierarchy_paths[HIERARCHIES] = {"unified", "memory", "pids", "cpu", "devices"};
static const uint64_t default_capabilities = 0xa80425fb;

struct control {
  unsigned count, superblocks;
  bool netns, limits, exec;
  const char *program, *cgroup;
  char directory[64];
  int hierarchies[HIERARCHIES]; /* the parent cgroups; -1: not used */
  bool v2;
  int proc, data, dev, sys; /* detached trees, and a proc of the host's pid namespace */
  struct sock_fprog filter;
};

struct container {
  pid_t pid;
  int pidfd;
  uint64_t ns;
};

static _Noreturn void die(const char *what) {
  fprintf(stderr, "raw: cannot %s: %s\n", what, strerror(errno));
  _exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ---- system calls ---- */

static int tree_open(int tree, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, tree, path, flags | OPEN_TREE_CLOEXEC);
}
static int tree_clone(int tree) { return tree_open(tree, "", OPEN_TREE_CLONE | AT_EMPTY_PATH); }
static int attach(int tree, int directory, const char *path) {
  return (int)syscall(SYS_move_mount, tree, "", directory, path, MOVE_MOUNT_F_EMPTY_PATH);
}
static int set_attributes(int tree, uint64_t attributes, int user_ns) {
  struct mount_attr attr = {.attr_set = attributes, .userns_fd = user_ns < 0 ? 0 : (uint64_t)user_ns};
  if (user_ns >= 0) attr.attr_set |= MOUNT_ATTR_IDMAP;
  return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr);
}
static int configure(int context, unsigned command, const char *key, const void *value, int aux) {
  return (int)syscall(SYS_fsconfig, context, command, key, value, aux);
}

static int new_mount(const char *type, uint64_t attributes, const char *const *options) {
  int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  CHECK(context, type);
  for (; options && *options; options += 2)
    CHECK(configure(context, FSCONFIG_SET_STRING, options[0], options[1], 0), type);
  CHECK(configure(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
  int tree = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  CHECK(tree, type);
  close(context);
  return tree;
}

static void write_at(int directory, const char *path, const char *text) {
  int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) die(path);
  close(fd);
}

/* ---- once ---- */

static void open_hierarchies(struct control *control) {
  char path[128];
  control->v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  for (int i = 0; i < HIERARCHIES; i++) {
    control->hierarchies[i] = -1;
    if (i > UNIFIED && (control->v2 || !control->limits)) continue;
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/%s", control->v2 ? "" : hierarchy_paths[i], control->cgroup);
    if (mkdir(path, 0755) < 0 && errno != EEXIST) die(path);
    control->hierarchies[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(control->hierarchies[i], path);
  }
  if (!control->v2 || !control->limits) return;
  write_at(AT_FDCWD, "/sys/fs/cgroup/cgroup.subtree_control", "+memory +pids +cpu");
  write_at(control->hierarchies[UNIFIED], "cgroup.subtree_control", "+memory +pids +cpu");
}

/* A chain of comparisons as long as a compiled default profile, ending in "allow". */
static void build_filter(struct control *control) {
  struct sock_filter *rules = calloc(FILTER_RULES + 2, sizeof *rules);
  if (!rules) die("allocate");
  rules[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
  for (int i = 1; i <= FILTER_RULES; i += 2) {
    rules[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2000u + (unsigned)i, 0, 1);
    rules[i + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  }
  rules[FILTER_RULES + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  control->filter = (struct sock_fprog){.len = FILTER_RULES + 2, .filter = rules};
}

static void make_directory(const struct control *control, const char *name) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", control->directory, name);
  CHECK(mkdir(path, 0755), path);
}

static void make_rootfs(struct control *control) {
  static const char *const names[] = {"rootfs", "rootfs/dev", "rootfs/proc", "rootfs/sys", "rootfs/bin"};
  char path[160], buffer[65536];
  snprintf(control->directory, sizeof control->directory, "/tmp/warren-raw-XXXXXX");
  if (!mkdtemp(control->directory)) die("make a directory");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) make_directory(control, names[i]);
  snprintf(path, sizeof path, "%s/rootfs/bin/pause", control->directory);
  int from = open(control->program, O_RDONLY | O_CLOEXEC), to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  if (from < 0 || to < 0) die(control->program);
  for (ssize_t got; (got = read(from, buffer, sizeof buffer)) > 0;) CHECK(write(to, buffer, (size_t)got), path);
  close(from);
  close(to);
  for (unsigned i = 0; i < control->count; i++) {
    char name[32];
    snprintf(name, sizeof name, "%u", i);
    make_directory(control, name);
    snprintf(name, sizeof name, "%u/upper", i);
    make_directory(control, name);
    snprintf(name, sizeof name, "%u/work", i);
    make_directory(control, name);
  }
}

static void make_shared(struct control *control) {
  static const struct {
    const char *name;
    unsigned major, minor;
  } nodes[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  control->proc = new_mount("proc", ATTR_SAFE, NULL);
  control->dev = new_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, NULL);
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
    CHECK(mknodat(control->dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), nodes[i].name);
  if (mkdirat(control->dev, "pts", 0755) < 0 || mkdirat(control->dev, "shm", 0755) < 0 ||
      mkdirat(control->dev, "mqueue", 0755) < 0)
    die("fill /dev");
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  CHECK(unshare(CLONE_NEWNET), "make a network namespace");
  control->sys = new_mount("sysfs", ATTR_SAFE | MOUNT_ATTR_RDONLY, NULL);
  CHECK(setns(own, CLONE_NEWNET), "go back to the network namespace");
  close(own);
}

/* An almost empty mount namespace, so that a container's copy of it costs nothing. */
static void make_room(struct control *control) {
  CHECK(unshare(CLONE_NEWNS), "make a mount namespace");
  CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
  control->data = tree_open(AT_FDCWD, control->directory, OPEN_TREE_CLONE);
  CHECK(control->data, control->directory);
  make_shared(control);
  int root = new_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, NULL);
  if (mkdirat(root, "proc", 0555) < 0 || mkdirat(root, "sys", 0555) < 0 || mkdirat(root, "empty", 0555) < 0 ||
      mknodat(root, "null", S_IFREG | 0444, 0) < 0)
    die("fill the room");
  CHECK(attach(root, AT_FDCWD, "/proc"), "attach the room");
  if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
    die("enter the room");
  CHECK(attach(tree_clone(control->proc), root, "proc"), "attach proc");
  CHECK(attach(tree_clone(control->sys), root, "sys"), "attach sysfs");
  close(root);
}

/* ---- one container ---- */

static void make_cgroups(const struct control *control, const char *name) {
  static const struct {
    enum hierarchy hierarchy;
    const char *v1, *v1_value, *v2, *v2_value;
  } limits[] = {{MEMORY, "memory.limit_in_bytes", "67108864", "memory.max", "67108864"},
                {PIDS, "pids.max", "64", "pids.max", "64"},
                {CPU, "cpu.shares", "512", "cpu.weight", "50"},
                {DEVICES, "devices.deny", "b *:* rwm", NULL, NULL}};
  char path[64];
  for (int i = 0; i < HIERARCHIES; i++)
    if (control->hierarchies[i] >= 0) CHECK(mkdirat(control->hierarchies[i], name, 0755), "make a cgroup");
  for (size_t i = 0; control->limits && i < sizeof limits / sizeof *limits; i++) {
    const char *file = control->v2 ? limits[i].v2 : limits[i].v1;
    if (!file) continue;
    snprintf(path, sizeof path, "%s/%s", name, file);
    write_at(control->hierarchies[control->v2 ? UNIFIED : limits[i].hierarchy], path,
             control->v2 ? limits[i].v2_value : limits[i].v1_value);
  }
}

static void attach_new(const char *type, const char *target, uint64_t attributes, const char *const *options) {
  int tree = new_mount(type, attributes, options);
  CHECK(attach(tree, AT_FDCWD, target), target);
  close(tree);
}

static void cover(int tree, const char *target, uint64_t attributes) {
  if (tree < 0) return; /* not in this kernel */
  if (attributes) CHECK(set_attributes(tree, attributes, -1), target);
  if (attach(tree, AT_FDCWD, target) < 0 && errno != ENOENT) die(target);
  close(tree);
}

static void mount_all(const struct control *control, const int *trees, int empty, int null) {
  static const char *const pts[] = {"ptmxmode", "0666", "mode", "0620", NULL}, *const shm[] = {"mode", "1777", "size",
                                                                                               "65536k", NULL};
  static const char *const masked[] = {"/proc/keys", "/proc/timer_list", NULL};
  static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", NULL};
  CHECK(attach(trees[0], AT_FDCWD, "/"), "attach the root");
  if (fchdir(trees[0]) < 0 || chroot(".") < 0) die("enter the root");
  CHECK(attach(trees[1], AT_FDCWD, "/dev"), "attach /dev");
  CHECK(attach(trees[2], AT_FDCWD, "/sys"), "attach /sys");
  attach_new("proc", "/proc", ATTR_SAFE, NULL);
  attach_new("mqueue", "/dev/mqueue", ATTR_SAFE, NULL);
  if (control->superblocks == 5) attach_new("devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, pts);
  if (control->superblocks == 5) attach_new("tmpfs", "/dev/shm", ATTR_SAFE, shm);
  for (size_t i = 0; masked[i]; i++) cover(tree_clone(null), masked[i], 0);
  cover(tree_clone(empty), "/sys/firmware", 0);
  for (size_t i = 0; readonly[i]; i++)
    cover(tree_open(AT_FDCWD, readonly[i], OPEN_TREE_CLONE | AT_RECURSIVE), readonly[i], ATTR_SAFE | MOUNT_ATTR_RDONLY);
}

static void drop_privileges(const struct control *control) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  uint32_t low = (uint32_t)default_capabilities, high = (uint32_t)(default_capabilities >> 32);
  const struct __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
  for (unsigned i = 0; i < 64; i++)
    if (!(default_capabilities & UINT64_C(1) << i) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) break;
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &control->filter), "load a filter");
  CHECK(syscall(SYS_capset, &header, data), "drop capabilities");
}

static void become_root(void) {
  if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) die("become root");
}

static void receive_trees(int socket, int *trees) {
  char byte, space[CMSG_SPACE(sizeof(int) * TREES)];
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message)) _exit(1);
  memcpy(trees, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int) * TREES);
}

static void send_trees(int socket, const int *trees) {
  char byte = 0, space[CMSG_SPACE(sizeof(int) * TREES)] = {0};
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * TREES);
  memcpy(CMSG_DATA(header), trees, sizeof(int) * TREES);
  CHECK(sendmsg(socket, &message, MSG_NOSIGNAL), "hand over mounts");
}

static void loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0) die("bring up loopback");
  close(fd);
}

static _Noreturn void child(const struct control *control, int socket, const int *tasks) {
  char *const argv[] = {"pause", NULL}, *const envp[] = {"PATH=/bin", NULL};
  int trees[TREES];
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  for (int i = 1; i < HIERARCHIES; i++)
    if (tasks[i] >= 0) CHECK(write(tasks[i], "0", 1), "join a cgroup");
  CHECK(unshare(CLONE_NEWCGROUP), "make a cgroup namespace");
  setsid();
  receive_trees(socket, trees);
  become_root();
  int empty = open("/empty", O_PATH | O_CLOEXEC), null = open("/null", O_PATH | O_CLOEXEC);
  mount_all(control, trees, empty, null);
  sethostname("inside", 6);
  if (control->netns) loopback_up();
  become_root();
  drop_privileges(control);
  execve("/bin/pause", argv, envp);
  die("execute");
}

static int make_overlay(int data, const char *name) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct caps[2];
  char path[48];
  syscall(SYS_capget, &header, caps);
  setfsgid(ID_BASE);
  setfsuid(ID_BASE);
  CHECK(syscall(SYS_capset, &header, caps), "raise capabilities");
  int context = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
  int lower = openat(data, "rootfs", O_PATH | O_CLOEXEC);
  snprintf(path, sizeof path, "%s/upper", name);
  int upper = openat(data, path, O_PATH | O_CLOEXEC);
  snprintf(path, sizeof path, "%s/work", name);
  int work = openat(data, path, O_PATH | O_CLOEXEC);
  CHECK(configure(context, FSCONFIG_SET_FD, "lowerdir+", NULL, lower), "set a layer");
  CHECK(configure(context, FSCONFIG_SET_FD, "upperdir", NULL, upper), "set a layer");
  CHECK(configure(context, FSCONFIG_SET_FD, "workdir", NULL, work), "set a layer");
  CHECK(configure(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create an overlay");
  int tree = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
  CHECK(tree, "mount an overlay");
  close(context);
  close(lower);
  close(upper);
  close(work);
  setfsuid(0);
  setfsgid(0);
  CHECK(syscall(SYS_capset, &header, caps), "restore capabilities");
  return tree;
}

static void make_trees(const struct control *control, pid_t pid, const char *name, int *trees) {
  char path[48], map[48];
  snprintf(map, sizeof map, "0 %d %d", ID_BASE, ID_COUNT);
  snprintf(path, sizeof path, "%d/uid_map", (int)pid);
  write_at(control->proc, path, map);
  snprintf(path, sizeof path, "%d/gid_map", (int)pid);
  write_at(control->proc, path, map);
  snprintf(path, sizeof path, "%d/ns/user", (int)pid);
  int user_ns = openat(control->proc, path, O_RDONLY | O_CLOEXEC), data = tree_clone(control->data);
  CHECK(set_attributes(data, 0, user_ns), "id-map the layers");
  trees[0] = make_overlay(data, name);
  trees[1] = tree_clone(control->dev);
  CHECK(set_attributes(trees[1], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, user_ns), "id-map /dev");
  trees[2] = tree_clone(control->sys);
  close(data);
  close(user_ns);
}

static int open_tasks(const struct control *control, const char *name, int *tasks) {
  char path[48];
  snprintf(path, sizeof path, "%s/tasks", name);
  for (int i = 1; i < HIERARCHIES; i++)
    tasks[i] = control->hierarchies[i] < 0 ? -1 : openat(control->hierarchies[i], path, O_WRONLY | O_CLOEXEC);
  return openat(control->hierarchies[UNIFIED], name, O_PATH | O_CLOEXEC);
}

static struct container launch(const struct control *control, unsigned number) {
  int tasks[HIERARCHIES], pair[2], trees[TREES];
  char name[16], byte;
  struct container container = {.pidfd = -1};
  uint64_t start = now();
  snprintf(name, sizeof name, "%u", number);
  make_cgroups(control, name);
  int cgroup = open_tasks(control, name, tasks);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "make a socket pair");
  struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                                     CLONE_INTO_CGROUP | CLONE_PIDFD,
                            .exit_signal = SIGCHLD,
                            .cgroup = (uint64_t)cgroup,
                            .pidfd = (uint64_t)(uintptr_t)&container.pidfd};
  if (control->netns) args.flags |= CLONE_NEWNET;
  container.pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  CHECK(container.pid, "clone");
  if (container.pid == 0) {
    close(pair[0]);
    child(control, pair[1], tasks);
  }
  close(pair[1]);
  make_trees(control, container.pid, name, trees);
  send_trees(pair[0], trees);
  if (recv(pair[0], &byte, 1, 0) != 0) die("start a container");
  container.ns = now() - start;
  close(pair[0]);
  close(cgroup);
  if (!control->exec) close(container.pidfd); /* ten thousand of them would slow the next clone down */
  for (int i = 0; i < TREES; i++) close(trees[i]);
  for (int i = 1; i < HIERARCHIES; i++)
    if (tasks[i] >= 0) close(tasks[i]);
  return container;
}

/* ---- exec ---- */

static _Noreturn void exec_child(const struct control *control, int pidfd, const int *tasks) {
  char *const argv[] = {"true", NULL}, *const envp[] = {"PATH=/bin", NULL};
  int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWCGROUP |
              (control->netns ? CLONE_NEWNET : 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  for (int i = 1; i < HIERARCHIES; i++)
    if (tasks[i] >= 0) CHECK(write(tasks[i], "0", 1), "join a cgroup");
  CHECK(setns(pidfd, flags), "enter a container");
  pid_t pid = fork();
  CHECK(pid, "fork");
  if (pid > 0) {
    int status;
    waitpid(pid, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  become_root();
  drop_privileges(control);
  execve("/bin/pause", argv, envp);
  _exit(127);
}

static uint64_t exec_once(const struct control *control, const struct container *container) {
  int tasks[HIERARCHIES], status;
  uint64_t start = now();
  int cgroup = open_tasks(control, "0", tasks);
  struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)cgroup};
  pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  CHECK(pid, "clone");
  if (pid == 0) exec_child(control, container->pidfd, tasks);
  close(cgroup);
  for (int i = 1; i < HIERARCHIES; i++)
    if (tasks[i] >= 0) close(tasks[i]);
  if (waitpid(pid, &status, 0) != pid || status != 0) die("execute in a container");
  return now() - start;
}

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void report(const struct control *control, uint64_t *ns, uint64_t total) {
  for (unsigned i = 0; i < control->count; i++) printf("{\"index\":%u,\"ns\":%llu}\n", i, (unsigned long long)ns[i]);
  qsort(ns, control->count, sizeof *ns, by_size);
  printf("{\"mode\":\"%s\",\"count\":%u,\"netns\":%s,\"limits\":%s,\"superblocks\":%u,\"totalNs\":%llu,\"p50Ns\":%llu,"
         "\"p90Ns\":%llu,\"p99Ns\":%llu}\n",
         control->exec ? "exec" : "launch", control->count, control->netns ? "true" : "false",
         control->limits ? "true" : "false", control->superblocks, (unsigned long long)total,
         (unsigned long long)ns[control->count / 2], (unsigned long long)ns[control->count * 9 / 10],
         (unsigned long long)ns[control->count * 99 / 100]);
}

static void end_all(const struct control *control, const struct container *containers, unsigned count) {
  write_at(control->hierarchies[UNIFIED], "cgroup.kill", "1");
  for (unsigned i = 0; i < count; i++) waitpid(containers[i].pid, NULL, 0);
}

/* ---- the end, by the process that stayed in the host's mount namespace ---- */

static void remove_cgroups(const struct control *control) {
  char path[160];
  write_at(control->hierarchies[UNIFIED], "cgroup.kill", "1");
  for (int h = 0; h < HIERARCHIES; h++) {
    if (control->hierarchies[h] < 0) continue;
    for (unsigned i = 0; i < control->count; i++) {
      snprintf(path, sizeof path, "%u", i);
      while (unlinkat(control->hierarchies[h], path, AT_REMOVEDIR) < 0 && errno == EBUSY) poll(NULL, 0, 1);
    }
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/%s", control->v2 ? "" : hierarchy_paths[h], control->cgroup);
    CHECK(rmdir(path), path);
  }
}

static void remove_files(const struct control *control) {
  char command[160];
  snprintf(command, sizeof command, "rm -rf %s", control->directory);
  if (system(command) != 0) die("remove the files");
}

static _Noreturn void measure(struct control *control) {
  unsigned launches = control->exec ? 1 : control->count;
  struct container *containers = calloc(launches, sizeof *containers);
  uint64_t *ns = calloc(control->count, sizeof *ns);
  if (!containers || !ns) die("allocate");
  make_room(control);
  uint64_t start = now();
  for (unsigned i = 0; i < launches; i++) {
    containers[i] = launch(control, i);
    ns[i] = containers[i].ns;
  }
  if (control->exec) start = now();
  for (unsigned i = 0; control->exec && i < control->count; i++) ns[i] = exec_once(control, &containers[0]);
  report(control, ns, now() - start);
  end_all(control, containers, launches);
  exit(0);
}

static bool yes(const char *text) {
  if (strcmp(text, "yes") == 0) return true;
  if (strcmp(text, "no") == 0) return false;
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
    else
      break;
  }
  errno = EINVAL;
  if (argv[0] || control->count == 0 || (control->superblocks != 3 && control->superblocks != 5))
    die("understand the options");
}

int main(int argc, char **argv) {
  const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
  if (argc == 1 && strcmp(name, "pause") == 0) return pause();
  if (argc == 1 && strcmp(name, "true") == 0) return 0;
  struct control control = {.count = 100,
                            .superblocks = 5,
                            .netns = true,
                            .limits = true,
                            .program = "/proc/self/exe",
                            .cgroup = "warren-raw"};
  int status;
  read_options(&control, argv + 1);
  umask(0);
  open_hierarchies(&control);
  build_filter(&control);
  make_rootfs(&control);
  fflush(stdout);
  pid_t pid = fork();
  CHECK(pid, "fork");
  if (pid == 0) measure(&control);
  CHECK(waitpid(pid, &status, 0), "wait");
  remove_cgroups(&control);
  remove_files(&control);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
