/* An echo server with a process for each client, which reaps its children.
 *
 * It waits for clients and for signals at once, with ppoll. When it is stopped it stops its children too, and waits
 * for them. (SIGKILL leaves it no time for that.)
 */
#include "children.h"
#include "echo.h"

/* Accept a client and give it a process. Two processes hold the connection until one closes. */
static pid_t start_child(int listener, const struct options *o)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int connection = (int)check("accept", accept(listener, (struct sockaddr *)&peer, &size));
    accepted(&peer);

    pid_t pid = fork_child();
    if (pid == 0) {
        close(listener);
        if (echo(connection, &peer, o) < 0)
            lost(&peer);
        _exit(0);
    }
    if (pid < 0) { /* no process to be had: the client sees the connection close */
        lost(&peer);
        pid = 0;
    }
    close(connection); /* the parent closes its copy only */
    return pid;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server with a process for each client, which reaps its children.",
          (struct argument[]){SERVER(o), CLOSE_AFTER(o), PRINT(o), {0}});

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(listener, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    check("listen", listen(listener, o.backlog));
    serve_with_children(listener, &o, start_child);
    return 0;
}
