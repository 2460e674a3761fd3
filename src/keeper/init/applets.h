/* The programs inside the multi-call binary. Each returns its exit status. */
#ifndef WARREN_INIT_APPLETS_H
#define WARREN_INIT_APPLETS_H

/* argv[0] is the applet's own name, whatever way it was chosen. */
struct args {
  int argc;
  char **argv;
  char **envp;
};

/* Chooses by the basename of argv[0], else by the first argument. */
int multicall(const struct args *args);

/* PID 1 of `--init`: argv is the command to run, without "--". */
int init_run(const struct args *args);

int applet_burn(const struct args *args);
int applet_cat(const struct args *args);
int applet_eat_memory(const struct args *args);
int applet_echo(const struct args *args);
int applet_env(const struct args *args);
int applet_exit(const struct args *args);
int applet_false(const struct args *args);
int applet_fork_bomb(const struct args *args);
int applet_hostname(const struct args *args);
int applet_httpd(const struct args *args);
int applet_id(const struct args *args);
int applet_ls(const struct args *args);
int applet_pause(const struct args *args);
int applet_probe(const struct args *args);
int applet_signal_echo(const struct args *args);
int applet_sleep(const struct args *args);
int applet_true(const struct args *args);
int applet_tty(const struct args *args);
int applet_write(const struct args *args);

#endif
