/* An echo server with a process for each client, whose parent never closes the accepted socket.
 *
 * THE MISTAKE: `fork` gives each connection a second descriptor, the parent's, and the parent keeps it. When the child
 * closes, the connection stays open: no FIN is sent, the client waits for the end, and once it has closed too,
 * CLOSE_WAIT is for ever. Each client costs a descriptor; when all are used up, `accept` fails with EMFILE.
 * A correct one closes its copy after `fork`: echo_fork.
 */
#include "../children.h"
#include "../echo.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server whose parent never closes the accepted socket.",
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
        if (pid == 0) {
            close(listener);
            if (echo(connection, &peer, &o) < 0)
                lost(&peer);
            _exit(0);
        }
        if (pid < 0)
            lost(&peer); /* the mistake; right: in any case close(connection) */
    }
}
