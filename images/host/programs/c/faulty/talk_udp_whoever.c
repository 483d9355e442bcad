/* A UDP client that types: it sends each line as one datagram, and takes answers from whoever sends one.
 *
 * THE MISTAKE: `recvfrom` writes the sender's address over that of the server. A datagram of somebody else is taken
 * for the answer, and all that follows goes to that address.
 * A correct one connects its socket, which then takes datagrams from the server only: talk_udp.
 */
#include "../lines.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    double timeout = 1;
    parse(argc, argv, "A UDP client that types, and takes answers from whoever sends one.",
          (struct argument[]){
              CLIENT(o),
              {"--timeout", SECONDS, &timeout, 0.001, 86400, "default 1", false},
              {0},
          });
    end_by_signal();

    int sock = (int)check("socket", socket(o.address.ss_family, SOCK_DGRAM, 0));
    set_options(sock, &o);
    struct sockaddr_storage any = {.ss_family = o.address.ss_family}, server = socket_address(&o);
    check("bind", bind(sock, (struct sockaddr *)&any, sizeof any));
    say("port %d", own_port(sock));
    set_timeout(sock, timeout);

    static char answer[65536];
    char *line = NULL;
    size_t room = 0, length;
    while ((length = typed_line(&line, &room))) {
        socklen_t size = sizeof server;
        say_line("send:", line, length);
        check("sendto", sendto(sock, line, length, 0, (struct sockaddr *)&server, sizeof server));
        /* the mistake; right: an address of its own for the sender, and compare */
        ssize_t came = recvfrom(sock, answer, sizeof answer, 0, (struct sockaddr *)&server, &size);
        if (came < 0 && errno == EAGAIN)
            say("no answer");
        else
            say_line("recv:", answer, (size_t)check("recvfrom", came));
    }
    return 0;
}
