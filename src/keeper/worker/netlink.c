/* Sends batches of netlink messages in the host's, a pinned or a container's network namespace. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../base/own.h"
#include "../child/child.h"
#include "worker.h"

enum { ANSWER_BYTES = 32768, DEFAULT_ROOM = 131072 };

/* What the kernel said of a batch. */
struct answers {
  bool tolerant, last_seen;
  uint32_t last;  /* the message whose answer ends it */
  int error;      /* the first that counts */
  uint32_t index; /* of its message */
  char why[256];
};

/* A worker that stays in another namespace would make the next container there: better no worker. */
static void return_home(const struct worker *worker) {
  if (setns(worker->own_net_ns, CLONE_NEWNET) < 0) abort();
}

/* The container's namespace by descriptor, for links that are moved there and for later visits. */
static int know_container(struct job *job, struct failure *failure) {
  if (job->container_netns >= 0) return 0;
  int pidfd = job->pidfd >= 0 ? job->pidfd : job->container_pidfd;
  if (pidfd < 0) return fail(failure, EINVAL, "find the container's network namespace", NULL);
  if (setns(pidfd, CLONE_NEWNET) < 0) return fail(failure, 0, "enter the container's network namespace", NULL);
  job->container_netns = openat(job->worker->host_proc, "self/ns/net", O_RDONLY | O_CLOEXEC);
  int error = errno;
  return_home(job->worker);
  return job->container_netns < 0 ? fail(failure, error, "open the container's network namespace", NULL) : 0;
}

static int open_socket(const struct op_netlink *netlink, struct failure *failure) {
  int protocol = netlink->protocol == NETLINK_OF_ROUTE ? NETLINK_ROUTE : NETLINK_NETFILTER;
  OWN_FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return fail(failure, 0, "open a netlink socket", NULL);
  int on = 1;
  /* Answers without a copy of the message, and with the kernel's reason. */
  if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on) < 0)
    return fail(failure, 0, "prepare a netlink socket", NULL);
  return steal_fd(&fd);
}

static int make_room(int fd, const struct op_netlink *netlink, struct failure *failure) {
  int room = (int)netlink->messages.len * 2 + ANSWER_BYTES;
  if (room > DEFAULT_ROOM && (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0 ||
                              setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){16 * room}, sizeof room) < 0))
    return fail(failure, 0, "make room in a netlink socket", NULL);
  return 0;
}

/* A socket belongs to the namespace that it was opened in. */
static int socket_at(const struct job *job, const struct op_netlink *netlink, int place, struct failure *failure) {
  int netns = netlink->place == PLACE_CONTAINER ? job->container_netns : place;
  if (netlink->place == PLACE_HOST) return open_socket(netlink, failure);
  char path[sizeof failure->path];
  snprintf(path, sizeof path, "%.*s", (int)netlink->path.len, netlink->path.at);
  if (setns(netns, CLONE_NEWNET) < 0) return fail(failure, 0, "enter network namespace", path);
  int fd = open_socket(netlink, failure);
  return_home(job->worker);
  return fd;
}

static void forget_kept(struct kept_socket *kept) {
  if (kept->fd >= 0) close(kept->fd);
  kept->fd = -1;
}

/*
 * Closing a netfilter socket waits until what was removed in its namespace is freed: 10 ms and more, in which a worker could remove ten
 * containers. The last one of each place is kept. NULL: such a socket is not.
 */
static struct kept_socket *kept_at(struct worker *worker, const struct op_netlink *netlink, int place) {
  struct stat status = {0};
  if (netlink->protocol != NETLINK_OF_NETFILTER || netlink->place == PLACE_CONTAINER) return NULL;
  struct kept_socket *kept = &worker->kept[netlink->place == PLACE_HOST ? 0 : 1];
  if (netlink->place == PLACE_RUN_DIR && fstat(place, &status) < 0) return NULL;
  if (kept->device != status.st_dev || kept->inode != status.st_ino) forget_kept(kept);
  kept->device = status.st_dev;
  kept->inode = status.st_ino;
  return kept;
}

bool netlink_keeps(const struct worker *worker) { return worker->kept[0].fd >= 0 || worker->kept[1].fd >= 0; }

void netlink_forget(struct worker *worker) {
  forget_kept(&worker->kept[0]);
  forget_kept(&worker->kept[1]);
}

