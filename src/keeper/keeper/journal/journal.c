/*
 * What survives the keeper: an append-only file of checked records, written anew when too much of it is history. It holds for one
 * boot. A record that is torn, and all behind it, is ignored: what it would have told had no effect yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/log.h"
#include "journal.h"

enum { MAGIC = 0x4e524a57, VERSION = 1, HEAD = 8, REWRITE_LEAST = 1 << 20 };

struct journal {
  int fd; /* -1: while it is loaded, nothing is written */
  uint64_t size, live_size;
  bool broken; /* a write failed: rewritten at the next occasion */
};

static void name_of(const struct keeper *keeper, const char *suffix, char name[64]) {
  snprintf(name, 64, "journal-%u%s", keeper->options.instance, suffix);
}

/* ---- writing ---- */

static void put_record(struct writer *out, const struct writer *payload) {
  write_u32(out, (uint32_t)payload->len);
  write_u32(out, checksum_of(payload->data, payload->len));
  write_raw(out, payload->data, payload->len);
  if (payload->failed) out->failed = true;
}

static void put_header(const struct keeper *keeper, struct writer *out) {
  write_u32(out, MAGIC);
  write_u32(out, VERSION);
  write_str(out, keeper->boot_id);
}

static void append(struct keeper *keeper, struct writer *payload) {
  struct journal *journal = keeper->journal;
  if (!journal || journal->fd < 0) {
    writer_free(payload);
    return;
  }
  struct writer out = writer_new(RECORD_MAX + HEAD);
  put_record(&out, payload);
  writer_free(payload);
  ssize_t written = out.failed ? -1 : write(journal->fd, out.data, out.len);
  if (written == (ssize_t)out.len) {
    journal->size += out.len;
  } else {
    if (!journal->broken) log_line(LEVEL_ERROR, "cannot write the journal: errno %d", errno);
    if (ftruncate(journal->fd, (off_t)journal->size) < 0)
      log_line(LEVEL_ERROR, "cannot cut the journal: errno %d", errno);
    journal->broken = true;
  }
  writer_free(&out);
  if (journal->broken || (journal->size > REWRITE_LEAST && journal->size > 3 * journal->live_size))
    journal_rewrite(keeper);
}

static struct writer record_of(const struct container *container, uint8_t kind) {
  struct writer out = writer_new(RECORD_MAX);
  write_u8(&out, kind);
  write_str(&out, container->supervise.id);
  return out;
}

static void put_supervise(const struct supervise *supervise, struct writer *out) {
  struct writer section = writer_new(RECORD_MAX);
  supervise_encode(supervise, &section);
  out->failed |= section.failed;
  write_bytes(out, section.data, section.len);
  writer_free(&section);
}

static void put_intent(const struct container *container, struct writer *out) {
  put_supervise(&container->supervise, out);
  write_bytes(out, container->cleanup, container->cleanup_size);
  write_u8(out, container->own_pidns);
  write_u8(out, container->ran);
  write_exit(out, &container->last);
  put_counts(container, out);
}

static void put_pid(const struct process *process, struct writer *out) {
  write_u32(out, (uint32_t)process->pid);
  write_u64(out, process->identity);
  write_u64(out, process->started_ns);
  write_u8(out, process->bound);
}

static void put_exited(const struct container *container, struct writer *out) {
  write_u8(out, container->status);
  write_u8(out, container->ran);
  write_exit(out, &container->last);
  put_counts(container, out);
}

static void put_state(const struct container *container, struct writer *out) {
  put_supervise(&container->supervise, out);
  write_u8(out, container->status);
  put_counts(container, out);
}

void journal_intent(struct container *container) {
  struct writer out = record_of(container, RECORD_INTENT);
  put_intent(container, &out);
  append(container->keeper, &out);
}

void journal_started(struct container *container) {
  struct writer out = record_of(container, RECORD_CLONED);
  put_pid(container->init, &out);
  append(container->keeper, &out);
}

static void append_plain(struct container *container, uint8_t kind) {
  struct writer out = record_of(container, kind);
  append(container->keeper, &out);
}

void journal_running(struct container *container) { append_plain(container, RECORD_RUNNING); }
void journal_cleaned(struct container *container) { append_plain(container, RECORD_CLEANED); }
void journal_forgotten(struct container *container) { append_plain(container, RECORD_FORGOTTEN); }

void journal_exited(struct container *container) {
  struct writer out = record_of(container, RECORD_EXITED);
  put_exited(container, &out);
  append(container->keeper, &out);
}

void journal_state(struct container *container) {
  struct writer out = record_of(container, RECORD_STATE);
  put_state(container, &out);
  append(container->keeper, &out);
}

void journal_exec(struct process *process, bool bound) {
  process->bound = bound;
  struct writer out = record_of(process->container, RECORD_EXEC);
  put_pid(process, &out);
  append(process->keeper, &out);
}

void journal_exec_ended(struct process *process) {
  struct writer out = record_of(process->container, RECORD_EXEC_ENDED);
  put_pid(process, &out);
  append(process->keeper, &out);
}

/* ---- rewriting ---- */

