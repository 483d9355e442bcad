/* A client that calls `send` once with many bytes, and prints how many of them were taken.
 *
 * If the server does not read, the call waits: for a signal that --alarm orders (with or without SA_RESTART), or for
 * the timeout of SO_SNDTIMEO. Either ends it, and its result is the number of bytes that it has taken until then.
 */
#include "common.h"

static void interrupt(int signal_number)
{
    (void)signal_number;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    int bytes = 1000000, alarm_after = 0, timeout = 0;
    bool restart = false;
    parse(argc, argv, "A client that calls send once with many bytes, and prints how many of them were taken.",
          (struct argument[]){
              CLIENT(o),
              {"--bytes", NUMBER, &bytes, 1, INT_MAX, "default 1000000", false},
              {"--alarm", NUMBER, &alarm_after, 1, INT_MAX, "let SIGALRM come after so many seconds", false},
              {"--restart", FLAG, &restart, 0, 0, "set SA_RESTART for it", false},
              {"--timeout", NUMBER, &timeout, 1, INT_MAX, "set SO_SNDTIMEO, in seconds", false},
              {0},
          });
    end_by_signal();

    int connection = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(connection, &o);
    if (timeout) {
        struct timeval longest = {.tv_sec = timeout};
        check("setsockopt", setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest));
    }
    struct sockaddr_storage server = socket_address(&o);
    check("connect", connect(connection, (struct sockaddr *)&server, sizeof server));
    if (alarm_after) {
        struct sigaction action = {.sa_handler = interrupt, .sa_flags = restart ? SA_RESTART : 0};
        sigemptyset(&action.sa_mask);
        sigaction(SIGALRM, &action, NULL);
        alarm((unsigned)alarm_after);
    }
    say("sent %ld", check("send", send(connection, calloc((size_t)bytes, 1), (size_t)bytes, 0)));
    return 0;
}
