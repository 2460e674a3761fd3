/*
 * Performs a list of records below a container's root, as the container's own root user would:
 * new files belong to mapped ids, which is the only way to make any in an id-mapped overlay.
 */
#include "files.h"

#include "../init/clock.h"
#include "../init/text.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/xattr.h>

enum operation {
  MAKE_DIRECTORY = 1,
  MAKE_FILE = 2,
  MAKE_SYMLINK = 3,
  MAKE_LINK = 4,
  MAKE_NODE = 5,
  SET_XATTR = 6,
};

enum { MAY_REPLACE_DIRECTORY = 1 };

/* As src/host/tree/apply-records.ts writes it, little-endian; path, argument and data follow. */
struct record {
  uint8_t operation;
  uint8_t flags;
  uint16_t path_length;
  uint32_t argument_length;
  /* With the file type for MAKE_NODE. */
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
  uint32_t major;
  uint32_t minor;
  uint32_t unused;
  int64_t mtime;
  uint64_t data_length;
};

struct job {
  int root;
  int input;
  struct ids ids;
  struct record record;
  uint64_t told_ns;
  char path[PATH_BYTES];
  /* Link target, name of an attribute. */
  char argument[PATH_BYTES];
};

/* A line for whoever waits for us, once a second: we got further. */
static void tell_progress(struct job *job) {
  uint64_t now = clock_monotonic();

  if (now - job->told_ns < 1000000000) return;
  job->told_ns = now;
  sys_write(1, "\n", 1);
}

static long read_exactly(int fd, void *buffer, size_t size) {
  size_t done = 0;

  while (done < size) {
    long got = sys_read(fd, (char *)buffer + done, size - done);

    if (got < 0 && got != -EINTR) return got;
    if (got == 0) return done == 0 ? 0 : -EBADMSG;
    if (got > 0) done += (size_t)got;
  }
  return (long)done;
}

/* 1 with a record, 0 at the end, or a negative errno. */
static long next_record(struct job *job) {
  struct record *record = &job->record;
  long got = read_exactly(job->input, record, sizeof(*record));

  if (got <= 0) return got;
  if (record->path_length >= PATH_BYTES || record->argument_length >= PATH_BYTES) return -EBADMSG;
  if (record->path_length == 0 || read_exactly(job->input, job->path, record->path_length) != record->path_length)
    return -EBADMSG;
  if (record->argument_length > 0 &&
      read_exactly(job->input, job->argument, record->argument_length) != (long)record->argument_length)
    return -EBADMSG;
  job->path[record->path_length] = '\0';
  job->argument[record->argument_length] = '\0';
  if (record->uid >= job->ids.count || record->gid >= job->ids.count) return -EINVAL;
  return 1;
}

static long copy_data(struct job *job, int target) {
  uint64_t left = job->record.data_length;
  char data[8192];

  while (left > 0) {
    size_t size = left < sizeof(data) ? (size_t)left : sizeof(data);
    long got = read_exactly(job->input, data, size);

    if (got <= 0) return got < 0 ? got : -EBADMSG;
    for (long done = 0; done < got;) {
      long written = sys_write(target, data + done, (size_t)(got - done));

      if (written < 0 && written != -EINTR) return written;
      done += written > 0 ? written : 0;
    }
    left -= (uint64_t)got;
    tell_progress(job);
  }
  return 0;
}

/* Owner, then mode (a change of owner takes the set-id bits), then time. `path` is "" for the fd itself. */
static long set_attributes(const struct job *job, int fd, const char *path) {
  const struct record *record = &job->record;
  struct __kernel_timespec times[2] = {{record->mtime, 0}, {record->mtime, 0}};
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
  if ((job->record.flags & MAY_REPLACE_DIRECTORY) == 0) return -EISDIR;
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

static long make_file(struct job *job, int parent, const char *name) {
  long fd = sys_call(__NR_openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  long result;

  if (fd < 0) return fd;
  result = copy_data(job, (int)fd);
  if (result >= 0) result = set_attributes(job, (int)fd, "");
  sys_close((int)fd);
  return result;
}

static long make_link(const struct job *job, int parent, const char *name) {
  long target = path_open(job->root, job->argument, O_PATH | O_NOFOLLOW);
  long result;

  if (target < 0) return target;
  result = sys_call(__NR_linkat, target, "", parent, name, AT_EMPTY_PATH);
  sys_close((int)target);
  return result;
}

static long make_node(const struct job *job, int parent, const char *name) {
  const struct record *record = &job->record;
  uint32_t device = (record->minor & 0xff) | (record->major & 0xfff) << 8 | (record->minor & ~0xffU) << 12;
  long result = sys_call(__NR_mknodat, parent, name, record->mode, device);

  return result < 0 ? result : set_attributes(job, parent, name);
}

static long set_xattr(struct job *job, int parent, const char *name) {
  char path[32] = "/proc/self/fd/";
  char value[PATH_BYTES];
  size_t size = (size_t)job->record.data_length;
  long fd = sys_call(__NR_openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  char digits[12];
  size_t at = sizeof(digits) - 1;
  long result;

  if (fd < 0) return fd;
  digits[at] = '\0';
  for (long rest = fd; rest > 0 || at == sizeof(digits) - 1; rest /= 10) digits[--at] = (char)('0' + rest % 10);
  __builtin_memcpy(path + 14, digits + at, sizeof(digits) - at);
  result = size > sizeof(value) ? -E2BIG : 0;
  if (result == 0 && size > 0) result = read_exactly(job->input, value, size);
  if (result >= 0) result = sys_call(__NR_setxattr, path, job->argument, value, size, 0);
  sys_close((int)fd);
  return result;
}

static long perform(struct job *job) {
  const char *name;
  long parent = path_parent(job->root, job->path, &name);
  long result = 0;

  if (parent < 0) return parent;
  if (job->record.operation != MAKE_DIRECTORY && job->record.operation != SET_XATTR)
    result = clear(job, (int)parent, name);
  if (result >= 0) {
    switch (job->record.operation) {
    case MAKE_DIRECTORY:
      result = make_directory(job, (int)parent, name);
      break;
    case MAKE_FILE:
      result = make_file(job, (int)parent, name);
      break;
    case MAKE_SYMLINK:
      result = sys_call(__NR_symlinkat, job->argument, parent, name);
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
  struct job job;
  long fd;
  long result;

  if (argc != 5 || !text_number(argv[2], UINT32_MAX, &base) || !text_number(argv[3], UINT32_MAX - base, &count))
    return usage(NAME, "apply needs a root, a first id, a count of ids and a file");
  fd = sys_open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return fail(NAME, "open", argv[1], fd);
  job.root = (int)fd;
  fd = sys_open(argv[4], O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return fail(NAME, "open", argv[4], fd);
  job.input = (int)fd;
  job.ids = (struct ids){.base = (uint32_t)base, .count = (uint32_t)count};
  sys_call(__NR_umask, 0);
  result = become(&job.ids);
  if (result < 0) return fail(NAME, "take the ids of", argv[1], result);
  while ((result = next_record(&job)) > 0) {
    result = perform(&job);
    if (result < 0) return fail(NAME, "write", job.path, result);
    tell_progress(&job);
  }
  return result == 0 ? 0 : fail(NAME, "read the records of", argv[4], result);
}
