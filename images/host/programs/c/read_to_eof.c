/* A client that reads until the server closes, and closes second.
 *
 * recv returns 0 at the end of the stream, and only there.
 */
#include "common.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "A client that reads until the server closes, and closes second.",
          (struct argument[]){CLIENT(o), {0}});
    end_by_signal();

    int connection = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(connection, &o);
    struct sockaddr_storage server = socket_address(&o);
    check("connect", connect(connection, (struct sockaddr *)&server, sizeof server));

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
