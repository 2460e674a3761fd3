/* The command line of holder and keeper, both ways. */
#pragma once

#include <stdbool.h>

struct keeper_options;

enum { ARGUMENTS_MAX = 64 };

/* Fills `options` (strings point into argv). False: `problem` names the argument. */
bool arguments_parse(char **argv, struct keeper_options *options, const char **problem);

/* A NULL-terminated copy for `role`; without memory it is cut short and false is returned. */
bool arguments_of(const struct keeper_options *, const char *role, char *argv[ARGUMENTS_MAX]);
void arguments_free(char *argv[ARGUMENTS_MAX]);
