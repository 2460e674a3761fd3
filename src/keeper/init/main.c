/* The multi-call entry: which program this is, and help. */
#include "applets.h"
#include "signals.h"
#include "text.h"

struct applet {
  char name[12];
  char arguments[24];
  char summary[56];
  int (*run)(const struct args *args);
};

static const struct applet applets[] = {
    {"burn", "[SECONDS]", "uses one CPU; reports the CPU time it got", applet_burn},
    {"cat", "[FILE...]", "copies files or stdin to stdout", applet_cat},
    {"eat-memory", "SIZE[k|m|g] [SECONDS]", "touches memory, then holds it", applet_eat_memory},
    {"echo", "[-n] [TEXT...]", "prints its arguments", applet_echo},
    {"env", "", "prints the environment", applet_env},
    {"exit", "CODE", "ends with this status", applet_exit},
    {"false", "", "ends with 1", applet_false},
    {"fork-bomb", "[MAX] [SECONDS]", "forks until refused; reports the count", applet_fork_bomb},
    {"hostname", "", "prints the host name", applet_hostname},
    {"httpd", "[PORT]", "answers GET with host name and pid (8080)", applet_httpd},
    {"id", "", "prints numeric user and group ids", applet_id},
    {"ls", "[-l] [DIR]", "lists a directory, unsorted", applet_ls},
    {"pause", "", "waits for a signal", applet_pause},
    {"probe", "", "prints what it sees of its container, as JSON", applet_probe},
    {"signal-echo", "", "prints the name of each signal and goes on", applet_signal_echo},
    {"sleep", "SECONDS", "waits; fractions allowed", applet_sleep},
    {"true", "", "ends with 0", applet_true},
    {"tty", "[watch]", "prints whether stdin is a terminal, and its size", applet_tty},
    {"write", "FILE TEXT", "writes a line to a file", applet_write},
};

static int help(int fd) {
  struct out out;

  out_open(&out, fd);
  out_text(&out, "usage: warren-init -- COMMAND [ARGUMENT...]\n"
                 "       warren-init APPLET [ARGUMENT...]\n\n"
                 "The first form runs COMMAND as its child, forwards signals to it, reaps\n"
                 "orphans and ends with its status. Applets:\n");
  for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]); i++) {
    out_text(&out, "  ");
    out_text(&out, applets[i].name);
    out_text(&out, " ");
    out_text(&out, applets[i].arguments);
    out_text(&out, "\t");
    out_text(&out, applets[i].summary);
    out_text(&out, "\n");
  }
  out_flush(&out);
  return fd == 1 ? 0 : 2;
}

static const struct applet *find_applet(const char *name) {
  for (size_t i = 0; i < sizeof(applets) / sizeof(applets[0]); i++) {
    if (text_equal(applets[i].name, name)) return &applets[i];
  }
  return NULL;
}

static int run_applet(const struct applet *applet, const struct args *args) {
  signals_as_pid1();
  return applet->run(args);
}

int multicall(const struct args *args) {
  struct args rest = {.argc = args->argc - 1, .argv = args->argv + 1, .envp = args->envp};
  const struct applet *applet;

  if (args->argc < 1) return help(2);
  applet = find_applet(text_basename(args->argv[0]));
  if (applet != NULL) return run_applet(applet, args);
  if (args->argc < 2) return help(2);
  if (text_equal(rest.argv[0], "--")) {
    rest.argc--;
    rest.argv++;
    return rest.argc > 0 ? init_run(&rest) : usage("warren-init", "no command after --");
  }
  if (text_equal(rest.argv[0], "help") || text_equal(rest.argv[0], "--help")) return help(1);
  applet = find_applet(text_basename(rest.argv[0]));
  if (applet == NULL) {
    struct out out;

    out_open(&out, 2);
    out_text(&out, "warren-init: no applet is called ");
    out_text(&out, rest.argv[0]);
    out_text(&out, "; see warren-init help\n");
    out_flush(&out);
    return 127;
  }
  return run_applet(applet, &rest);
}
