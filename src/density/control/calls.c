#include <sys/syscall.h>
#include <time.h>

#include "raw.h"

_Noreturn void die(const char *what) {
  fprintf(stderr, "raw: cannot %s: %s\n", what, strerror(errno));
  _exit(1);
}

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int tree_open(int tree, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, tree, path, flags | OPEN_TREE_CLOEXEC);
}
int tree_clone(int tree) {
  return tree_open(tree, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
}
int attach(int tree, int directory, const char *path) {
  return (int)syscall(SYS_move_mount, tree, "", directory, path,
                      MOVE_MOUNT_F_EMPTY_PATH);
}
int set_attributes(int tree, uint64_t attributes, int user_ns) {
  struct mount_attr attr = {.attr_set = attributes,
                            .userns_fd = user_ns < 0 ? 0 : (uint64_t)user_ns};
  if (user_ns >= 0)
    attr.attr_set |= MOUNT_ATTR_IDMAP;
  return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr,
                      sizeof attr);
}
int configure(int context, unsigned command, const char *key, const void *value,
              int aux) {
  return (int)syscall(SYS_fsconfig, context, command, key, value, aux);
}

int new_mount(const char *type, uint64_t attributes,
              const char *const *options) {
  int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  CHECK(context, type);
  for (; options && *options; options += 2)
    CHECK(configure(context, FSCONFIG_SET_STRING, options[0], options[1], 0),
          type);
  CHECK(configure(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
  int tree = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  CHECK(tree, type);
  close(context);
  return tree;
}

void write_at(int directory, const char *path, const char *text) {
  int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0)
    die(path);
  close(fd);
}

uint64_t memory_available(void) {
  char text[256];
  int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (len <= 0)
    die("read /proc/meminfo");
  close(fd);
  text[len] = 0;
  const char *line = strstr(text, "MemAvailable:");
  if (!line)
    die("find the available memory");
  return strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024;
}
