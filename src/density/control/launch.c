/* The launcher's side of a launch and of an exec. */
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "raw.h"

static void make_cgroups(const struct control *control, const char *name) {
  const struct {
    enum hierarchy hierarchy;
    const char *v1, *v1_value, *v2, *v2_value;
  } limits[] = {
      {MEMORY, "memory.limit_in_bytes", "67108864", "memory.max", "67108864"},
      {PIDS, "pids.max", "64", "pids.max", "64"},
      {CPU, "cpu.cfs_quota_us", control->exec ? "100000" : "5000", "cpu.max",
       control->exec ? "100000 100000"
                     : "5000 100000"}}; /* all execs go into one container */
  char path[64];
  for (int i = 0; i < HIERARCHIES; i++)
    if (control->hierarchies[i] >= 0)
      CHECK(mkdirat(control->hierarchies[i], name, 0755), "make a cgroup");
  for (size_t i = 0; control->limits && i < sizeof limits / sizeof *limits;
       i++) {
    const char *file = control->v2 ? limits[i].v2 : limits[i].v1;
    snprintf(path, sizeof path, "%s/%s", name, file);
    write_at(control->hierarchies[control->v2 ? UNIFIED : limits[i].hierarchy],
             path, control->v2 ? limits[i].v2_value : limits[i].v1_value);
  }
}

static void send_trees(int socket, const int *trees) {
  char byte = 0, space[CMSG_SPACE(sizeof(int) * TREES)] = {0};
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = space,
                           .msg_controllen = sizeof space};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * TREES);
  memcpy(CMSG_DATA(header), trees, sizeof(int) * TREES);
  CHECK(sendmsg(socket, &message, MSG_NOSIGNAL), "hand over mounts");
}

static int make_overlay(int data, const char *name) {
  struct __user_cap_header_struct header = {.version =
                                                _LINUX_CAPABILITY_VERSION_3};
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
  CHECK(configure(context, FSCONFIG_SET_FD, "lowerdir+", NULL, lower),
        "set a layer");
  CHECK(configure(context, FSCONFIG_SET_FD, "upperdir", NULL, upper),
        "set a layer");
  CHECK(configure(context, FSCONFIG_SET_FD, "workdir", NULL, work),
        "set a layer");
  CHECK(configure(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0),
        "create an overlay");
  int tree =
      (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
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

static void make_trees(const struct control *control, pid_t pid,
                       const char *name, int *trees) {
  char path[48], map[48];
  snprintf(map, sizeof map, "0 %d %d", ID_BASE, ID_COUNT);
  snprintf(path, sizeof path, "%d/uid_map", (int)pid);
  write_at(control->proc, path, map);
  snprintf(path, sizeof path, "%d/gid_map", (int)pid);
  write_at(control->proc, path, map);
  snprintf(path, sizeof path, "%d/ns/user", (int)pid);
  int user_ns = openat(control->proc, path, O_RDONLY | O_CLOEXEC),
      data = tree_clone(control->data);
  CHECK(set_attributes(data, 0, user_ns), "id-map the layers");
  trees[ROOT] = make_overlay(data, name);
  trees[DEV] = tree_clone(control->dev);
  CHECK(set_attributes(trees[DEV], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                       user_ns),
        "id-map /dev");
  trees[SYS] = tree_clone(control->sys);
  for (int i = 0; i < ETC_FILES; i++) {
    snprintf(path, sizeof path, "%s/%s", name, etc_files[i]);
    trees[ETC + i] = tree_open(control->data, path, OPEN_TREE_CLONE);
    CHECK(trees[ETC + i], path);
    CHECK(set_attributes(trees[ETC + i], 0, user_ns), "id-map a file of /etc");
  }
  close(data);
  close(user_ns);
}

static int open_tasks(const struct control *control, const char *name,
                      int *tasks) {
  char path[48];
  snprintf(path, sizeof path, "%s/tasks", name);
  for (int i = 1; i < HIERARCHIES; i++)
    tasks[i] = control->hierarchies[i] < 0 ? -1
                                           : openat(control->hierarchies[i],
                                                    path, O_WRONLY | O_CLOEXEC);
  return openat(control->hierarchies[UNIFIED], name, O_PATH | O_CLOEXEC);
}

struct container launch(const struct control *control, unsigned number) {
  int tasks[HIERARCHIES], pair[2], trees[TREES];
  char name[16], byte;
  struct container container = {.pidfd = -1};
  uint64_t start = now();
  snprintf(name, sizeof name, "%u", number);
  make_cgroups(control, name);
  int cgroup = open_tasks(control, name, tasks);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair),
        "make a socket pair");
  struct clone_args args = {
      .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
               CLONE_NEWUTS | CLONE_INTO_CGROUP | CLONE_PIDFD,
      .exit_signal = SIGCHLD,
      .cgroup = (uint64_t)cgroup,
      .pidfd = (uint64_t)(uintptr_t)&container.pidfd};
  if (control->netns)
    args.flags |= CLONE_NEWNET;
  container.pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  CHECK(container.pid, "clone");
  if (container.pid == 0) {
    close(pair[0]);
    child(control, pair[1], tasks);
  }
  close(pair[1]);
  make_trees(control, container.pid, name, trees);
  send_trees(pair[0], trees);
  if (recv(pair[0], &byte, 1, 0) != 0)
    die("start a container");
  container.ns = now() - start;
  close(pair[0]);
  close(cgroup);
  if (!control->exec)
    close(container
              .pidfd); /* ten thousand of them would slow the next clone down */
  for (int i = 0; i < TREES; i++)
    close(trees[i]);
  for (int i = 1; i < HIERARCHIES; i++)
    if (tasks[i] >= 0)
      close(tasks[i]);
  return container;
}

uint64_t exec_once(const struct control *control,
                   const struct container *container) {
  int tasks[HIERARCHIES], status;
  uint64_t start = now();
  int cgroup = open_tasks(control, "0", tasks);
  struct clone_args args = {.flags = CLONE_INTO_CGROUP,
                            .exit_signal = SIGCHLD,
                            .cgroup = (uint64_t)cgroup};
  pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  CHECK(pid, "clone");
  if (pid == 0)
    exec_child(control, container->pidfd, tasks);
  close(cgroup);
  for (int i = 1; i < HIERARCHIES; i++)
    if (tasks[i] >= 0)
      close(tasks[i]);
  if (waitpid(pid, &status, 0) != pid || status != 0)
    die("execute in a container");
  return now() - start;
}