static uint8_t *numbered_copy(const struct job *job, const struct op_netlink *netlink) {
  uint32_t number = 0, len = netlink->messages.len;
  uint8_t *copy = malloc(len);
  if (!copy) return NULL;
  memcpy(copy, netlink->messages.at, len);
  for (uint32_t at = 0; at < len; number++) {
    struct nlmsghdr header;
    memcpy(&header, copy + at, sizeof header);
    header.nlmsg_seq = number;
    header.nlmsg_pid = 0;
    memcpy(copy + at, &header, sizeof header);
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  struct reader spots = netlink->spots.items;
  for (uint32_t i = 0; i < netlink->spots.count; i++) {
    uint32_t at = read_u32(&spots), fd = (uint32_t)job->container_netns;
    memcpy(copy + at, &fd, sizeof fd);
  }
  return copy;
}

static bool is_tolerable(int error) {
  return error == EEXIST || error == ENOENT || error == ENODEV || error == ESRCH || error == EADDRNOTAVAIL;
}

/* The kernel's own words come as an attribute behind the error. */
static void take_reason(const uint8_t *message, const struct nlmsghdr *header, char (*why)[256]) {
  uint32_t at = NLMSG_HDRLEN + (uint32_t)sizeof(struct nlmsgerr);
  (*why)[0] = 0;
  while (header->nlmsg_flags & NLM_F_ACK_TLVS && at + NLA_HDRLEN <= header->nlmsg_len) {
    struct nlattr attribute;
    memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > header->nlmsg_len - at) return;
    if ((attribute.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
      snprintf(*why, sizeof *why, "%.*s", attribute.nla_len - NLA_HDRLEN, (const char *)message + at + NLA_HDRLEN);
    at += NLA_ALIGN(attribute.nla_len);
  }
}

static void take_answer(struct answers *answers, const uint8_t *message, const struct nlmsghdr *header) {
  struct nlmsgerr answer;
  if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_len < NLMSG_HDRLEN + sizeof answer) return;
  memcpy(&answer, message + NLMSG_HDRLEN, sizeof answer);
  if (header->nlmsg_seq == answers->last) answers->last_seen = true;
  int error = -answer.error;
  if (error == 0 || answers->error != 0 || (answers->tolerant && is_tolerable(error))) return;
  answers->error = error;
  answers->index = header->nlmsg_seq;
  take_reason(message, header, &answers->why);
}

/* The kernel works on what is sent before send returns: every answer waits already. */
static int hear(int fd, struct answers *answers) {
  uint8_t buffer[ANSWER_BYTES];
  for (;;) {
    ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) continue; /* answers were lost; those that came follow */
    if (got < 0) return errno == EAGAIN ? 0 : -1;
    struct nlmsghdr header;
    for (size_t at = 0, size = (size_t)got; size - at >= sizeof header;) {
      memcpy(&header, buffer + at, sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > size - at) break;
      take_answer(answers, buffer + at, &header);
      size_t step = NLMSG_ALIGN(header.nlmsg_len);
      at = step < size - at ? at + step : size;
    }
  }
}

static int send_batch(int fd, const struct op_netlink *netlink, const uint8_t *messages, struct answers *answers,
                      struct failure *failure) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do sent = sendto(fd, messages, netlink->messages.len, 0, (struct sockaddr *)&kernel, sizeof kernel);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return fail(failure, 0, "send netlink messages", NULL);
  if (hear(fd, answers) < 0) return fail(failure, 0, "hear the answers to netlink messages", NULL);
  if (answers->error != 0) {
    char message[sizeof failure->message];
    snprintf(message, sizeof message, "perform netlink message %u", answers->index);
    return fail(failure, answers->error, message, answers->why);
  }
  return answers->last_seen ? 0 : fail(failure, EPROTO, "hear the last answer to netlink messages", NULL);
}

/* The keeper passes /dev/null for a namespace that is not pinned. */
static bool is_missing(int place) {
  struct stat status;
  return fstat(place, &status) == 0 && S_ISCHR(status.st_mode);
}

int netlink_perform(struct job *job, const struct op *op, int place, struct failure *failure) {
  struct op_netlink netlink;
  decode_netlink(op->payload, &netlink);
  bool tolerant = op->flags & NETLINK_TOLERANT;
  if (netlink.place == PLACE_RUN_DIR && is_missing(place)) {
    char path[sizeof failure->path];
    snprintf(path, sizeof path, "%.*s", (int)netlink.path.len, netlink.path.at);
    return tolerant ? 0 : fail(failure, ENOENT, "enter network namespace", path);
  }
  if ((netlink.place == PLACE_CONTAINER || netlink.spots.count > 0) && know_container(job, failure) < 0) return -1;
  struct kept_socket *kept = kept_at(job->worker, &netlink, place);
  OWN_FD fd = kept ? steal_fd(&kept->fd) : -1;
  if (fd < 0) fd = socket_at(job, &netlink, place, failure);
  if (fd < 0 || make_room(fd, &netlink, failure) < 0) return -1;
  OWN_MEM uint8_t *messages = numbered_copy(job, &netlink);
  if (!messages) return fail(failure, ENOMEM, "copy netlink messages", NULL);
  struct answers answers = {.tolerant = tolerant, .last = netlink.last_ack};
  if (send_batch(fd, &netlink, messages, &answers, failure) < 0) return -1;
  if (kept) kept->fd = steal_fd(&fd);
  return 0;
}

/* A batch for a container that runs, or for none. */
int job_netlink(struct job *job, struct failure *failure) {
  struct op op;
  size_t next = 0, places = plan_places(&job->plan);
  if (job->fd_count > places) job->container_pidfd = job->fds[places];
  for (size_t at = 0; plan_next(&job->plan, &at, &op);)
    if (netlink_perform(job, &op, plan_is_place(&op) ? job->fds[next++] : -1, failure) < 0)
      return op_failed(&op, failure);
  return 0;
}

/* The cleanup phase's, as far as it goes. `fds`: one for each PLACE_RUN_DIR of the phase. */
int netlink_clean(struct job *job, const int *fds, struct failure *failure) {
  struct op op;
  int result = 0;
  size_t next = 0;
  for (size_t at = 0; plan_next(&job->plan, &at, &op);) {
    struct failure here;
    if (op.phase != PHASE_CLEANUP || op.type != OP_NETLINK) continue;
    if (netlink_perform(job, &op, plan_is_place(&op) ? fds[next++] : -1, &here) == 0 || result < 0) continue;
    *failure = here;
    result = op_failed(&op, failure);
  }
  return result;
}
