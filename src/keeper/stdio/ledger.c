#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/own.h"

/* Below this many, the memory of slots is not given back: they are taken again at once. */
enum { SLOTS_RESIDENT = 64 };

#define TAG_PAGES "ledger"
#define TAG_IN    "ledger:in"
#define TAG_OUT   "ledger:out"

static int map(struct ledger *ledger, int fd) {
  size_t size = sizeof *ledger->pages;
  void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (pages == MAP_FAILED) return -1;
  /* Workers are forks of the keeper and have no use for it. */
  if (madvise(pages, size, MADV_DONTFORK) < 0) return -1;
  ledger->pages = pages;
  return 0;
}

/* An old one without all its parts, or of another layout, is of no use. */
static bool take_over(struct keeper *keeper, struct ledger *ledger) {
  OWN_FD pages = holder_take(keeper, TAG_PAGES);
  OWN_FD in = pages < 0 ? -1 : holder_take(keeper, TAG_IN);
  OWN_FD out = in < 0 ? -1 : holder_take(keeper, TAG_OUT);
  if (out < 0 || lseek(pages, 0, SEEK_END) != (off_t)sizeof *ledger->pages || map(ledger, pages) < 0) return false;
  if (ledger->pages->layout != LEDGER_LAYOUT) {
    munmap(ledger->pages, sizeof *ledger->pages);
    return false;
  }
  ledger->in = steal_fd(&in);
  ledger->out = steal_fd(&out);
  return true;
}

static int make(struct keeper *keeper, struct ledger *ledger) {
  int ends[2];
  OWN_FD pages = memfd_create("warren-ledger", MFD_CLOEXEC);
  if (pages < 0 || ftruncate(pages, (off_t)sizeof *ledger->pages) < 0 || map(ledger, pages) < 0) return -1;
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -1;
  ledger->out = ends[0];
  ledger->in = ends[1];
  ledger->pages->passage.slot = NO_SLOT;
  ledger->pages->layout = LEDGER_LAYOUT;
  holder_keep(keeper, TAG_PAGES, pages);
  holder_keep(keeper, TAG_IN, ledger->in);
  holder_keep(keeper, TAG_OUT, ledger->out);
  return 0;
}

/* The lowest slots come first. Those with text wait for the stream that they belong to. */
static void count_slots(struct ledger *ledger) {
  struct ledger_pages *pages = ledger->pages;
  for (uint32_t at = LEDGER_SLOTS; at-- > 0;) {
    struct slot *slot = at < pages->slots_used ? &pages->slots[at] : NULL;
    bool passing = pages->passage.stage != PASSAGE_NONE && pages->passage.slot == at;
    if (slot && slot->len == 0 && !passing) slot->id[0] = 0;
    if (!slot || !slot->id[0]) ledger->free[ledger->free_count++] = (uint16_t)at;
  }
}

static uint32_t waiting(const struct ledger *ledger) {
  int bytes = 0;
  return ioctl(ledger->out, FIONREAD, &bytes) == 0 ? (uint32_t)bytes : 0;
}

/* Reads on until all that was taken is in `data`. */
static void fill(struct ledger *ledger) {
  struct passage *passage = &ledger->pages->passage;
  for (uint32_t left = waiting(ledger); left > 0 && left <= passage->taken;) {
    ssize_t got = read(ledger->out, passage->data + passage->taken - left, left);
    if (got <= 0) return;
    left -= (uint32_t)got;
  }
}

/* The pipe says whether the last keeper had taken something when it ended, and had read it. */
static void resume(struct ledger *ledger) {
  struct passage *passage = &ledger->pages->passage;
  uint32_t left = waiting(ledger);
  if (passage->stage == PASSAGE_TAKE && passage->taken == 0) passage->taken = left;
  if (left > 0) fill(ledger);
}

int ledger_open(struct keeper *keeper) {
  struct ledger *ledger = calloc(1, sizeof *ledger);
  if (!ledger) return -1;
  if (take_over(keeper, ledger))
    resume(ledger);
  else if (make(keeper, ledger) < 0) {
    free(ledger);
    return -1;
  }
  keeper->ledger = ledger;
  count_slots(ledger);
  pump_resume(keeper);
  for (uint32_t at = 0; at < ledger->pages->slots_used; at++) ledger->pages->slots[at].claimed = false;
  return 0;
}

