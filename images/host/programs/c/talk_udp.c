/* A UDP client that types: it sends each line of its standard input as one datagram, and prints the answer.
 *
 * The socket is connected, so it takes answers from this server only. It ends at `quit` or at the end of its input. If
 * no answer comes within --timeout it says so and goes on: nobody sends a lost datagram again.
 */
#include "lines.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    double timeout = 1;
    parse(argc, argv, "A UDP client that types: it sends each line of its standard input as one datagram.",
          (struct argument[]){
              CLIENT(o),
              {"--timeout", SECONDS, &timeout, 0.001, 86400, "default 1", false},
              {0},
          });
    end_by_signal();

    int sock = (int)check("socket", socket(o.address.ss_family, SOCK_DGRAM, 0));
    set_options(sock, &o);
    struct sockaddr_storage server = socket_address(&o);
    check("connect", connect(sock, (struct sockaddr *)&server, sizeof server));
    say("port %d", own_port(sock));
    set_timeout(sock, timeout);

    static char answer[65536];
    char *line = NULL;
    size_t room = 0, length;
    while ((length = typed_line(&line, &room))) {
        say_line("send:", line, length);
        check("send", send(sock, line, length, 0));
        ssize_t size = recv(sock, answer, sizeof answer, 0);
        if (size < 0 && errno == EAGAIN)
            say("no answer");
        else
            say_line("recv:", answer, (size_t)check("recv", size));
    }
    return 0;
}
