/* An echo server: a right solution of the exercise echo. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(const char *call, int result)
{
    if (result < 0) {
        perror(call);
        exit(1);
    }
}

static int send_all(int connection, const char *data, ssize_t size)
{
    while (size > 0) {
        ssize_t sent = send(connection, data, (size_t)size, 0);
        if (sent < 0)
            return -1;
        data += sent;
        size -= sent;
    }
    return 0;
}

static void echo(int connection)
{
    char buffer[4096];
    ssize_t size;
    while ((size = recv(connection, buffer, sizeof buffer, 0)) > 0) {
        if (send_all(connection, buffer, size) < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    if (argc != 2)
        return 2;
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    signal(SIGPIPE, SIG_IGN);
    check("setsockopt", setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    check("bind", bind(listener, (struct sockaddr *)&address, sizeof address));
    check("listen", listen(listener, 128));
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        check("accept", connection);
        echo(connection);
        close(connection);
    }
}
