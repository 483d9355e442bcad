/* A server that greets each client by its name, with a process for each client; it reaps its children.
 *
 * The name is a line. The process waits for it, so that a client which is slow to tell its own keeps nobody else
 * waiting.
 */
#include "children.h"
#include "greet.h"

/* Accept a client and give it a process, which learns its name and greets it. */
static pid_t start_child(int listener, const struct options *o)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int connection = (int)check("accept", accept(listener, (struct sockaddr *)&peer, &size));
    accepted(&peer);

    pid_t pid = fork_child();
    if (pid == 0) {
        char name[NAME];
        close(listener);
        ssize_t length = read_name(connection, name);
        if (length >= 0)
            received(o, &peer, name, (size_t)length);
        if (length < 0 || greet(connection, name, (size_t)length) < 0)
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
    parse(argc, argv, "A server that greets each client by its name, with a process for each client.",
          (struct argument[]){SERVER(o), PRINT(o), {0}});

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(listener, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    check("listen", listen(listener, o.backlog));
    serve_with_children(listener, &o, start_child);
    return 0;
}
