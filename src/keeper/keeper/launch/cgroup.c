/* The few cgroup files that the keeper itself uses. Trees below a container's cgroup are the container's: hostile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/kernel.h"
#include "../core.h"

enum { PATH_SIZE = 4096, DEPTH_MAX = 16, PROCESSES_MAX = 16384, CGROUPS_MAX = 4096 };

int cgroup_open(struct keeper *keeper, unsigned hierarchy, const char *path, const char *file, int flags) {
  char name[PATH_SIZE];
  if (hierarchy >= keeper->options.hierarchy_count || keeper->hierarchies[hierarchy] < 0 || !path) {
    errno = ENOENT;
    return -1;
  }
  if (snprintf(name, sizeof name, "%s/%s", path, file) >= (int)sizeof name) {
    errno = ENAMETOOLONG;
    return -1;
  }
  return kernel_openat2(keeper->hierarchies[hierarchy], name, (uint64_t)flags | O_CLOEXEC, 0,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int cgroup_file_write(struct keeper *keeper, unsigned hierarchy, const char *path, const char *file,
                      const char *value) {
  OWN_FD fd = cgroup_open(keeper, hierarchy, path, file, O_WRONLY);
  if (fd < 0) return -1;
  return write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

int cgroup_kill(struct keeper *keeper, const char *path) {
  return cgroup_file_write(keeper, 0, path, "cgroup.kill", "1");
}

bool cgroup_read_key(struct keeper *keeper, unsigned hierarchy, const char *path, const char *file, const char *key,
                     uint64_t *value) {
  char text[1024];
  OWN_FD fd = cgroup_open(keeper, hierarchy, path, file, O_RDONLY);
  if (fd < 0) return false;
  ssize_t len = read(fd, text, sizeof text - 1);
  if (len <= 0) return false;
  text[len] = 0;
  size_t key_len = strlen(key);
  for (char *line = text; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, key, key_len) != 0 || line[key_len] != ' ') continue;
    *value = strtoull(line + key_len + 1, NULL, 10);
    return true;
  }
  return false;
}

unsigned hierarchy_of(const struct keeper *keeper, const char *name) {
  for (unsigned i = 0; i < keeper->options.hierarchy_count; i++)
    if (strcmp(keeper->options.hierarchy_names[i], name) == 0) return i;
  return 0xff;
}

uint64_t cgroup_oom_kills(const struct container *container) {
  struct keeper *keeper = container->keeper;
  unsigned memory = hierarchy_of(keeper, "memory");
  const char *v1 = memory == 0xff ? NULL : container_cgroup(container, memory);
  uint64_t kills = 0;
  if (v1)
    cgroup_read_key(keeper, memory, v1, "memory.oom_control", "oom_kill", &kills);
  else if (memory == 0xff)
    cgroup_read_key(keeper, 0, container_cgroup(container, 0), "memory.events", "oom_kill", &kills);
  return kills;
}

struct signal_walk {
  int signal;
  unsigned processes, cgroups;
  int error;
};

/* A pid may be somebody else's by the time it is signalled: the pidfd must still be in the cgroup. */
static void signal_process(struct signal_walk *walk, int cgroup, pid_t pid) {
  OWN_FD pidfd = kernel_pidfd_open(pid, 0);
  if (pidfd < 0) return;
  OWN_FD again = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  OWN_FD copy = again < 0 ? -1 : dup(again);
  FILE *list = copy < 0 ? NULL : fdopen(copy, "r");
  if (!list) return;
  copy = -1;
  bool here = false;
  int other;
  while (!here && fscanf(list, "%d", &other) == 1) here = other == pid;
  fclose(list);
  if (here && kernel_pidfd_send_signal(pidfd, walk->signal) < 0 && errno != ESRCH) walk->error = errno;
}

static void signal_listed(struct signal_walk *walk, int cgroup) {
  OWN_FD fd = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  FILE *list = fd < 0 ? NULL : fdopen(fd, "r");
  if (!list) return;
  fd = -1;
  int pid;
  while (fscanf(list, "%d", &pid) == 1) {
    if (++walk->processes > PROCESSES_MAX) {
      walk->error = E2BIG;
      break;
    }
    if (pid > 0) signal_process(walk, cgroup, pid);
  }
  fclose(list);
}

/* `cgroup` is taken over. */
static void signal_tree(struct signal_walk *walk, int cgroup, unsigned depth) {
  DIR *directory = fdopendir(cgroup);
  if (!directory) {
    close(cgroup);
    return;
  }
  signal_listed(walk, cgroup);
  for (struct dirent *entry; walk->error != E2BIG && (entry = readdir(directory));) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    if (depth >= DEPTH_MAX || ++walk->cgroups > CGROUPS_MAX) {
      walk->error = E2BIG;
      break;
    }
    int below = openat(cgroup, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below >= 0) signal_tree(walk, below, depth + 1);
  }
  closedir(directory);
}

int cgroup_signal(struct keeper *keeper, const char *path, int signal) {
  int cgroup = cgroup_open(keeper, 0, path, ".", O_RDONLY | O_DIRECTORY);
  if (cgroup < 0) return -1;
  struct signal_walk walk = {.signal = signal};
  signal_tree(&walk, cgroup, 0);
  errno = walk.error;
  return walk.error ? -1 : 0;
}
