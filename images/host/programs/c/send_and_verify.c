/* A client that sends bytes to an echo server and verifies that all of them come back.
 *
 * One send may take less than all, and one recv may bring less than was sent: TCP is a stream. It sends and receives
 * at the same time, since a message longer than all the buffers on the way would otherwise wait for itself.
 */
#include "common.h"
#include "random.h"

#include <fcntl.h>
#include <poll.h>

struct message {
    char *bytes;
    size_t size;
};

/* The text, or bytes drawn from a seed. */
static struct message message_of(const char *text, int bytes, int seed_number)
{
    if (bytes < 0)
        return (struct message){strdup(text), strlen(text)};
    struct message drawn = {malloc((size_t)bytes + 1), (size_t)bytes};
    struct generator generator;
    seed(&generator, (uint32_t)seed_number);
    random_bytes(&generator, drawn.bytes, drawn.size);
    return drawn;
}

/* Send the message and receive what comes back. Returns how many bytes came: fewer if the server closed before. */
static size_t exchange(int connection, const struct message *message, char *answer)
{
    size_t sent = 0, came = 0;

    while (came < message->size) {
        struct pollfd ready = {.fd = connection, .events = POLLIN | (sent < message->size ? POLLOUT : 0)};
        poll(&ready, 1, -1);
        if (ready.revents & POLLOUT)
            sent += (size_t)check("send", send(connection, message->bytes + sent, message->size - sent, 0));
        if (ready.revents & ~POLLOUT) {
            ssize_t size = check("recv", recv(connection, answer + came, message->size - came, 0));
            if (size == 0)
                break;
            came += (size_t)size;
        }
    }
    return came;
}

/* Return when both are the same; else tell where they part, and exit with 3. */
static void verify(const char *answer, size_t came, const char *expected, size_t size)
{
    size_t same = 0;

    while (same < came && same < size && answer[same] == expected[same])
        same++;
    if (same == size)
        return;
    if (same < came) {
        say("differs at byte %zu of %zu", same, size);
        complain("the answer is not what was sent; is this the right server, and does it echo?");
    } else {
        say("came back %zu of %zu bytes", same, size);
        complain("the server closed before it had sent everything back; its output may say why");
    }
    exit(NOT_VERIFIED);
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    const char *text = "hello, world\n";
    int bytes = -1, seed_number = 1, count = 1;
    bool upper = false, wait_close = false, hold = false;
    parse(argc, argv, "A client that sends bytes to an echo server and verifies that all of them come back.",
          (struct argument[]){
              CLIENT(o),
              {"TEXT", TEXT, &text, 0, 0, "what to send", true},
              {"--bytes", NUMBER, &bytes, 0, INT_MAX, "send N bytes drawn from --seed instead", false},
              {"--seed", NUMBER, &seed_number, 0, INT_MAX, "default 1", false},
              {"--count", NUMBER, &count, 1, INT_MAX, "round trips, default 1", false},
              {"--upper", FLAG, &upper, 0, 0, "the answer must be in upper case, as upper gives it", false},
              {"--wait-close", FLAG, &wait_close, 0, 0, "then close second: wait for the server's close", false},
              {"--hold", FLAG, &hold, 0, 0, "then print `ready PORT`, stay until SIGTERM, and close", false},
              {0},
          });
    end_by_signal();

    struct message message = message_of(text, bytes, seed_number);
    char *expected = malloc(message.size + 1), *answer = malloc(message.size + 1);
    for (size_t i = 0; i < message.size; i++)
        expected[i] = upper ? (char)toupper((unsigned char)message.bytes[i]) : message.bytes[i];

    int connection = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(connection, &o);
    struct sockaddr_storage server = socket_address(&o);
    check("connect", connect(connection, (struct sockaddr *)&server, sizeof server));

    fcntl(connection, F_SETFL, O_NONBLOCK);
    for (int round = 0; round < count; round++) {
        size_t came = exchange(connection, &message, answer);
        verify(answer, came, expected, message.size);
    }
    say("verified %d x %zu bytes", count, message.size);
    fcntl(connection, F_SETFL, 0);
    if (wait_close)
        check("recv", recv(connection, answer, 1, 0));
    if (hold) {
        sigset_t stop;
        int came;
        sigemptyset(&stop);
        sigaddset(&stop, SIGTERM);
        sigaddset(&stop, SIGINT);
        sigprocmask(SIG_BLOCK, &stop, NULL);
        ready(connection); /* its own port; from here on SIGTERM means: close, and end with status 0 */
        sigwait(&stop, &came);
    }
    close(connection);
    return 0;
}
