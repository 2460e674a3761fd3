/*
 * Performs a list of records below a container's root, as the container's own root user would:
 * new files belong to mapped ids, which is the only way to make any in an id-mapped overlay.
 */
#include "records.h"

#include "../init/text.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/xattr.h>

/* Names of files that are not complete: this and sixteen digits. */
#define NEW_NAME ".warren-new-"
enum { NEW_NAME_BYTES = sizeof(NEW_NAME) + 16 };

struct job {
  int root;
  struct ids ids;
  struct records records;
};

static struct job the_job;

/* Owner, then mode (a change of owner takes the set-id bits), then time. `path` is "" for the fd itself. */
static long set_attributes(const struct job *job, int fd, const char *path) {
  const struct record *record = &job->records.record;
  struct __kernel_timespec times[2] = {{record->mtime, record->nanoseconds}, {record->mtime, record->nanoseconds}};
  int flags = *path == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
  long result = sys_call(__NR_fchownat, fd, path, job->ids.base + record->uid, job->ids.base + record->gid, flags);

  if (result >= 0 && *path == '\0') result = sys_call(__NR_fchmod, fd, record->mode & 07777);
  if (result >= 0)
    result = sys_call(__NR_utimensat, fd, *path == '\0' ? NULL : path, times, *path == '\0' ? 0 : AT_SYMLINK_NOFOLLOW);
  return result;
}

/* Makes the name free. A directory goes only when the record says so. */
static long clear(const struct job *job, int parent, const char *name) {
  long result = sys_call(__NR_unlinkat, parent, name, 0);

  if (result == -ENOENT) return 0;
  if (result != -EISDIR && result != -EPERM) return result;
  if ((job->records.record.flags & MAY_REPLACE_DIRECTORY) == 0) return -EISDIR;
  return path_remove(parent, name);
}

static long make_directory(const struct job *job, int parent, const char *name) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  long fd = sys_call(__NR_openat, parent, name, flags);
  long result;

  if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) {
    result = fd == -ENOENT ? 0 : sys_call(__NR_unlinkat, parent, name, 0);
    if (result >= 0) result = sys_call(__NR_mkdirat, parent, name, 0700);
    if (result < 0) return result;
    fd = sys_call(__NR_openat, parent, name, flags);
  }
  if (fd < 0) return fd;
  result = set_attributes(job, (int)fd, "");
  sys_close((int)fd);
  return result;
}

/* A name that nothing here has. */
static long random_name(char name[NEW_NAME_BYTES]) {
  uint64_t number;
  long result = sys_call(__NR_getrandom, &number, sizeof(number), 0);
  size_t at = sizeof(NEW_NAME) - 1;

  __builtin_memcpy(name, NEW_NAME, at);
  for (; at < NEW_NAME_BYTES - 1; at++, number >>= 4) name[at] = "0123456789abcdef"[number & 15];
  name[at] = '\0';
  return result < 0 ? result : 0;
}

/* Under a name of its own until it is complete: where it cannot be written, what is there stays. */
static long make_file(struct job *job, int parent, const char *name) {
  char new_name[NEW_NAME_BYTES];
  long result = random_name(new_name);
  long fd = result < 0
                ? result
                : sys_call(__NR_openat, parent, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0) return fd;
  result = records_write(&job->records, (int)fd);
  if (result >= 0) result = set_attributes(job, (int)fd, "");
  sys_close((int)fd);
  if (result >= 0) result = clear(job, parent, name);
  if (result >= 0) result = sys_call(__NR_renameat, parent, new_name, parent, name);
  if (result < 0) sys_call(__NR_unlinkat, parent, new_name, 0);
  return result;
}

static long make_link(const struct job *job, int parent, const char *name) {
  long target = path_open(job->root, job->records.argument, O_PATH | O_NOFOLLOW);
  long result;

  if (target < 0) return target;
  result = sys_call(__NR_linkat, target, "", parent, name, AT_EMPTY_PATH);
  sys_close((int)target);
  return result;
}

static long make_node(const struct job *job, int parent, const char *name) {
  const struct record *record = &job->records.record;
  long result = sys_call(__NR_mknodat, parent, name, record->mode, record_device(record));

  return result < 0 ? result : set_attributes(job, parent, name);
}

