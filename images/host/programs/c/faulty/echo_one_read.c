/* An echo server that takes one read for one message.
 *
 * THE MISTAKE: it reads once, answers, and closes, as if a message had to come in one piece and to fit the buffer.
 * TCP is a stream: a message may come in several pieces, whatever the client's calls were. What comes after the first
 * one meets a closed socket, and is answered by an RST.
 * A correct one reads until the message is whole, by its length, its end mark or the end of file: echo_serial.
 */
#include "../common.h"

/* Send back what comes first, as if that were all. */
static int echo(int connection)
{
    char buffer[CHUNK];
    ssize_t size = recv(connection, buffer, sizeof buffer, 0); /* the mistake; right: while ((size = recv(...)) > 0) */
    return size < 0 ? -1 : send_all(connection, buffer, (size_t)size);
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server that takes one read for one message.",
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
