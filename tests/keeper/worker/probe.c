/* Runs inside test containers, as a hostile program would. Prints one line per finding. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct attributes {
  unsigned long long set, clear, propagation, user_ns;
};

static const char *outcome(long result) { return result < 0 ? strerror(errno) : "ok"; }

/* Descriptors and signal state at the start of the program. */
static void state(void) {
  char line[256];
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) printf("fd %d\n", fd);
  FILE *status = fopen("/proc/self/status", "re");
  while (status && fgets(line, sizeof line, status))
    if (!strncmp(line, "Sig", 3) || !strncmp(line, "Cap", 3) || !strncmp(line, "NoNewPrivs", 10) ||
        !strncmp(line, "Seccomp:", 8))
      fputs(line, stdout);
  if (status) fclose(status);
  printf("session %d\n", (int)getsid(0));
}

/* Every way to make a mount writable again. */
static void writable(const char *path) {
  struct attributes clear = {.clear = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  char file[512];
  long result = mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
  printf("remount %s: %s\n", path, outcome(result));
  result = mount(NULL, path, NULL, MS_REMOUNT, NULL);
  printf("remount superblock %s: %s\n", path, outcome(result));
  result = syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &clear, sizeof clear);
  printf("setattr %s: %s\n", path, outcome(result));
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE);
  if (tree >= 0) result = syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &clear, sizeof clear);
  printf("clone and setattr %s: %s\n", path, outcome(tree < 0 ? tree : result));
  result = umount2(path, MNT_DETACH);
  printf("umount %s: %s\n", path, outcome(result));
  snprintf(file, sizeof file, "%s/written-by-probe", path);
  int fd = open(file, O_CREAT | O_WRONLY, 0600);
  printf("write %s: %s\n", path, outcome(fd));
}

static void list(const char *path) {
  DIR *directory = opendir(path);
  printf("in %s:", path);
  for (struct dirent *entry; directory && (entry = readdir(directory));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) printf(" %s", entry->d_name);
  printf("\n");
  if (directory) closedir(directory);
}

static void count_pids(const char *path) {
  int pids = 0;
  DIR *directory = opendir(path);
  for (struct dirent *entry; directory && (entry = readdir(directory));)
    pids += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
  if (directory) closedir(directory);
  printf("pids in %s: %d\n", path, pids);
}

/* Takes the root away and goes back into the own mount namespace, to see what it was built upon. */
static void uncover(void) {
  int own = open("/proc/self/ns/mnt", O_RDONLY);
  for (int i = 0; i < 8; i++) printf("umount /: %s\n", outcome(umount2("/", MNT_DETACH)));
  printf("setns: %s\n", outcome(setns(own, CLONE_NEWNS)));
  list("/");
  count_pids("/proc");
  printf("write: %s\n", outcome(open("/written", O_CREAT | O_WRONLY, 0600)));
  printf("remount: %s\n", outcome(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL)));
  printf("mkdir: %s\n", outcome(mkdir("/made", 0755)));
}

/* A user namespace in the container: what can it uncover or loosen? */
static void nested(const char *path) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
    printf("unshare: %s\n", strerror(errno));
    return;
  }
  printf("unshare: ok\n");
  writable(path);
  uncover();
}

/* Whether a link in /proc leads to something that is not the container's: a breach. */
static void look(int pid, const char *name) {
  char path[64], target[256];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  ssize_t len = readlink(path, target, sizeof target - 1);
  if (len <= 0) return;
  target[len] = 0;
  if (strncmp(target, "/bin/", 5)) printf("saw %s: %s\n", path, target);
}

static void trace(int pid) {
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0) return;
  look(pid, "exe");
  ptrace(PTRACE_DETACH, pid, 0, 0);
}

/* Attacks every process that is neither init nor itself until /tmp/stop exists. */
static void attack(void) {
  unsigned long tries = 0;
  printf("ready\n");
  fflush(stdout);
  while (access("/tmp/stop", F_OK) < 0) {
    DIR *directory = opendir("/proc");
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
      int pid = atoi(entry->d_name);
      if (pid <= 1 || pid == getpid()) continue;
      tries++;
      look(pid, "exe");
      trace(pid);
      while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) continue; /* the dead wait for their tracer */
    }
    if (directory) closedir(directory);
  }
  printf("tries %s\n", tries > 0 ? "some" : "none");
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOFBF, 65536);
  if (argc > 1 && !strcmp(argv[1], "state")) state();
  if (argc > 2 && !strcmp(argv[1], "writable")) writable(argv[2]);
  if (argc > 1 && !strcmp(argv[1], "uncover")) uncover();
  if (argc > 2 && !strcmp(argv[1], "nested")) nested(argv[2]);
  if (argc > 1 && !strcmp(argv[1], "attack")) attack();
  return 0;
}
