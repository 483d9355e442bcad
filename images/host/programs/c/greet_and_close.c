/* A server that greets each client and closes first: so it is the server's side that waits in TIME_WAIT.
 *
 * It reads nothing. A client that sends something gets an RST for it, since nobody will ever read it.
 */
#include "common.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    const char *greeting = "hello\n";
    parse(argc, argv, "A server that greets each client and closes first.",
          (struct argument[]){
              SERVER(o),
              {"--greeting", TEXT, &greeting, 0, 0, "what to send; may be empty", false},
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
        if (send_all(connection, greeting, strlen(greeting)) < 0)
            lost(&peer);
        close(connection);
    }
}
