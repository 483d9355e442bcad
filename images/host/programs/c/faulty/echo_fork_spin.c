/* An echo server with a process for each client, whose SIGCHLD handler waits for all children, those that live, too.
 *
 * THE MISTAKE: the handler calls `waitpid` with WNOHANG until it fails, and takes 0 ("children live, but none has
 * ended") for a reason to try again. While any other client is connected it spins, at full speed, and `accept` is not
 * called: the next client is connected by the kernel, and never answered.
 * A correct one stops at 0, since the next child that ends brings another SIGCHLD: echo_fork.
 *
 * Here it rests after VAIN_WAITS, in a `waitpid` that blocks. From outside that looks the same; but a program that
 * never blocks would burn a processor and, where the clock moves only while all programs wait, would stop time.
 */
#include "../children.h"
#include "../echo.h"

enum { VAIN_WAITS = 1000 };

/* Wait for every child. */
static void reap_all(int signal_number)
{
    int vain = 0;
    pid_t pid;

    (void)signal_number;
    while ((pid = waitpid(-1, NULL, vain < VAIN_WAITS ? WNOHANG : 0)) >= 0)
        if (pid == 0 && ++vain == VAIN_WAITS) { /* the mistake; right: > 0 in the line above */
            static const char text[] = "waited in vain 1000\n";
            if (write(STDOUT_FILENO, text, sizeof text - 1) < 0) /* printf may not be called in a handler */
                _exit(NETWORK_SAID_NO);
        }
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "An echo server whose SIGCHLD handler waits for all children, those that live, too.",
          (struct argument[]){SERVER(o), {0}});
    end_by_signal();
    handle(SIGCHLD, reap_all);

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
        if (connection < 0 && errno == EINTR)
            continue;
        check("accept", connection);
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
