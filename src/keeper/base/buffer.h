/* Bounded readers and growing writers of little-endian messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view into a message: not NUL-terminated, never owned. */
struct str {
  const char *at;
  uint32_t len;
};

/* Reads past the end set `bad` and yield zeros; callers check `bad` once, after the last read. */
struct reader {
  const uint8_t *at;
  const uint8_t *end;
  bool bad;
};

struct reader reader_of(const void *data, size_t len);
uint8_t read_u8(struct reader *);
bool read_bool(struct reader *); /* anything but 0 and 1 is bad */
uint16_t read_u16(struct reader *);
uint32_t read_u32(struct reader *);
uint64_t read_u64(struct reader *);
int32_t read_i32(struct reader *);
struct str read_bytes(struct reader *);
struct str read_str(struct reader *);                      /* as read_bytes, but a NUL inside is bad */
uint32_t read_count(struct reader *, uint32_t least_size); /* a list's count; bad if it cannot fit the rest */
bool reader_done(const struct reader *);                   /* not bad and nothing left */

/* Grows up to `max`; past that, or without memory, `failed` is set and later writes do nothing. */
struct writer {
  uint8_t *data;
  size_t len, cap, max;
  bool failed;
};

struct writer writer_new(size_t max);
void writer_free(struct writer *);
void write_u8(struct writer *, uint8_t);
void write_u16(struct writer *, uint16_t);
void write_u32(struct writer *, uint32_t);
void write_u64(struct writer *, uint64_t);
void write_i32(struct writer *, int32_t);
void write_bytes(struct writer *, const void *, size_t);
void write_raw(struct writer *, const void *, size_t); /* without a length */
void write_str(struct writer *, const char *);         /* NUL-terminated */
void write_view(struct writer *, struct str);

/* Of a stored record (FNV-1a): torn writes and zeros are what it has to see, not malice. */
uint32_t checksum_of(const uint8_t *, size_t len);

bool str_equal(struct str, const char *);
char *str_copy(struct str); /* malloc'ed, NUL-terminated; NULL without memory */
