#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/own.h"
#include "streams.h"

enum { NAME_SIZE = CONTAINER_ID_MAX + 16 };

/* "io/<id>.out": an id is one component, whoever decoded it. */
static int name_of(const struct container *container, unsigned number, char name[NAME_SIZE]) {
  const char *id = container->supervise.id;
  if (!id[0] || id[0] == '.' || strchr(id, '/') || strlen(id) > CONTAINER_ID_MAX) {
    errno = EINVAL;
    return -1;
  }
  snprintf(name, NAME_SIZE, "io/%s.%s", id, number == 1 ? "out" : "err");
  return 0;
}

static int open_end(struct container *container, const char *name, int flags, struct stat *about) {
  OWN_FD fd = openat(container->keeper->run_dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 || fstat(fd, about) < 0) return -1;
  if (!S_ISFIFO(about->st_mode)) {
    errno = EINVAL;
    return -1;
  }
  return steal_fd(&fd);
}

static int make_node(struct container *container, const char *name) {
  int dir = container->keeper->run_dir_fd;
  if (mkfifoat(dir, name, 0600) == 0) return 0;
  if (errno == ENOENT && mkdirat(dir, "io", 0700) < 0 && errno != EEXIST) return -1;
  /* An earlier run of this container that ended without its keeper. */
  if (unlinkat(dir, name, 0) < 0 && errno != ENOENT) return -1;
  return mkfifoat(dir, name, 0600);
}

int fifo_make(struct container *container, unsigned number, int *keeper_end, int *container_end,
              struct failure *failure) {
  const struct supervise *supervise = &container->supervise;
  char name[NAME_SIZE];
  if (name_of(container, number, name) < 0) return fail(failure, 0, "name log FIFO", supervise->id);
  if (make_node(container, name) < 0) return fail(failure, 0, "create log FIFO", name);
  struct stat ours, theirs;
  OWN_FD reader = open_end(container, name, O_RDONLY | O_NONBLOCK, &ours);
  /* Read and write: the process never gets SIGPIPE or a blocking open when no keeper is there. */
  OWN_FD writer = reader < 0 ? -1 : open_end(container, name, O_RDWR, &theirs);
  if (writer < 0)
    fail(failure, 0, "open log FIFO", name);
  else if (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev)
    fail(failure, EINVAL, "open log FIFO", name);
  else if (fchown(writer, supervise->stdio_uid, supervise->stdio_gid) < 0)
    fail(failure, 0, "change owner of log FIFO", name);
  else {
    *keeper_end = steal_fd(&reader);
    *container_end = steal_fd(&writer);
    return 0;
  }
  fifo_remove(container, number);
  return -1;
}

int fifo_reopen(struct container *container, unsigned number) {
  char name[NAME_SIZE];
  struct stat about;
  if (name_of(container, number, name) < 0) return -1;
  OWN_FD fd = open_end(container, name, O_RDONLY | O_NONBLOCK, &about);
  if (fd < 0) return -1;
  if (about.st_uid != container->supervise.stdio_uid && about.st_uid != 0) {
    errno = EPERM;
    return -1;
  }
  return steal_fd(&fd);
}

void fifo_remove(struct container *container, unsigned number) {
  char name[NAME_SIZE];
  if (name_of(container, number, name) == 0) unlinkat(container->keeper->run_dir_fd, name, 0);
}

void stdio_discard(struct container *container) {
  for (unsigned number = 1; number <= 2; number++) fifo_remove(container, number);
}
