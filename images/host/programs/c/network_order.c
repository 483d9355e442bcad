/* A client that tells what it makes of the port and of the address.
 *
 * htons and inet_pton put them into network byte order, most significant byte first, whatever the order of this
 * machine; ntohs and inet_ntop take them out again. With --forget-htons the port goes in as this machine has it.
 */
#include "common.h"

#include <endian.h>

/* The bytes of a number or an address in the order in which they lie in memory, as hexadecimal digits. */
static const char *in_memory(const void *value, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++)
        sprintf(out + 2 * i, "%02x", ((const unsigned char *)value)[i]);
    return out;
}

/* Show a number as it lies in memory in one order or the other, and what a cast makes of it: its least significant
 * byte, wherever that is in memory.
 */
static void show_cast(const char *name, uint16_t in_this_order, uint16_t number)
{
    char bytes[5];
    say("%s %s cast %d", name, in_memory(&in_this_order, sizeof in_this_order, bytes), (unsigned char)number);
}

/* Show what inet_pton returns, with the error if that is -1. */
static void convert(const char *name, int family, const char *text)
{
    unsigned char room[16];
    int result = inet_pton(family, text, room);
    if (result < 0)
        say("%s %d %s", name, result, error_name(errno));
    else
        say("%s %d", name, result);
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    bool forget_htons = false;
    parse(argc, argv, "A client that tells what it makes of the port and of the address.",
          (struct argument[]){
              CLIENT(o),
              {"--forget-htons", FLAG, &forget_htons, 0, 0, "put the port in as this machine has it", false},
              {0},
          });
    end_by_signal();

    if (o.address.ss_family != AF_INET)
        wrong_arguments("ADDRESS: sockaddr_in is for IPv4");
    uint16_t one = 1, port = (uint16_t)o.port;
    struct sockaddr_in server = {
        .sin_family = AF_INET,
        .sin_addr = ((struct sockaddr_in *)&o.address)->sin_addr,
        .sin_port = forget_htons ? port : htons(port),
    };
    char before[5], after[5], address[9];
    say("order %s", *(unsigned char *)&one ? "little" : "big");
    say("port %s as %s", in_memory(&port, sizeof port, before), in_memory(&server.sin_port, sizeof port, after));
    say("address %s", in_memory(&server.sin_addr, sizeof server.sin_addr, address));
    show_cast("little", htole16(0x0102), 0x0102);
    show_cast("big", htobe16(0x0102), 0x0102);
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &server.sin_addr, text, sizeof text);
    convert("inet_pton", AF_INET, text);
    convert("inet_pton-text", AF_INET, "no address");
    convert("inet_pton-family", AF_UNIX, text);

    int connection = (int)check("socket", socket(AF_INET, SOCK_STREAM, 0));
    set_options(connection, &o);
    check("connect", connect(connection, (struct sockaddr *)&server, sizeof server));
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    check("getpeername", getpeername(connection, (struct sockaddr *)&peer, &size));
    say("connected %s %d", inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text), ntohs(peer.sin_port));
    return 0;
}
