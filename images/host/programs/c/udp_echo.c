/* A UDP echo server: what comes in one datagram goes back in one datagram.
 *
 * There is no connection, so nothing to accept and nothing to close. What is longer than --buffer is cut off.
 */
#include "common.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    int room = 65535, count = 0;
    parse(argc, argv, "A UDP echo server: what comes in one datagram goes back in one datagram.",
          (struct argument[]){
              DATAGRAM_SERVER(o),
              {"--buffer", NUMBER, &room, 1, INT_MAX, "bytes, default 65535", false},
              {"--count", NUMBER, &count, 1, INT_MAX, "end after N datagrams; default: never", false},
              PRINT(o),
              {0},
          });
    stop_at_once();

    int server = (int)check("socket", socket(o.address.ss_family, SOCK_DGRAM, 0));
    set_options(server, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(server, (struct sockaddr *)&own, sizeof own));
    ready(server);

    char *buffer = malloc((size_t)room), printable[PRINTABLE];
    for (int served = 0; !count || served < count; served++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        ssize_t length =
            check("recvfrom", recvfrom(server, buffer, (size_t)room, 0, (struct sockaddr *)&peer, &size));
        struct shown who = show(&peer);
        if (o.print)
            say("datagram %zd %s %d %s", length, who.address, who.port, beginning(buffer, (size_t)length, printable));
        else
            say("datagram %zd %s %d", length, who.address, who.port);
        if (sendto(server, buffer, (size_t)length, 0, (struct sockaddr *)&peer, size) < 0)
            lost(&peer);
    }
    return 0;
}
