/* An echo server with a thread for each client, and a table of its clients; when the table is full, it ends.
 *
 * THE MISTAKE: it counts the clients that ever came, and returns from `main` when the last slot is taken: with the
 * process all its threads end, and so do the connections of clients that are being served. That client gets no answer,
 * either.
 * A correct one closes the connection that it has no room for, and serves the others: echo_thread has no table at all.
 */
#include "../threads.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    int slots = 128, taken = 0;
    parse(argc, argv, "An echo server with a table of its clients; when the table is full, it ends.",
          (struct argument[]){
              SERVER(o),
              PRINT(o),
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
        if (++taken >= slots) {
            say("the table is full");
            return 0; /* the mistake; right: close(visit->connection), and go on */
        }
        start_thread(visit);
    }
}
