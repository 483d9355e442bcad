/* What the servers share that greet a client by its name. */
#ifndef GREET_H
#define GREET_H

#include "common.h"

enum { NAME = 65536 }; /* bytes; a longer name is cut */

/* Read the first line that comes, or what there is of it when the client has closed. Returns its length, or -1. */
static inline ssize_t read_name(int connection, char name[NAME])
{
    ssize_t length = 0, size;

    while (length < NAME && (size = recv(connection, name + length, (size_t)(NAME - length), 0)) != 0) {
        if (size < 0)
            return -1;
        char *end = memchr(name + length, '\n', (size_t)size);
        if (end)
            return end + 1 - name;
        length += size;
    }
    return length;
}

static inline int greet(int connection, const char *name, size_t length)
{
    static char greeting[NAME + 8] = "hello, ";
    memcpy(greeting + 7, name, length);
    return send_all(connection, greeting, 7 + length);
}

#endif
