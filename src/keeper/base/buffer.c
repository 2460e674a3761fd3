#include "buffer.h"

#include <stdlib.h>
#include <string.h>

struct reader reader_of(const void *data, size_t len) {
  return (struct reader){.at = data, .end = (const uint8_t *)data + len};
}

/* NULL and `bad` when fewer than `size` bytes are left. */
static const uint8_t *take(struct reader *reader, size_t size) {
  if (reader->bad || (size_t)(reader->end - reader->at) < size) {
    reader->bad = true;
    return NULL;
  }
  const uint8_t *at = reader->at;
  reader->at += size;
  return at;
}

static uint64_t take_integer(struct reader *reader, size_t size) {
  const uint8_t *at = take(reader, size);
  uint64_t value = 0;
  for (size_t i = 0; at && i < size; i++) value |= (uint64_t)at[i] << (8 * i);
  return value;
}

uint8_t read_u8(struct reader *reader) { return (uint8_t)take_integer(reader, 1); }
uint16_t read_u16(struct reader *reader) { return (uint16_t)take_integer(reader, 2); }
uint32_t read_u32(struct reader *reader) { return (uint32_t)take_integer(reader, 4); }
uint64_t read_u64(struct reader *reader) { return take_integer(reader, 8); }
int32_t read_i32(struct reader *reader) { return (int32_t)read_u32(reader); }

bool read_bool(struct reader *reader) {
  uint8_t value = read_u8(reader);
  if (value > 1) reader->bad = true;
  return value == 1;
}

struct str read_bytes(struct reader *reader) {
  uint32_t len = read_u32(reader);
  const uint8_t *at = take(reader, len);
  return at ? (struct str){(const char *)at, len} : (struct str){"", 0};
}

struct str read_str(struct reader *reader) {
  struct str value = read_bytes(reader);
  if (value.len > 0 && memchr(value.at, 0, value.len)) {
    reader->bad = true;
    return (struct str){"", 0};
  }
  return value;
}

uint32_t read_count(struct reader *reader, uint32_t least_size) {
  uint32_t count = read_u32(reader);
  if (least_size > 0 && count > (size_t)(reader->end - reader->at) / least_size) reader->bad = true;
  return reader->bad ? 0 : count;
}

bool reader_done(const struct reader *reader) { return !reader->bad && reader->at == reader->end; }

struct writer writer_new(size_t max) {
  return (struct writer){.max = max};
}

void writer_free(struct writer *writer) {
  free(writer->data);
  *writer = (struct writer){.max = writer->max};
}

/* Room for `size` more bytes, counted as written; NULL and `failed` when there is none. */
static uint8_t *make_room(struct writer *writer, size_t size) {
  if (writer->failed || size > writer->max - writer->len) {
    writer->failed = true;
    return NULL;
  }
  if (size > writer->cap - writer->len) {
    size_t cap = writer->cap ? writer->cap : 128;
    while (cap - writer->len < size) cap *= 2;
    if (cap > writer->max) cap = writer->max;
    uint8_t *data = realloc(writer->data, cap);
    if (!data) {
      writer->failed = true;
      return NULL;
    }
    writer->data = data;
    writer->cap = cap;
  }
  uint8_t *at = writer->data + writer->len;
  writer->len += size;
  return at;
}

static void put_integer(struct writer *writer, uint64_t value, size_t size) {
  uint8_t *at = make_room(writer, size);
  for (size_t i = 0; at && i < size; i++) at[i] = (uint8_t)(value >> (8 * i));
}

void write_u8(struct writer *writer, uint8_t value) { put_integer(writer, value, 1); }
void write_u16(struct writer *writer, uint16_t value) { put_integer(writer, value, 2); }
void write_u32(struct writer *writer, uint32_t value) { put_integer(writer, value, 4); }
void write_u64(struct writer *writer, uint64_t value) { put_integer(writer, value, 8); }
void write_i32(struct writer *writer, int32_t value) { write_u32(writer, (uint32_t)value); }

void write_raw(struct writer *writer, const void *data, size_t len) {
  uint8_t *at = make_room(writer, len);
  if (at && len > 0) memcpy(at, data, len);
}

void write_bytes(struct writer *writer, const void *data, size_t len) {
  if (len > UINT32_MAX) {
    writer->failed = true;
    return;
  }
  write_u32(writer, (uint32_t)len);
  write_raw(writer, data, len);
}

void write_str(struct writer *writer, const char *text) { write_bytes(writer, text, strlen(text)); }
void write_view(struct writer *writer, struct str view) { write_bytes(writer, view.at, view.len); }

bool str_equal(struct str view, const char *text) {
  return strlen(text) == view.len && memcmp(view.at, text, view.len) == 0;
}

char *str_copy(struct str view) {
  char *copy = malloc((size_t)view.len + 1);
  if (!copy) return NULL;
  memcpy(copy, view.at, view.len);
  copy[view.len] = 0;
  return copy;
}

uint32_t checksum_of(const uint8_t *data, size_t len) {
  uint32_t value = 2166136261u;
  for (size_t i = 0; i < len; i++) value = (value ^ data[i]) * 16777619u;
  return value;
}
