/* An echo server that sets SO_REUSEADDR too late; give it --reuseaddr.
 *
 * THE MISTAKE: it sets its options after `bind`. It is `bind` that looks who has the port, and whether both allow to
 * share it. So the server starts where the port is free, but not where a connection of the server before it is left.
 * `setsockopt` does not complain.
 * A correct one sets them before `bind`: echo_serial --reuseaddr.
 */
#include "../echo.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server that sets SO_REUSEADDR too late; give it --reuseaddr.",
          (struct argument[]){SERVER(o), {0}});
    stop_at_once();

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    set_options(listener, &o); /* the mistake; right: before bind */
    check("listen", listen(listener, o.backlog));
    ready(listener);

    for (;;) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int connection = (int)check("accept", accept(listener, (struct sockaddr *)&peer, &size));
        accepted(&peer);
        if (echo(connection, &peer, &o) < 0)
            lost(&peer);
        close(connection);
    }
}
