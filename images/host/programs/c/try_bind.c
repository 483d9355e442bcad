/* Try to bind a port and to listen there, tell whether that was allowed, and let the port go again.
 *
 * Status 0 when it was, 1 when it was not: `bind: EADDRINUSE`.
 */
#include "common.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    bool bind_only = false;
    parse(argc, argv, "Try to bind a port and to listen there, and tell whether that was allowed.",
          (struct argument[]){
              SERVER(o),
              {"--bind-only", FLAG, &bind_only, 0, 0, "do not listen", false},
              {0},
          });

    int sock = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(sock, &o);
    struct sockaddr_storage own = socket_address(&o);
    check("bind", bind(sock, (struct sockaddr *)&own, sizeof own));
    if (!bind_only)
        check("listen", listen(sock, o.backlog));
    say("bound %d", own_port(sock));
    return 0;
}
