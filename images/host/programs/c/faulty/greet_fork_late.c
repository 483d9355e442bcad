/* A server that greets each client by its name, in a process for each client; but it reads the name before it forks.
 *
 * THE MISTAKE: the parent waits for what one client says. Until then nobody else is served, however many processes
 * there could be: one client that connects and is silent stops the server (head-of-line blocking).
 * A correct one forks first, and leaves all waiting for a client to that client's process: greet_fork.
 */
#include "../children.h"
#include "../greet.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "A server that greets each client by its name; but it reads the name before it forks.",
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
        static char name[NAME];
        ssize_t length = read_name(connection, name); /* the mistake; right: in the child */
        if (length < 0) {
            lost(&peer);
            close(connection);
            continue;
        }
        pid_t pid = fork_child();
        if (pid == 0) {
            close(listener);
            if (greet(connection, name, (size_t)length) < 0)
                lost(&peer);
            _exit(0);
        }
        if (pid < 0)
            lost(&peer);
        close(connection);
    }
}