static void put_whole(struct container *container, void *context) {
  struct writer *out = context;
  struct writer record = record_of(container, RECORD_INTENT);
  put_intent(container, &record);
  put_record(out, &record);
  writer_free(&record);
  if (container->init && container->init->pid > 0) {
    record = record_of(container, RECORD_CLONED);
    put_pid(container->init, &record);
    put_record(out, &record);
    writer_free(&record);
  }
  if (container->status != STATUS_STARTING) {
    bool running = container_running(container);
    record = record_of(container, running ? RECORD_STATE : RECORD_EXITED);
    if (running)
      put_state(container, &record);
    else
      put_exited(container, &record);
    put_record(out, &record);
    writer_free(&record);
    if (container->cleaned && !running) {
      record = record_of(container, RECORD_CLEANED);
      put_record(out, &record);
      writer_free(&record);
    }
  }
  for (struct process *exec = container->execs; exec; exec = exec->next) {
    if (exec->pid <= 0) continue;
    record = record_of(container, RECORD_EXEC);
    put_pid(exec, &record);
    put_record(out, &record);
    writer_free(&record);
  }
}

static int replace(struct keeper *keeper, const struct writer *whole) {
  char name[64], new_name[64];
  name_of(keeper, "", name);
  name_of(keeper, ".new", new_name);
  OWN_FD fd =
      openat(keeper->run_dir_fd, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  for (size_t at = 0; at < whole->len;) {
    ssize_t written = write(fd, whole->data + at, whole->len - at);
    if (written <= 0) {
      int error = written < 0 ? errno : ENOSPC;
      unlinkat(keeper->run_dir_fd, new_name, 0);
      errno = error;
      return -1;
    }
    at += (size_t)written;
  }
  if (renameat(keeper->run_dir_fd, new_name, keeper->run_dir_fd, name) < 0) return -1;
  set_fd(&keeper->journal->fd, steal_fd(&fd));
  return 0;
}

int journal_rewrite(struct keeper *keeper) {
  struct journal *journal = keeper->journal;
  struct writer whole = writer_new((size_t)1 << 30);
  put_header(keeper, &whole);
  container_each(keeper, put_whole, &whole);
  if (whole.failed) errno = ENOMEM;
  int result = whole.failed ? -1 : replace(keeper, &whole);
  if (result == 0) {
    journal->size = journal->live_size = whole.len;
    journal->broken = false;
  } else if (!journal->broken) {
    log_line(LEVEL_ERROR, "cannot rewrite the journal: errno %d", errno);
    journal->broken = true;
  }
  /* Not again before it has grown that much once more. */
  if (result < 0) journal->live_size = journal->size;
  writer_free(&whole);
  return result;
}

void journal_remove(struct keeper *keeper) {
  char name[64];
  name_of(keeper, "", name);
  unlinkat(keeper->run_dir_fd, name, 0);
}

/* ---- reading ---- */

static uint8_t *read_all(int fd, size_t *size) {
  struct stat status;
  if (fstat(fd, &status) < 0) return NULL;
  uint8_t *data = malloc((size_t)status.st_size + 1);
  size_t len = 0;
  while (data && len < (size_t)status.st_size) {
    ssize_t got = read(fd, data + len, (size_t)status.st_size - len);
    if (got <= 0) break;
    len += (size_t)got;
  }
  *size = len;
  return data;
}

enum journal_origin { UNKNOWN_FORMAT, EARLIER_BOOT, THIS_BOOT };

static enum journal_origin read_header(const struct keeper *keeper, struct reader *in) {
  bool known = read_u32(in) == MAGIC && read_u32(in) == VERSION;
  bool ours = str_equal(read_str(in), keeper->boot_id);
  if (!known || in->bad) return UNKNOWN_FORMAT;
  return ours ? THIS_BOOT : EARLIER_BOOT;
}

static void apply_all(struct keeper *keeper, struct reader *in) {
  while (in->at < in->end) {
    struct reader head = *in;
    uint32_t size = read_u32(&head), sum = read_u32(&head);
    if (head.bad || size > (size_t)(head.end - head.at) || checksum_of(head.at, size) != sum) {
      log_line(LEVEL_WARN, "the journal ends with a torn record: %zu bytes ignored", (size_t)(in->end - in->at));
      return;
    }
    struct reader record = reader_of(head.at, size);
    in->at = head.at + size;
    if (!journal_apply(keeper, &record)) log_line(LEVEL_ERROR, "the journal holds a record that makes no sense");
  }
}

/* Nothing of an earlier boot runs; only files are left, where the run dir outlives a boot. */
static void drop_container(struct container *container, void *context) {
  (void)context;
  stdio_discard(container);
  journal_apply_forgotten(container);
}

int journal_load(struct keeper *keeper) {
  char name[64];
  name_of(keeper, "", name);
  keeper->journal = calloc(1, sizeof *keeper->journal);
  if (!keeper->journal) return -1;
  keeper->journal->fd = -1;
  OWN_FD fd = openat(keeper->run_dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  size_t size = 0;
  OWN_MEM uint8_t *data = read_all(fd, &size);
  if (!data) return -1;
  struct reader in = reader_of(data, size);
  enum journal_origin origin = read_header(keeper, &in);
  if (origin == UNKNOWN_FORMAT)
    log_line(LEVEL_WARN, "the journal is none that this version reads: dropped");
  else
    apply_all(keeper, &in);
  if (origin == EARLIER_BOOT) {
    log_line(LEVEL_INFO, "the journal is of another boot: dropped, with what it left");
    container_each(keeper, drop_container, NULL);
  }
  return 0;
}
