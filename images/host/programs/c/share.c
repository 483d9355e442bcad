/* A server with a child for each client, whose parent keeps the connection too. Both do what the client says.
 *
 * Each line that comes is a call: send, shutdown or close; any other ends the process without one. The child obeys
 * until it has closed or ended. The parent, which kept its copy, waits for that, and then obeys in its turn.
 */
#include "children.h"

/* Read the next line, and take no byte more: what follows may be for the other process. Returns 0, or -1. */
static int read_line(int connection, char *line, size_t room)
{
    size_t length = 0;
    ssize_t size = 1;

    while (length + 1 < room && (size = recv(connection, line + length, 1, 0)) > 0 && line[length] != '\n')
        length++;
    line[length] = '\0';
    return size < 0 ? -1 : 0;
}

/* Do what the lines say, and say so. Returns 0, or -1 with errno if the client broke off. */
static int obey(const char *who, int connection)
{
    char order[80], answer[80];

    for (;;) {
        int result;
        if (read_line(connection, order, sizeof order) < 0)
            return -1;
        if (strcmp(order, "send") == 0)
            result = send_all(connection, answer, (size_t)sprintf(answer, "%s\n", who));
        else if (strcmp(order, "shutdown") == 0)
            result = shutdown(connection, SHUT_WR);
        else if (strcmp(order, "close") == 0)
            result = close(connection);
        else
            return 0;
        if (result < 0)
            say("%s %s: %s", who, order, error_name(errno));
        else
            say("%s %s", who, order);
        if (strcmp(order, "close") == 0)
            return 0;
    }
}

/* Wait until the child has ended, or somebody stops this server: then stop the child first. */
static void await(pid_t child)
{
    sigset_t set = waited_for();
    int came;
    sigwait(&set, &came);
    kill(child, SIGTERM); /* if it lives */
    waitpid(child, NULL, 0);
    if (came != SIGCHLD)
        exit(0);
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "A server with a child for each client, whose parent keeps the connection too.",
          (struct argument[]){SERVER(o), {0}});
    stop_at_once();
    handle(SIGCHLD, note_child); /* a signal that is ignored would not be waited for */

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(listener, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    check("listen", listen(listener, o.backlog));
    ready(listener);

    sigset_t set = waited_for();
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int connection = (int)check("accept", accept(listener, (struct sockaddr *)&peer, &size));
        accepted(&peer);
        sigprocmask(SIG_BLOCK, &set, NULL);
        pid_t child = fork_child();
        if (child == 0) {
            stop_at_once();
            if (obey("child", connection) < 0)
                lost(&peer);
            _exit(0);
        }
        if (child < 0) {
            sigprocmask(SIG_UNBLOCK, &set, NULL);
            lost(&peer);
            close(connection);
            continue;
        }
        await(child);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        say("parent alone");
        if (obey("parent", connection) < 0)
            lost(&peer);
        close(connection);
    }
}
