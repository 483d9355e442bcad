/* An echo server that takes the end of file for an error.
 *
 * THE MISTAKE: it treats every result of `recv` that is not above 0 alike. But 0 is no error: it says that the client
 * has closed. So the server says that something failed and ends with its first client, and no second one is ever
 * served.
 * A correct one closes the connection at 0, and accepts the next client: echo_serial.
 */
#include "../common.h"

/* Send back what comes, until the client closes, and take that for a failure. */
static int echo(int connection)
{
    char buffer[CHUNK];

    for (;;) {
        ssize_t size = recv(connection, buffer, sizeof buffer, 0);
        if (size < 0)
            return -1;
        if (size == 0) {
            say("read failed");
            exit(NETWORK_SAID_NO); /* the mistake; right: return 0 */
        }
        if (send_all(connection, buffer, (size_t)size) < 0)
            return -1;
    }
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server that takes the end of file for an error.",
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
