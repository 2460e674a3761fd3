/* UPGRADE: another program takes over this process, and with it its children. State goes through the journal and the holder. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/memfd.h"
#include "../holder/holder.h"
#include "arguments.h"
#include "instance.h"

enum { TRIAL_MS = 2000 };

static void requester_gone(struct request *request) { request->client->keeper->instance->request = NULL; }

static _Noreturn void run_version(int program, int out) {
  char *arguments[] = {(char[]){"warren-keeper"}, (char[]){"--version"}, NULL};
  dup2(out, STDOUT_FILENO);
  program_execute(program, arguments);
  _exit(127);
}

/* Whether the program runs here at all and says that it is a keeper: after execve it is too late to find out. */
static bool answers(int program) {
  int out[2];
  char text[64] = "";
  if (pipe2(out, O_CLOEXEC) < 0) return false;
  pid_t pid = fork();
  if (pid == 0) run_version(program, out[1]);
  close(out[1]);
  struct pollfd wait = {.fd = out[0], .events = POLLIN};
  bool said = pid > 0 && poll(&wait, 1, TRIAL_MS) == 1 && read(out[0], text, sizeof text - 1) > 0;
  close(out[0]);
  int status = -1;
  if (pid > 0) {
    if (!said) kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  return said && strncmp(text, "warren-keeper ", 14) == 0 && status == 0;
}

void instance_upgrade(struct request *request, const char *path) {
  struct keeper *keeper = request->client->keeper;
  struct instance *instance = keeper->instance;
  OWN_FD file = open(path, O_RDONLY | O_CLOEXEC);
  OWN_FD program = file < 0 ? -1 : memfd_copy("warren-keeper", file);
  int error = instance_closing(keeper) ? EBUSY : program < 0 ? errno : answers(program) ? 0 : ENOEXEC;
  if (error) {
    request_fail_with(request, error, "upgrade the keeper to", path);
    return request_end(request);
  }
  instance->upgrade_fd = steal_fd(&program);
  instance->request = request;
  request->gone = requester_gone;
  instance_check(keeper);
}

static void flush_streams(struct container *container, void *context) {
  (void)context;
  if (container->init) stdio_flush(container->init);
}

void upgrade_now(struct keeper *keeper) {
  struct instance *instance = keeper->instance;
  struct request *request = instance->request;
  struct keeper_options options = keeper->options;
  char *arguments[ARGUMENTS_MAX];
  options.upgraded = true;
  container_each(keeper, flush_streams, NULL);
  if (request) {
    request_ok(request);
    request_end(request);
  }
  instance->request = NULL;
  clients_flush(keeper);
  workers_end(keeper);
  event_file_flush(keeper);
  arguments_of(&options, "keeper", arguments);
  for (int fd = LISTEN_FD; fd <= LINK_FD; fd++)
    if (fd != READY_FD) fcntl(fd, F_SETFD, 0);
  log_line(LEVEL_INFO, "keeper %u makes way for another program", options.instance);
  program_execute(instance->upgrade_fd, arguments);
  log_line(LEVEL_ERROR, "cannot execute the new program: %s; this one goes on", strerror(errno));
  for (int fd = LISTEN_FD; fd <= LINK_FD; fd++)
    if (fd != READY_FD) fcntl(fd, F_SETFD, FD_CLOEXEC);
  arguments_free(arguments);
  close(instance->upgrade_fd);
  instance->upgrade_fd = 0;
  workers_resume(keeper);
}
