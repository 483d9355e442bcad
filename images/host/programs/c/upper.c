/* A server that answers in upper case, one client after another.
 *
 * Only ASCII letters change: the server sees bytes, and does not know what they mean.
 */
#include "common.h"

/* Answer what comes, until the client closes, or we do because --close-after bytes were answered. */
static int answer(int connection, const struct sockaddr_storage *peer, const struct options *o)
{
    char buffer[CHUNK];
    ssize_t size;
    long answered = 0;

    while ((size = recv(connection, buffer, sizeof buffer, 0)) > 0) {
        received(o, peer, buffer, (size_t)size);
        for (ssize_t i = 0; i < size; i++)
            if (buffer[i] >= 'a' && buffer[i] <= 'z')
                buffer[i] = (char)(buffer[i] - 'a' + 'A');
        if (send_all(connection, buffer, (size_t)size) < 0)
            return -1;
        if (o->print)
            print_data("answered", peer, buffer, (size_t)size);
        answered += size;
        if (o->close_after && answered >= o->close_after)
            return 0;
    }
    if (size == 0)
        left(o, peer);
    return (int)size;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "A server that answers in upper case, one client after another.",
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
        if (answer(connection, &peer, &o) < 0)
            lost(&peer);
        close(connection);
    }
}
