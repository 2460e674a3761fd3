/* The cgroup in every hierarchy in which holder, keeper and workers live. */
#pragma once

#include "../base/failure.h"

struct keeper_options;

/* Makes the leaves and moves this process into them. */
int leaf_join(const struct keeper_options *, struct failure *);

/* Moves this process to the hierarchies' roots and removes the leaves, and the parents that leaf_join made, if empty. */
void leaf_leave(void);

/* Moves this process to the hierarchies' roots, where it may go there. */
void leaf_to_root(const struct keeper_options *);
