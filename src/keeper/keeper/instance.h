/* The keeper as a whole: instance.c and upgrade.c. */
#pragma once

#include "core.h"

struct instance {
  struct keeper *keeper;
  uint64_t started_ns;
  struct deferred check;
  struct timer idle;
  bool closing;
  int upgrade_fd;          /* the program that takes over as soon as no worker is busy; 0: none */
  struct request *request; /* SHUTDOWN or UPGRADE */
};

/* Executes the new program in this process; returns only when that fails. */
void upgrade_now(struct keeper *);
