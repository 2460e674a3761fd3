/* epoll, timers and deferred work. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "core.h"

enum { BATCH = 128, LONGEST_WAIT_MS = 60000 };

struct loop {
  struct epoll_event batch[BATCH];
  int batch_at, batch_count;
  struct timer **timers; /* a heap; slots from 1 */
  uint32_t timer_count, timer_cap;
  struct deferred *first, **last;
};

int loop_init(struct keeper *keeper) {
  struct loop *loop = calloc(1, sizeof *loop);
  if (!loop) return -1;
  loop->last = &loop->first;
  keeper->loop = loop;
  keeper->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  return keeper->epoll_fd < 0 ? -1 : 0;
}

int watch_add(struct keeper *keeper, struct watch *watch, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = watch};
  if (epoll_ctl(keeper->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) return -1;
  watch->fd = fd;
  watch->events = events;
  return 0;
}

int watch_change(struct keeper *keeper, struct watch *watch, uint32_t events) {
  if (watch->events == events) return 0;
  struct epoll_event event = {.events = events, .data.ptr = watch};
  if (epoll_ctl(keeper->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0) return -1;
  watch->events = events;
  return 0;
}

void watch_remove(struct keeper *keeper, struct watch *watch) {
  struct loop *loop = keeper->loop;
  if (watch->fd < 0) return;
  epoll_ctl(keeper->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
  watch->fd = -1;
  for (int i = loop->batch_at; i < loop->batch_count; i++)
    if (loop->batch[i].data.ptr == watch) loop->batch[i].data.ptr = NULL;
}

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t realtime_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void place(struct loop *loop, uint32_t slot, struct timer *timer) {
  loop->timers[slot] = timer;
  timer->slot = slot;
}

/* Moves the timer at the slot to where the heap's order wants it. */
static void sift(struct loop *loop, uint32_t slot) {
  struct timer *timer = loop->timers[slot];
  while (slot > 1 && loop->timers[slot / 2]->due > timer->due) {
    place(loop, slot, loop->timers[slot / 2]);
    slot /= 2;
  }
  for (;;) {
    uint32_t child = slot * 2;
    if (child > loop->timer_count) break;
    if (child < loop->timer_count && loop->timers[child + 1]->due < loop->timers[child]->due) child++;
    if (loop->timers[child]->due >= timer->due) break;
    place(loop, slot, loop->timers[child]);
    slot = child;
  }
  place(loop, slot, timer);
}

void timer_set(struct keeper *keeper, struct timer *timer, uint64_t due_ns) {
  struct loop *loop = keeper->loop;
  if (timer->due == 0) {
    if (loop->timer_count + 1 >= loop->timer_cap) {
      uint32_t cap = loop->timer_cap ? loop->timer_cap * 2 : 64;
      struct timer **timers = realloc(loop->timers, cap * sizeof *timers);
      if (!timers) {
        log_line(LEVEL_ERROR, "no memory for a timer");
        return;
      }
      loop->timers = timers;
      loop->timer_cap = cap;
    }
    timer->slot = ++loop->timer_count;
    loop->timers[timer->slot] = timer;
  }
  timer->due = due_ns ? due_ns : 1;
  sift(loop, timer->slot);
}

void timer_clear(struct keeper *keeper, struct timer *timer) {
  struct loop *loop = keeper->loop;
  if (timer->due == 0) return;
  struct timer *last = loop->timers[loop->timer_count--];
  if (last != timer) {
    place(loop, timer->slot, last);
    sift(loop, last->slot);
  }
  timer->due = 0;
  timer->slot = 0;
}

void defer(struct keeper *keeper, struct deferred *work) {
  if (work->queued) return;
  work->queued = true;
  work->next = NULL;
  *keeper->loop->last = work;
  keeper->loop->last = &work->next;
}

void defer_cancel(struct keeper *keeper, struct deferred *work) {
  struct loop *loop = keeper->loop;
  if (!work->queued) return;
  struct deferred **at = &loop->first;
  while (*at != work) at = &(*at)->next;
  *at = work->next;
  if (loop->last == &work->next) loop->last = at;
  work->queued = false;
}

static void run_deferred(struct loop *loop) {
  while (loop->first) {
    struct deferred *work = loop->first;
    loop->first = work->next;
    if (!loop->first) loop->last = &loop->first;
    work->queued = false;
    work->run(work);
  }
}

static void run_timers(struct keeper *keeper) {
  struct loop *loop = keeper->loop;
  uint64_t now = now_ns();
  while (loop->timer_count > 0 && loop->timers[1]->due <= now) {
    struct timer *timer = loop->timers[1];
    timer_clear(keeper, timer);
    timer->fire(timer);
  }
}

static int wait_ms(const struct loop *loop) {
  if (loop->timer_count == 0) return LONGEST_WAIT_MS;
  uint64_t now = now_ns(), due = loop->timers[1]->due;
  if (due <= now) return 0;
  uint64_t ms = (due - now + NS_PER_MS - 1) / NS_PER_MS;
  return ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : (int)ms;
}

void loop_run(struct keeper *keeper) {
  struct loop *loop = keeper->loop;
  run_deferred(loop);
  while (!keeper->ending) {
    int count = epoll_wait(keeper->epoll_fd, loop->batch, BATCH, wait_ms(loop));
    if (count < 0 && errno != EINTR) {
      log_line(LEVEL_ERROR, "cannot wait for events: errno %d", errno);
      return;
    }
    loop->batch_count = count < 0 ? 0 : count;
    for (loop->batch_at = 0; loop->batch_at < loop->batch_count;) {
      struct epoll_event *event = &loop->batch[loop->batch_at++];
      struct watch *watch = event->data.ptr;
      if (watch) watch->ready(watch, event->events);
    }
    loop->batch_count = 0;
    run_timers(keeper);
    run_deferred(loop);
  }
}
