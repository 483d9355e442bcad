/* Tell the type of a socket and the sizes of its buffers, and what the kernel makes of each SIZE that is asked for.
 *
 * The type is that with which the socket was made: setting it is refused. The kernel doubles a size, for it counts
 * what it needs beside the data too; and there is a least size, and a largest one.
 */
#include "common.h"

static int option_of(int sock, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    check("getsockopt", getsockopt(sock, SOL_SOCKET, name, &value, &size));
    return value;
}

static void probe(const char *name, int type)
{
    int sock = (int)check("socket", socket(AF_INET, type, 0));
    say("%s sndbuf %d rcvbuf %d", name, option_of(sock, SO_SNDBUF), option_of(sock, SO_RCVBUF));
    say("%s-type %d", name, option_of(sock, SO_TYPE));
    bool refused = setsockopt(sock, SOL_SOCKET, SO_TYPE, &type, sizeof type) < 0;
    say("%s-set-type %s", name, refused ? error_name(errno) : "done");
    close(sock);
}

/* Tell the protocol of a socket of this type, or the error if the two do not go together. */
static void probe_protocol(const char *name, int type, int wanted)
{
    int sock = socket(AF_INET, type, wanted);
    if (sock < 0) {
        say("%s %s", name, error_name(errno));
        return;
    }
    say("%s %d", name, option_of(sock, SO_PROTOCOL));
    close(sock);
}

int main(int argc, char **argv)
{
    const struct argument size = {"SIZE", NUMBERS, NULL, 0, INT_MAX, "ask for buffers of that many bytes", true};
    int sizes = parse(argc, argv, "Tell the type of a socket and the sizes of its buffers. Takes no PORT.",
                      (struct argument[]){size, {0}});
    int wanted[sizes + 1];
    for (int i = 0; i < sizes; i++)
        wanted[i] = (int)number(&size, argv[1 + i]);

    probe("tcp", SOCK_STREAM);
    probe("udp", SOCK_DGRAM);
    probe_protocol("stream-default", SOCK_STREAM, 0);
    probe_protocol("stream-udp", SOCK_STREAM, IPPROTO_UDP);
    probe_protocol("datagram-default", SOCK_DGRAM, 0);
    probe_protocol("datagram-tcp", SOCK_DGRAM, IPPROTO_TCP);
    for (int i = 0; i < sizes; i++) {
        int sock = (int)check("socket", socket(AF_INET, SOCK_STREAM, 0));
        check("setsockopt", setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &wanted[i], sizeof wanted[i]));
        check("setsockopt", setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &wanted[i], sizeof wanted[i]));
        say("%d sndbuf %d rcvbuf %d", wanted[i], option_of(sock, SO_SNDBUF), option_of(sock, SO_RCVBUF));
        close(sock);
    }
    return 0;
}
