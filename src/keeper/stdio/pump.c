#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../base/log.h"
#include "ledger.h"

/* The time that the next lines get. */
static void set_time(struct passage *passage) {
  uint64_t now = realtime_ns();
  time_t seconds = (time_t)(now / 1000000000);
  struct tm utc;
  gmtime_r(&seconds, &utc);
  char *text = passage->time;
  size_t size = sizeof passage->time, len = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc);
  len += (size_t)snprintf(text + len, size - len, ".%09uZ", (unsigned)(now % 1000000000));
  passage->time_len = (uint32_t)len;
}

static void put(struct passage *passage, const void *data, size_t len) {
  if (len == 0) return;
  memcpy(passage->text + passage->text_len, data, len);
  passage->text_len += (uint32_t)len;
}

/* One line of `first` and `second` together, at most LOG_TEXT_MAX bytes. False when there is no room for it. */
static bool put_line(struct passage *passage, char flag, struct str first, struct str second) {
  size_t len = passage->time_len + sizeof " stdout F \n" + first.len + second.len;
  if (passage->text_len + len > sizeof passage->text) return false;
  char kind[] = " stdout F ";
  if (passage->number == 2) memcpy(kind + 4, "err", 3);
  kind[8] = flag;
  put(passage, passage->time, passage->time_len);
  put(passage, kind, sizeof kind - 1);
  put(passage, first.at, first.len);
  put(passage, second.at, second.len);
  put(passage, "\n", 1);
  return true;
}

/* Composes lines of what was taken and not composed yet, as many as there is room for. */
static void compose(struct ledger *ledger) {
  struct passage *passage = &ledger->pages->passage;
  struct str kept = ledger_start_of_line(ledger, passage->slot);
  uint32_t at = passage->at;
  set_time(passage);
  passage->text_len = passage->text_done = passage->write.part = passage->tail_len = 0;
  while (at < passage->taken) {
    const char *data = passage->data + at, *newline = memchr(data, '\n', passage->taken - at);
    uint32_t text = newline ? (uint32_t)(newline - data) : passage->taken - at;
    uint32_t room = LOG_TEXT_MAX - kept.len, take = text < room ? text : room;
    bool full = newline && take == text;
    if (!full && take == text && ledger_slot(ledger)) {
      passage->tail_at = at;
      passage->tail_len = take;
      at += take;
      break;
    }
    if (!put_line(passage, full ? 'F' : 'P', kept, (struct str){data, take})) break;
    kept.len = 0;
    at += take + full;
  }
  passage->kept = kept.len;
  passage->next = at;
  ledger_step(passage, PASSAGE_WRITE);
}

/* Brings the passage to its end, from whatever stage it is in. Returns how many lines the disk had no room for. */
static unsigned run_passage(struct ledger *ledger, int *error) {
  struct passage *passage = &ledger->pages->passage;
  unsigned dropped = 0;
  while (passage->stage != PASSAGE_NONE) {
    if (passage->stage == PASSAGE_TAKE) compose(ledger);
    if (passage->stage == PASSAGE_WRITE) {
      dropped += log_file_append(passage, error);
      passage->written += passage->text_len;
      ledger_step(passage, PASSAGE_KEEP);
    }
    ledger_keep(ledger);
    passage->at = passage->next;
    ledger_step(passage, passage->at < passage->taken ? PASSAGE_TAKE : PASSAGE_NONE);
  }
  return dropped;
}

/* Runs the passage of the stream. Returns the bytes that it became in the log. */
static size_t run(struct stream *stream) {
  struct stdio *stdio = stream->stdio;
  struct ledger *ledger = keeper_of(stdio)->ledger;
  int error = 0;
  unsigned dropped = run_passage(ledger, &error);
  stream->slot = ledger->pages->passage.slot;
  if (dropped > 0 && stdio->log_dropped == 0)
    log_line(LEVEL_WARN, "log of %s: lines dropped: %s", stdio->process->container->supervise.id, strerror(error));
  stdio->log_dropped += dropped;
  keeper_of(stdio)->log_lines_dropped += dropped;
  return ledger->pages->passage.written;
}

void pump_resume(struct keeper *keeper) {
  struct passage *passage = &keeper->ledger->pages->passage;
  int error = 0;
  if (passage->stage == PASSAGE_NONE) return;
  log_line(LEVEL_INFO, "log of %s: goes on where the last keeper ended", passage->id);
  if (passage->stage == PASSAGE_WRITE) log_file_resume(passage);
  keeper->log_lines_dropped += run_passage(keeper->ledger, &error);
}

static void partial_due(struct timer *timer) { pump_flush(owner_of(timer, struct stdio, partial_timer)); }

/* A prompt is seen by who follows the log. */
static void await_end_of_line(struct stdio *stdio) {
  if (stdio->partial_timer.due) return;
  stdio->partial_timer.fire = partial_due;
  timer_set(keeper_of(stdio), &stdio->partial_timer, now_ns() + PARTIAL_LINE_NS);
}

void pump_adopt(struct stream *stream) {
  ledger_adopt(stream);
  if (stream->slot != NO_SLOT) await_end_of_line(stream->stdio);
}

ssize_t pump_read(struct stream *stream, size_t want, const char **data) {
  *data = keeper_of(stream->stdio)->ledger->pages->passage.data;
  return ledger_take(stream, want);
}

size_t pump_output(struct stream *stream) {
  size_t written = run(stream);
  if (stream->slot != NO_SLOT) await_end_of_line(stream->stdio);
  pump_report_dropped(stream->stdio, false);
  return written;
}

void pump_flush(struct stdio *stdio) {
  timer_clear(keeper_of(stdio), &stdio->partial_timer);
  for (int i = 0; i < 2; i++) {
    struct stream *stream = &stdio->out[i];
    if (stream->slot == NO_SLOT) continue;
    struct ledger *ledger = keeper_of(stdio)->ledger;
    struct passage *passage = &ledger->pages->passage;
    ledger_begin(stream);
    set_time(passage);
    put_line(passage, 'P', ledger_start_of_line(ledger, stream->slot), (struct str){"", 0});
    passage->kept = passage->tail_len = 0;
    ledger_step(passage, PASSAGE_WRITE);
    run(stream);
  }
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
