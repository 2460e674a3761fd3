/*
 * The root file system. Newer kernels (about 6.15) build an overlay from detached layers; older ones want them attached,
 * which happens in the worker's own mount namespace and is undone at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "../base/kernel.h"
#include "../base/own.h"
#include "worker.h"

enum { OPTIONS_MAX = 4096 };
static const uint64_t within = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

/* The layers as descriptors, top first; the last may be the empty one that a read-only overlay needs. */
struct layers {
  int lower[LOWERS_MAX + 1];
  unsigned count;
  int upper, work; /* -1: read-only */
};

static void close_layers(struct layers *layers) {
  for (unsigned i = 0; i < layers->count; i++) close(layers->lower[i]);
  set_fd(&layers->upper, -1);
  set_fd(&layers->work, -1);
}
#define OWN_LAYERS __attribute__((cleanup(close_layers))) struct layers

static int idmap_clone(int clone, const struct job *job, struct failure *failure) {
  if (kernel_mount_setattr(clone, "", AT_EMPTY_PATH, 0, 0, 0, job->user_ns) < 0)
    return fail(failure, 0, "id-map the store", NULL);
  return 0;
}

int store_clone(struct job *job, bool idmapped, struct failure *failure) {
  OWN_FD clone = kernel_open_tree(job->worker->data, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (clone < 0) return fail(failure, 0, "clone the data root", NULL);
  if (idmapped && idmap_clone(clone, job, failure) < 0) return -1;
  return steal_fd(&clone);
}

/* The clone holds the data root's own file system only; what is mounted below it is cloned for itself. */
int store_open(struct job *job, int clone, struct str path, bool idmapped, struct failure *failure) {
  char name[PATH_BYTES_MAX + 1];
  path_name(path, &name);
  OWN_FD original = kernel_openat2(job->worker->data, name, O_PATH | O_CLOEXEC, 0, within | RESOLVE_NO_XDEV);
  if (original >= 0) {
    int fd = kernel_openat2(clone, name, O_PATH | O_CLOEXEC, 0, within);
    return fd < 0 ? fail(failure, 0, "open", name) : fd;
  }
  if (errno == EXDEV) set_fd(&original, kernel_openat2(job->worker->data, name, O_PATH | O_CLOEXEC, 0, within));
  if (original < 0) return fail(failure, 0, "open", name);
  OWN_FD own = kernel_open_tree(original, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (own < 0) return fail(failure, 0, "clone", name);
  if (idmapped && idmap_clone(own, job, failure) < 0) return -1;
  return steal_fd(&own);
}

static int make_upper_tmpfs(const struct job *job, const struct op_overlay *overlay, struct failure *failure) {
  char size[32];
  snprintf(size, sizeof size, "%llu", (unsigned long long)overlay->tmpfs_bytes);
  OWN_FD context = kernel_fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0 || kernel_fsconfig(context, FSCONFIG_SET_STRING, "size", size, 0) < 0 ||
      kernel_fsconfig(context, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
      kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    return fail(failure, 0, "create tmpfs for the writable layer", size);
  OWN_FD tree = kernel_fsmount(context, FSMOUNT_CLOEXEC, 0);
  if (tree < 0) return fail(failure, 0, "mount tmpfs for the writable layer", NULL);
  if (mkdirat(tree, "upper", 0755) < 0 || mkdirat(tree, "work", 0755) < 0)
    return fail(failure, 0, "make the writable layer", NULL);
  if (overlay->idmapped && idmap_clone(tree, job, failure) < 0) return -1;
  return steal_fd(&tree);
}

static int open_lowers(struct job *job, int clone, const struct op_overlay *overlay, struct layers *layers,
                       struct failure *failure) {
  struct reader items = overlay->lowers.items;
  for (uint32_t i = 0; i < overlay->lowers.count; i++) {
    int lower = store_open(job, clone, read_str(&items), overlay->idmapped, failure);
    if (lower < 0) return -1;
    layers->lower[layers->count++] = lower;
  }
  if (overlay->upper.len > 0 || overlay->tmpfs_bytes > 0 || layers->count > 1) return 0;
  int empty = fcntl(job->worker->empty_dir, F_DUPFD_CLOEXEC, 0);
  if (empty < 0) return fail(failure, 0, "open the empty directory", NULL);
  layers->lower[layers->count++] = empty;
  return 0;
}

static int open_upper(struct job *job, int clone, const struct op_overlay *overlay, struct layers *layers,
                      struct failure *failure) {
  if (overlay->upper.len == 0) return 0;
  layers->upper = store_open(job, clone, overlay->upper, overlay->idmapped, failure);
  layers->work = layers->upper < 0 ? -1 : store_open(job, clone, overlay->work, overlay->idmapped, failure);
  return layers->work < 0 ? -1 : 0;
}

static int open_tmpfs_upper(int tmpfs, struct layers *layers, struct failure *failure) {
  layers->upper = openat(tmpfs, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
  layers->work = openat(tmpfs, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return layers->upper < 0 || layers->work < 0 ? fail(failure, 0, "open the writable layer", NULL) : 0;
}

static int configure_layers(int context, const struct layers *layers, struct failure *failure) {
  for (unsigned i = 0; i < layers->count; i++)
    if (kernel_fsconfig(context, FSCONFIG_SET_FD, "lowerdir+", NULL, layers->lower[i]) < 0)
      return fail(failure, 0, "add overlay layer", NULL);
  if (layers->upper >= 0 && (kernel_fsconfig(context, FSCONFIG_SET_FD, "upperdir", NULL, layers->upper) < 0 ||
                             kernel_fsconfig(context, FSCONFIG_SET_FD, "workdir", NULL, layers->work) < 0))
    return fail(failure, 0, "set the overlay's writable layer", NULL);
  return 0;
}

static int create_by_fd(const struct op_overlay *overlay, const struct layers *layers, struct failure *failure) {
  OWN_FD context = kernel_fsopen("overlay", FSOPEN_CLOEXEC);
  if (context < 0) return fail(failure, 0, "open overlay", NULL);
  kernel_fsconfig(context, FSCONFIG_SET_STRING, "source", "overlay", 0);
  if (configure_layers(context, layers, failure) < 0) return -1;
  if (overlay->is_volatile && layers->upper >= 0 &&
      kernel_fsconfig(context, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
    return fail(failure, 0, "make overlay volatile", NULL);
  if (kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return fail(failure, 0, "create overlay", NULL);
  int mount_fd = kernel_fsmount(context, FSMOUNT_CLOEXEC, (unsigned)overlay->attributes);
  return mount_fd < 0 ? fail(failure, 0, "mount overlay", NULL) : mount_fd;
}

static int overlay_options(const struct op_overlay *overlay, const struct layers *layers, char *options,
                           struct failure *failure) {
  size_t len = 0;
  for (unsigned i = 0; i < layers->count && len < OPTIONS_MAX; i++)
    len += (size_t)snprintf(options + len, OPTIONS_MAX - len, "%s/host-proc/self/fd/%d", i == 0 ? "lowerdir=" : ":",
                            layers->lower[i]);
  if (layers->upper >= 0 && len < OPTIONS_MAX)
    len += (size_t)snprintf(options + len, OPTIONS_MAX - len,
                            ",upperdir=/host-proc/self/fd/%d,workdir=/host-proc/self/fd/%d%s", layers->upper,
                            layers->work, overlay->is_volatile ? ",volatile" : "");
  return len < OPTIONS_MAX ? 0 : fail(failure, E2BIG, "name all overlay layers", NULL);
}

static int create_attached(const struct op_overlay *overlay, const struct layers *layers, struct failure *failure) {
  char options[OPTIONS_MAX];
  if (overlay_options(overlay, layers, options, failure) < 0) return -1;
  if (mount("overlay", "/merged", "overlay", 0, options) < 0) return fail(failure, 0, "create overlay", NULL);
  OWN_FD clone = kernel_open_tree(AT_FDCWD, "/merged", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  int error = errno;
  if (umount2("/merged", MNT_DETACH) < 0) return fail(failure, 0, "detach overlay", NULL);
  if (clone < 0) return fail(failure, error, "clone overlay", NULL);
  if (kernel_mount_setattr(clone, "", AT_EMPTY_PATH, overlay->attributes, 0, 0, -1) < 0)
    return fail(failure, 0, "set overlay attributes", NULL);
  return steal_fd(&clone);
}

/* Detaches on the way out, whatever happened. */
static void detach(const char **place) {
  if (*place) umount2(*place, MNT_DETACH);
}
#define OWN_PLACE __attribute__((cleanup(detach))) const char

static int attach_at(int tree, int place, const char *name, const char **attached, struct failure *failure) {
  if (kernel_move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return fail(failure, 0, "attach layers", name);
  *attached = name;
  return 0;
}

int overlay_make(struct job *job, const struct op *op, struct failure *failure) {
  struct op_overlay overlay;
  decode_overlay(op->payload, &overlay);
  bool by_fd = overlay.strategy == OVERLAY_PROBE ? job->worker->overlay_by_fd : overlay.strategy == OVERLAY_FD;
  overlay.idmapped = overlay.idmapped && job->user_ns >= 0;
  OWN_LAYERS layers = {.upper = -1, .work = -1};
  OWN_PLACE *layers_place = NULL;
  OWN_PLACE *upper_place = NULL;
  int clone = job->store = store_clone(job, overlay.idmapped, failure);
  if (clone < 0) return -1;
  if (!by_fd && attach_at(clone, job->worker->layers, "/layers", &layers_place, failure) < 0) return -1;
  OWN_FD tmpfs = overlay.tmpfs_bytes > 0 ? make_upper_tmpfs(job, &overlay, failure) : -1;
  if (overlay.tmpfs_bytes > 0 && tmpfs < 0) return -1;
  if (!by_fd && tmpfs >= 0 && attach_at(tmpfs, job->worker->upper_mount, "/upper", &upper_place, failure) < 0)
    return -1;
  if (mapped_root_enter(&job->idmap, failure) < 0) return -1;
  int made = -1;
  if (open_lowers(job, clone, &overlay, &layers, failure) == 0 &&
      (tmpfs >= 0 ? open_tmpfs_upper(tmpfs, &layers, failure) : open_upper(job, clone, &overlay, &layers, failure)) ==
          0)
    made = by_fd ? create_by_fd(&overlay, &layers, failure) : create_attached(&overlay, &layers, failure);
  mapped_root_leave(&job->idmap);
  return made;
}

/* Whether the kernel takes layers that are attached nowhere. */
bool overlay_probe(void) {
  OWN_FD tmpfs = fs_detached("tmpfs", 0);
  struct failure ignored;
  if (tmpfs < 0 || mkdirat(tmpfs, "a", 0755) < 0 || mkdirat(tmpfs, "b", 0755) < 0) return false;
  OWN_LAYERS layers = {.upper = -1, .work = -1};
  static const char *const names[] = {"a", "b"};
  for (unsigned i = 0; i < 2; i++) {
    int layer = openat(tmpfs, names[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (layer < 0) return false;
    layers.lower[layers.count++] = layer;
  }
  const struct op_overlay overlay = {.attributes = 0};
  OWN_FD probe = create_by_fd(&overlay, &layers, &ignored);
  return probe >= 0;
}
