/* A UDP client that sends one datagram, and waits for the answer for ever.
 *
 * THE MISTAKE: `recvfrom` without a timeout. A datagram that is lost, there or on its way back, is sent again by
 * nobody: so nothing will ever come, and nothing will ever say so.
 * A correct one gives up after a time (SO_RCVTIMEO, `poll`), and asks again or says so: send_datagrams.
 */
#include "../common.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    const char *text = "anybody there?";
    parse(argc, argv, "A UDP client that sends one datagram, and waits for the answer for ever.",
          (struct argument[]){
              CLIENT(o),
              {"TEXT", TEXT, &text, 0, 0, "what to send", true},
              {0},
          });
    end_by_signal();

    static char answer[65535];
    char printable[PRINTABLE];
    int sock = (int)check("socket", socket(o.address.ss_family, SOCK_DGRAM, 0));
    set_options(sock, &o);
    struct sockaddr_storage server = socket_address(&o);
    check("sendto", sendto(sock, text, strlen(text), 0, (struct sockaddr *)&server, sizeof server));
    ssize_t size = recvfrom(sock, answer, sizeof answer, 0, NULL, NULL); /* the mistake; right: after SO_RCVTIMEO */
    check("recvfrom", size);
    say("received %zd %s", size, beginning(answer, (size_t)size, printable));
    return 0;
}
