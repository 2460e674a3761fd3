#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

enum { FILE_MAX = 4 << 20, HEAD_BYTES = 8 };

static char path[128], old[128];
/* Of keepers that are no more: a real one ends with its memory. Not static: the compiler would leave it out. */
struct event_file *before[4];
static unsigned opened;

static void open_it(void) {
  before[opened++] = keeper.event_file;
  snprintf(path, sizeof path, "%s/keeper-0.events", run_dir);
  snprintf(old, sizeof old, "%s.1", path);
  CHECK(event_file_open(&keeper) == 0);
}

static void add(uint32_t number, size_t size) {
  struct writer payload = writer_new(1 << 20);
  write_u32(&payload, number);
  while (payload.len < size) write_u8(&payload, 'x');
  event_file_add(&keeper, &payload);
  writer_free(&payload);
}

static off_t size_of(const char *name) {
  struct stat status;
  return stat(name, &status) < 0 ? -1 : status.st_size;
}

/* Checks every record; gives the numbers of the first and the last. */
static unsigned numbers(const char *name, uint32_t *first, uint32_t *last) {
  size_t len;
  char *data = read_file(name, &len);
  struct reader in = reader_of(data, len);
  unsigned count = 0;
  while (in.at < in.end) {
    uint32_t size = read_u32(&in), sum = read_u32(&in);
    CHECK(!in.bad && size <= (size_t)(in.end - in.at) && checksum_of(in.at, size) == sum);
    struct reader payload = reader_of(in.at, size);
    *last = read_u32(&payload);
    if (count++ == 0) *first = *last;
    in.at += size;
  }
  free(data);
  return count;
}

static void one_turn(void) {
  uint32_t first, last;
  open_it();
  add(1, 40);
  add(2, 40);
  CHECK(size_of(path) <= 0);
  run_for(1);
  CHECK(numbers(path, &first, &last) == 2 && first == 1 && last == 2);
}

static void rotation(void) {
  uint32_t first, last, old_first, old_last, next = 0;
  open_it();
  while (next < 12000) add(next++, 1000);
  event_file_flush(&keeper);
  numbers(path, &first, &last);
  numbers(old, &old_first, &old_last);
  CHECK(size_of(path) <= FILE_MAX && size_of(old) <= FILE_MAX && size_of(old) > FILE_MAX / 2);
  CHECK(last == next - 1 && first == old_last + 1 && old_first > 0);
}

static void torn_tail(void) {
  uint32_t first, last;
  open_it();
  add(1, 40);
  add(2, 40);
  event_file_flush(&keeper);
  off_t whole = size_of(path);
  CHECK(truncate(path, whole - 3) == 0);
  open_it(); /* the next keeper */
  add(3, 40);
  event_file_flush(&keeper);
  CHECK(numbers(path, &first, &last) == 2 && first == 1 && last == 3 && size_of(path) == whole);
}

static void full_disk(void) {
  uint32_t first, last;
  CHECK(mount("none", run_dir, "tmpfs", 0, "size=65536") == 0);
  int run_dir_fd = keeper.run_dir_fd;
  keeper.run_dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  open_it();
  for (uint32_t i = 0; i < 200; i++) {
    add(i, 1000);
    event_file_flush(&keeper);
  }
  unsigned held = numbers(path, &first, &last);
  CHECK(held > 0 && held < 200 && last == held - 1);
  CHECK(truncate(path, 2 * (1000 + HEAD_BYTES)) == 0);
  open_it();
  add(1000, 1000);
  event_file_flush(&keeper);
  CHECK(numbers(path, &first, &last) == 3 && last == 1000);
  close(keeper.run_dir_fd);
  keeper.run_dir_fd = run_dir_fd;
  CHECK(umount2(run_dir, MNT_DETACH) == 0);
}

const struct test tests[] = {
    {"events of one turn of the loop are written at its end", one_turn},
    {"a full file becomes the old one, and no event between them is missing", rotation},
    {"a torn record is cut off before the next is written", torn_tail},
    {"a full disk drops events, leaves whole records, and goes on afterwards", full_disk},
};
const size_t test_count = sizeof tests / sizeof *tests;
