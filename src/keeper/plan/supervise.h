/* The supervise section of a launch: kept with the container, decoded, and written into the journal as it came. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../base/buffer.h"
#include "../base/failure.h"
#include "../protocol.h"

struct cgroup_path {
  uint8_t hierarchy;
  const char *path;
};

/* Strings, paths and the health plan point into `text`, which this owns. There are thousands: equal paths are kept once. */
struct supervise {
  char *text;
  const char *id;
  uint64_t generation;
  struct cgroup_path *cgroups;
  uint32_t cgroup_count;
  bool tty, stdin_open, stdin_once;
  uint32_t stdio_uid, stdio_gid;
  struct {
    uint8_t mode;
    const char *path;
    uint64_t max_bytes;
    uint32_t max_files;
  } log;
  int32_t stop_signal;
  uint64_t stop_timeout_ms;
  uint64_t ttl_ms, idle_ms;
  struct {
    uint8_t policy;
    uint32_t max_retries, count;
  } restart;
  struct {
    uint64_t interval_ms, timeout_ms;
    uint32_t retries;
    uint64_t start_period_ms, start_interval_ms;
    struct str plan;
  } health;
  bool engine_on_exit;
};

/* Checks and copies. 0, or -1 with a failure of EBADMSG (ENOMEM). */
int supervise_decode(const void *data, size_t size, struct supervise *out, struct failure *);
void supervise_encode(const struct supervise *, struct writer *);
void supervise_free(struct supervise *);
