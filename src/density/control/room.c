/* What is made once: cgroups, files, the almost empty mount namespace that
 * containers are cloned from. */
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "raw.h"

const char *const hierarchy_paths[HIERARCHIES] = {"unified", "memory", "pids",
                                                  "cpu"};
const char *const etc_files[ETC_FILES] = {"hosts", "hostname", "resolv.conf"};

void open_hierarchies(struct control *control) {
  char path[128];
  control->v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  for (int i = 0; i < HIERARCHIES; i++) {
    control->hierarchies[i] = -1;
    if (i > UNIFIED && (control->v2 || !control->limits))
      continue;
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/%s",
             control->v2 ? "" : hierarchy_paths[i], control->cgroup);
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
      die(path);
    control->hierarchies[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(control->hierarchies[i], path);
  }
  if (!control->v2 || !control->limits)
    return;
  write_at(AT_FDCWD, "/sys/fs/cgroup/cgroup.subtree_control",
           "+memory +pids +cpu");
  write_at(control->hierarchies[UNIFIED], "cgroup.subtree_control",
           "+memory +pids +cpu");
}

/* A chain of comparisons as long as a compiled default profile, ending in
 * "allow". */
void build_filter(struct control *control) {
  struct sock_filter *rules = calloc(FILTER_RULES + 2, sizeof *rules);
  if (!rules)
    die("allocate");
  rules[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
  for (int i = 1; i <= FILTER_RULES; i += 2) {
    rules[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                            2000u + (unsigned)i, 0, 1);
    rules[i + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
                                                SECCOMP_RET_ERRNO | EPERM);
  }
  rules[FILTER_RULES + 1] =
      (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  control->filter =
      (struct sock_fprog){.len = FILTER_RULES + 2, .filter = rules};
}

static void make_directory(const struct control *control, const char *name) {
  char path[320];
  snprintf(path, sizeof path, "%s/%s", control->directory, name);
  CHECK(mkdir(path, 0755), path);
}

static void make_etc(const struct control *control, const char *directory) {
  char path[320];
  for (int i = 0; i < ETC_FILES; i++) {
    snprintf(path, sizeof path, "%s/%s/%s", control->directory, directory,
             etc_files[i]);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, "\n", 1) != 1)
      die(path);
    close(fd);
  }
}

void make_files(struct control *control) {
  static const char *const names[] = {"rootfs",     "rootfs/dev", "rootfs/proc",
                                      "rootfs/sys", "rootfs/bin", "rootfs/etc"};
  char path[320], buffer[65536];
  CHECK(mkdir(control->directory, 0755), control->directory);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    make_directory(control, names[i]);
  snprintf(path, sizeof path, "%s/rootfs/bin/pause", control->directory);
  int from = open(control->program, O_RDONLY | O_CLOEXEC),
      to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  if (from < 0 || to < 0)
    die(control->program);
  for (ssize_t got; (got = read(from, buffer, sizeof buffer)) > 0;)
    CHECK(write(to, buffer, (size_t)got), path);
  close(from);
  close(to);
  make_etc(control, "rootfs/etc");
  for (unsigned i = 0; i < control->count; i++) {
    char name[32];
    snprintf(name, sizeof name, "%u", i);
    make_directory(control, name);
    make_etc(control, name);
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
  } nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
               {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  control->proc = new_mount("proc", ATTR_SAFE, NULL);
  control->dev =
      new_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, NULL);
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
    CHECK(mknodat(control->dev, nodes[i].name, S_IFCHR | 0666,
                  makedev(nodes[i].major, nodes[i].minor)),
          nodes[i].name);
  if (mkdirat(control->dev, "pts", 0755) < 0 ||
      mkdirat(control->dev, "shm", 0755) < 0 ||
      mkdirat(control->dev, "mqueue", 0755) < 0)
    die("fill /dev");
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  CHECK(unshare(CLONE_NEWNET), "make a network namespace");
  control->sys = new_mount("sysfs", ATTR_SAFE | MOUNT_ATTR_RDONLY, NULL);
  CHECK(setns(own, CLONE_NEWNET), "go back to the network namespace");
  close(own);
}

/* An almost empty mount namespace, so that a container's copy of it costs
 * nothing. */
void make_room(struct control *control) {
  CHECK(unshare(CLONE_NEWNS), "make a mount namespace");
  CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL),
        "make mounts private");
  control->data = tree_open(AT_FDCWD, control->directory, OPEN_TREE_CLONE);
  CHECK(control->data, control->directory);
  make_shared(control);
  int root = new_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, NULL);
  if (mkdirat(root, "proc", 0555) < 0 || mkdirat(root, "sys", 0555) < 0 ||
      mkdirat(root, "empty", 0555) < 0 ||
      mknodat(root, "null", S_IFREG | 0444, 0) < 0)
    die("fill the room");
  CHECK(attach(root, AT_FDCWD, "/proc"), "attach the room");
  if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
      umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
    die("enter the room");
  CHECK(attach(tree_clone(control->proc), root, "proc"), "attach proc");
  CHECK(attach(tree_clone(control->sys), root, "sys"), "attach sysfs");
  close(root);
}
