/*
 * Pins network namespaces, so that they outlive every process:
 *
 *   netns pin PATH NAME=VALUE...   a new one with these sysctls, unless one is pinned there already
 *   netns drop PATH                takes the pin away; what lives only in the namespace goes with it
 *   netns links PATH               prints /proc/net/dev of it
 *   netns shapers PATH             prints what limits its links, and what that counted
 *   netns listen PATH ADDRESS PORT PROGRAM ARGUMENT...
 *                                  executes a program here, with a UDP and a TCP socket that listen there
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/own.h"
#include "listen.h"
#include "shapers.h"

enum { NAME_MAX_BYTES = 256 };

static int problem(const char *action, const char *object) {
  fprintf(stderr, "Cannot %s %s: %s\n", action, object, strerror(errno));
  return 1;
}

static bool is_pinned(const char *path) {
  struct statfs status;
  return statfs(path, &status) == 0 && status.f_type == NSFS_MAGIC;
}

/* `net.ipv4.ip_forward=1`; a `/` in the name stands for a dot in a component. */
static int set_sysctl(const char *assignment) {
  char path[NAME_MAX_BYTES + 16] = "/proc/sys/";
  const char *equals = strchr(assignment, '=');
  size_t len = equals ? (size_t)(equals - assignment) : 0, base = strlen(path);
  errno = EINVAL;
  if (len == 0 || len > NAME_MAX_BYTES || strncmp(assignment, "net.", 4) != 0) return -1;
  for (size_t i = 0; i < len; i++) {
    char c = assignment[i];
    path[base + i] = (char)(c == '.' ? '/' : c == '/' ? '.' : c);
  }
  path[base + len] = 0;
  OWN_FD fd = open(path, O_WRONLY | O_CLOEXEC);
  /* A kernel without IPv6, or filters of IP packets on bridges, has none of its settings. */
  bool optional = strncmp(assignment, "net.ipv6.", 9) == 0 || strncmp(assignment, "net.bridge.", 11) == 0;
  if (fd < 0) return errno == ENOENT && optional ? 0 : -1;
  ssize_t wanted = (ssize_t)strlen(equals + 1);
  return write(fd, equals + 1, (size_t)wanted) == wanted ? 0 : -1;
}

/* Not copied with the tree that it is in, and seen by no other mount namespace: dropping the pin is the end. */
static int mount_pin(const char *path) {
  if (mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0) return -1;
  return mount(NULL, path, NULL, MS_UNBINDABLE, NULL);
}

static int pin(const char *path, char **sysctls) {
  OWN_FD file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (file < 0) return problem("make", path);
  if (is_pinned(path)) return 0;
  /* The file below the mount is the lock of who makes it. */
  if (flock(file, LOCK_EX) < 0) return problem("lock", path);
  if (is_pinned(path)) return 0;
  if (unshare(CLONE_NEWNET) < 0) return problem("make a network namespace for", path);
  for (char **at = sysctls; *at; at++)
    if (set_sysctl(*at) < 0) return problem("set sysctl", *at);
  return mount_pin(path) < 0 ? problem("pin a network namespace at", path) : 0;
}

static int drop(const char *path) {
  while (is_pinned(path))
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0) return problem("drop the network namespace of", path);
  return unlink(path) < 0 && errno != ENOENT ? problem("remove", path) : 0;
}

static int links(const char *path) {
  OWN_FD namespace = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (namespace < 0) return errno == ENOENT ? 0 : problem("open", path);
  if (setns(namespace, CLONE_NEWNET) < 0) return problem("enter network namespace", path);
  OWN_FD file = open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC);
  char buffer[65536];
  ssize_t got = -1;
  while (file >= 0 && (got = read(file, buffer, sizeof buffer)) > 0)
    if (fwrite(buffer, 1, (size_t)got, stdout) != (size_t)got) return problem("print the links of", path);
  return got < 0 || fflush(stdout) != 0 ? problem("read the links of", path) : 0;
}

static int shapers(const char *path) {
  OWN_FD namespace = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (namespace < 0) return errno == ENOENT ? 0 : problem("open", path);
  if (setns(namespace, CLONE_NEWNET) < 0) return problem("enter network namespace", path);
  return shapers_print() < 0 || fflush(stdout) != 0 ? problem("read the limits of links of", path) : 0;
}

int netns_main(char **arguments) {
  const char *command = arguments[0], *path = command ? arguments[1] : NULL;
  if (path && strcmp(command, "pin") == 0) return pin(path, arguments + 2);
  if (path && !arguments[2] && strcmp(command, "drop") == 0) return drop(path);
  if (path && !arguments[2] && strcmp(command, "links") == 0) return links(path);
  if (path && !arguments[2] && strcmp(command, "shapers") == 0) return shapers(path);
  if (path && strcmp(command, "listen") == 0 && arguments[2] && arguments[3] && arguments[4])
    return listen_main(arguments + 1);
  fputs("Usage: warren-keeper netns pin PATH [NAME=VALUE...] | drop PATH | links PATH | shapers PATH |\n"
        "       listen PATH ADDRESS PORT PROGRAM [ARGUMENT...]\n",
        stderr);
  return 2;
}
