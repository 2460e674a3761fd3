/*
 * Becomes a program inside of a cgroup and of another process's namespaces, so
 * that nothing of the way there is part of what the program takes.
 *
 *   warren-inside CGROUP PID PROGRAM [ARGUMENT...]
 *
 * CGROUP is a name below every hierarchy's root: those that have it are
 * entered; "-" for none. The mount and the network namespace are those of PID;
 * 0 for the own ones. Ends with 125 when it cannot, with 127 when there is no
 * such program.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char root[] = "/sys/fs/cgroup";

static void fail(const char *attempt, const char *what) {
  fprintf(stderr, "cannot %s %s: %s\n", attempt, what, strerror(errno));
  exit(125);
}

/* v1 takes a single thread much faster through "tasks". */
static int enter_group(const char *hierarchy, const char *name) {
  static const char *files[] = {"tasks", "cgroup.procs"};
  char path[512];
  for (unsigned i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s/%s/%s", root, hierarchy, name, files[i]);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
      continue;
    if (fd < 0 || write(fd, "0", 1) != 1)
      fail("enter", path);
    close(fd);
    return 1;
  }
  return 0;
}

/* Pure v2 has the group below the root itself. */
static void enter_groups(const char *name) {
  if (enter_group(".", name))
    return;
  DIR *hierarchies = opendir(root);
  if (hierarchies == NULL)
    fail("read", root);
  for (struct dirent *entry; (entry = readdir(hierarchies)) != NULL;)
    if (entry->d_name[0] != '.')
      enter_group(entry->d_name, name);
  closedir(hierarchies);
}

static void enter_namespaces(const char *pid) {
  int fd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
  if (fd < 0)
    fail("open process", pid);
  if (setns(fd, CLONE_NEWNS | CLONE_NEWNET) < 0)
    fail("enter the namespaces of", pid);
  close(fd);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fputs("usage: warren-inside CGROUP PID PROGRAM [ARGUMENT...]\n", stderr);
    return 125;
  }
  if (strcmp(argv[1], "-") != 0)
    enter_groups(argv[1]);
  if (strcmp(argv[2], "0") != 0)
    enter_namespaces(argv[2]);
  execvp(argv[3], argv + 3);
  fprintf(stderr, "cannot run %s: %s\n", argv[3], strerror(errno));
  return 127;
}
