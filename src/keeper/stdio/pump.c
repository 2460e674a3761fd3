#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/log.h"
#include "streams.h"

/* Lines of one round, written together. On the stack of the function that fills it. */
struct batch {
  struct stdio *stdio;
  char time[40];
  size_t time_len;
  size_t len, total;
  char text[LOG_BATCH];
};

static void batch_begin(struct batch *batch, struct stdio *stdio) {
  uint64_t now = realtime_ns();
  time_t seconds = (time_t)(now / 1000000000);
  struct tm utc;
  gmtime_r(&seconds, &utc);
  batch->stdio = stdio;
  batch->len = batch->total = 0;
  batch->time_len = strftime(batch->time, sizeof batch->time, "%Y-%m-%dT%H:%M:%S", &utc);
  batch->time_len += (size_t)snprintf(batch->time + batch->time_len, sizeof batch->time - batch->time_len, ".%09uZ",
                                      (unsigned)(now % 1000000000));
}

static void batch_write(struct batch *batch) {
  struct stdio *stdio = batch->stdio;
  if (batch->len == 0) return;
  int error;
  unsigned dropped = log_file_append(stdio->process->container, batch->text, batch->len, &error);
  batch->len = 0;
  if (dropped == 0) return;
  if (stdio->log_dropped == 0)
    log_line(LEVEL_WARN, "log of %s: lines dropped: %s", stdio->process->container->supervise.id, strerror(error));
  stdio->log_dropped += dropped;
  keeper_of(stdio)->log_lines_dropped += dropped;
}

static void batch_put(struct batch *batch, const void *data, size_t len) {
  if (len == 0) return;
  memcpy(batch->text + batch->len, data, len);
  batch->len += len;
  batch->total += len;
}

/* One line of `first` and `second` together; at most LOG_TEXT_MAX bytes. */
static void batch_line(struct batch *batch, unsigned stream, char flag, struct str first, struct str second) {
  size_t len = batch->time_len + sizeof " stdout F \n" + first.len + second.len;
  if (batch->len + len > sizeof batch->text) batch_write(batch);
  char kind[] = " stdout F ";
  if (stream == 2) memcpy(kind + 4, "err", 3);
  kind[8] = flag;
  batch_put(batch, batch->time, batch->time_len);
  batch_put(batch, kind, sizeof kind - 1);
  batch_put(batch, first.at, first.len);
  batch_put(batch, second.at, second.len);
  batch_put(batch, "\n", 1);
}

static void forget_partial(struct stream *stream) {
  free(stream->partial);
  stream->partial = NULL;
  stream->partial_len = stream->partial_cap = 0;
}

static bool keep_partial(struct stream *stream, const char *data, uint32_t len) {
  if (stream->partial_len + len > stream->partial_cap) {
    uint32_t cap = stream->partial_cap ? stream->partial_cap : 256;
    while (cap < stream->partial_len + len) cap *= 2;
    char *grown = realloc(stream->partial, cap);
    if (!grown) return false;
    stream->partial = grown;
    stream->partial_cap = cap;
  }
  memcpy(stream->partial + stream->partial_len, data, len);
  stream->partial_len += len;
  return true;
}

static void batch_data(struct batch *batch, struct stream *stream, const char *data, size_t len) {
  while (len > 0) {
    const char *newline = memchr(data, '\n', len);
    size_t text = newline ? (size_t)(newline - data) : len;
    size_t room = LOG_TEXT_MAX - stream->partial_len;
    size_t take = text < room ? text : room;
    struct str kept = {stream->partial, stream->partial_len}, fresh = {data, (uint32_t)take};
    bool full = newline && take == text;
    if (!full && take == text && keep_partial(stream, data, (uint32_t)take)) return;
    batch_line(batch, stream->number, full ? 'F' : 'P', kept, fresh);
    stream->partial_len = 0;
    take += full;
    data += take;
    len -= take;
  }
}

static void partial_due(struct timer *timer) { pump_flush(owner_of(timer, struct stdio, partial_timer)); }

size_t pump_output(struct stream *stream, const char *data, size_t len) {
  struct stdio *stdio = stream->stdio;
  struct batch batch;
  batch_begin(&batch, stdio);
  batch_data(&batch, stream, data, len);
  batch_write(&batch);
  if (stream->partial_len == 0)
    forget_partial(stream);
  else if (!stdio->partial_timer.due) {
    /* A prompt is seen by who follows the log, and a killed keeper takes little with it. */
    stdio->partial_timer.fire = partial_due;
    timer_set(keeper_of(stdio), &stdio->partial_timer, now_ns() + PARTIAL_LINE_NS);
  }
  pump_report_dropped(stdio, false);
  return batch.total;
}

void pump_flush(struct stdio *stdio) {
  timer_clear(keeper_of(stdio), &stdio->partial_timer);
  if (!stdio->out[0].partial_len && !stdio->out[1].partial_len) return;
  struct batch batch;
  batch_begin(&batch, stdio);
  for (int i = 0; i < 2; i++) {
    struct stream *stream = &stdio->out[i];
    if (!stream->partial_len) continue;
    batch_line(&batch, stream->number, 'P', (struct str){stream->partial, stream->partial_len}, (struct str){"", 0});
    forget_partial(stream);
  }
  batch_write(&batch);
  pump_report_dropped(stdio, false);
}

void pump_report_dropped(struct stdio *stdio, bool now) {
  if (stdio->log_dropped == 0 || (!now && now_ns() < stdio->log_dropped_due)) return;
  struct process *process = stdio->process;
  char detail[64];
  snprintf(detail, sizeof detail, "%llu", (unsigned long long)stdio->log_dropped);
  stdio->log_dropped = 0;
  stdio->log_dropped_due = now_ns() + DROPPED_REPORT_NS;
  event_emit(process->keeper, EVENT_LOG_DROPPED, process->container, (uint32_t)process->pid, NULL, detail);
}
