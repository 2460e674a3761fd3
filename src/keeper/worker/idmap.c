/* Id maps of user namespaces, and acting on files as a container's root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/own.h"
#include "worker.h"

static uint32_t translate(const struct list *ranges, uint32_t id, bool inward) {
  struct reader items = ranges->items;
  for (uint32_t i = 0; i < ranges->count; i++) {
    struct id_range range = read_id_range(&items);
    uint32_t from = inward ? range.outside : range.inside, to = inward ? range.inside : range.outside;
    if (id >= from && id - from < range.count) return to + (id - from);
  }
  return UINT32_MAX;
}

uint32_t idmap_outside(const struct list *ranges, uint32_t inside) { return translate(ranges, inside, false); }
uint32_t idmap_inside(const struct list *ranges, uint32_t outside) { return translate(ranges, outside, true); }

int idmap_read(const struct op *op, struct idmap *idmap, struct failure *failure) {
  decode_idmap(op->payload, &idmap->map);
  idmap->root_uid = idmap_outside(&idmap->map.uids, 0);
  idmap->root_gid = idmap_outside(&idmap->map.gids, 0);
  if (idmap->root_uid == UINT32_MAX || idmap->root_gid == UINT32_MAX)
    return fail(failure, EINVAL, "map ids: root is not mapped", NULL);
  idmap->present = true;
  return 0;
}

static int write_map(const struct worker *worker, pid_t pid, const char *name, const struct list *ranges,
                     struct failure *failure) {
  char path[48], text[ID_RANGES_MAX * 36];
  size_t len = 0;
  struct reader items = ranges->items;
  for (uint32_t i = 0; i < ranges->count; i++) {
    struct id_range range = read_id_range(&items);
    len += (size_t)snprintf(text + len, sizeof text - len, "%u %u %u\n", range.inside, range.outside, range.count);
  }
  snprintf(path, sizeof path, "%d/%s", (int)pid, name);
  OWN_FD fd = openat(worker->host_proc, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, len) != (ssize_t)len) return fail(failure, 0, "write id map", name);
  return 0;
}

int idmap_write(const struct worker *worker, const struct idmap *idmap, pid_t pid, struct failure *failure) {
  if (write_map(worker, pid, "uid_map", &idmap->map.uids, failure) < 0) return -1;
  return write_map(worker, pid, "gid_map", &idmap->map.gids, failure);
}

static int set_effective(bool all, struct __user_cap_data_struct previous[2]) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return -1;
  if (previous) memcpy(previous, data, sizeof data);
  if (!all) return 0;
  data[0].effective = data[0].permitted;
  data[1].effective = data[1].permitted;
  return (int)syscall(SYS_capset, &header, data);
}

/* Changing the file system ids away from 0 takes the file capabilities along. */
int mapped_root_enter(const struct idmap *idmap, struct failure *failure) {
  if (!idmap->present) return 0;
  setfsgid(idmap->root_gid);
  setfsuid(idmap->root_uid);
  if (setfsuid(UINT32_MAX) == (int)idmap->root_uid && setfsgid(UINT32_MAX) == (int)idmap->root_gid &&
      set_effective(true, NULL) == 0)
    return 0;
  int error = errno;
  mapped_root_leave(idmap);
  return fail(failure, error, "act as the container's root", NULL);
}

/* A worker that keeps a container's ids would act with them for the next one: better no worker. */
void mapped_root_leave(const struct idmap *idmap) {
  if (!idmap->present) return;
  setfsuid(0);
  setfsgid(0);
  struct __user_cap_data_struct now[2];
  bool whole = set_effective(true, NULL) == 0 && set_effective(false, now) == 0 &&
               now[0].effective == now[0].permitted && now[1].effective == now[1].permitted;
  if (!whole || setfsuid(UINT32_MAX) != 0 || setfsgid(UINT32_MAX) != 0) abort();
}
