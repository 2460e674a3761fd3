/* Containers that end with the connection that started them. */
#include <stdlib.h>

#include "../../base/log.h"
#include "../core.h"

struct bond {
  struct client *client;
  struct container *container;
  struct bond *next;
};

int bond_make(struct client *client, struct container *container) {
  bond_break(container);
  struct bond *bond = malloc(sizeof *bond);
  if (!bond) return -1;
  *bond = (struct bond){client, container, client->bonds};
  client->bonds = bond;
  container->bond = bond;
  return 0;
}

void bond_break(struct container *container) {
  struct bond *bond = container->bond;
  if (!bond) return;
  struct bond **at = &bond->client->bonds;
  while (*at != bond) at = &(*at)->next;
  *at = bond->next;
  container->bond = NULL;
  free(bond);
}

void bonds_client_gone(struct client *client) {
  while (client->bonds) {
    struct container *container = client->bonds->container;
    bond_break(container);
    container->stopping = true;
    if (container->launch) {
      launch_cancel(container->launch);
    } else if (container->status == STATUS_RESTARTING) {
      restart_cancel(container);
      container_set_status(container, STATUS_EXITED);
    } else if (container_kill(container, REASON_OWNER) < 0) {
      log_line(LEVEL_WARN, "cannot kill %s, whose owner is gone", container->supervise.id);
    }
  }
}
