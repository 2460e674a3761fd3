/* The keeper's side of the link to its holder. Messages are small and the holder quick: sending may block for a moment. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../base/log.h"
#include "../../base/socket.h"
#include "../../holder/holder.h"
#include "../core.h"

enum { PATIENCE_S = 2 };

struct holder_link {
  struct keeper *keeper;
  struct watch watch;
  int socket; /* -1: the holder is gone */
  int reaped;
  uint64_t next_record; /* the first one that was not read */
  bool any_read;
  pid_t pid;
};

static void adopted_alone(struct container *container, void *context) {
  struct process *process = container->init;
  (void)context;
  if (!process || !process->held || process->pidfd < 0) return;
  process->held = false;
  if (process->watch.fd < 0 && watch_add(container->keeper, &process->watch, process->pidfd, EPOLLIN) < 0)
    log_line(LEVEL_ERROR, "cannot watch the init of %s: errno %d", container->supervise.id, errno);
}

/* Goes on without: orphans come to the keeper itself, and nobody starts it again. */
static void holder_lost(struct holder_link *link) {
  log_line(LEVEL_ERROR, "the holder ended: the keeper goes on without it");
  watch_remove(link->keeper, &link->watch);
  close(link->socket);
  link->socket = -1;
  link->pid = 0;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  holder_read_reaped(link->keeper);
  container_each(link->keeper, adopted_alone, NULL);
}

static void send_message(struct holder_link *link, uint8_t op, const void *rest, size_t size, int fd) {
  char message[HOLDER_MESSAGE_MAX];
  if (link->socket < 0 || size + 1 > sizeof message) return;
  message[0] = (char)op;
  if (size > 0) memcpy(message + 1, rest, size);
  if (socket_send(link->socket, message, size + 1, &fd, fd >= 0 ? 1 : 0) < 0)
    log_line(LEVEL_ERROR, "cannot reach the holder: errno %d", errno);
}

static void link_ready(struct watch *watch, uint32_t events) {
  struct holder_link *link = OWNER_OF(watch, struct holder_link, watch);
  char message[HOLDER_MESSAGE_MAX];
  int fd = -1;
  size_t fds = 1;
  (void)events;
  ssize_t got = socket_receive(link->socket, message, sizeof message, &fd, &fds);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EMSGSIZE)) return holder_lost(link);
  if (got > 0 && fds == 1) close(fd);
  if (got > 0 && message[0] == HOLDER_REAPED) holder_read_reaped(link->keeper);
}

int holder_link_init(struct keeper *keeper, int socket) {
  struct holder_link *link = calloc(1, sizeof *link);
  char name[64];
  if (!link) return -1;
  *link = (struct holder_link){.keeper = keeper, .socket = socket, .pid = getppid(), .watch.ready = link_ready};
  snprintf(name, sizeof name, "reaped-%u", keeper->options.instance);
  link->reaped = openat(keeper->run_dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct timeval patience = {.tv_sec = PATIENCE_S};
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  keeper->holder = link;
  if (link->reaped < 0) return -1;
  if (watch_add(keeper, &link->watch, socket, EPOLLIN) < 0) return -1;
  send_message(link, HOLDER_KEEP, HOLDER_PROGRAM_TAG, sizeof HOLDER_PROGRAM_TAG, keeper->self_fd);
  return 0;
}

pid_t holder_pid(const struct keeper *keeper) { return keeper->holder->pid; }

void holder_keep(struct keeper *keeper, const char *tag, int fd) {
  send_message(keeper->holder, HOLDER_KEEP, tag, strlen(tag) + 1, fd);
}

void holder_drop(struct keeper *keeper, const char *tag) {
  send_message(keeper->holder, HOLDER_DROP, tag, strlen(tag) + 1, -1);
}

void holder_tell_ending(struct keeper *keeper) { send_message(keeper->holder, HOLDER_ENDING, NULL, 0, -1); }

/* Waits for the answer; what else comes meanwhile is found in the reaped file later. */
int holder_take(struct keeper *keeper, const char *tag) {
  struct holder_link *link = keeper->holder;
  if (link->socket < 0) return -1;
  send_message(link, HOLDER_TAKE, tag, strlen(tag) + 1, -1);
  for (;;) {
    char message[HOLDER_MESSAGE_MAX];
    int fd = -1;
    size_t fds = 1;
    struct pollfd wait = {.fd = link->socket, .events = POLLIN};
    if (poll(&wait, 1, PATIENCE_S * 1000) <= 0) return -1;
    ssize_t got = socket_receive(link->socket, message, sizeof message, &fd, &fds);
    if (got <= 0) return -1;
    if (message[0] == HOLDER_TAKEN) return fds == 1 ? fd : -1;
    if (fds == 1) close(fd);
  }
}

static bool read_record(const struct holder_link *link, uint64_t place, struct reaped *record) {
  return pread(link->reaped, record, sizeof *record, (off_t)(place * sizeof *record)) == sizeof *record;
}

/*
 * The next record that was not read. The holder may empty the file and go on between two reads: the first record tells where
 * the wanted one stands, and its own number whether it still stood there.
 */
static bool next_record(const struct holder_link *link, struct reaped *record) {
  while (read_record(link, 0, record)) {
    if (!link->any_read || record->number >= link->next_record) return true;
    uint64_t wanted = link->next_record;
    if (!read_record(link, wanted - record->number, record)) return false;
    if (record->number == wanted) return true;
  }
  return false;
}

void holder_read_reaped(struct keeper *keeper) {
  struct holder_link *link = keeper->holder;
  struct reaped reaped;
  bool read = false;
  while (next_record(link, &reaped)) {
    link->next_record = reaped.number + 1;
    link->any_read = read = true;
    struct exit_status exit = {
        .finished_ns = reaped.finished_ns,
        .user_us = reaped.user_us,
        .system_us = reaped.system_us,
        .max_rss_bytes = reaped.max_rss_bytes,
    };
    process_holder_notice(keeper, reaped.pid, reaped.identity, reaped.status, &exit);
  }
  if (read) send_message(link, HOLDER_TRIM, &link->next_record, sizeof link->next_record, -1);
}
