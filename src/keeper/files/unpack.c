/*
 * Makes what a stream of records lists below an empty directory that nobody else uses: a layer. The names are an
 * attacker's; the kernel resolves them beneath the directory, so that a link that leads out ends the work.
 */
#include "records.h"

#include "../init/text.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/time_types.h>

struct unpack {
  int root;
  /* The directory of the last record's path: the next one is most often in the same. -1: none. */
  int parent;
  char parent_path[PATH_BYTES];
  char value[XATTR_SIZE_MAX];
  struct records records;
};

static struct unpack job;

static long open_beneath(const char *path, int flags) {
  struct open_how how = {
      .flags = (unsigned)(flags | O_CLOEXEC),
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  };

  return sys_call(__NR_openat2, job.root, path, &how, sizeof(how));
}

static void forget_parent(void) {
  if (job.parent >= 0) sys_close(job.parent);
  job.parent = -1;
}

/* Makes the directories that lead to a path, whose last '/' is at `end`. */
static long make_parents(char *path, size_t end) {
  for (size_t at = 0; at <= end; at++) {
    long fd;

    if (path[at] != '/') continue;
    path[at] = '\0';
    fd = open_beneath(path, O_PATH | O_DIRECTORY);
    if (fd == -ENOENT) {
      size_t last = at;
      long above;

      while (last > 0 && path[last - 1] != '/') last--;
      if (last > 0) path[last - 1] = '\0';
      above = last > 0 ? open_beneath(path, O_PATH | O_DIRECTORY) : job.root;
      if (last > 0) path[last - 1] = '/';
      fd = above < 0 ? above : sys_call(__NR_mkdirat, above, path + last, 0755);
      if (last > 0 && above >= 0) sys_close((int)above);
    } else if (fd >= 0) {
      sys_close((int)fd);
      fd = 0;
    }
    path[at] = '/';
    if (fd < 0) return fd;
  }
  return 0;
}

/* The directory of the record's path, kept until another is asked for, and the last name. */
static long enter(const char **name) {
  char *path = job.records.path;
  size_t end = text_length(path);
  long fd;

  while (end > 0 && path[end - 1] != '/') end--;
  *name = path + end;
  if (end == 0) return job.root;
  path[end - 1] = '\0';
  if (job.parent >= 0 && text_equal(job.parent_path, path)) {
    path[end - 1] = '/';
    return job.parent;
  }
  forget_parent();
  fd = open_beneath(path, O_PATH | O_DIRECTORY);
  if (fd == -ENOENT) {
    path[end - 1] = '/';
    fd = make_parents(path, end - 1);
    path[end - 1] = '\0';
    if (fd >= 0) fd = open_beneath(path, O_PATH | O_DIRECTORY);
  }
  if (fd >= 0) __builtin_memcpy(job.parent_path, path, end);
  path[end - 1] = '/';
  job.parent = (int)fd;
  return fd;
}

static void times_of(struct __kernel_timespec times[2]) {
  const struct record *record = &job.records.record;

  times[0] = times[1] = (struct __kernel_timespec){record->mtime, record->nanoseconds};
}

/* Takes away what has the name. */
static long clear(long parent, const char *name) {
  long result = path_remove((int)parent, name);

  return result == -ENOENT ? 0 : result;
}

static long make_file(long parent, const char *name) {
  const struct record *record = &job.records.record;
  struct __kernel_timespec times[2];
  long fd =
      sys_call(__NR_openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, record->mode & 0777);
  long result;

  if (fd < 0) return fd;
  times_of(times);
  result = records_write(&job.records, (int)fd);
  if (result >= 0) result = sys_call(__NR_fchown, fd, record->uid, record->gid);
  /* A change of owner takes these bits. */
  if (result >= 0 && (record->mode & 07000) != 0) result = sys_call(__NR_fchmod, fd, record->mode & 07777);
  if (result >= 0) result = sys_call(__NR_utimensat, fd, NULL, times, 0);
  sys_close((int)fd);
  return result;
}

static long set_named(long parent, const char *name) {
  const struct record *record = &job.records.record;
  struct __kernel_timespec times[2];
  long result = sys_call(__NR_fchownat, parent, name, record->uid, record->gid, AT_SYMLINK_NOFOLLOW);

  times_of(times);
  return result < 0 ? result : sys_call(__NR_utimensat, parent, name, times, AT_SYMLINK_NOFOLLOW);
}

