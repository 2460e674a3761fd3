/* A program with sockets of another network namespace. */
#pragma once

/* PATH of the namespace, ADDRESS, PORT, PROGRAM with its arguments. Comes back only when it cannot. */
int listen_main(char **arguments);