static long set_xattr(struct job *job, int parent, const char *name) {
  char path[FD_PATH_BYTES];
  char value[PATH_BYTES];
  size_t size = (size_t)job->records.record.data_length;
  long fd = sys_call(__NR_openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  long result;

  if (fd < 0) return fd;
  fd_path(path, (int)fd);
  result = size > sizeof(value) ? -E2BIG : records_data(&job->records, value, size);
  if (result >= 0) result = sys_call(__NR_setxattr, path, job->records.argument, value, size, 0);
  sys_close((int)fd);
  return result;
}

/* Whether there is a directory already, perhaps behind a link. */
static bool is_directory(const struct job *job) {
  long fd = path_open(job->root, job->records.path, O_PATH | O_DIRECTORY);

  if (fd >= 0) sys_close((int)fd);
  return fd >= 0;
}

static bool needs_free_name(int operation) {
  return operation != MAKE_DIRECTORY && operation != SET_XATTR && operation != MAKE_FILE;
}

static long perform(struct job *job) {
  const char *name;
  long parent;
  long result = 0;

  if ((job->records.record.flags & UNLESS_PRESENT) != 0 && is_directory(job)) return 0;
  parent = path_parent(job->root, job->records.path, &name);
  if (parent < 0) return parent;
  if (needs_free_name(job->records.record.operation)) result = clear(job, (int)parent, name);
  if (result >= 0) {
    switch (job->records.record.operation) {
    case MAKE_DIRECTORY:
      result = make_directory(job, (int)parent, name);
      break;
    case MAKE_FILE:
      result = make_file(job, (int)parent, name);
      break;
    case MAKE_SYMLINK:
      result = sys_call(__NR_symlinkat, job->records.argument, parent, name);
      if (result >= 0) result = set_attributes(job, (int)parent, name);
      break;
    case MAKE_LINK:
      result = make_link(job, (int)parent, name);
      break;
    case MAKE_NODE:
      result = make_node(job, (int)parent, name);
      break;
    case SET_XATTR:
      result = set_xattr(job, (int)parent, name);
      break;
    default:
      result = -EBADMSG;
    }
  }
  sys_close((int)parent);
  return result;
}

/* File-system ids of the container's root; leaving 0 drops capabilities, which come back at once. */
static long become(const struct ids *ids) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  long result;

  if (ids->base == 0) return 0;
  result = sys_call(__NR_capget, &header, data);
  sys_call(__NR_setfsgid, ids->base);
  sys_call(__NR_setfsuid, ids->base);
  if (result >= 0) result = sys_call(__NR_capset, &header, data);
  if (result >= 0 && sys_call(__NR_setfsuid, -1) != (long)ids->base) result = -EPERM;
  return result;
}

int apply_run(int argc, char **argv) {
  uint64_t base;
  uint64_t count;
  struct job *job = &the_job;
  long fd;
  long result;

  if (argc != 5 || !text_number(argv[2], UINT32_MAX, &base) || !text_number(argv[3], UINT32_MAX - base, &count))
    return usage(NAME, "apply needs a root, a first id, a count of ids and a file");
  fd = sys_open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return fail(NAME, "open", argv[1], fd);
  job->root = (int)fd;
  fd = sys_open(argv[4], O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return fail(NAME, "open", argv[4], fd);
  records_open(&job->records, (int)fd);
  job->records.tells = true;
  job->ids = (struct ids){.base = (uint32_t)base, .count = (uint32_t)count};
  sys_call(__NR_umask, 0);
  result = become(&job->ids);
  if (result < 0) return fail(NAME, "take the ids of", argv[1], result);
  while ((result = records_next(&job->records)) > 0) {
    const struct record *record = &job->records.record;

    result = record->uid >= job->ids.count || record->gid >= job->ids.count ? -EINVAL : perform(job);
    if (result >= 0) continue;
    fail(NAME, "write", job->records.path, result);
    return result == -ENOSPC || result == -EDQUOT ? DISK_FULL : 1;
  }
  return result == 0 ? 0 : fail(NAME, "read the records of", argv[4], result);
}
