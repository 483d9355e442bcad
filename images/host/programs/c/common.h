/* What the reference programs in C share, so that their listings show the calls that teach and little else: the
 * command line, messages, signals.
 *
 * Exit statuses of every program: 0 done (a server: stopped by SIGTERM or SIGINT), 1 a call on the network failed, 2
 * wrong arguments, 3 what came back is not what was sent. Results are short lines on stdout; an error is one sentence
 * on stderr. This header comes first, since it asks the system's headers for all that Linux has.
 */
#ifndef COMMON_H
#define COMMON_H

#define _GNU_SOURCE /* for strerrorname_np, ppoll */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NETWORK_SAID_NO = 1, WRONG_ARGUMENTS = 2, NOT_VERIFIED = 3 };
enum { CHUNK = 4096 }; /* bytes that a server reads at a time */

static const char *program_name; /* set by parse() */

/* ---- messages ---- */

/* Print one line of results, and let it go at once, even into a pipe. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    flockfile(stdout); /* one line, also where threads print */
    vprintf(format, values);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
    va_end(values);
}

/* Print one sentence about an error. */
__attribute__((format(printf, 1, 2))) static inline void complain(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
}

/* The name of an error number, as the manual pages have it. */
static inline const char *error_name(int number)
{
    const char *name = strerrorname_np(number);
    return name ? name : strerror(number);
}

static inline const char *advice(int number)
{
    switch (number) {
    case EADDRINUSE:
        return "; stop the program that has the port, wait until its connections are gone, or see --reuseaddr";
    case EACCES:
        return "; take a port above 1023, or run as root";
    case ECONNREFUSED:
        return "; start a server on that port first";
    case ECONNRESET:
        return "; the other side has reset the connection; its output may say why";
    case EPIPE:
        return "; the other side has stopped reading; its output may say why";
    case EAGAIN:
        return "; raise the limit on processes or memory, or ask for fewer connections at once";
    case EMFILE:
        return "; raise the limit on open files (ulimit -n) or open fewer connections";
    default:
        return "";
    }
}

/* If a call returned -1, print its name with the error's, as in `bind: EADDRINUSE`, and exit with 1. */
static inline long check(const char *call, long result)
{
    if (result == -1) {
        int number = errno;
        say("%s: %s", call, error_name(number));
        complain("%s failed: %s%s", call, strerror(number), advice(number));
        exit(NETWORK_SAID_NO);
    }
    return result;
}

/* The first bytes, printable, as Python prints bytes: b'hello\n'. Each byte takes at most four characters. */
enum { BEGINNING = 40, PRINTABLE = 4 * BEGINNING + 8 };

static inline const char *beginning(const char *data, size_t size, char out[PRINTABLE])
{
    size_t shown = size < BEGINNING ? size : BEGINNING;
    char quote = memchr(data, '\'', shown) && !memchr(data, '"', shown) ? '"' : '\'';
    char *at = out + sprintf(out, "b%c", quote);

    for (size_t i = 0; i < shown; i++) {
        unsigned char byte = data[i];
        if (byte == '\\' || byte == quote)
            at += sprintf(at, "\\%c", byte);
        else if (byte == '\n')
            at += sprintf(at, "\\n");
        else if (byte == '\r')
            at += sprintf(at, "\\r");
        else if (byte == '\t')
            at += sprintf(at, "\\t");
        else if (byte < ' ' || byte > '~')
            at += sprintf(at, "\\x%02x", byte);
        else
            *at++ = (char)byte;
    }
    sprintf(at, "%c%s", quote, size > BEGINNING ? "..." : "");
    return out;
}

/* ---- the command line ---- */

struct options { /* of every program; those that a program does not name stay as they are */
    struct sockaddr_storage address; /* of IPv4 or IPv6 */
    int port;
    int sndbuf, rcvbuf;
    int backlog;
    int close_after; /* bytes; 0: the client closes first */
    bool reuseaddr, reuseport, print;
};

static const struct options defaults = {.address = {.ss_family = AF_INET}, .backlog = 128};

enum kind { FLAG = 1, NUMBER, SECONDS, TEXT, ADDRESS, NUMBERS };

struct argument {
    const char *name; /* "--backlog"; without dashes its place counts. The table ends with a NULL. */
    enum kind kind;
    void *value;
    double least, most;
    const char *help;
    bool optional; /* of one without dashes */
};

#define CLIENT(o) \
    {"--sndbuf", NUMBER, &(o).sndbuf, 1, INT_MAX, "set SO_SNDBUF (the kernel doubles it)", false}, \
    {"--rcvbuf", NUMBER, &(o).rcvbuf, 1, INT_MAX, "set SO_RCVBUF (the kernel doubles it)", false}, \
    {"ADDRESS", ADDRESS, &(o).address, 0, 0, "of the server, IPv4 or IPv6", false}, \
    {"PORT", NUMBER, &(o).port, 1, 65535, "", false}

