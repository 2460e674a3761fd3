/* Programs of the engine's that the keeper starts: their command, how it outlives the keeper, and the start itself. */
#pragma once

#include "../keeper/keeper.h"

struct program {
  char **argv, **environment; /* NULL: none */
};

/* Takes two lists of str, argv and environment, in place of what was known. 0, or -1 with errno. */
int program_read(struct program *, struct reader *);
/* To and from a file of the run dir; ENOENT when there is none, or when it is of another boot and `boot_id` is not NULL. */
int program_store(const struct program *, int run_dir_fd, const char *name, const char *boot_id);
int program_load(struct program *, int run_dir_fd, const char *name, const char *boot_id);
void program_free(struct program *);
/*
 * A session of its own, default signals, nothing open but /dev/null (all else is close-on-exec), and `input` as standard
 * input when it is one. 0, or an errno.
 */
int program_spawn(const struct program *, int input, pid_t *pid);
