/* Counters of what limits links. */
#pragma once

/* A line for each token bucket of this network namespace: link, bytes passed, bytes waiting, packets dropped, times held up. */
int shapers_print(void);
