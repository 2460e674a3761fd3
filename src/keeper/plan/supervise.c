#include "supervise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ops.h"

struct decoder {
  struct reader in;
  char *end; /* of what is kept so far */
  bool ok;
};

/* Copied with a terminating NUL: there is room, because its length word took more. */
static const char *keep(struct decoder *decoder, struct str text) {
  if (decoder->in.bad) return ""; /* a failed read consumed no length word */
  char *copy = decoder->end;
  if (text.len > 0) memcpy(copy, text.at, text.len);
  copy[text.len] = 0;
  decoder->end += (size_t)text.len + 1;
  return copy;
}

/* The groups of a container have the same path in most hierarchies. */
static const char *keep_path(struct decoder *decoder, const struct supervise *out, uint32_t before, struct str path) {
  for (uint32_t i = 0; i < before; i++)
    if (str_equal(path, out->cgroups[i].path)) return out->cgroups[i].path;
  return keep(decoder, path);
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

static void decode_groups(struct decoder *decoder, struct supervise *out) {
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
    out->cgroups[i].path = keep_path(decoder, out, i, path);
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
  struct str plan = read_bytes(in);
  out->health.plan = (struct str){.at = keep(decoder, plan), .len = in->bad ? 0 : plan.len};
  if (in->bad || out->health.interval_ms == 0) {
    require(decoder, out->health.plan.len == 0);
    return 0;
  }
  struct plan checked;
  return plan_check(out->health.plan.at, out->health.plan.len, PLAN_EXEC, &checked, failure);
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
  decode_groups(decoder, out);
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

/* Gives back what the length words left over. */
static int shrink(struct supervise *out, size_t used, struct failure *failure) {
  char *text = malloc(used);
  if (!text) return fail(failure, ENOMEM, "keep the supervise section", NULL);
  memcpy(text, out->text, used);
  out->id = text + (out->id - out->text);
  for (uint32_t i = 0; i < out->cgroup_count; i++) out->cgroups[i].path = text + (out->cgroups[i].path - out->text);
  out->log.path = text + (out->log.path - out->text);
  out->health.plan.at = text + (out->health.plan.at - out->text);
  free(out->text);
  out->text = text;
  return 0;
}

int supervise_decode(const void *data, size_t size, struct supervise *out, struct failure *failure) {
  *out = (struct supervise){0};
  if (size > FRAME_MAX) return fail(failure, EBADMSG, "check the supervise section", NULL);
  out->text = malloc(size + 1);
  if (!out->text) return fail(failure, ENOMEM, "keep the supervise section", NULL);
  struct decoder decoder = {.in = reader_of(data, size), .end = out->text, .ok = true};
  if (decode(&decoder, out, failure) < 0 || shrink(out, (size_t)(decoder.end - out->text), failure) < 0) {
    supervise_free(out);
    return -1;
  }
  return 0;
}

void supervise_encode(const struct supervise *supervise, struct writer *out) {
  write_str(out, supervise->id);
  write_u64(out, supervise->generation);
  write_u32(out, supervise->cgroup_count);
  for (uint32_t i = 0; i < supervise->cgroup_count; i++) {
    write_u8(out, supervise->cgroups[i].hierarchy);
    write_str(out, supervise->cgroups[i].path);
  }
  write_u8(out, supervise->tty);
  write_u8(out, supervise->stdin_open);
  write_u8(out, supervise->stdin_once);
  write_u32(out, supervise->stdio_uid);
  write_u32(out, supervise->stdio_gid);
  write_u8(out, supervise->log.mode);
  write_str(out, supervise->log.path);
  write_u64(out, supervise->log.max_bytes);
  write_u32(out, supervise->log.max_files);
  write_i32(out, supervise->stop_signal);
  write_u64(out, supervise->stop_timeout_ms);
  write_u64(out, supervise->ttl_ms);
  write_u64(out, supervise->idle_ms);
  write_u8(out, supervise->restart.policy);
  write_u32(out, supervise->restart.max_retries);
  write_u32(out, supervise->restart.count);
  write_u64(out, supervise->health.interval_ms);
  write_u64(out, supervise->health.timeout_ms);
  write_u32(out, supervise->health.retries);
  write_u64(out, supervise->health.start_period_ms);
  write_u64(out, supervise->health.start_interval_ms);
  write_view(out, supervise->health.plan);
  write_u8(out, supervise->engine_on_exit);
}

void supervise_free(struct supervise *supervise) {
  free(supervise->text);
  free(supervise->cgroups);
  *supervise = (struct supervise){0};
}
