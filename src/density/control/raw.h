/* Shared by the parts of the raw control. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define ATTR_SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define CHECK(call, what)                                                      \
  do {                                                                         \
    if ((call) < 0)                                                            \
      die(what);                                                               \
  } while (0)

enum { ID_BASE = 1 << 20, ID_COUNT = 65536, FILTER_RULES = 340, ETC_FILES = 3 };
enum tree { ROOT, DEV, SYS, ETC, TREES = ETC + ETC_FILES };
enum hierarchy { UNIFIED, MEMORY, PIDS, CPU, HIERARCHIES };

extern const char *const hierarchy_paths[HIERARCHIES],
    *const etc_files[ETC_FILES];

struct control {
  unsigned count, superblocks;
  bool netns, limits, exec;
  const char *program, *cgroup;
  char directory[256];
  int hierarchies[HIERARCHIES]; /* the parent cgroups; -1: not used */
  bool v2;
  int proc, data, dev,
      sys; /* detached trees, and a proc of the host's pid namespace */
  struct sock_fprog filter;
};

struct container {
  pid_t pid;
  int pidfd;
  uint64_t ns;
};

_Noreturn void die(const char *what);
uint64_t now(void);              /* ns */
uint64_t memory_available(void); /* bytes */

/* ---- calls.c: system calls newer than C libraries ---- */
int tree_open(int tree, const char *path, unsigned flags);
int tree_clone(int tree);
int attach(int tree, int directory, const char *path);
int set_attributes(int tree, uint64_t attributes, int user_ns);
int configure(int context, unsigned command, const char *key, const void *value,
              int aux);
int new_mount(const char *type, uint64_t attributes,
              const char *const *options);
void write_at(int directory, const char *path, const char *text);

/* ---- room.c: what is made once ---- */
void open_hierarchies(struct control *);
void build_filter(struct control *);
void make_files(struct control *);
void make_room(struct control *);

/* ---- child.c: from clone to execve ---- */
_Noreturn void child(const struct control *, int socket, const int *tasks);
_Noreturn void exec_child(const struct control *, int pidfd, const int *tasks);

/* ---- launch.c ---- */
struct container launch(const struct control *, unsigned number);
uint64_t exec_once(const struct control *, const struct container *);
