/* What the worker must know of a container that runs already: its init's pid, its user namespace, its id maps. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/own.h"
#include "worker.h"

enum { RANGE_BYTES = 12 };

static ssize_t read_proc(const struct worker *worker, const char *path, char *text, size_t cap) {
  OWN_FD fd = openat(worker->host_proc, path, O_RDONLY | O_CLOEXEC);
  size_t len = 0;
  ssize_t got = fd < 0 ? -1 : 0;
  while (fd >= 0 && len < cap - 1 && (got = read(fd, text + len, cap - 1 - len)) > 0) len += (size_t)got;
  text[len] = 0;
  return got < 0 ? -1 : (ssize_t)len;
}

pid_t peer_pid(const struct worker *worker, int pidfd) {
  char path[40], text[512];
  snprintf(path, sizeof path, "self/fdinfo/%d", pidfd);
  if (read_proc(worker, path, text, sizeof text) < 0) return -1;
  const char *line = strstr(text, "Pid:");
  return line ? (pid_t)strtol(line + 4, NULL, 10) : -1;
}

int peer_same_user_ns(const struct worker *worker, pid_t pid, bool *same, struct failure *failure) {
  char path[32], own[64] = "", other[64] = "";
  snprintf(path, sizeof path, "%d/ns/user", (int)pid);
  if (readlinkat(worker->host_proc, "self/ns/user", own, sizeof own - 1) < 0 ||
      readlinkat(worker->host_proc, path, other, sizeof other - 1) < 0)
    return fail(failure, errno == ENOENT ? ESRCH : errno, "look at the container's user namespace", NULL);
  *same = strcmp(own, other) == 0;
  return 0;
}

static void put_u32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static int read_map(const struct worker *worker, pid_t pid, const char *name, uint8_t *bytes, struct list *list) {
  char path[32], text[ID_RANGES_MAX * 36];
  snprintf(path, sizeof path, "%d/%s", (int)pid, name);
  if (read_proc(worker, path, text, sizeof text) < 0) return -1;
  char *at = text;
  for (list->count = 0; *at && list->count < ID_RANGES_MAX; list->count++) {
    for (int field = 0; field < 3; field++)
      put_u32(bytes + list->count * RANGE_BYTES + 4 * field, (uint32_t)strtoul(at, &at, 10));
    at += strspn(at, " \n");
  }
  list->items = reader_of(bytes, (size_t)list->count * RANGE_BYTES);
  return 0;
}

int peer_maps(const struct worker *worker, pid_t pid, struct peer_maps *maps, struct idmap *idmap,
              struct failure *failure) {
  if (read_map(worker, pid, "uid_map", maps->uids, &idmap->map.uids) < 0 ||
      read_map(worker, pid, "gid_map", maps->gids, &idmap->map.gids) < 0)
    return fail(failure, 0, "read id maps", NULL);
  idmap->root_uid = idmap_outside(&idmap->map.uids, 0);
  idmap->root_gid = idmap_outside(&idmap->map.gids, 0);
  if (idmap->root_uid == UINT32_MAX || idmap->root_gid == UINT32_MAX)
    return fail(failure, EINVAL, "find root in the id maps", NULL);
  idmap->present = true;
  return 0;
}
