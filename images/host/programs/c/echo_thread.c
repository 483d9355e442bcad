/* An echo server with a thread for each client.
 *
 * All threads share the descriptors, so it is the client's own thread that closes its connection. The threads are
 * detached: nobody joins them, and they end with the server.
 */
#include "threads.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server with a thread for each client.",
          (struct argument[]){SERVER(o), CLOSE_AFTER(o), PRINT(o), {0}});
    stop_at_once();

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(listener, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    check("listen", listen(listener, o.backlog));
    ready(listener);

    for (;;) {
        struct visit *visit = malloc(sizeof *visit); /* one for each thread, which frees it */
        socklen_t size = sizeof visit->peer;
        visit->options = &o;
        visit->connection = (int)check("accept", accept(listener, (struct sockaddr *)&visit->peer, &size));
        accepted(&visit->peer);
        start_thread(visit);
    }
}
