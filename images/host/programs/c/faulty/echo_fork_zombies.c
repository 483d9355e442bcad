/* An echo server with a process for each client, which never waits for its children.
 *
 * THE MISTAKE: nobody calls `wait`. Of a child that has ended the kernel keeps the number and the exit status, until
 * its parent asks for them: a zombie. Each client leaves one while the server lives; in the end `fork` fails with
 * EAGAIN.
 * A correct one takes SIGCHLD, and then waits for every child that has ended: echo_fork. One that ignores SIGCHLD
 * (--ignore: set to SIG_IGN, which is not the same as the default) has no zombies either: the kernel drops the status.
 */
#include "../children.h"
#include "../echo.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    bool ignore = false;
    parse(argc, argv, "An echo server which never waits for its children.",
          (struct argument[]){
              SERVER(o),
              {"--ignore", FLAG, &ignore, 0, 0, "set SIGCHLD to SIG_IGN", false},
              {0},
          });
    stop_at_once();
    if (ignore)
        handle(SIGCHLD, SIG_IGN);

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
            lost(&peer);
        close(connection); /* the mistake; right: and at each SIGCHLD waitpid(-1, NULL, WNOHANG) */
    }
}