#define DATAGRAM_SERVER(o) \
    {"--sndbuf", NUMBER, &(o).sndbuf, 1, INT_MAX, "set SO_SNDBUF (the kernel doubles it)", false}, \
    {"--rcvbuf", NUMBER, &(o).rcvbuf, 1, INT_MAX, "set SO_RCVBUF (the kernel doubles it)", false}, \
    {"ADDRESS", ADDRESS, &(o).address, 0, 0, "bind to this address of the host; default 0.0.0.0, all of IPv4", true}, \
    {"PORT", NUMBER, &(o).port, 0, 65535, "0: any that is free", false}, \
    {"--reuseaddr", FLAG, &(o).reuseaddr, 0, 0, "set SO_REUSEADDR before bind", false}, \
    {"--reuseport", FLAG, &(o).reuseport, 0, 0, "set SO_REUSEPORT before bind", false}

#define SERVER(o) DATAGRAM_SERVER(o), {"--backlog", NUMBER, &(o).backlog, 0, INT_MAX, "for listen; default 128", false}

#define CLOSE_AFTER(o) {"--close-after", NUMBER, &(o).close_after, 1, INT_MAX, "close first, after N bytes", false}

#define PRINT(o) {"--print", FLAG, &(o).print, 0, 0, "print what each client sends, and when it leaves", false}

__attribute__((format(printf, 1, 2), noreturn)) static inline void wrong_arguments(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, values);
    fputs("; --help lists the arguments\n", stderr);
    exit(WRONG_ARGUMENTS);
}

static inline long number(const struct argument *which, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long value = digits && digits <= 10 && !text[digits] ? strtol(text, NULL, 10) : -1;
    if (value < (long)which->least || value > (long)which->most)
        wrong_arguments("%s: '%s' is not a whole number from %.0f to %.0f", which->name, text, which->least,
                        which->most);
    return value;
}

static inline double seconds(const struct argument *which, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= which->least && value <= which->most))
        wrong_arguments("%s: '%s' is not a time in seconds from %g to %g", which->name, text, which->least,
                        which->most);
    return value;
}

/* Read an address of IPv4, or of IPv6, such as ::1 or, with the interface of a link-local one, fe80::1%eth0. */
static inline void address(const struct argument *which, const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    char digits[INET6_ADDRSTRLEN] = "";
    size_t length = strcspn(text, "%");

    if (strcmp(text, "localhost") == 0)
        text = "127.0.0.1";
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(which->value, &in, sizeof in);
        return;
    }
    if (length < sizeof digits)
        memcpy(digits, text, length);
    bool known = inet_pton(AF_INET6, digits, &in6.sin6_addr) == 1;
    if (known && text[length]) {
        in6.sin6_scope_id = if_nametoindex(text + length + 1);
        known = in6.sin6_scope_id > 0;
    }
    if (!known)
        wrong_arguments("%s: '%s' is not the IPv4 or IPv6 address of a host", which->name, text);
    memcpy(which->value, &in6, sizeof in6);
}

static inline void take(const struct argument *which, const char *text)
{
    switch (which->kind) {
    case FLAG:
        *(bool *)which->value = true;
        break;
    case NUMBER:
        *(int *)which->value = (int)number(which, text);
        break;
    case SECONDS:
        *(double *)which->value = seconds(which, text);
        break;
    case TEXT:
        *(const char **)which->value = text;
        break;
    case ADDRESS:
        address(which, text);
        break;
    case NUMBERS: /* the caller reads them, with number() */
        break;
    }
}

__attribute__((noreturn)) static inline void help(const char *about, const struct argument *table)
{
    printf("usage: %s", program_name);
    for (const struct argument *each = table; each->name; each++)
        printf(each->optional || each->name[0] == '-' ? " [%s%s]" : " %s%s", each->name,
               each->name[0] != '-' || each->kind == FLAG ? "" : " ...");
    printf("\n\n%s\n\n", about);
    for (const struct argument *each = table; each->name; each++)
        printf("  %-14s %s\n", each->name, each->help);
    exit(0);
}

static inline const struct argument *option(const struct argument *table, const char *word, size_t length)
{
    for (; table->name; table++)
        if (strncmp(table->name, word, length) == 0 && !table->name[length])
            return table;
    wrong_arguments("unrecognized arguments: %s", word);
}

/* Read the command line into the values that the table names. Return how many words NUMBERS has, at argv[1] and on. */
static inline int parse(int argc, char **argv, const char *about, const struct argument *table)
{
    int places = 0, needed = 0;
    const char *slash = strrchr(argv[0], '/');
    program_name = slash ? slash + 1 : argv[0];

    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
            help(about, table);
        if (word[0] != '-' || !word[1] || isdigit((unsigned char)word[1])) {
            argv[++places] = word;
            continue;
        }
        char *equals = strchr(word, '=');
        const struct argument *which = option(table, word, equals ? (size_t)(equals - word) : strlen(word));
        if (which->kind == FLAG)
            take(which, NULL);
        else if (equals)
            take(which, equals + 1);
        else if (++i < argc)
            take(which, argv[i]);
        else
            wrong_arguments("%s: expected one argument", word);
    }
    for (const struct argument *each = table; each->name; each++)
        needed += each->name[0] != '-' && !each->optional;
    int used = 0, spare = places - needed;
    for (const struct argument *each = table; each->name; each++) {
        if (each->name[0] == '-' || (each->optional && spare <= 0))
            continue;
        if (each->kind == NUMBERS)
            return places;
        if (each->optional)
            spare--;
        if (++used > places)
            wrong_arguments("the following arguments are required: %s", each->name);
        take(each, argv[used]);
    }
    if (used < places)
        wrong_arguments("unrecognized arguments: %s", argv[used + 1]);
    return 0;
}