void ledger_settle(struct keeper *keeper) {
  struct ledger *ledger = keeper->ledger;
  for (uint32_t at = 0; at < ledger->pages->slots_used; at++) {
    struct slot *slot = &ledger->pages->slots[at];
    if (!slot->id[0] || slot->claimed) continue;
    slot->id[0] = 0;
    ledger->free[ledger->free_count++] = (uint16_t)at;
  }
}

void ledger_begin(struct stream *stream) {
  const struct container *container = stream->stdio->process->container;
  struct passage *passage = &keeper_of(stream->stdio)->ledger->pages->passage;
  passage->taken = passage->at = passage->next = passage->text_len = passage->text_done = passage->written = 0;
  passage->write.part = 0;
  passage->number = stream->number;
  passage->slot = stream->slot;
  snprintf(passage->id, sizeof passage->id, "%s", container->supervise.id);
  snprintf(passage->path, sizeof passage->path, "%s", container->supervise.log.path);
  passage->max_bytes = container->supervise.log.max_bytes;
  passage->max_files = container->supervise.log.max_files;
  ledger_step(passage, PASSAGE_TAKE);
}

ssize_t ledger_take(struct stream *stream, size_t want) {
  struct ledger *ledger = keeper_of(stream->stdio)->ledger;
  struct passage *passage = &ledger->pages->passage;
  if (want > sizeof passage->data) want = sizeof passage->data;
  ledger_begin(stream);
  ssize_t got = splice(stream->fd, NULL, ledger->in, NULL, want, SPLICE_F_NONBLOCK);
  if (got <= 0) {
    int error = errno;
    ledger_step(passage, PASSAGE_NONE);
    errno = error;
    return got;
  }
  passage->taken = (uint32_t)got;
  atomic_signal_fence(memory_order_seq_cst);
  fill(ledger);
  return got;
}

struct str ledger_start_of_line(const struct ledger *ledger, uint32_t slot) {
  if (slot == NO_SLOT) return (struct str){"", 0};
  return (struct str){ledger->pages->texts[slot], ledger->pages->slots[slot].len};
}

bool ledger_slot(struct ledger *ledger) {
  struct ledger_pages *pages = ledger->pages;
  struct passage *passage = &pages->passage;
  if (passage->slot != NO_SLOT) return true;
  if (ledger->free_count == 0) return false;
  uint32_t at = ledger->free[--ledger->free_count];
  struct slot *slot = &pages->slots[at];
  if (at >= pages->slots_used) pages->slots_used = at + 1;
  slot->len = 0;
  slot->number = passage->number;
  slot->claimed = true;
  memcpy(slot->id, passage->id, sizeof slot->id);
  passage->slot = at;
  return true;
}

static void release(struct ledger *ledger, uint32_t at) {
  struct slot *slot = &ledger->pages->slots[at];
  slot->len = 0;
  slot->id[0] = 0;
  ledger->free[ledger->free_count++] = (uint16_t)at;
  if (at >= SLOTS_RESIDENT) madvise(ledger->pages->texts[at], sizeof ledger->pages->texts[at], MADV_REMOVE);
}

void ledger_keep(struct ledger *ledger) {
  struct passage *passage = &ledger->pages->passage;
  uint32_t at = passage->slot;
  if (at == NO_SLOT) return;
  struct slot *slot = &ledger->pages->slots[at];
  memcpy(ledger->pages->texts[at] + passage->kept, passage->data + passage->tail_at, passage->tail_len);
  atomic_signal_fence(memory_order_seq_cst);
  slot->len = passage->kept + passage->tail_len;
  if (slot->len > 0) return;
  passage->slot = NO_SLOT;
  release(ledger, at);
}

void ledger_adopt(struct stream *stream) {
  struct ledger_pages *pages = keeper_of(stream->stdio)->ledger->pages;
  const char *id = stream->stdio->process->container->supervise.id;
  for (uint32_t at = 0; at < pages->slots_used; at++) {
    struct slot *slot = &pages->slots[at];
    if (slot->claimed || slot->number != stream->number || strcmp(slot->id, id) != 0) continue;
    slot->claimed = true;
    stream->slot = at;
    return;
  }
}

void ledger_forget(struct stream *stream) {
  if (stream->slot != NO_SLOT) release(keeper_of(stream->stdio)->ledger, stream->slot);
  stream->slot = NO_SLOT;
}
