#include "files.h"

#include "../init/directory.h"
#include "../init/text.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

enum { RACE_RETRIES = 100, REMOVE_DEPTH_MAX = 256 };

long path_open(int root, const char *path, int flags) {
  struct open_how how = {
      .flags = (unsigned)(flags | O_CLOEXEC),
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  long fd = -EAGAIN;

  /* EAGAIN: a rename happened meanwhile and the kernel could not prove that we stayed inside. */
  for (int i = 0; i < RACE_RETRIES && fd == -EAGAIN; i++) fd = sys_call(__NR_openat2, root, path, &how, sizeof(how));
  return fd;
}

static long open_or_make(int root, const char *path, int parent, const char *name) {
  long fd = path_open(root, path, O_PATH | O_DIRECTORY);
  long made;

  if (fd != -ENOENT) return fd;
  made = sys_call(__NR_mkdirat, parent, name, 0755);
  if (made < 0 && made != -EEXIST) return made;
  return path_open(root, path, O_PATH | O_DIRECTORY);
}

long path_parent(int root, char *path, const char **name) {
  char *last = path;
  char *start = path;
  long parent = path_open(root, ".", O_PATH | O_DIRECTORY);

  for (char *at = path; *at != '\0'; at++) {
    if (*at == '/' && at[1] != '\0' && at[1] != '/') last = at + 1;
  }
  *name = last;
  while (parent >= 0 && start < last) {
    char *end = start;
    char saved;
    long next;

    while (*end != '/') end++;
    saved = *end;
    *end = '\0';
    next = *start == '\0' ? parent : open_or_make(root, path, (int)parent, start);
    *end = saved;
    if (next != parent) sys_close((int)parent);
    parent = next;
    start = end + 1;
  }
  return parent;
}

static long remove_below(int directory_fd, unsigned depth);

static long remove_entry(int parent, const char *name, unsigned depth) {
  long result = sys_call(__NR_unlinkat, parent, name, 0);
  long fd;

  if (result != -EISDIR && result != -EPERM) return result == -ENOENT ? 0 : result;
  result = sys_call(__NR_unlinkat, parent, name, AT_REMOVEDIR);
  if (result != -ENOTEMPTY && result != -EEXIST) return result == -ENOENT ? 0 : result;
  if (depth == REMOVE_DEPTH_MAX) return -ENAMETOOLONG;
  fd = sys_call(__NR_openat, parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fd;
  result = remove_below((int)fd, depth + 1);
  sys_close((int)fd);
  if (result < 0) return result;
  return sys_call(__NR_unlinkat, parent, name, AT_REMOVEDIR);
}

static long remove_below(int directory_fd, unsigned depth) {
  struct directory directory;
  const char *name;
  long result = 0;

  directory_adopt(&directory, directory_fd);
  while (result == 0 && (name = directory_next(&directory)) != NULL) {
    if (!text_equal(name, ".") && !text_equal(name, "..")) result = remove_entry(directory_fd, name, depth);
  }
  return result < 0 ? result : -directory.error;
}

long path_remove(int parent, const char *name) { return remove_entry(parent, name, 0); }

void fd_path(char path[FD_PATH_BYTES], int fd) {
  static const char prefix[] = "/proc/self/fd/";
  char digits[12];
  size_t at = sizeof(digits) - 1;

  digits[at] = '\0';
  for (int rest = fd; rest > 0 || at == sizeof(digits) - 1; rest /= 10) digits[--at] = (char)('0' + rest % 10);
  __builtin_memcpy(path, prefix, sizeof(prefix) - 1);
  __builtin_memcpy(path + sizeof(prefix) - 1, digits + at, sizeof(digits) - at);
}
