/* Counters of the token buckets that limit links of a network namespace, by RTM_GETQDISC. */
#include "shapers.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"

enum { ANSWER_BYTES = 65536 };

struct shaper {
  void (*take)(struct shaper *, int type, const uint8_t *value, size_t len);
  char kind[16];
  struct gnet_stats_basic basic;
  struct gnet_stats_queue queue;
};

/* Attributes of `bytes`, by type; what is too short is left as it is. */
static void take_attributes(struct shaper *shaper, const uint8_t *bytes, size_t size) {
  struct nlattr attribute;
  for (size_t at = 0; size - at >= NLA_HDRLEN;) {
    memcpy(&attribute, bytes + at, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > size - at) return;
    const uint8_t *value = bytes + at + NLA_HDRLEN;
    size_t len = attribute.nla_len - NLA_HDRLEN;
    shaper->take(shaper, attribute.nla_type & NLA_TYPE_MASK, value, len);
    size_t step = NLA_ALIGN(attribute.nla_len);
    at = step < size - at ? at + step : size;
  }
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void take_counter(struct shaper *shaper, int type, const uint8_t *value, size_t len) {
  if (type == TCA_STATS_BASIC) memcpy(&shaper->basic, value, smaller(len, sizeof shaper->basic));
  if (type == TCA_STATS_QUEUE) memcpy(&shaper->queue, value, smaller(len, sizeof shaper->queue));
}

static void take_queue(struct shaper *shaper, int type, const uint8_t *value, size_t len) {
  if (type == TCA_KIND) memcpy(shaper->kind, value, smaller(len, sizeof shaper->kind - 1));
  if (type != TCA_STATS2) return;
  shaper->take = take_counter;
  take_attributes(shaper, value, len);
  shaper->take = take_queue;
}

static void print(const uint8_t *message, const struct nlmsghdr *header) {
  struct tcmsg queue;
  size_t before = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof queue);
  if (header->nlmsg_type != RTM_NEWQDISC || header->nlmsg_len < before) return;
  memcpy(&queue, message + NLMSG_HDRLEN, sizeof queue);
  struct shaper shaper = {.take = take_queue};
  take_attributes(&shaper, message + before, header->nlmsg_len - before);
  if (strcmp(shaper.kind, "tbf") != 0 || queue.tcm_parent != TC_H_ROOT) return;
  printf("%d %llu %u %u %u\n", queue.tcm_ifindex, (unsigned long long)shaper.basic.bytes, shaper.queue.backlog,
         shaper.queue.drops, shaper.queue.overlimits);
}

/* 1: more follows. */
static int take(const uint8_t *buffer, size_t size) {
  struct nlmsghdr header;
  for (size_t at = 0; size - at >= sizeof header;) {
    memcpy(&header, buffer + at, sizeof header);
    if (header.nlmsg_type == NLMSG_DONE) return 0;
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > size - at) break;
    struct nlmsgerr error;
    if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_len >= NLMSG_HDRLEN + sizeof error) {
      memcpy(&error, buffer + at + NLMSG_HDRLEN, sizeof error);
      errno = -error.error;
      return -1;
    }
    print(buffer + at, &header);
    size_t step = NLMSG_ALIGN(header.nlmsg_len);
    at = step < size - at ? at + step : size;
  }
  return 1;
}

int shapers_print(void) {
  struct {
    struct nlmsghdr header;
    struct tcmsg message;
  } request = {
      .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETQDISC, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .message = {.tcm_family = AF_UNSPEC},
  };
  OWN_FD fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0 || send(fd, &request, sizeof request, 0) < 0) return -1;
  static uint8_t buffer[ANSWER_BYTES];
  int result = 1;
  while (result > 0) {
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    result = got < 0 ? -1 : take(buffer, (size_t)got);
  }
  return result;
}
