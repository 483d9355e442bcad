/* What the clients share that type lines. */
#ifndef LINES_H
#define LINES_H

#include "common.h"

#include <strings.h>

/* Read the next line of standard input. Returns its length with the newline, 0 at its end or at `quit`. */
static inline size_t typed_line(char **line, size_t *room)
{
    ssize_t length = getline(line, room, stdin);
    if (length <= 0)
        return 0;
    size_t word = strcspn(*line, "\r\n");
    bool quit = (word == 1 && strncasecmp(*line, "q", 1) == 0) || (word == 4 && strncasecmp(*line, "quit", 4) == 0);
    return quit ? 0 : (size_t)length;
}

/* Print a word and a line as it came, whatever bytes it has. */
static inline void say_line(const char *word, const char *line, size_t length)
{
    while (length && line[length - 1] == '\n')
        length--;
    printf("%s ", word);
    fwrite(line, 1, length, stdout);
    putchar('\n');
    fflush(stdout);
}

#endif