static long make_symlink(long parent, const char *name) {
  long result = sys_call(__NR_symlinkat, job.records.argument, parent, name);

  return result < 0 ? result : set_named(parent, name);
}

static long make_node(long parent, const char *name) {
  const struct record *record = &job.records.record;
  long result = sys_call(__NR_mknodat, parent, name, record->mode, record_device(record));

  return result < 0 ? result : set_named(parent, name);
}

static long make_link(long parent, const char *name) {
  long target = open_beneath(job.records.argument, O_PATH | O_NOFOLLOW);
  long result;

  if (target < 0) return target;
  result = sys_call(__NR_linkat, target, "", parent, name, AT_EMPTY_PATH);
  sys_close((int)target);
  return result;
}

static long open_directory(long parent, const char *name) {
  return sys_call(__NR_openat, parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A directory that is there stays, with what it holds. */
static long make_directory(long parent, const char *name) {
  const struct record *record = &job.records.record;
  long result = sys_call(__NR_mkdirat, parent, name, 0700);
  long fd;

  if (result < 0 && (result != -EEXIST || (record->flags & UNLESS_PRESENT) != 0)) return result;
  fd = open_directory(parent, name);
  if (fd < 0) return fd == -ENOTDIR || fd == -ELOOP ? -EEXIST : fd;
  result = sys_call(__NR_fchown, fd, record->uid, record->gid);
  if (result >= 0) result = sys_call(__NR_fchmod, fd, record->mode & 07777);
  sys_close((int)fd);
  return result;
}

/* Of a directory, once all is in it. It may have been replaced since. */
static long set_directory_time(long parent, const char *name) {
  struct __kernel_timespec times[2];
  long fd = open_directory(parent, name);
  long result;

  if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) return 0;
  if (fd < 0) return fd;
  times_of(times);
  result = sys_call(__NR_utimensat, fd, NULL, times, 0);
  sys_close((int)fd);
  return result;
}

static long set_xattr(long parent, const char *name) {
  size_t size = (size_t)job.records.record.data_length;
  struct statx info;
  char path[FD_PATH_BYTES];
  long fd;
  long result = size > sizeof(job.value) ? -E2BIG : records_data(&job.records, job.value, size);

  if (result < 0) return result;
  fd = sys_call(__NR_openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fd;
  result = sys_call(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &info);
  fd_path(path, (int)fd);
  /* Links, FIFOs and devices have none of those that a layer may set. */
  if (result >= 0 && (S_ISREG(info.stx_mode) || S_ISDIR(info.stx_mode)))
    result = sys_call(__NR_setxattr, path, job.records.argument, job.value, size, 0);
  sys_close((int)fd);
  return result;
}

static long make(long parent, const char *name) {
  switch (job.records.record.operation) {
  case MAKE_DIRECTORY:
    return make_directory(parent, name);
  case MAKE_FILE:
    return make_file(parent, name);
  case MAKE_SYMLINK:
    return make_symlink(parent, name);
  case MAKE_LINK:
    return make_link(parent, name);
  case MAKE_NODE:
    return make_node(parent, name);
  case SET_XATTR:
    return set_xattr(parent, name);
  case SET_DIRECTORY_TIME:
    return set_directory_time(parent, name);
  default:
    return -EBADMSG;
  }
}

static long perform(void) {
  const char *name;
  long parent = enter(&name);
  long result = parent < 0 ? parent : make(parent, name);

  if (result != -EEXIST) return result;
  if ((job.records.record.flags & UNLESS_PRESENT) != 0) return 0;
  result = clear(parent, name);
  /* It may have been a directory, and a link to it: what is known of the way here is no longer true. */
  forget_parent();
  if (result >= 0) parent = enter(&name);
  return result < 0 ? result : parent < 0 ? parent : make(parent, name);
}

int unpack_run(int argc, char **argv) {
  long result;
  long fd;

  if (argc != 2) return usage(NAME, "unpack needs a directory, and records on its standard input");
  fd = sys_open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return fail(NAME, "open", argv[1], fd);
  job.root = (int)fd;
  job.parent = -1;
  sys_call(__NR_umask, 0);
  records_open(&job.records, 0);
  while ((result = records_next(&job.records)) > 0) {
    result = perform();
    if (result >= 0) continue;
    fail(NAME, "write", job.records.path, result);
    return result == -EXDEV ? LEADS_OUTSIDE : result == -ENOSPC || result == -EDQUOT ? DISK_FULL : 1;
  }
  return result == 0 ? 0 : fail(NAME, "read", "the records", result);
}
