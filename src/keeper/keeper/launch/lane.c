#include "lane.h"

void lanes_init(struct lanes *lanes) { lanes->last = &lanes->first; }

static void enqueue(struct lanes *lanes, struct lane *lane) {
  if (lane->queued || !lane->first) return;
  lane->queued = true;
  lane->next = NULL;
  *lanes->last = lane;
  lanes->last = &lane->next;
}

static void dequeue(struct lanes *lanes, struct lane *lane) {
  struct lane **at = &lanes->first;
  while (*at != lane) at = &(*at)->next;
  *at = lane->next;
  if (lanes->last == &lane->next) lanes->last = at;
  lane->queued = false;
}

void lanes_add(struct lanes *lanes, struct lane *lane, struct job *job) {
  job->next = NULL;
  job->lane = lane;
  if (lane->last)
    lane->last->next = job;
  else
    lane->first = job;
  lane->last = job;
  enqueue(lanes, lane);
}

void lanes_remove(struct lanes *lanes, struct job *job) {
  struct lane *lane = job->lane;
  struct job **at = &lane->first, *before = NULL;
  while (*at != job) {
    before = *at;
    at = &before->next;
  }
  *at = job->next;
  if (lane->last == job) lane->last = before;
  job->lane = NULL;
  job->next = NULL;
  if (!lane->first) dequeue(lanes, lane);
}

struct job *lanes_take(struct lanes *lanes) {
  struct lane *lane = lanes->first;
  if (!lane) return NULL;
  struct job *job = lane->first;
  dequeue(lanes, lane);
  lane->first = job->next;
  if (!lane->first) lane->last = NULL;
  job->next = NULL;
  job->lane = NULL;
  enqueue(lanes, lane);
  return job;
}