/* ---- sockets ---- */

/* Set the socket options that the command line asks for, and no others; `bind` and `connect` come after. */
static inline void set_options(int sock, const struct options *o)
{
    const struct {
        int name, value;
    } wanted[] = {
        {SO_REUSEADDR, o->reuseaddr},
        {SO_REUSEPORT, o->reuseport},
        {SO_SNDBUF, o->sndbuf},
        {SO_RCVBUF, o->rcvbuf},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (wanted[i].value)
            check("setsockopt", setsockopt(sock, SOL_SOCKET, wanted[i].name, &wanted[i].value, sizeof(int)));
}

/* The address and the port of the command line, in network byte order. */
static inline struct sockaddr_storage socket_address(const struct options *o)
{
    struct sockaddr_storage address = o->address;
    in_port_t port = htons((uint16_t)o->port);

    if (address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address)->sin6_port = port;
    else
        ((struct sockaddr_in *)&address)->sin_port = port;
    return address;
}

static inline int port_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static inline int own_port(int sock)
{
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    check("getsockname", getsockname(sock, (struct sockaddr *)&own, &size));
    return port_of(&own);
}

/* Report that this socket can be used now, and its port. */
static inline void ready(int sock)
{
    say("ready %d", own_port(sock));
}

/* An address for a message, as in `10.0.0.2 40000`. */
struct shown {
    char address[INET6_ADDRSTRLEN];
    int port;
};

static inline struct shown show(const struct sockaddr_storage *peer)
{
    struct shown shown = {.port = port_of(peer)};
    const void *packed = peer->ss_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)peer)->sin6_addr
                                                     : (const void *)&((const struct sockaddr_in *)peer)->sin_addr;
    inet_ntop(peer->ss_family, packed, shown.address, sizeof shown.address);
    return shown;
}

static inline void accepted(const struct sockaddr_storage *peer)
{
    struct shown who = show(peer);
    say("accepted %s %d", who.address, who.port);
}

/* A client broke off: say so and go on, since a server outlives its clients. */
static inline void lost(const struct sockaddr_storage *peer)
{
    int number = errno;
    struct shown who = show(peer);
    complain("lost the client %s port %d: %s", who.address, who.port, error_name(number));
}

static inline void print_data(const char *what, const struct sockaddr_storage *peer, const char *data, size_t size)
{
    char printable[PRINTABLE];
    struct shown who = show(peer);
    say("%s %s %d %s", what, who.address, who.port, beginning(data, size, printable));
}

/* With --print: what came from a client. */
static inline void received(const struct options *o, const struct sockaddr_storage *peer, const char *data, size_t size)
{
    if (o->print)
        print_data("received", peer, data, size);
}

/* With --print: a client has closed. */
static inline void left(const struct options *o, const struct sockaddr_storage *peer)
{
    struct shown who = show(peer);
    if (o->print)
        say("left %s %d", who.address, who.port);
}

/* Call send until all is handed over; one call may take less. Returns 0, or -1 with errno. */
static inline int send_all(int sock, const char *data, size_t size)
{
    while (size) {
        ssize_t sent = send(sock, data, size, 0);
        if (sent < 0)
            return -1;
        data += sent;
        size -= (size_t)sent;
    }
    return 0;
}

/* Make a receive that waits longer than some seconds fail with EAGAIN. */
static inline void set_timeout(int sock, double time)
{
    struct timeval longest = {.tv_sec = (time_t)time, .tv_usec = (suseconds_t)((time - floor(time)) * 1e6)};
    check("setsockopt", setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest));
}

/* Sleep for some seconds. */
static inline void rest(double time)
{
    struct timespec left = {.tv_sec = (time_t)time, .tv_nsec = (long)((time - floor(time)) * 1e9)};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

/* ---- signals ---- */

static inline void handle(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

static inline void end_at_once(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

/* For a server: SIGTERM and SIGINT end it with status 0. The kernel closes its sockets: each client gets a FIN. */
static inline void stop_at_once(void)
{
    handle(SIGPIPE, SIG_IGN); /* a client that is gone is an EPIPE */
    handle(SIGTERM, end_at_once);
    handle(SIGINT, end_at_once);
}

/* For a client: a signal ends it; a server that is gone is an EPIPE. */
static inline void end_by_signal(void)
{
    handle(SIGPIPE, SIG_IGN);
    handle(SIGINT, SIG_DFL);
}

#endif
