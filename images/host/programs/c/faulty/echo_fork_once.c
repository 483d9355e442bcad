/* An echo server with a process for each client, which waits for one child at each SIGCHLD.
 *
 * THE MISTAKE: it takes one signal for one child. While it handles a signal, that signal is blocked, and however many
 * children end meanwhile, one signal is pending afterwards. All of them but one stay zombies.
 * A correct one waits in a loop for every child that has ended: echo_fork. A signal ends this one as it ends a client.
 */
#include "../children.h"
#include "../echo.h"

/* Accept a client and give it a process. */
static void accept_one(int listener, const struct options *o)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int connection = (int)check("accept", accept(listener, (struct sockaddr *)&peer, &size));
    accepted(&peer);

    pid_t pid = fork();
    if (pid == 0) {
        close(listener);
        if (echo(connection, &peer, o) < 0)
            lost(&peer);
        _exit(0);
    }
    if (pid < 0)
        lost(&peer);
    close(connection); /* the parent closes its copy only */
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    int clients = 3;
    double work = 1;
    parse(argc, argv, "An echo server which waits for one child at each SIGCHLD.",
          (struct argument[]){
              SERVER(o),
              {"--clients", NUMBER, &clients, 1, INT_MAX, "serve so many; default 3", false},
              {"--work", SECONDS, &work, 0, 86400, "seconds to handle a signal; default 1", false},
              {0},
          });
    end_by_signal();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL); /* at most one is pending, as in a handler */

    int listener = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(listener, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(listener, (struct sockaddr *)&own, sizeof own));
    check("listen", listen(listener, o.backlog));
    ready(listener);

    for (int served = 0; served < clients; served++)
        accept_one(listener, &o);
    for (;;) {
        int came;
        sigwait(&set, &came);
        pid_t pid = waitpid(-1, NULL, WNOHANG); /* the mistake; right: in a loop, until no other child has ended */
        say("reaped %d", pid);
        rest(work);
    }
}
