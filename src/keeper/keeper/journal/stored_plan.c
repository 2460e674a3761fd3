/* The launch plans of containers with a restart policy: plans/<id> in the run dir. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core.h"

enum { NAME_SIZE = CONTAINER_ID_MAX + 16 };

static void name_of(const struct container *container, const char *suffix, char name[NAME_SIZE]) {
  snprintf(name, NAME_SIZE, "plans/%s%s", container->supervise.id, suffix);
}

int stored_plan_write(struct container *container, const void *plan, size_t size) {
  int dir = container->keeper->run_dir_fd;
  char name[NAME_SIZE], new_name[NAME_SIZE];
  name_of(container, "", name);
  name_of(container, ".new", new_name);
  if (mkdirat(dir, "plans", 0700) < 0 && errno != EEXIST) return -1;
  OWN_FD fd = openat(dir, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  ssize_t written = write(fd, plan, size);
  if (written == (ssize_t)size && renameat(dir, new_name, dir, name) == 0) return 0;
  int error = written >= 0 && written != (ssize_t)size ? ENOSPC : errno;
  unlinkat(dir, new_name, 0);
  errno = error;
  return -1;
}

uint8_t *stored_plan_read(struct container *container, size_t *size) {
  char name[NAME_SIZE];
  name_of(container, "", name);
  OWN_FD fd = openat(container->keeper->run_dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return NULL;
  uint8_t *plan = malloc(PLAN_MAX);
  if (!plan) return NULL;
  ssize_t len = read(fd, plan, PLAN_MAX);
  if (len < 0) {
    free(plan);
    return NULL;
  }
  *size = (size_t)len;
  return plan;
}

void stored_plan_remove(struct container *container) {
  char name[NAME_SIZE];
  if (container->supervise.restart.policy == RESTART_NO) return;
  name_of(container, "", name);
  unlinkat(container->keeper->run_dir_fd, name, 0);
}
