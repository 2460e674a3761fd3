#include "../applets.h"
#include "../directory.h"
#include "../text.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

static void print_details(struct out *out, int dir, const char *name) {
  static const char types[16] = "?pc?d?b?-?l?s???";
  char target[512];
  struct statx stat;
  long length;
  long result = sys_call(__NR_statx, dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stat);

  if (result < 0) {
    out_text(out, "? ");
    out_text(out, name);
    out_text(out, " ");
    out_errno(out, (int)-result);
    return;
  }
  out_bytes(out, &types[stat.stx_mode >> 12 & 15], 1);
  out_text(out, " 0");
  out_octal(out, stat.stx_mode & 07777);
  out_text(out, " ");
  out_number(out, stat.stx_uid);
  out_text(out, " ");
  out_number(out, stat.stx_gid);
  out_text(out, " ");
  out_number(out, stat.stx_size);
  out_text(out, " ");
  out_text(out, name);
  if ((stat.stx_mode & S_IFMT) != S_IFLNK) return;
  length = sys_call(__NR_readlinkat, dir, name, target, sizeof(target));
  if (length > 0) {
    out_text(out, " -> ");
    out_bytes(out, target, (size_t)length);
  }
}

int applet_ls(const struct args *args) {
  bool details = args->argc > 1 && text_equal(args->argv[1], "-l");
  int at = details ? 2 : 1;
  const char *path = args->argc > at ? args->argv[at] : ".";
  struct directory directory;
  const char *name;
  struct out out;
  long result = directory_open(&directory, path);

  if (result < 0) return fail("ls", "open", path, result);
  out_open(&out, 1);
  while ((name = directory_next(&directory)) != NULL) {
    if (text_equal(name, ".") || text_equal(name, "..")) continue;
    if (details)
      print_details(&out, directory.fd, name);
    else
      out_text(&out, name);
    out_text(&out, "\n");
  }
  out_flush(&out);
  directory_close(&directory);
  return directory.error == 0 ? 0 : fail("ls", "read", path, -directory.error);
}
