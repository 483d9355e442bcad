/* An echo server with a process for each client, which does not call an interrupted `accept` again.
 *
 * THE MISTAKE: it takes any failure of `accept` for the end. When a child ends, SIGCHLD interrupts `accept`, which
 * fails with EINTR although nothing is wrong. So the server ends with its first client. With SA_RESTART (--restart) the
 * kernel calls `accept` again by itself; other calls, such as `select`, still fail.
 * A correct one calls again, or waits for signals and clients at once: echo_fork. A signal ends this one as it ends a
 * client.
 */
#include "../children.h"
#include "../echo.h"

/* Wait for every child that has ended. */
static void reap_all(int signal_number)
{
    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    bool restart = false;
    parse(argc, argv, "An echo server which does not call an interrupted accept again.",
          (struct argument[]){
              SERVER(o),
              {"--restart", FLAG, &restart, 0, 0, "set SA_RESTART for SIGCHLD", false},
              {0},
          });
    end_by_signal();
    struct sigaction action = {.sa_handler = reap_all, .sa_flags = restart ? SA_RESTART : 0};
    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, NULL);

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(listener, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    check("listen", listen(listener, o.backlog));
    ready(listener);

    for (;;) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int connection = accept(listener, (struct sockaddr *)&peer, &size);
        check("accept", connection); /* the mistake; right: if it was EINTR, call again */
        accepted(&peer);
        pid_t pid = fork_child();
        if (pid == 0) {
            close(listener);
            if (echo(connection, &peer, &o) < 0)
                lost(&peer);
            _exit(0);
        }
        if (pid < 0)
            lost(&peer);
        close(connection);
    }
}
