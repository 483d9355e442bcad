/* A client that sends bytes drawn from a seed, and prints how many they were and their SHA-256.
 *
 * For sink. It closes its direction when all is handed over, and stays until the server closes too: then the server
 * has read everything.
 */
#include "common.h"
#include "random.h"
#include "sha256.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    int bytes = 1000000, seed_number = 1;
    parse(argc, argv, "A client that sends bytes drawn from a seed, and prints how many they were and their SHA-256.",
          (struct argument[]){
              CLIENT(o),
              {"--bytes", NUMBER, &bytes, 0, INT_MAX, "default 1000000", false},
              {"--seed", NUMBER, &seed_number, 0, INT_MAX, "default 1", false},
              {0},
          });
    end_by_signal();

    int connection = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(connection, &o);
    struct sockaddr_storage server = socket_address(&o);
    check("connect", connect(connection, (struct sockaddr *)&server, sizeof server));

    struct generator generator;
    struct sha256 digest = SHA256_START;
    static char piece[65536];
    char digits[DIGITS];
    seed(&generator, (uint32_t)seed_number);
    for (size_t left_over = (size_t)bytes, size; left_over; left_over -= size) {
        size = left_over < sizeof piece ? left_over : sizeof piece;
        random_bytes(&generator, piece, size);
        check("send", send_all(connection, piece, size));
        sha256_add(&digest, piece, size);
    }
    check("shutdown", shutdown(connection, SHUT_WR));
    while (check("recv", recv(connection, piece, sizeof piece, 0)) > 0)
        ;
    close(connection);
    say("sent %d sha256 %s", bytes, sha256_end(&digest, digits));
    return 0;
}
