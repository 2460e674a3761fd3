/* The child of a launch, and of an exec, up to its program. */
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "raw.h"

static const uint64_t default_capabilities = 0xa80425fb;

static void attach_new(const char *type, const char *target,
                       uint64_t attributes, const char *const *options) {
  int tree = new_mount(type, attributes, options);
  CHECK(attach(tree, AT_FDCWD, target), target);
  close(tree);
}

static void cover(int tree, const char *target, uint64_t attributes) {
  if (tree < 0)
    return; /* not in this kernel */
  if (attributes)
    CHECK(set_attributes(tree, attributes, -1), target);
  if (attach(tree, AT_FDCWD, target) < 0 && errno != ENOENT)
    die(target);
  close(tree);
}

static void mount_all(const struct control *control, const int *trees,
                      int empty, int null) {
  static const char *const pts[] = {"ptmxmode", "0666", "mode", "0620", NULL},
                           *const shm[] = {"mode", "1777", "size", "65536k",
                                           NULL};
  static const char *const masked[] = {"/proc/keys", "/proc/timer_list", NULL};
  static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq",
                                         "/proc/sys", NULL};
  char path[32];
  CHECK(attach(trees[ROOT], AT_FDCWD, "/"), "attach the root");
  if (fchdir(trees[ROOT]) < 0 || chroot(".") < 0)
    die("enter the root");
  CHECK(attach(trees[DEV], AT_FDCWD, "/dev"), "attach /dev");
  CHECK(attach(trees[SYS], AT_FDCWD, "/sys"), "attach /sys");
  for (int i = 0; i < ETC_FILES; i++) {
    snprintf(path, sizeof path, "/etc/%s", etc_files[i]);
    CHECK(attach(trees[ETC + i], AT_FDCWD, path), path);
  }
  attach_new("proc", "/proc", ATTR_SAFE, NULL);
  attach_new("cgroup2", "/sys/fs/cgroup", ATTR_SAFE | MOUNT_ATTR_RDONLY, NULL);
  attach_new("mqueue", "/dev/mqueue", ATTR_SAFE, NULL);
  if (control->superblocks == 5)
    attach_new("devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
               pts);
  if (control->superblocks == 5)
    attach_new("tmpfs", "/dev/shm", ATTR_SAFE, shm);
  for (size_t i = 0; masked[i]; i++)
    cover(tree_clone(null), masked[i], 0);
  cover(tree_clone(empty), "/sys/firmware", 0);
  for (size_t i = 0; readonly[i]; i++)
    cover(tree_open(AT_FDCWD, readonly[i], OPEN_TREE_CLONE | AT_RECURSIVE),
          readonly[i], ATTR_SAFE | MOUNT_ATTR_RDONLY);
}

static void drop_privileges(const struct control *control) {
  struct __user_cap_header_struct header = {.version =
                                                _LINUX_CAPABILITY_VERSION_3};
  uint32_t low = (uint32_t)default_capabilities,
           high = (uint32_t)(default_capabilities >> 32);
  const struct __user_cap_data_struct data[2] = {{low, low, 0},
                                                 {high, high, 0}};
  for (unsigned i = 0; i < 64; i++)
    if (!(default_capabilities & UINT64_C(1) << i) &&
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
      break;
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &control->filter),
        "load a filter");
  CHECK(syscall(SYS_capset, &header, data), "drop capabilities");
}

static void become_root(void) {
  if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
      setresuid(0, 0, 0) < 0)
    die("become root");
}

static void receive_trees(int socket, int *trees) {
  char byte, space[CMSG_SPACE(sizeof(int) * TREES)];
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = space,
                           .msg_controllen = sizeof space};
  if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 ||
      !CMSG_FIRSTHDR(&message))
    _exit(1);
  memcpy(trees, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int) * TREES);
}

static void loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
    die("bring up loopback");
  close(fd);
}

_Noreturn void child(const struct control *control, int socket,
                     const int *tasks) {
  char name[] = "pause", path[] = "PATH=/bin";
  char *const argv[] = {name, NULL}, *const envp[] = {path, NULL};
  int trees[TREES];
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  for (int i = 1; i < HIERARCHIES; i++)
    if (tasks[i] >= 0)
      CHECK(write(tasks[i], "0", 1), "join a cgroup");
  CHECK(unshare(CLONE_NEWCGROUP), "make a cgroup namespace");
  setsid();
  receive_trees(socket, trees);
  become_root();
  int empty = open("/empty", O_PATH | O_CLOEXEC),
      null = open("/null", O_PATH | O_CLOEXEC);
  mount_all(control, trees, empty, null);
  sethostname("inside", 6);
  if (control->netns)
    loopback_up();
  become_root();
  drop_privileges(control);
  execve("/bin/pause", argv, envp);
  die("execute");
}

_Noreturn void exec_child(const struct control *control, int pidfd,
                          const int *tasks) {
  char name[] = "true", path[] = "PATH=/bin";
  char *const argv[] = {name, NULL}, *const envp[] = {path, NULL};
  int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
              CLONE_NEWPID | CLONE_NEWCGROUP |
              (control->netns ? CLONE_NEWNET : 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  for (int i = 1; i < HIERARCHIES; i++)
    if (tasks[i] >= 0)
      CHECK(write(tasks[i], "0", 1), "join a cgroup");
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
