/* A server that reads slowly: the client's bytes fill its receive buffer, and TCP's window closes and opens.
 *
 * A small --rcvbuf makes that happen soon.
 */
#include "common.h"

/* Wait, read at most `count` bytes, and so on to the end. Returns how many bytes came, or -1. */
static long read_slowly(int connection, int count, double pause)
{
    char *buffer = malloc((size_t)count);
    long total = 0;
    ssize_t size;

    do {
        rest(pause);
        size = recv(connection, buffer, (size_t)count, 0);
        total += size;
    } while (size > 0);
    free(buffer);
    return size < 0 ? -1 : total;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    int bytes = 1024;
    double every = 0.5;
    parse(argc, argv, "A server that reads slowly.",
          (struct argument[]){
              SERVER(o),
              {"--bytes", NUMBER, &bytes, 1, INT_MAX, "at a time, default 1024", false},
              {"--every", SECONDS, &every, 0, 86400, "default 0.5", false},
              {0},
          });
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
        long total = read_slowly(connection, bytes, every);
        if (total < 0)
            lost(&peer);
        else
            say("received %ld", total);
        close(connection);
    }
}
