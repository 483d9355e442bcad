/* A UDP echo server: a right solution of the exercise udp_echo. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    static char buffer[65535];
    struct sockaddr_in own = {.sin_family = AF_INET};
    int server = socket(AF_INET, SOCK_DGRAM, 0);

    if (argc != 2)
        return 2;
    own.sin_port = htons((unsigned short)atoi(argv[1]));
    if (bind(server, (struct sockaddr *)&own, sizeof own) < 0) {
        perror("bind");
        return 1;
    }
    for (;;) {
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        ssize_t length = recvfrom(server, buffer, sizeof buffer, 0, (struct sockaddr *)&client, &size);
        if (length < 0) {
            perror("recvfrom");
            return 1;
        }
        if (sendto(server, buffer, (size_t)length, 0, (struct sockaddr *)&client, size) < 0)
            perror("sendto");
    }
}
