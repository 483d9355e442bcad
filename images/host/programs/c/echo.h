/* What the echo servers do with one client. */
#ifndef ECHO_H
#define ECHO_H

#include "common.h"

/* Send back what comes, until the client closes, or we do because --close-after bytes were answered.
 * Returns 0, or -1 with errno if the client broke off.
 */
static inline int echo(int connection, const struct sockaddr_storage *peer, const struct options *o)
{
    char buffer[CHUNK];
    ssize_t size;
    long echoed = 0;

    while ((size = recv(connection, buffer, sizeof buffer, 0)) > 0) { /* 0: the client has closed its direction */
        received(o, peer, buffer, (size_t)size);
        if (send_all(connection, buffer, (size_t)size) < 0)
            return -1;
        echoed += size;
        if (o->close_after && echoed >= o->close_after)
            return 0;
    }
    if (size == 0)
        left(o, peer);
    return (int)size;
}

#endif
