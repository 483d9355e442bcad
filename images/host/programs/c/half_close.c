/* A client that closes one direction and reads on in the other: close is not the only way to say "that was all".
 *
 * After shutdown(SHUT_WR) it is in FIN_WAIT_2 and the server in CLOSE_WAIT, until the server closes too.
 */
#include "common.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    const char *text = "that was all\n";
    parse(argc, argv, "A client that closes one direction and reads on in the other.",
          (struct argument[]){
              CLIENT(o),
              {"TEXT", TEXT, &text, 0, 0, "what to send", true},
              {0},
          });
    end_by_signal();

    int connection = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(connection, &o);
    struct sockaddr_storage server = socket_address(&o);
    check("connect", connect(connection, (struct sockaddr *)&server, sizeof server));
    check("send", send_all(connection, text, strlen(text)));
    check("shutdown", shutdown(connection, SHUT_WR));
    say("sent %zu", strlen(text));

    char first[BEGINNING + 1], buffer[CHUNK], printable[PRINTABLE];
    size_t total = 0, kept = 0;
    ssize_t size;
    while ((size = check("recv", recv(connection, buffer, sizeof buffer, 0))) > 0) {
        size_t more = (size_t)size < sizeof first - kept ? (size_t)size : sizeof first - kept;
        memcpy(first + kept, buffer, more);
        kept += more;
        total += (size_t)size;
    }
    close(connection);
    say("received %zu %s", total, beginning(first, kept, printable));
    return 0;
}
