#include "serve/slow_network.h"

#include "base/limits.h"

enum { MICROSECONDS = 1000000 };

uint64_t slow_network_turn(const struct slow_network *network, uint64_t left)
{
    uint64_t most = network->rate * LIMIT_SLOW_TURN_MS / 1000;
    if (most == 0)
        most = 1;
    return left < most ? left : most;
}

int64_t slow_network_carry(struct slow_network *network, int64_t ready, uint64_t bytes)
{
    if (network->free_at < ready)
        network->free_at = ready;
    network->free_at += (int64_t)((bytes * MICROSECONDS + network->rate - 1) / network->rate);
    return network->free_at;
}
