/* A client that sends numbered datagrams, collects what comes back, and tells which were lost.
 *
 * Nobody sends a lost datagram again: without a timeout this client would wait for ever. Status 3 if one did not come
 * back whole. With --connect the socket hears of a closed port (ICMP) as ECONNREFUSED; without, it does not.
 */
#include "common.h"
#include "random.h"

enum { DIGITS_OF_NUMBER = 8, LONGEST = 70000 };
enum outcome { LOST, CUT, WHOLE };

/* The datagram with this number: eight digits, and bytes drawn from the number. */
static void make(char *datagram, int number, int size)
{
    struct generator generator;
    char digits[16];
    snprintf(digits, sizeof digits, "%08d", number);
    memcpy(datagram, digits, DIGITS_OF_NUMBER);
    seed(&generator, (uint32_t)number);
    random_bytes(&generator, datagram + DIGITS_OF_NUMBER, (size_t)(size - DIGITS_OF_NUMBER));
}

/* The number at the beginning of an answer; -1 if it is none of ours. */
static int number_of(const char *answer, ssize_t size, int count)
{
    char digits[DIGITS_OF_NUMBER + 1] = "";
    if (size < DIGITS_OF_NUMBER)
        return -1;
    memcpy(digits, answer, DIGITS_OF_NUMBER);
    if (strspn(digits, "0123456789") != DIGITS_OF_NUMBER)
        return -1;
    int number = atoi(digits);
    return number < count ? number : -1;
}

/* Collect the answers, until none is missing or none has come for the socket's timeout. Returns how many came. */
static int collect(int sock, int count, int size, bool stay, enum outcome *outcomes, int **order)
{
    static char answer[65536], expected[LONGEST];
    int answers = 0, missing = count;
    bool *came = calloc((size_t)count, sizeof *came);

    while (missing || stay) {
        ssize_t length = recvfrom(sock, answer, sizeof answer, 0, NULL, NULL);
        if (length < 0 && errno == EAGAIN)
            break;
        check("recvfrom", length);
        int number = number_of(answer, length, count);
        *order = realloc(*order, (size_t)(answers + 1) * sizeof **order);
        (*order)[answers++] = number;
        if (number < 0)
            continue;
        make(expected, number, size);
        if (length <= size && memcmp(answer, expected, (size_t)length) == 0)
            if (outcomes[number] != WHOLE)
                outcomes[number] = length == size ? WHOLE : CUT;
        missing -= !came[number];
        came[number] = true;
    }
    free(came);
    return answers;
}

/* Seconds on a clock that is never set. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int count_of(const enum outcome *outcomes, int count, enum outcome which)
{
    int found = 0;
    for (int i = 0; i < count; i++)
        found += outcomes[i] == which;
    return found;
}

int main(int argc, char **argv)
{
    struct options o = defaults;
    int count = 10, size = 64;
    double timeout = 1, gap = 0;
    bool stay = false, connected = false;
    parse(argc, argv, "A client that sends numbered datagrams, collects what comes back, and tells which were lost.",
          (struct argument[]){
              CLIENT(o),
              {"--count", NUMBER, &count, 1, 100000, "default 10", false},
              {"--size", NUMBER, &size, DIGITS_OF_NUMBER, LONGEST, "bytes, default 64", false},
              {"--timeout", SECONDS, &timeout, 0.001, 86400, "default 1", false},
              {"--gap", SECONDS, &gap, 0, 86400, "between two; default 0", false},
              {"--stay", FLAG, &stay, 0, 0, "wait the timeout out in any case: duplicates may follow", false},
              {"--connect", FLAG, &connected, 0, 0, "connect the socket first", false},
              {0},
          });
    end_by_signal();

    static char datagram[LONGEST];
    int sock = (int)check("socket", socket(o.address.ss_family, SOCK_DGRAM, 0));
    set_options(sock, &o);
    struct sockaddr_storage server = socket_address(&o);
    if (connected)
        check("connect", connect(sock, (struct sockaddr *)&server, sizeof server));
    double due = now();
    for (int number = 0; number < count; number++) {
        make(datagram, number, size);
        /* the first one gives the socket its port, if connect has not */
        check("sendto", sendto(sock, datagram, (size_t)size, 0, (struct sockaddr *)&server, sizeof server));
        due += gap;
        double left = due - now();
        if (left > 0) /* a busy machine makes one late, but not those after it */
            rest(left);
    }
    say("port %d", own_port(sock));
    set_timeout(sock, timeout);

    enum outcome *outcomes = calloc((size_t)count, sizeof *outcomes);
    int *order = NULL, answers = collect(sock, count, size, stay, outcomes, &order);
    int whole = count_of(outcomes, count, WHOLE), lost_ones = count_of(outcomes, count, LOST);
    say("sent %d back %d whole %d cut %d lost %d", count, answers, whole, count_of(outcomes, count, CUT), lost_ones);
    printf("order");
    for (int i = 0; i < answers; i++)
        order[i] < 0 ? printf(" ?") : printf(" %d", order[i]);
    say("%s", "");
    if (lost_ones) {
        printf("lost");
        for (int number = 0; number < count; number++)
            if (outcomes[number] == LOST)
                printf(" %d", number);
        say("%s", "");
    }
    if (whole < count) {
        complain("not every datagram came back whole, and nobody sends it again; the lines above say which");
        return NOT_VERIFIED;
    }
    return 0;
}
