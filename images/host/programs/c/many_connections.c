/* A client that opens many connections at once, to see whether a server serves them side by side.
 *
 * Each connection sends a message of its own, verifies the answer, and stays until all have been answered, or --stay
 * seconds. A server for one client after another makes the second wait until the first has left. Times are in seconds
 * since the start; `waited` is from connected to answered.
 */
#include "common.h"

#include <pthread.h>

/* One connection: its port, how it went, and when it got how far; a time that it did not reach is negative. */
struct visit {
    int number, port;
    bool verified;
    char outcome[40];
    double connected, answered, left;
};

static struct options o;
static int connections = 10;
static double stay = 1, began;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here;
static int here;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Wait until all connections have been answered, at most --stay seconds. */
static void stay_until_all_are_here(void)
{
    double end = now() + stay;
    struct timespec until = {.tv_sec = (time_t)end, .tv_nsec = (long)((end - floor(end)) * 1e9)};
    int late = 0;

    pthread_mutex_lock(&lock);
    if (++here == connections)
        pthread_cond_broadcast(&all_here);
    while (here < connections && !late)
        late = pthread_cond_timedwait(&all_here, &lock, &until);
    pthread_mutex_unlock(&lock);
}

/* Connect, exchange one message, stay. Returns the call that failed, or NULL. */
static const char *exchange(struct visit *visit, int connection)
{
    char message[40], answer[sizeof message];
    size_t size = (size_t)sprintf(message, "connection %d%c\n", visit->number, '\0'), came = 0;
    ssize_t more = 1;
    struct sockaddr_storage server = socket_address(&o);

    set_options(connection, &o);
    if (connect(connection, (struct sockaddr *)&server, sizeof server) < 0)
        return "connect";
    visit->port = own_port(connection);
    visit->connected = now() - began;
    if (send_all(connection, message, size) < 0)
        return "send";
    while (came < size && more > 0) {
        more = recv(connection, answer + came, sizeof answer - came, 0);
        if (more < 0)
            return "recv";
        came += (size_t)more;
    }
    visit->answered = now() - began;
    visit->verified = came == size && memcmp(answer, message, size) == 0;
    strcpy(visit->outcome, visit->verified ? "verified" : "differs");
    stay_until_all_are_here();
    visit->left = now() - began;
    return NULL;
}

/* Make one visit, in a thread of its own. */
static void *make(void *argument)
{
    struct visit *visit = argument;
    int connection = socket(o.address.ss_family, SOCK_STREAM, 0);
    const char *failed = connection < 0 ? "socket" : exchange(visit, connection);

    if (failed)
        snprintf(visit->outcome, sizeof visit->outcome, "%s: %s", failed, error_name(errno));
    if (connection >= 0)
        close(connection);
    return NULL;
}

static void print(const struct visit *visit)
{
    char port[12] = "-";
    if (visit->port)
        sprintf(port, "%d", visit->port);
    printf("connection %d port %s %s", visit->number, port, visit->outcome);
    if (visit->connected >= 0)
        printf(" connected %.6f", visit->connected);
    if (visit->answered >= 0)
        printf(" answered %.6f waited %.6f", visit->answered, visit->answered - visit->connected);
    if (visit->left >= 0)
        printf(" left %.6f", visit->left);
    say("%s", "");
}

/* The most visits that were served at the same time. */
static int side_by_side(const struct visit *visits)
{
    int most = 0;
    for (int b = 0; b < connections; b++) {
        int together = 0;
        for (int a = 0; a < connections; a++)
            together += visits[a].verified && visits[b].verified && visits[a].answered <= visits[b].answered &&
                        visits[b].answered < visits[a].left;
        most = together > most ? together : most;
    }
    return most;
}

int main(int argc, char **argv)
{
    o = defaults;
    parse(argc, argv, "A client that opens many connections at once, to see whether a server serves them side by side.",
          (struct argument[]){
              CLIENT(o),
              {"--connections", NUMBER, &connections, 1, 1000, "default 10", false},
              {"--stay", SECONDS, &stay, 0, 86400, "at most; default 1", false},
              {0},
          });
    end_by_signal();

    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&all_here, &monotonic);

    struct visit *visits = calloc((size_t)connections, sizeof *visits);
    pthread_t *threads = calloc((size_t)connections, sizeof *threads);
    began = now();
    for (int i = 0; i < connections; i++)
        visits[i] = (struct visit){.number = i, .outcome = "no answer", .connected = -1, .answered = -1, .left = -1};
    for (int i = 0; i < connections; i++) {
        errno = pthread_create(&threads[i], NULL, make, &visits[i]);
        check("thread", errno ? -1 : 0);
    }
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);

    int good = 0;
    bool failed = false;
    for (int i = 0; i < connections; i++) {
        print(&visits[i]);
        good += visits[i].verified;
        failed |= strchr(visits[i].outcome, ':') != NULL;
    }
    say("verified %d of %d side by side %d", good, connections, side_by_side(visits));
    if (good < connections) {
        complain("not every connection was served; the lines above say which, and the server's output may say why");
        return failed ? NETWORK_SAID_NO : NOT_VERIFIED;
    }
    return 0;
}
