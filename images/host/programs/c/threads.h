/* What the servers share that give each client a thread. */
#ifndef THREADS_H
#define THREADS_H

#include "echo.h"

#include <pthread.h>

struct visit {
    int connection;
    struct sockaddr_storage peer;
    const struct options *options;
};

/* Serve one client, in a thread of its own. */
static inline void *talk(void *argument)
{
    struct visit visit = *(struct visit *)argument;
    free(argument);
    if (echo(visit.connection, &visit.peer, visit.options) < 0)
        lost(&visit.peer);
    close(visit.connection);
    return NULL;
}

/* Start a detached thread for a client, or turn the client away if none is to be had. */
static inline void start_thread(struct visit *visit)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, talk, visit);
    if (failed) { /* the limit on processes, which counts threads too */
        struct shown who = show(&visit->peer);
        close(visit->connection);
        complain("turned the client %s port %d away: %s", who.address, who.port, strerror(failed));
        free(visit);
        return;
    }
    pthread_detach(thread);
}

#endif
