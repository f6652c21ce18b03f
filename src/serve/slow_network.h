/* A simulated slow network, for --slow: one rate, which all connections of the worker share. A response is sent in
   turns; the network carries one turn at a time, in the order in which they were given to it, and a turn's bytes are
   sent when it has carried them. A connection gives it the next turn then, so connections take turns. Times are
   microseconds of one clock, which the caller reads. */
#pragma once

#include <stdint.h>

struct slow_network {
    uint64_t rate;   /* bytes a second; 0: no network is simulated */
    int64_t delay;   /* before the first byte of each response */
    int64_t free_at; /* when it has carried all turns that it was given */
};

/* The bytes of the next turn of a response of which `left` remain: at least one if any does. */
uint64_t slow_network_turn(const struct slow_network *network, uint64_t left);

/* Gives the network a turn. `ready` is the time, or 0 if the connection's last turn has just ended: a loop that wakes
   late then costs nothing of the rate. Returns when the turn is carried. */
int64_t slow_network_carry(struct slow_network *network, int64_t ready, uint64_t bytes);
