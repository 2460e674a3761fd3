/* What a process sees of its container, as one JSON object on stdout. */
#include "../applets.h"
#include "../directory.h"
#include "../text.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/utsname.h>

#define NAME "probe"

/* Reads a file line by line without a bound on its size; longer lines come in pieces. */
struct lines {
  int fd;
  size_t used;
  size_t at;
  char data[1024];
};

static bool lines_open(struct lines *lines, const char *path) {
  lines->fd = (int)sys_open(path, O_RDONLY | O_CLOEXEC, 0);
  lines->used = 0;
  lines->at = 0;
  return lines->fd >= 0;
}

/* The next line without its newline, NUL-terminated; NULL at the end. */
static char *lines_next(struct lines *lines) {
  size_t end = lines->at;

  for (;;) {
    long got;

    for (; end < lines->used; end++) {
      if (lines->data[end] == '\n') {
        char *line = lines->data + lines->at;

        lines->data[end] = '\0';
        lines->at = end + 1;
        return line;
      }
    }
    __builtin_memmove(lines->data, lines->data + lines->at, lines->used - lines->at);
    lines->used -= lines->at;
    end -= lines->at;
    lines->at = 0;
    got = lines->used == sizeof(lines->data) - 1
              ? 0
              : sys_read(lines->fd, lines->data + lines->used, sizeof(lines->data) - 1 - lines->used);
    if (got > 0) {
      lines->used += (size_t)got;
      continue;
    }
    if (lines->used == 0) return NULL;
    lines->data[lines->used] = '\0';
    lines->used = 0;
    return lines->data;
  }
}

static void key(struct out *out, const char *name) {
  out_text(out, ",");
  out_json_text(out, name);
  out_text(out, ":");
}

static void number(struct out *out, const char *name, long value) {
  key(out, name);
  out_signed(out, value);
}

static void print_status(struct out *out) {
  static const char wanted[][16] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"};
  struct lines lines;
  bool first = true;
  char *line;

  key(out, "status");
  out_text(out, "{");
  if (lines_open(&lines, "/proc/self/status")) {
    while ((line = lines_next(&lines)) != NULL) {
      for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        size_t length = text_length(wanted[i]);

        if (!text_starts(line, wanted[i]) || line[length] != ':') continue;
        if (!first) out_text(out, ",");
        first = false;
        out_json_text(out, wanted[i]);
        out_text(out, ":");
        out_json_text(out, line + length + 2);
      }
    }
    sys_close(lines.fd);
  }
  out_text(out, "}");
}

static void print_lines(struct out *out, const char *name, const char *path) {
  struct lines lines;
  bool first = true;
  char *line;

  key(out, name);
  out_text(out, "[");
  if (lines_open(&lines, path)) {
    while ((line = lines_next(&lines)) != NULL) {
      if (!first) out_text(out, ",");
      first = false;
      out_json_text(out, line);
    }
    sys_close(lines.fd);
  }
  out_text(out, "]");
}

static void count_mounts(struct out *out) {
  char data[1024];
  long count = 0;
  long fd = sys_open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC, 0);
  long got;

  while (fd >= 0 && (got = sys_read((int)fd, data, sizeof(data))) > 0) {
    for (long i = 0; i < got; i++) count += data[i] == '\n';
  }
  if (fd >= 0) sys_close((int)fd);
  number(out, "mounts", fd < 0 ? fd : count);
}

static void print_pids(struct out *out) {
  struct directory directory;
  const char *name;
  bool first = true;

  key(out, "pids");
  out_text(out, "[");
  if (directory_open(&directory, "/proc") == 0) {
    while ((name = directory_next(&directory)) != NULL) {
      uint64_t pid;

      if (!text_number(name, INT32_MAX, &pid)) continue;
      if (!first) out_text(out, ",");
      first = false;
      out_number(out, pid);
    }
    directory_close(&directory);
  }
  out_text(out, "]");
}

/* The number in "mnt:[4026531840]", which is what the link of a namespace says. */
static void print_namespaces(struct out *out) {
  static const char names[][8] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
  char path[32] = "/proc/self/ns/";
  bool first = true;

  key(out, "namespaces");
  out_text(out, "{");
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    char target[64];
    const char *digits = target;
    uint64_t inode = 0;
    long length;

    __builtin_memcpy(path + 14, names[i], sizeof(names[i]));
    length = sys_readlink(path, target, sizeof(target) - 1);
    if (length <= 0) continue;
    target[length] = '\0';
    while (*digits != '\0' && *digits++ != '[') continue;
    if (!text_digits(&digits, &inode)) continue;
    if (!first) out_text(out, ",");
    first = false;
    out_json_text(out, names[i]);
    out_text(out, ":");
    out_number(out, inode);
  }
  out_text(out, "}");
}

static void print_cwd(struct out *out) {
  char path[4096];
  long length = sys_call(__NR_getcwd, path, sizeof(path));

  key(out, "cwd");
  out_json_text(out, length > 0 ? path : "");
}

static void print_env(struct out *out, char *const *envp) {
  bool first = true;

  key(out, "env");
  out_text(out, "[");
  for (; *envp != NULL; envp++) {
    if (!first) out_text(out, ",");
    first = false;
    out_json_text(out, *envp);
  }
  out_text(out, "]");
}

int applet_probe(const struct args *args) {
  struct new_utsname names;
  struct out out;

  sys_call(__NR_uname, &names);
  out_open(&out, 1);
  out_text(&out, "{\"hostname\":");
  out_json_text(&out, names.nodename);
  number(&out, "pid", sys_getpid());
  number(&out, "ppid", sys_call(__NR_getppid, 0));
  number(&out, "uid", sys_call(__NR_getuid, 0));
  number(&out, "gid", sys_call(__NR_getgid, 0));
  print_status(&out);
  print_lines(&out, "uidMap", "/proc/self/uid_map");
  print_lines(&out, "gidMap", "/proc/self/gid_map");
  print_lines(&out, "cgroup", "/proc/self/cgroup");
  count_mounts(&out);
  print_pids(&out);
  print_namespaces(&out);
  print_cwd(&out);
  print_env(&out, args->envp);
  out_text(&out, "}\n");
  out_flush(&out);
  return out.error == 0 ? 0 : fail(NAME, "write", NULL, -out.error);
}
