/*
 * Named locks. A grant's fence is larger than every one before it, of earlier keepers too. A lock ends when its holder
 * releases it or leaves, and no operation under it runs any more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

struct lock_waiter {
  struct lock_entry *lock;
  struct request *request;
  char operation[64];
  struct timer timeout;
  struct lock_waiter *next;
};

struct lock_entry {
  struct keeper *keeper;
  char *name;
  uint64_t fence;
  struct client *holder; /* NULL: left, or released; operations still run */
  pid_t holder_pid;
  char operation[64];
  unsigned operations;
  struct lock_waiter *first, **last;
  struct lock_entry *next;
};

/* A lock that a client holds. */
struct fence {
  struct lock_entry *lock;
  struct fence *next;
};

struct locks {
  struct lock_entry *first;
};

int locks_init(struct keeper *keeper) {
  keeper->locks = calloc(1, sizeof *keeper->locks);
  keeper->next_fence = now_ns();
  return keeper->locks ? 0 : -1;
}

static void refuse_waiter(struct lock_waiter *waiter, int error) {
  char message[128];
  const struct lock_entry *lock = waiter->lock;
  snprintf(message, sizeof message, "get the lock, held by pid %d for %s", (int)lock->holder_pid, lock->operation);
  request_fail_with(waiter->request, error, message, lock->name);
}

static void waiter_remove(struct lock_waiter *waiter) {
  struct lock_entry *lock = waiter->lock;
  struct lock_waiter **at = &lock->first;
  while (*at != waiter) at = &(*at)->next;
  *at = waiter->next;
  if (lock->last == &waiter->next) lock->last = at;
  timer_clear(lock->keeper, &waiter->timeout);
  free(waiter);
}

static void waiter_gone(struct request *request) { waiter_remove(request->state); }

static void waited_enough(struct timer *timer) {
  struct lock_waiter *waiter = OWNER_OF(timer, struct lock_waiter, timeout);
  struct request *request = waiter->request;
  refuse_waiter(waiter, ETIMEDOUT);
  waiter_remove(waiter);
  request_end(request);
}

/* -1 without memory. Replies and ends the request. */
static int grant(struct lock_entry *lock, struct request *request, const char *operation) {
  struct client *client = request->client;
  struct fence *fence = malloc(sizeof *fence);
  if (!fence) return -1;
  *fence = (struct fence){lock, client->fences};
  client->fences = fence;
  uint64_t now = now_ns();
  lock->keeper->next_fence = now > lock->keeper->next_fence ? now : lock->keeper->next_fence + 1;
  lock->fence = lock->keeper->next_fence;
  lock->holder = client;
  lock->holder_pid = client->pid;
  snprintf(lock->operation, sizeof lock->operation, "%s", operation);
  struct writer out = writer_new(FRAME_MAX);
  write_u64(&out, lock->fence);
  client_send(request, REP_LOCKED, &out);
  writer_free(&out);
  request_end(request);
  return 0;
}

static void lock_free(struct lock_entry *lock) {
  struct lock_entry **at = &lock->keeper->locks->first;
  while (*at != lock) at = &(*at)->next;
  *at = lock->next;
  free(lock->name);
  free(lock);
}

/* Hands a lock on that nobody holds and under which nothing runs. */
static void pass_on(struct lock_entry *lock) {
  if (lock->holder || lock->operations > 0) return;
  lock->fence = 0;
  while (lock->first) {
    struct lock_waiter waiter = *lock->first;
    waiter_remove(lock->first);
    if (grant(lock, waiter.request, waiter.operation) == 0) return;
    request_fail_with(waiter.request, ENOMEM, "get the lock", lock->name);
    request_end(waiter.request);
  }
  lock_free(lock);
}

static struct lock_entry *lock_make(struct keeper *keeper, struct str name) {
  for (struct lock_entry *at = keeper->locks->first; at; at = at->next)
    if (str_equal(name, at->name)) return at;
  struct lock_entry *lock = calloc(1, sizeof *lock);
  char *copy = lock ? str_copy(name) : NULL;
  if (!copy) {
    free(lock);
    return NULL;
  }
  *lock = (struct lock_entry){.keeper = keeper, .name = copy, .next = keeper->locks->first};
  lock->last = &lock->first;
  keeper->locks->first = lock;
  return lock;
}

static void refuse(struct request *request) {
  request_fail_with(request, ENOMEM, "get a lock", NULL);
  request_end(request);
}

void lock_request(struct request *request, struct str name, uint64_t timeout_ms, struct str operation) {
  struct keeper *keeper = request->client->keeper;
  struct lock_entry *lock = lock_make(keeper, name);
  struct lock_waiter *waiter = lock ? calloc(1, sizeof *waiter) : NULL;
  if (!waiter) {
    if (lock) pass_on(lock);
    return refuse(request);
  }
  waiter->lock = lock;
  waiter->request = request;
  memcpy(waiter->operation, operation.at, operation.len);
  waiter->timeout.fire = waited_enough;
  *lock->last = waiter;
  lock->last = &waiter->next;
  request->state = waiter;
  request->gone = waiter_gone;
  if (!lock->fence) return pass_on(lock);
  if (timeout_ms == 0) return waited_enough(&waiter->timeout);
  if (timeout_ms < UINT32_MAX) timer_set(keeper, &waiter->timeout, now_ns() + timeout_ms * NS_PER_MS);
}

static void let_go(struct fence **at) {
  struct fence *fence = *at;
  struct lock_entry *lock = fence->lock;
  *at = fence->next;
  free(fence);
  lock->holder = NULL;
  pass_on(lock);
}

bool lock_release(struct client *client, uint64_t fence) {
  for (struct fence **at = &client->fences; *at; at = &(*at)->next) {
    if ((*at)->lock->fence != fence) continue;
    let_go(at);
    return true;
  }
  return false;
}

void locks_client_gone(struct client *client) {
  while (client->fences) let_go(&client->fences);
}

int fence_enter(struct keeper *keeper, uint64_t fence) {
  for (struct lock_entry *at = keeper->locks->first; at; at = at->next)
    if (at->fence == fence && at->holder) {
      at->operations++;
      return 0;
    }
  errno = ESTALE;
  return -1;
}

void fence_leave(struct keeper *keeper, uint64_t fence) {
  for (struct lock_entry *at = keeper->locks->first; at; at = at->next)
    if (at->fence == fence) {
      at->operations--;
      return pass_on(at);
    }
}
