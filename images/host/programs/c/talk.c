/* A client that types: it sends each line of its standard input, and prints the line that comes back.
 *
 * It ends at `quit`, at the end of its input (Ctrl-D), or when the server has closed. While it waits at the keyboard
 * it does not see that the server has closed: it learns that only after the next line.
 */
#include "lines.h"

int main(int argc, char **argv)
{
    struct options o = defaults;
    parse(argc, argv, "A client that types: it sends each line, and prints the line that comes back.",
          (struct argument[]){CLIENT(o), {0}});
    end_by_signal();

    int connection = (int)check("socket", socket(o.address.ss_family, SOCK_STREAM, 0));
    set_options(connection, &o);
    struct sockaddr_storage server = socket_address(&o), own;
    socklen_t own_size = sizeof own;
    check("connect", connect(connection, (struct sockaddr *)&server, sizeof server));
    check("getsockname", getsockname(connection, (struct sockaddr *)&own, &own_size));
    struct shown self = show(&own);
    say("connected %s %d", self.address, self.port);

    char *line = NULL, *answer = NULL;
    size_t room = 0, length;
    while ((length = typed_line(&line, &room))) {
        say_line("send:", line, length);
        check("send", send_all(connection, line, length));

        size_t came = 0;
        ssize_t size = 1;
        while ((!came || answer[came - 1] != '\n') && size > 0) {
            answer = realloc(answer, came + CHUNK);
            size = check("recv", recv(connection, answer + came, CHUNK, 0));
            came += (size_t)size;
        }
        if (came)
            say_line("recv:", answer, came);
        if (size == 0) {
            say("the server has closed");
            break;
        }
    }
    return 0;
}
