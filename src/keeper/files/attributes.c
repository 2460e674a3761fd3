/* Extended attributes of a tree, which Node cannot read. */
#include "files.h"

#include "../init/directory.h"
#include "../init/text.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

enum { DEPTH_MAX = 512 };

struct listing {
  struct out out;
  size_t length;
  char path[PATH_BYTES];
  char names[XATTR_LIST_MAX];
  char value[XATTR_SIZE_MAX];
};

static struct listing listing;

/* What a layer may carry, and overlay's own marks. */
static bool is_wanted(const char *name) {
  return text_equal(name, "security.capability") || text_starts(name, "user.") || text_starts(name, "trusted.overlay.");
}

static void print_escaped(const char *bytes, size_t size) {
  static const char hex[] = "0123456789ABCDEF";

  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)bytes[i];

    if (byte > ' ' && byte < 0x7f && byte != '%') {
      out_bytes(&listing.out, bytes + i, 1);
    } else {
      char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]};

      out_bytes(&listing.out, escaped, sizeof(escaped));
    }
  }
}

static long print_attributes(int fd) {
  char path[FD_PATH_BYTES];
  long size;

  fd_path(path, fd);
  size = sys_call(__NR_listxattr, path, listing.names, sizeof(listing.names));
  if (size == -EOPNOTSUPP) return 0;
  if (size < 0) return size;
  for (const char *name = listing.names; name < listing.names + size; name += text_length(name) + 1) {
    long got = is_wanted(name) ? sys_call(__NR_getxattr, path, name, listing.value, sizeof(listing.value)) : -ENODATA;

    if (got == -ENODATA) continue;
    if (got < 0) return got;
    print_escaped(listing.path, listing.length);
    out_text(&listing.out, " ");
    print_escaped(name, text_length(name));
    out_text(&listing.out, " ");
    print_escaped(listing.value, (size_t)got);
    out_text(&listing.out, "\n");
  }
  return 0;
}

static long visit_directory(int fd, unsigned depth);

/* Nothing is opened for real but directories: a FIFO would block, and a device could act. */
static long visit_opened(int fd, unsigned depth) {
  struct statx info;
  long result = sys_call(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &info);

  if (result >= 0 && (S_ISREG(info.stx_mode) || S_ISDIR(info.stx_mode))) result = print_attributes(fd);
  if (result >= 0 && S_ISDIR(info.stx_mode)) {
    long directory = sys_call(__NR_openat, fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    result = directory < 0 ? directory : visit_directory((int)directory, depth);
    if (directory >= 0) sys_close((int)directory);
  }
  return result;
}

static long visit(int parent, const char *name, unsigned depth) {
  long fd = sys_call(__NR_openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  long result;

  if (fd == -ENOENT) return 0;
  if (fd < 0) return fd;
  result = visit_opened((int)fd, depth);
  sys_close((int)fd);
  return result;
}

static long visit_directory(int fd, unsigned depth) {
  struct directory directory;
  const char *name;
  long result = 0;

  if (depth == DEPTH_MAX) return -ENAMETOOLONG;
  directory_adopt(&directory, fd);
  while (result >= 0 && (name = directory_next(&directory)) != NULL) {
    size_t length = text_length(name);
    size_t before = listing.length;

    if (text_equal(name, ".") || text_equal(name, "..")) continue;
    if (before + length + 1 > sizeof(listing.path)) return -ENAMETOOLONG;
    listing.path[before] = '/';
    __builtin_memcpy(listing.path + before + 1, name, length);
    listing.length += length + 1;
    result = visit(fd, name, depth + 1);
    if (result >= 0) listing.length = before;
  }
  return result < 0 ? result : -directory.error;
}

int attributes_run(int argc, char **argv) {
  long fd;
  long result;

  if (argc != 2) return usage(NAME, "attributes needs a directory or a file");
  fd = sys_open(argv[1], O_PATH | O_CLOEXEC, 0);
  if (fd < 0) return fail(NAME, "open", argv[1], fd);
  out_open(&listing.out, 1);
  result = visit_opened((int)fd, 0);
  if (result < 0) {
    size_t end = listing.length < sizeof(listing.path) ? listing.length : sizeof(listing.path) - 1;

    listing.path[end] = '\0';
    return fail(NAME, "read the attributes of", listing.path, result);
  }
  out_flush(&listing.out);
  return listing.out.error == 0 ? 0 : fail(NAME, "write", NULL, -listing.out.error);
}
