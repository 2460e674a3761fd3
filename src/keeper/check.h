/* `warren-keeper --check`: whether the other side of the protocol writes what this one reads. */
#pragma once

/*
 * Reads items from standard input: u32 size, u8 kind (0 launch plan, 1 exec plan, 2 cleanup plan, 3 supervise section),
 * bytes. Prints for each `OK`, or `ERRNO INDEX TYPE MESSAGE PATH`. Exit code 0 when all are fine.
 */
int check_items(void);

/* Prints a line for each constant of the protocol: GROUP NAME VALUE. */
int check_table(void);
