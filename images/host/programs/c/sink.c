/* A server that reads each client to the end, and prints how many bytes came and their SHA-256.
 *
 * With source on the other side: the same digest there and here means that every byte came, in order.
 */
#include "common.h"
#include "sha256.h"

/* Read to the end and print the digest. Returns 0, or -1 with errno if the client broke off. */
static int read_all(int connection)
{
    struct sha256 digest = SHA256_START;
    char buffer[65536], digits[DIGITS];
    ssize_t size;

    while ((size = recv(connection, buffer, sizeof buffer, 0)) > 0)
        sha256_add(&digest, buffer, (size_t)size);
    if (size < 0)
        return -1;
    unsigned long total = digest.bytes;
    say("received %lu sha256 %s", total, sha256_end(&digest, digits)); /* before the client learns that we are done */
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "A server that reads each client to the end, and prints how many bytes came and their SHA-256.",
          (struct argument[]){SERVER(o), {0}});
    stop_at_once();

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
        if (read_all(connection) < 0)
            lost(&peer);
        close(connection);
    }
}
