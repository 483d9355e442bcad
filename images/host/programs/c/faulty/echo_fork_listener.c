/* An echo server with a process for each client, whose children keep the listening socket.
 *
 * THE MISTAKE: `fork` gives the child a copy of the listening descriptor, too, and the child does not close it. If the
 * parent ends while a child serves its client, the port is still listened on: the kernel goes on connecting clients,
 * but nobody calls `accept`. And the server cannot be started again, SO_REUSEADDR or not.
 * A correct one closes it in the child, first of all: echo_fork.
 */
#include "../children.h"
#include "../echo.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server whose children keep the listening socket.",
          (struct argument[]){SERVER(o), {0}});
    stop_at_once();
    handle(SIGCHLD, SIG_IGN); /* then the kernel reaps the children */

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
        pid_t pid = fork_child();
        if (pid == 0) { /* the mistake; right: close(listener) first */
            if (echo(connection, &peer, &o) < 0)
                lost(&peer);
            _exit(0);
        }
        if (pid < 0)
            lost(&peer);
        close(connection);
    }
}
