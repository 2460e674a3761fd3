/* A launch under way: launch.c leads it, launch_open.c gets its bind sources. */
#pragma once

#include "../../base/socket.h"
#include "../core.h"

struct launch {
  struct keeper *keeper;
  struct container *container;
  struct request *request; /* NULL: the client left, or the keeper itself starts it again */
  struct job open, start;
  uint32_t flags;
  uint16_t cols, rows;
  uint64_t fence;
  uint8_t *plan_data;
  struct plan plan;
  int binds[SOCKET_FDS_MAX];
  unsigned bind_count;
  struct process *process;
  int pidfd; /* of the child until it is running */
  bool cancelled, again, submitted;
};

/* `undone`: nothing of it is left. Frees the launch. */
void launch_failed(struct launch *, const struct failure *, bool undone);
/* The same before anything was made; errno when `error` is 0. */
void launch_fail_early(struct launch *, int error, const char *action, const char *path);
struct lane *launch_lane(const struct launch *);

/* The job `open`: its begin and its reply. */
int launch_open(struct job *);
void launch_opened(struct job *, const struct job_reply *);
/* Adds the pidfds of the containers whose namespaces it joins; they stay theirs. */
int launch_add_joined(struct launch *, int *fds, size_t *count, struct failure *);
