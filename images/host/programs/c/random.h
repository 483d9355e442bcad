/* Bytes drawn from a seed: the same ones as Python's random.Random(seed).randbytes(), so that the programs in Python
 * and in C send the same. The generator is the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded by an
 * array of one number, as Python does it (Modules/_randommodule.c).
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum { STATE = 624, MIDDLE = 397 };

struct generator {
    uint32_t state[STATE];
    int next;
};

static inline void seed_simply(struct generator *g, uint32_t seed)
{
    g->state[0] = seed;
    for (uint32_t i = 1; i < STATE; i++)
        g->state[i] = 1812433253u * (g->state[i - 1] ^ (g->state[i - 1] >> 30)) + i;
}

/* Carry the last word to the front when an index has come round. */
static inline int step(struct generator *g, int i)
{
    if (++i < STATE)
        return i;
    g->state[0] = g->state[STATE - 1];
    return 1;
}

static inline void seed(struct generator *g, uint32_t key)
{
    int i = 1;
    seed_simply(g, 19650218u);
    for (int round = 0; round < STATE; round++) {
        uint32_t before = g->state[i - 1];
        g->state[i] = (g->state[i] ^ ((before ^ (before >> 30)) * 1664525u)) + key;
        i = step(g, i);
    }
    for (int round = 0; round < STATE - 1; round++) {
        uint32_t before = g->state[i - 1];
        g->state[i] = (g->state[i] ^ ((before ^ (before >> 30)) * 1566083941u)) - (uint32_t)i;
        i = step(g, i);
    }
    g->state[0] = 0x80000000u;
    g->next = STATE;
}

static inline void renew(struct generator *g)
{
    for (int i = 0; i < STATE; i++) {
        uint32_t mixed = (g->state[i] & 0x80000000u) | (g->state[(i + 1) % STATE] & 0x7fffffffu);
        g->state[i] = g->state[(i + MIDDLE) % STATE] ^ (mixed >> 1) ^ (mixed & 1 ? 0x9908b0dfu : 0);
    }
    g->next = 0;
}

static inline uint32_t draw(struct generator *g)
{
    if (g->next == STATE)
        renew(g);
    uint32_t value = g->state[g->next++];
    value ^= value >> 11;
    value ^= (value << 7) & 0x9d2c5680u;
    value ^= (value << 15) & 0xefc60000u;
    return value ^ (value >> 18);
}

/* Fill a buffer: four bytes from each number, the least significant first; the last ones from its upper bits. */
static inline void random_bytes(struct generator *g, char *out, size_t size)
{
    while (size) {
        size_t taken = size < 4 ? size : 4;
        uint32_t value = draw(g) >> (32 - 8 * taken);
        for (size_t i = 0; i < taken; i++)
            *out++ = (char)(value >> (8 * i));
        size -= taken;
    }
}

#endif
