/* Show addresses as text; take only ADDRESS..., and no PORT.
 *
 * THE MISTAKE: the buffer for `inet_ntop` has room for 15 characters, the longest address, but not for the NUL behind
 * it. Shorter addresses are shown, so it works where it is tried; for 255.255.255.255 it fails with ENOSPC.
 * A correct one has INET_ADDRSTRLEN bytes, which are 16: network_order.
 */
#include "../common.h"

enum { ROOM = 15 }; /* the mistake; right: INET_ADDRSTRLEN */

int main(int argc, char **argv)
{
    const struct argument address = {"ADDRESS", NUMBERS, NULL, 0, 0, "IPv4 addresses", true};
    int count = parse(argc, argv, "Show addresses as text.", (struct argument[]){address, {0}});
    if (!count)
        wrong_arguments("the following arguments are required: ADDRESS");
    for (int i = 0; i < count; i++) {
        struct in_addr packed;
        if (inet_pton(AF_INET, argv[1 + i], &packed) != 1)
            wrong_arguments("ADDRESS: '%s' is not an IPv4 address", argv[1 + i]);
        char text[ROOM];
        const char *shown = inet_ntop(AF_INET, &packed, text, sizeof text);
        say("%s %s", argv[1 + i], shown ? shown : error_name(errno));
    }
    return 0;
}
