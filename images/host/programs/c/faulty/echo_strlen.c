/* An echo server that takes bytes for text: it sends back `strlen(buffer)` of them.
 *
 * THE MISTAKE: `send(socket, buffer, strlen(buffer), 0)`. What was read has no terminating NUL: where the bytes hold
 * one, the echo stops before it; where they hold none, strlen goes on into whatever lies behind the buffer. (This one
 * puts a NUL there, so that it makes one mistake only.)
 * A correct one sends as many bytes as `recv` returned: echo_serial.
 */
#include "../common.h"

/* Send back what comes, until the client closes. */
static int echo(int connection)
{
    char buffer[CHUNK + 1];
    ssize_t size;

    while ((size = recv(connection, buffer, CHUNK, 0)) > 0) {
        buffer[size] = '\0';
        if (send_all(connection, buffer, strlen(buffer)) < 0) /* the mistake; right: size */
            return -1;
    }
    return (int)size;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server that takes bytes for text.",
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
