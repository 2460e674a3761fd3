#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/own.h"

enum { CONFIG_MAX = 262144 };

static void free_list(char **list) {
  for (char **at = list; at && *at; at++) free(*at);
  free(list);
}

static char **read_list(struct reader *in) {
  uint32_t count = read_count(in, 4);
  char **list = in->bad ? NULL : calloc((size_t)count + 1, sizeof *list);
  for (uint32_t i = 0; list && i < count; i++) {
    list[i] = str_copy(read_str(in));
    if (list[i] && !in->bad) continue;
    free_list(list);
    return NULL;
  }
  return list;
}

int program_read(struct program *program, struct reader *strings) {
  char **argv = read_list(strings);
  char **environment = argv ? read_list(strings) : NULL;
  if (!environment) {
    free_list(argv);
    errno = strings->bad ? EBADMSG : ENOMEM;
    return -1;
  }
  program_free(program);
  *program = (struct program){.argv = argv, .environment = environment};
  return 0;
}

void program_free(struct program *program) {
  free_list(program->argv);
  free_list(program->environment);
  *program = (struct program){0};
}

static void put_list(struct writer *out, char **list) {
  uint32_t count = 0;
  while (list[count]) count++;
  write_u32(out, count);
  for (uint32_t i = 0; i < count; i++) write_str(out, list[i]);
}

int program_store(const struct program *program, int dir, const char *name, const char *boot_id) {
  char fresh[64];
  snprintf(fresh, sizeof fresh, "%s.new", name);
  struct writer out = writer_new(CONFIG_MAX);
  put_list(&out, program->argv);
  put_list(&out, program->environment);
  if (boot_id) write_str(&out, boot_id);
  int result = -1;
  OWN_FD fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (out.failed)
    errno = E2BIG;
  else if (fd >= 0) {
    ssize_t written = write(fd, out.data, out.len);
    if (written == (ssize_t)out.len)
      result = renameat(dir, fresh, dir, name);
    else if (written >= 0)
      errno = ENOSPC;
  }
  int error = errno;
  if (result < 0) unlinkat(dir, fresh, 0);
  writer_free(&out);
  errno = error;
  return result;
}

int program_load(struct program *program, int dir, const char *name, const char *boot_id) {
  OWN_FD fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  OWN_MEM uint8_t *data = malloc(CONFIG_MAX);
  if (!data) return -1;
  ssize_t len = read(fd, data, CONFIG_MAX);
  if (len < 0) return -1;
  struct reader in = reader_of(data, (size_t)len);
  if (program_read(program, &in) < 0) return -1;
  if (!boot_id || str_equal(read_str(&in), boot_id)) return 0;
  program_free(program);
  errno = ENOENT;
  return -1;
}

int program_spawn(const struct program *program, int input, pid_t *pid) {
  static const int reset[] = {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int error = posix_spawn_file_actions_init(&files);
  if (error) return error;
  error = posix_spawnattr_init(&attributes);
  if (error) {
    posix_spawn_file_actions_destroy(&files);
    return error;
  }
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (size_t i = 0; i < sizeof reset / sizeof *reset; i++) sigaddset(&defaults, reset[i]);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  for (int fd = 0; fd <= 2 && !error; fd++)
    error = posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  if (input >= 0 && !error) error = posix_spawn_file_actions_adddup2(&files, input, 0);
  if (!error) error = posix_spawn(pid, program->argv[0], &files, &attributes, program->argv, program->environment);
  if (error) *pid = 0;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}
