/* An echo server that serves one client after another.
 *
 * While one client is served the others wait: the kernel has completed their handshakes and keeps their first bytes,
 * but nobody calls accept.
 */
#include "echo.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server that serves one client after another.",
          (struct argument[]){SERVER(o), CLOSE_AFTER(o), PRINT(o), {0}});
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
        if (echo(connection, &peer, &o) < 0)
            lost(&peer);
        close(connection);
    }
}
