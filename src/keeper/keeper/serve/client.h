/* Clients and their requests: client.c and request.c. */
#pragma once

#include "../core.h"

struct request *request_new(struct client *, uint64_t id, uint16_t type); /* NULL without memory */
void request_gone(struct request *);                                      /* calls its handler's `gone`, frees it */
void requests_gone(struct client *);
