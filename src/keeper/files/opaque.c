/* Directories of a writable layer that hide what the layers below have under the same name. */
#include "files.h"

#include "../init/directory.h"
#include "../init/text.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

/* A container may nest as deep as it likes; deeper ones than this count as not opaque. */
enum { DEPTH_MAX = 400 };

struct search {
  struct out out;
  size_t length;
  char path[PATH_BYTES];
};

static bool is_opaque(int fd) {
  char value[4];
  long size = sys_call(__NR_fgetxattr, fd, "trusted.overlay.opaque", value, sizeof(value));

  return size == 1 && value[0] == 'y';
}

/* One line; newlines and percent signs as %XX, so that any name fits. */
static void print_path(struct search *search) {
  static const char hex[] = "0123456789ABCDEF";

  for (size_t i = 0; i < search->length; i++) {
    unsigned char byte = (unsigned char)search->path[i];

    if (byte > ' ' && byte < 0x7f && byte != '%') {
      out_bytes(&search->out, search->path + i, 1);
    } else {
      char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]};

      out_bytes(&search->out, escaped, sizeof(escaped));
    }
  }
  out_text(&search->out, "\n");
}

static void visit(struct search *search, int fd, unsigned depth) {
  struct directory directory;
  const char *name;

  if (is_opaque(fd)) print_path(search);
  if (depth == DEPTH_MAX) return;
  directory_adopt(&directory, fd);
  while ((name = directory_next(&directory)) != NULL) {
    size_t length = text_length(name);
    size_t before = search->length;
    long child;

    if (text_equal(name, ".") || text_equal(name, "..") || before + length + 1 > sizeof(search->path)) continue;
    child = sys_call(__NR_openat, fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (child < 0) continue;
    search->path[before] = '/';
    __builtin_memcpy(search->path + before + 1, name, length);
    search->length += length + 1;
    visit(search, (int)child, depth + 1);
    search->length = before;
    sys_close((int)child);
  }
}

int opaque_run(int argc, char **argv) {
  struct search search;
  long fd;

  if (argc != 2) return usage(NAME, "opaque needs a directory");
  fd = sys_open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return fail(NAME, "open", argv[1], fd);
  out_open(&search.out, 1);
  search.length = 0;
  visit(&search, (int)fd, 0);
  out_flush(&search.out);
  return search.out.error == 0 ? 0 : fail(NAME, "write", NULL, -search.out.error);
}
