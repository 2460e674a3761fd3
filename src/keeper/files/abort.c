/*
 * Ends FUSE connections that a container made and does not answer: whoever waits for them, even where no
 * signal helps, gets an error at once. The file system that controls connections is mounted detached.
 */
#include "files.h"

#include "../init/directory.h"
#include "../init/text.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

struct wanted {
  struct ids ids;
  char *const *numbers;
};

/* -ENODEV: this kernel has no FUSE, or nobody used it yet. */
static long open_control(void) {
  long context = sys_call(__NR_fsopen, "fusectl", FSOPEN_CLOEXEC);
  long result;

  if (context < 0) return context;
  result = sys_call(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (result >= 0)
    result = sys_call(__NR_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  sys_close((int)context);
  return result;
}

/* A connection's directory belongs to the host id of the user that the mount was made for. */
static bool is_wanted(const struct wanted *wanted, int control, const char *name) {
  struct statx status = {0};

  for (char *const *number = wanted->numbers; *number != NULL; number++) {
    if (text_equal(*number, name)) return true;
  }
  return sys_call(__NR_statx, control, name, AT_SYMLINK_NOFOLLOW, STATX_UID, &status) >= 0 &&
         status.stx_uid - wanted->ids.base < wanted->ids.count;
}

/* 1 when it was ended, 0 when it went away meanwhile. */
static long end_connection(int control, const char *name) {
  char path[40];
  size_t length = text_length(name);
  long fd;
  long result;

  if (length > 24) return 0;
  __builtin_memcpy(path, name, length);
  __builtin_memcpy(path + length, "/abort", sizeof("/abort"));
  fd = sys_call(__NR_openat, control, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fd == -ENOENT ? 0 : fd;
  result = sys_write((int)fd, "1", 1);
  sys_close((int)fd);
  return result;
}

static long end_all(const struct wanted *wanted, int control, uint64_t *ended) {
  struct directory directory;
  const char *name;
  long result = 0;

  directory_adopt(&directory, control);
  while (result >= 0 && (name = directory_next(&directory)) != NULL) {
    if (*name == '.' || !is_wanted(wanted, control, name)) continue;
    result = end_connection(control, name);
    if (result > 0) *ended += 1;
  }
  return result < 0 ? result : -directory.error;
}

int abort_run(int argc, char **argv) {
  struct wanted wanted = {.numbers = argv + 3};
  uint64_t base;
  uint64_t count;
  uint64_t ended = 0;
  struct out out;
  long control;
  long result;

  if (argc < 3 || !text_number(argv[1], UINT32_MAX, &base) || !text_number(argv[2], UINT32_MAX - base, &count))
    return usage(NAME, "abort needs a first id, a count of ids, and perhaps numbers of connections");
  wanted.ids = (struct ids){.base = (uint32_t)base, .count = (uint32_t)count};
  control = open_control();
  if (control >= 0) {
    /* fsmount gives an O_PATH descriptor. */
    long readable = sys_call(__NR_openat, control, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (readable < 0) return fail(NAME, "open", "the control of FUSE", readable);
    result = end_all(&wanted, (int)readable, &ended);
    if (result < 0) return fail(NAME, "end the connections of", argv[1], result);
  } else if (control != -ENODEV) {
    return fail(NAME, "mount", "the control of FUSE", control);
  }
  out_open(&out, 1);
  out_number(&out, ended);
  out_text(&out, "\n");
  out_flush(&out);
  return out.error == 0 ? 0 : fail(NAME, "write", NULL, -out.error);
}
