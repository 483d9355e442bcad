/* An echo server that takes the end of file for data.
 *
 * THE MISTAKE: it does not look for `recv` returning 0. When the client has closed, every read returns at once with
 * nothing; it sends that back and reads again, for ever, at full speed. It never closes: CLOSE_WAIT stays.
 * A correct one takes 0 for what it says, that the client has closed, and closes too: echo_serial.
 *
 * Here it rests after EMPTY_READS, still without closing. From outside that looks the same; but a program that never
 * blocks would burn a processor and, where the clock moves only while all programs wait, would stop time.
 */
#include "../common.h"

enum { EMPTY_READS = 1000 };

/* Send back what comes, and do not stop when nothing comes any more. */
static int echo(int connection)
{
    char buffer[CHUNK];

    for (int empty = 0; empty < EMPTY_READS;) {
        ssize_t size = recv(connection, buffer, sizeof buffer, 0); /* the mistake; right: if (size == 0) return 0 */
        if (size < 0 || send_all(connection, buffer, (size_t)size) < 0)
            return -1;
        empty += size == 0;
    }
    say("empty %d", EMPTY_READS);
    pause(); /* in place of going on like that for ever */
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server that takes the end of file for data.",
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
