/* A client that reads until the server has closed, and then writes twice all the same.
 *
 * The first write is answered by an RST, for which it waits; the second raises SIGPIPE. A program dies of that unless
 * it ignores or catches it: this one ignores it, and the write fails with EPIPE. With --sigpipe it dies.
 */
#include "common.h"

#include <poll.h>

int main(int argc, char **argv)
{
    struct options o = defaults;
    bool sigpipe = false;
    parse(argc, argv, "A client that reads until the server has closed, and then writes twice all the same.",
          (struct argument[]){
              CLIENT(o),
              {"--sigpipe", FLAG, &sigpipe, 0, 0, "let SIGPIPE have its default effect", false},
              {0},
          });
    end_by_signal();
    if (sigpipe)
        handle(SIGPIPE, SIG_DFL);

    int connection = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(connection, &o);
    struct sockaddr_storage server = socket_address(&o);
    check("connect", connect(connection, (struct sockaddr *)&server, sizeof server));

    char buffer[65536];
    while (check("recv", recv(connection, buffer, sizeof buffer, 0)) > 0)
        ;
    say("the server has closed");
    say("sent %ld", check("send", send(connection, "anybody there?\n", 15, 0)));
    struct pollfd broken = {.fd = connection}; /* POLLERR and POLLHUP come unasked, and the RST brings both */
    poll(&broken, 1, -1);
    say("the connection is broken");
    say("sent %ld", check("send", send(connection, "anybody?\n", 9, 0)));
    return 0;
}
