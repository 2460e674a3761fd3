/* FREEZE: cgroup.freeze is a wish; cgroup.events tells when it has come true, and is watched until then. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../base/log.h"
#include "../core.h"

struct freeze {
  struct container *container;
  struct request *request; /* NULL: its client left; the wish stays */
  struct watch watch;
  bool frozen;
};

static void freeze_end(struct freeze *freeze) {
  int fd = freeze->watch.fd;
  watch_remove(freeze->container->keeper, &freeze->watch);
  if (fd >= 0) close(fd);
  freeze->container->freeze = NULL;
  if (freeze->request) freeze->request->state = NULL;
  free(freeze);
}

static bool reached(const struct freeze *freeze) {
  char text[256];
  ssize_t len = pread(freeze->watch.fd, text, sizeof text - 1, 0);
  if (len <= 0) return false;
  text[len] = 0;
  const char *at = strstr(text, "frozen ");
  return at && (at[7] == '1') == freeze->frozen;
}

static void check(struct freeze *freeze) {
  if (!reached(freeze)) return;
  struct container *container = freeze->container;
  struct request *request = freeze->request;
  bool frozen = freeze->frozen;
  freeze_end(freeze);
  if ((container->status == STATUS_PAUSED) != frozen && container_running(container))
    container_set_status(container, frozen ? STATUS_PAUSED : STATUS_RUNNING);
  if (!request) return;
  request_ok(request);
  request_end(request);
}

static void events_changed(struct watch *watch, uint32_t events) {
  (void)events;
  check(OWNER_OF(watch, struct freeze, watch));
}

static void client_gone(struct request *request) {
  struct freeze *freeze = request->state;
  if (freeze) freeze->request = NULL;
}

void freeze_cancel(struct container *container) {
  struct freeze *freeze = container->freeze;
  if (!freeze) return;
  struct request *request = freeze->request;
  freeze_end(freeze);
  if (!request) return;
  request_fail_with(request, ESRCH, "pause container", container->supervise.id);
  request_end(request);
}

static void refuse(struct container *container, struct request *request, int error) {
  request_fail_with(request, error, "pause container", container->supervise.id);
  request_end(request);
}

void freeze_begin(struct container *container, struct request *request, bool frozen) {
  struct keeper *keeper = container->keeper;
  const char *path = container_cgroup(container, 0);
  if (container->freeze) return refuse(container, request, EBUSY);
  struct freeze *freeze = calloc(1, sizeof *freeze);
  int fd = freeze ? cgroup_open(keeper, 0, path, "cgroup.events", O_RDONLY) : -1;
  if (fd < 0) {
    free(freeze);
    return refuse(container, request, errno);
  }
  *freeze = (struct freeze){.container = container, .request = request, .frozen = frozen};
  freeze->watch = (struct watch){.fd = -1, .ready = events_changed};
  container->freeze = freeze;
  request->state = freeze;
  request->gone = client_gone;
  if (watch_add(keeper, &freeze->watch, fd, EPOLLPRI) < 0 ||
      cgroup_file_write(keeper, 0, path, "cgroup.freeze", frozen ? "1" : "0") < 0) {
    int error = errno;
    if (freeze->watch.fd < 0) close(fd);
    request->gone = NULL;
    freeze->request = NULL;
    freeze_end(freeze);
    return refuse(container, request, error);
  }
  check(freeze);
}
