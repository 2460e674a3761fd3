#include "supervise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"

/* The decoded section and the room in which its strings get their terminating NULs. */
struct decoder {
  struct reader in;
  char *strings;
  bool ok;
};

/* Every string is copied with its NUL into the second half of `data`: its length word made room for that. */
static const char *keep(struct decoder *decoder, struct str text) {
  if (decoder->in.bad) return ""; /* a failed read consumed no length word */
  char *copy = decoder->strings;
  memcpy(copy, text.at, text.len);
  copy[text.len] = 0;
  decoder->strings += (size_t)text.len + 1;
  return copy;
}

static void require(struct decoder *decoder, bool condition) { decoder->ok = decoder->ok && condition; }

/* Names a journal file, a FIFO and a plan in the run dir. */
static bool id_ok(struct str id) {
  for (uint32_t i = 0; i < id.len; i++) {
    char c = id.at[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                 (c == '.' && i > 0);
    if (!plain) return false;
  }
  return id.len > 0 && id.len <= CONTAINER_ID_MAX;
}

static void decode_cgroups(struct decoder *decoder, struct supervise *out) {
  uint32_t count = read_count(&decoder->in, 5);
  require(decoder, count > 0 && count <= HIERARCHIES_MAX);
  if (decoder->in.bad || !decoder->ok) return;
  out->cgroups = calloc(count, sizeof *out->cgroups);
  if (!out->cgroups) {
    errno = ENOMEM;
    return;
  }
  out->cgroup_count = count;
  for (uint32_t i = 0; i < count; i++) {
    out->cgroups[i].hierarchy = read_u8(&decoder->in);
    struct str path = read_str(&decoder->in);
    require(decoder, out->cgroups[i].hierarchy < HIERARCHIES_MAX && path_is_relative(path));
    out->cgroups[i].path = keep(decoder, path);
  }
  require(decoder, out->cgroups[0].hierarchy == 0);
}

static void decode_log(struct decoder *decoder, struct supervise *out) {
  out->log.mode = read_u8(&decoder->in);
  struct str path = read_str(&decoder->in);
  out->log.max_bytes = read_u64(&decoder->in);
  out->log.max_files = read_u32(&decoder->in);
  require(decoder, out->log.mode <= LOG_FILE);
  require(decoder, out->log.mode == LOG_NULL ? path.len == 0 : path_is_absolute(path) && path.len > 1);
  out->log.path = keep(decoder, path);
}

static void decode_policies(struct decoder *decoder, struct supervise *out) {
  struct reader *in = &decoder->in;
  out->stop_signal = read_i32(in);
  out->stop_timeout_ms = read_u64(in);
  out->ttl_ms = read_u64(in);
  out->idle_ms = read_u64(in);
  out->restart.policy = read_u8(in);
  out->restart.max_retries = read_u32(in);
  out->restart.count = read_u32(in);
  require(decoder, out->stop_signal >= 1 && out->stop_signal <= 64);
  require(decoder, out->restart.policy <= RESTART_UNLESS_STOPPED);
}

static int decode_health(struct decoder *decoder, struct supervise *out, struct failure *failure) {
  struct reader *in = &decoder->in;
  out->health.interval_ms = read_u64(in);
  out->health.timeout_ms = read_u64(in);
  out->health.retries = read_u32(in);
  out->health.start_period_ms = read_u64(in);
  out->health.start_interval_ms = read_u64(in);
  out->health.plan = read_bytes(in);
  if (in->bad || out->health.interval_ms == 0) {
    require(decoder, out->health.plan.len == 0);
    return 0;
  }
  struct plan plan;
  return plan_check(out->health.plan.at, out->health.plan.len, PLAN_EXEC, &plan, failure);
}

/* Times are milliseconds that become nanoseconds in 64 bits. */
static bool times_ok(const struct supervise *out) {
  const uint64_t most = UINT64_MAX / 4000000;
  return out->stop_timeout_ms <= most && out->ttl_ms <= most && out->idle_ms <= most &&
         out->health.interval_ms <= most && out->health.timeout_ms <= most && out->health.start_period_ms <= most &&
         out->health.start_interval_ms <= most;
}

static int decode(struct decoder *decoder, struct supervise *out, struct failure *failure) {
  struct reader *in = &decoder->in;
  struct str id = read_str(in);
  require(decoder, id_ok(id));
  out->id = keep(decoder, id);
  out->generation = read_u64(in);
  decode_cgroups(decoder, out);
  if (decoder->ok && !in->bad && !out->cgroups) return fail(failure, ENOMEM, "keep the supervise section", NULL);
  out->tty = read_bool(in);
  out->stdin_open = read_bool(in);
  out->stdin_once = read_bool(in);
  out->stdio_uid = read_u32(in);
  out->stdio_gid = read_u32(in);
  require(decoder, out->stdio_uid != UINT32_MAX && out->stdio_gid != UINT32_MAX);
  decode_log(decoder, out);
  decode_policies(decoder, out);
  if (decode_health(decoder, out, failure) < 0) return -1;
  out->engine_on_exit = read_bool(in);
  if (!reader_done(in) || !decoder->ok || !times_ok(out))
    return fail(failure, EBADMSG, "check the supervise section", NULL);
  return 0;
}

int supervise_decode(const void *data, size_t size, struct supervise *out, struct failure *failure) {
  *out = (struct supervise){0};
  if (size > FRAME_MAX) return fail(failure, EBADMSG, "check the supervise section", NULL);
  /* The bytes as they came, then the strings again with their NULs. */
  out->data = malloc(2 * size + 1);
  if (!out->data) return fail(failure, ENOMEM, "keep the supervise section", NULL);
  if (size > 0) memcpy(out->data, data, size);
  out->size = (uint32_t)size;
  struct decoder decoder = {.in = reader_of(out->data, size), .strings = (char *)out->data + size, .ok = true};
  if (decode(&decoder, out, failure) == 0) return 0;
  supervise_free(out);
  return -1;
}

void supervise_free(struct supervise *supervise) {
  free(supervise->data);
  free(supervise->cgroups);
  *supervise = (struct supervise){0};
}
