/* An echo server with one event loop: one process, one thread, many clients.
 *
 * It never waits for one client. What a client does not take yet stays in that client's buffer; while the buffer is
 * full the server reads no more from that client, and TCP's window tells the client to stop.
 */
#include "common.h"

#include <fcntl.h>
#include <poll.h>

enum { FULL = 65536 }; /* bytes */

struct client {
    struct sockaddr_storage peer;
    size_t unsent;
    char buffer[FULL + CHUNK];
};

/* Do what can be done at once. Returns the events to wait for next, 0 when the client is served, -1 if it broke off. */
static int serve(int connection, struct client *client, int events, const struct options *o)
{
    if (events & POLLOUT) {
        ssize_t sent = send(connection, client->buffer, client->unsent, 0); /* it may take less than all */
        if (sent < 0)
            return -1;
        client->unsent -= (size_t)sent;
        memmove(client->buffer, client->buffer + sent, client->unsent);
    }
    if (events & POLLIN) {
        char *free_space = client->buffer + client->unsent;
        ssize_t size = recv(connection, free_space, CHUNK, 0);
        if (size < 0)
            return -1;
        if (size == 0) /* the client has closed its direction, but may still read; recv will say so again */
            return client->unsent ? POLLOUT : 0;
        received(o, &client->peer, free_space, (size_t)size);
        client->unsent += (size_t)size;
    }
    return (client->unsent < FULL ? POLLIN : 0) | (client->unsent ? POLLOUT : 0);
}

/* The sockets that the loop waits for, the listening one first, and the clients of the others. */
static struct pollfd *sockets;
static struct client **clients;
static int count;

static void add(int socket, struct client *client)
{
    sockets = realloc(sockets, (size_t)(count + 1) * sizeof *sockets);
    clients = realloc(clients, (size_t)(count + 1) * sizeof *clients);
    sockets[count] = (struct pollfd){.fd = socket, .events = POLLIN};
    clients[count++] = client;
}

static void drop(int which)
{
    close(sockets[which].fd);
    free(clients[which]);
    count--;
    sockets[which] = sockets[count];
    clients[which] = clients[count];
}

static void accept_client(int listener)
{
    struct client *client = calloc(1, sizeof *client);
    socklen_t size = sizeof client->peer;
    int connection = (int)check("accept", accept(listener, (struct sockaddr *)&client->peer, &size));
    accepted(&client->peer);
    fcntl(connection, F_SETFL, O_NONBLOCK);
    add(connection, client);
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server with one event loop: one process, one thread, many clients.",
          (struct argument[]){SERVER(o), PRINT(o), {0}});
    stop_at_once();

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(listener, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    check("listen", listen(listener, o.backlog));
    ready(listener);

    add(listener, NULL);
    for (;;) {
        poll(sockets, (nfds_t)count, -1);
        for (int i = count - 1; i > 0; i--) { /* from the last on: a client that goes is replaced by one already seen */
            int happened = sockets[i].revents;
            if (!happened)
                continue;
            if (happened & (POLLERR | POLLHUP))
                happened = sockets[i].events; /* the call tells what it is */
            int wanted = serve(sockets[i].fd, clients[i], happened & sockets[i].events, &o);
            if (wanted < 0)
                lost(&clients[i]->peer);
            else if (wanted == 0)
                left(&o, &clients[i]->peer);
            if (wanted <= 0)
                drop(i);
            else
                sockets[i].events = (short)wanted;
        }
        if (sockets[0].revents)
            accept_client(listener);
    }
}
