/* An echo server with a thread for each client, and a table with room for a fixed number of clients ever.
 *
 * THE MISTAKE: a client that leaves stays in the table. When as many have come as there are slots, nobody is served
 * any more, though nobody is there. (This one looks whether a slot is left; many a listing writes behind the table's
 * end.)
 * A correct one takes the client out again; echo_thread has no table at all.
 */
#include "../threads.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    int slots = 128, taken = 0;
    parse(argc, argv, "An echo server with a table that has room for a fixed number of clients ever.",
          (struct argument[]){
              SERVER(o),
              {"--slots", NUMBER, &slots, 1, INT_MAX, "default 128", false},
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
        struct visit *visit = malloc(sizeof *visit);
        socklen_t size = sizeof visit->peer;
        visit->options = &o;
        visit->connection = (int)check("accept", accept(listener, (struct sockaddr *)&visit->peer, &size));
        accepted(&visit->peer);
        if (taken == slots) {
            struct shown who = show(&visit->peer);
            complain("turned the client %s port %d away: no slot is left", who.address, who.port);
            close(visit->connection);
            free(visit);
            continue;
        }
        taken++; /* the mistake; right: and when it has left, taken-- */
        start_thread(visit);
    }
}
