/* The roles before the keeper's own. */
#pragma once

#include "keeper/keeper.h"

int start_main(struct keeper_options *); /* an exit code */
_Noreturn void holder_role(struct keeper_options *);
