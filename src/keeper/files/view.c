/*
 * Merges layers as the container would see them, in a detached overlay that no mount namespace
 * shows. It exists for as long as this process does; others reach it through /proc/PID/fd/FD.
 */
#include "files.h"

#include "../init/clock.h"
#include "../init/signals.h"
#include "../init/text.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>

static long set_string(long context, const char *key, const char *value) {
  return sys_call(__NR_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

/* Kernels from 6.5 take one layer at a time. */
static long overlay_by_context(const char *upper, const char *work, char *const *lower) {
  long context = sys_call(__NR_fsopen, "overlay", FSOPEN_CLOEXEC);
  long result = context < 0 ? context : 0;

  for (; result >= 0 && *lower != NULL; lower++) result = set_string(context, "lowerdir+", *lower);
  if (result >= 0 && *upper != '\0') result = set_string(context, "upperdir", upper);
  if (result >= 0 && *upper != '\0') result = set_string(context, "workdir", work);
  if (result >= 0) result = sys_call(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (result >= 0) result = sys_call(__NR_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
  if (context >= 0) sys_close((int)context);
  return result;
}

static bool append(char *text, size_t *used, const char *more) {
  size_t length = text_length(more);

  if (*used + length >= PATH_BYTES) return false;
  __builtin_memcpy(text + *used, more, length + 1);
  *used += length;
  return true;
}

/* Older ones: one page of options, mounted over the working directory of an own mount namespace. */
static long overlay_by_mount(const char *upper, const char *work, char *const *lower) {
  char options[PATH_BYTES] = "lowerdir=";
  size_t used = text_length(options);
  bool fits = true;
  long result = sys_call(__NR_unshare, CLONE_NEWNS);

  for (char *const *at = lower; *at != NULL; at++)
    fits = fits && (at == lower || append(options, &used, ":")) && append(options, &used, *at);
  if (*upper != '\0')
    fits = fits && append(options, &used, ",upperdir=") && append(options, &used, upper) &&
           append(options, &used, ",workdir=") && append(options, &used, work);
  if (!fits) return -E2BIG;
  if (result >= 0) result = sys_call(__NR_mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0);
  if (result >= 0) result = sys_call(__NR_mount, "overlay", ".", "overlay", MS_NODEV | MS_NOSUID, options);
  /* "." is still what lies underneath; the way in is by its name. */
  if (result >= 0) {
    char here[PATH_BYTES];

    result = sys_call(__NR_getcwd, here, sizeof(here));
    if (result >= 0) result = sys_open(here, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  }
  return result;
}

static long merge(const char *upper, const char *work, char *const *lower) {
  long fd;

  /* A single layer has nothing to merge, and overlay refuses it. */
  if (*upper == '\0' && lower[1] == NULL) return sys_open(lower[0], O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  fd = overlay_by_context(upper, work, lower);
  return fd == -EINVAL || fd == -ENOSYS ? overlay_by_mount(upper, work, lower) : fd;
}

int view_run(int argc, char **argv) {
  struct out out;
  long fd;

  if (argc < 4) return usage(NAME, "view needs an upper and a work directory, or two empty ones, and layers");
  sys_call(__NR_prctl, PR_SET_PDEATHSIG, SIG_KILL);
  fd = merge(argv[1], argv[2], argv + 3);
  if (fd < 0) return fail(NAME, "merge the layers of", argv[1], fd);
  out_open(&out, 1);
  out_text(&out, "ready ");
  out_number(&out, (uint64_t)sys_getpid());
  out_text(&out, " ");
  out_number(&out, (uint64_t)fd);
  out_text(&out, "\n");
  out_flush(&out);
  clock_sleep_forever();
}
