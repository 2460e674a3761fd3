/* NETLINK: a batch of messages; what is in them is the kernel's to judge, their frames are looked at here. */
#include <linux/netlink.h>
#include <string.h>

#include "ops.h"

/* Every message is complete and padded, so that numbering them steps from header to header. */
static bool messages_ok(struct str messages, uint32_t *last_ack) {
  bool asked = false;
  uint32_t number = 0;
  for (uint32_t at = 0; at < messages.len; number++) {
    struct nlmsghdr header;
    if (messages.len - at < sizeof header) return false;
    memcpy(&header, messages.at + at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > messages.len - at) return false;
    if (NLMSG_ALIGN(header.nlmsg_len) > messages.len - at) return false;
    if (header.nlmsg_flags & NLM_F_ACK) {
      asked = true;
      *last_ack = number;
    }
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return asked;
}

bool decode_netlink(struct reader in, struct op_netlink *out) {
  out->protocol = read_u8(&in);
  out->place = read_u8(&in);
  out->path = read_str(&in);
  out->spots = (struct list){.count = read_count(&in, 4), .items = in};
  for (uint32_t i = 0; i < out->spots.count && !in.bad; i++) read_u32(&in);
  out->messages = read_bytes(&in);
  if (!reader_done(&in) || out->protocol > NETLINK_OF_NETFILTER || out->place > PLACE_CONTAINER) return false;
  if (out->place == PLACE_RUN_DIR ? !path_is_relative(out->path) : out->path.len > 0) return false;
  if (out->spots.count > NETLINK_SPOTS_MAX) return false;
  struct reader spots = out->spots.items;
  for (uint32_t i = 0; i < out->spots.count; i++) {
    uint32_t at = read_u32(&spots);
    if (at % 4 != 0 || at > out->messages.len || out->messages.len - at < 4) return false;
  }
  return messages_ok(out->messages, &out->last_ack);
}
