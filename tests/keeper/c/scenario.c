#include "scenario.h"

#include <unistd.h>

struct container *container;
struct process *process;
struct fake_client client;
struct request *request;

void say(int fd, const void *data, size_t len) {
  for (size_t at = 0; at < len;) {
    ssize_t written = write(fd, (const char *)data + at, len - at);
    if (written <= 0) _exit(3);
    at += (size_t)written;
  }
}

void begin(bool is_init, uint32_t flags, void (*child)(void *)) {
  struct failure failure;
  int out[3];
  process = process_make(container, is_init);
  if (flags & ALL) {
    request = request_make(&client, is_init ? REQ_LAUNCH : REQ_EXEC, flags);
    process->starter = request;
    request->process = process;
  }
  if (stdio_prepare(process, flags, 0, out, &failure) < 0) {
    fprintf(stderr, "prepare: %s %s %d\n", failure.message, failure.path, failure.error);
    exit(1);
  }
  start_child(process, out, child, NULL);
  CHECK(stdio_start(process, -1, 0, 0) == 0);
}

void finish(void) {
  if (!process->exited) reap_child(process);
  run_until(is_drained, process);
  if (process->starter) {
    struct writer payload = writer_new(64);
    struct request *starter = process->starter;
    process->starter = NULL;
    client_send(starter, REP_EXIT, &payload);
    request_end(starter);
  }
  free_process(process);
  for (int i = 0; i < 3; i++) writer_free(&client.data[i]);
}

bool data_is(unsigned number, const char *text) {
  const struct writer *data = &client.data[number];
  return data->len == strlen(text) && memcmp(data->data, text, data->len) == 0;
}

void slow_cat(void *context) {
  (void)context;
  char block[8192];
  ssize_t got;
  unsigned rounds = 0;
  while ((got = read(0, block, sizeof block)) > 0) {
    say(1, block, (size_t)got);
    if (rounds++ < 20) usleep(5000);
  }
}
