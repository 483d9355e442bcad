/* An echo server that does not look at how much it could send.
 *
 * THE MISTAKE: it ignores what `send` returns. A socket that does not block takes what fits into its send buffer, and
 * returns -1 with EAGAIN when that is full. With a client that reads slowly, what did not fit is gone for good.
 * A correct one keeps the rest, and sends it when the socket can be written again: echo_select. A small --sndbuf makes
 * the difference show soon.
 */
#include "../common.h"

#include <fcntl.h>
#include <poll.h>

/* Send back what comes, as far as it fits, until the client closes. */
static int echo(int connection)
{
    static char buffer[65536];

    fcntl(connection, F_SETFL, O_NONBLOCK);
    for (;;) {
        struct pollfd readable = {.fd = connection, .events = POLLIN};
        poll(&readable, 1, -1);
        ssize_t size = recv(connection, buffer, sizeof buffer, 0);
        if (size <= 0)
            return (int)size;
        ssize_t sent = send(connection, buffer, (size_t)size, 0); /* the mistake; right: keep buffer + sent for later */
        if (sent < 0 && errno != EAGAIN)
            return -1;
    }
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server that does not look at how much it could send.",
          (struct argument[]){SERVER(o), {0}});
    stop_at_once();

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(listener, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    check("listen", listen(listener, o.backlog));
    ready(listener);

    for (;;) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int connection = (int)check("accept", accept(listener, (struct sockaddr *)&peer, &size));
        accepted(&peer);
        if (echo(connection) < 0)
            lost(&peer);
        close(connection);
    }
}
