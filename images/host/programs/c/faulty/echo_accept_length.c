/* An echo server that does not tell `accept` how much room there is for the client's address.
 *
 * THE MISTAKE: the length that `accept` gets a pointer to is not set. The kernel reads it first: it is the room for
 * the address. An uninitialised one may be anything; here it is -1, for which `accept` fails with EINVAL, and the
 * client that it had taken from the queue is gone.
 * A correct one sets it to the size of the address before each call: echo_serial.
 */
#include "../echo.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server that does not tell accept how much room there is for the client's address.",
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
        socklen_t size = (socklen_t)-1; /* the mistake; right: sizeof peer */
        int connection = (int)check("accept", accept(listener, (struct sockaddr *)&peer, &size));
        accepted(&peer);
        if (echo(connection, &peer, &o) < 0)
            lost(&peer);
        close(connection);
    }
}
