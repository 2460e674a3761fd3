/* Lanes of waiting jobs that take turns. */
#pragma once

#include "../core.h"

struct lanes {
  struct lane *first, **last; /* of those with something to do */
  struct lane own;            /* for jobs without a client */
};

void lanes_init(struct lanes *);
void lanes_add(struct lanes *, struct lane *, struct job *);
void lanes_remove(struct lanes *, struct job *);
struct job *lanes_take(struct lanes *); /* of the lane whose turn it is; NULL: none waits */
