/* Applies the journal's records: afterwards the table says what the last keeper knew. adopt.c compares that with the kernel. */
#include <stdlib.h>
#include <string.h>

#include "journal.h"

void put_counts(const struct container *container, struct writer *out) {
  write_u64(out, container->supervise.generation);
  write_u32(out, container->restarts);
  write_u64(out, container->backoff_ms);
  write_u64(out, container->next_start_ns);
  write_u64(out, container->oom_kills);
  write_u8(out, container->stopping);
}

static void read_counts(struct container *container, struct reader *in) {
  container->supervise.generation = read_u64(in);
  container->restarts = read_u32(in);
  container->backoff_ms = read_u64(in);
  container->next_start_ns = read_u64(in);
  container->oom_kills = read_u64(in);
  container->stopping = read_bool(in);
}

static struct exit_status read_exit(struct reader *in) {
  struct exit_status exit = {0};
  exit.how = read_u8(in);
  exit.code = read_i32(in);
  exit.oom_killed = read_bool(in);
  exit.started_ns = read_u64(in);
  exit.finished_ns = read_u64(in);
  exit.user_us = read_u64(in);
  exit.system_us = read_u64(in);
  exit.max_rss_bytes = read_u64(in);
  exit.reason = read_u8(in);
  return exit;
}

static bool apply_intent(struct keeper *keeper, struct container *container, struct reader *in) {
  struct str section = read_bytes(in), cleanup = read_bytes(in);
  bool own_pidns = read_bool(in), ran = read_bool(in);
  struct exit_status last = read_exit(in);
  struct supervise supervise;
  struct failure failure;
  if (in->bad || supervise_decode(section.at, section.len, &supervise, &failure) < 0) return false;
  if (container)
    container_renew(container, &supervise);
  else
    container = container_add(keeper, &supervise);
  uint8_t *copy = container ? malloc(cleanup.len + 1u) : NULL;
  if (!copy) {
    supervise_free(&supervise);
    return false;
  }
  memcpy(copy, cleanup.at, cleanup.len);
  container_set_cleanup(container, copy, cleanup.len);
  container->own_pidns = own_pidns;
  container->ran = ran;
  container->last = last;
  container->status = STATUS_STARTING;
  container->cleaned = false;
  read_counts(container, in);
  return true;
}

static bool read_pid(struct process *process, struct reader *in) {
  if (!process) return false;
  process_set_pid(process, (pid_t)read_u32(in));
  process->identity = read_u64(in);
  process->started_ns = read_u64(in);
  process->bound = read_bool(in);
  process->adopted = true;
  return true;
}

static bool apply_cloned(struct container *container, struct reader *in) {
  if (container->init) process_free(container->init);
  container->init = process_new(container, true);
  return read_pid(container->init, in);
}

static bool apply_state(struct container *container, struct reader *in) {
  struct str section = read_bytes(in);
  uint8_t status = read_u8(in);
  struct supervise supervise;
  struct failure failure;
  if (in->bad || supervise_decode(section.at, section.len, &supervise, &failure) < 0) return false;
  supervise_free(&container->supervise);
  container->supervise = supervise;
  container->status = status;
  read_counts(container, in);
  return true;
}

static bool apply_exited(struct container *container, struct reader *in) {
  if (container->init) process_free(container->init);
  container->status = read_u8(in);
  container->ran = read_bool(in);
  container->last = read_exit(in);
  read_counts(container, in);
  return true;
}

static bool apply_exec_ended(struct container *container, struct reader *in) {
  pid_t pid = (pid_t)read_u32(in);
  uint64_t identity = read_u64(in);
  read_u64(in);
  read_bool(in);
  for (struct process *exec = container->execs; exec; exec = exec->next)
    if (exec->pid == pid && exec->identity == identity) {
      process_free(exec);
      break;
    }
  return true;
}

void journal_apply_forgotten(struct container *container) {
  if (container->init) process_free(container->init);
  while (container->execs) process_free(container->execs);
  container->status = STATUS_EXITED;
  container_forget(container);
}

static bool apply_known(struct container *container, enum record_kind kind, struct reader *in) {
  switch (kind) {
  case RECORD_CLONED:
    return apply_cloned(container, in);
  case RECORD_RUNNING:
    container->status = STATUS_RUNNING;
    return true;
  case RECORD_STATE:
    return apply_state(container, in);
  case RECORD_EXITED:
    return apply_exited(container, in);
  case RECORD_CLEANED:
    container->cleaned = true;
    return true;
  case RECORD_EXEC:
    return read_pid(process_new(container, false), in);
  case RECORD_EXEC_ENDED:
    return apply_exec_ended(container, in);
  case RECORD_FORGOTTEN:
    journal_apply_forgotten(container);
    return true;
  case RECORD_INTENT:
    break;
  }
  return false;
}

bool journal_apply(struct keeper *keeper, struct reader *in) {
  uint8_t kind = read_u8(in);
  struct str id = read_str(in);
  struct container *container = container_find(keeper, id.at, id.len);
  if (in->bad) return false;
  if (kind == RECORD_INTENT) return apply_intent(keeper, container, in) && reader_done(in);
  return container && apply_known(container, (enum record_kind)kind, in) && reader_done(in);
}
