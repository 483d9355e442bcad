/* What the servers share that give each client a process. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "common.h"

#include <poll.h>
#include <sys/wait.h>

/* The signals that such a server waits for. They are blocked while it does anything else, so that none is missed. */
static inline sigset_t waited_for(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

/* Fork as fork(2) does, but in the child these signals have their default effect from the first moment on. */
static inline pid_t fork_child(void)
{
    sigset_t set = waited_for(), before;
    sigprocmask(SIG_BLOCK, &set, &before);
    pid_t pid = fork();
    if (pid == 0) {
        handle(SIGCHLD, SIG_DFL);
        handle(SIGTERM, SIG_DFL);
        handle(SIGINT, SIG_DFL);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
    } else {
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    return pid;
}

/* The children that live. */
struct children {
    pid_t *pids;
    int count;
};

static inline void add_child(struct children *children, pid_t pid)
{
    children->pids = realloc(children->pids, (size_t)(children->count + 1) * sizeof(pid_t));
    children->pids[children->count++] = pid;
}

/* Wait for every child that has ended: one SIGCHLD may stand for several. */
static inline void reap(struct children *children)
{
    pid_t pid;
    int before = children->count;

    while (children->count && (pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (int i = 0; i < children->count; i++)
            if (children->pids[i] == pid)
                children->pids[i] = children->pids[--children->count];
    if (children->count < before)
        say("reaped %d left %d", before - children->count, children->count);
}

/* Stop the children, and wait for them. */
static inline void stop(struct children *children)
{
    for (int i = 0; i < children->count; i++)
        kill(children->pids[i], SIGTERM);
    for (int i = 0; i < children->count; i++)
        waitpid(children->pids[i], NULL, 0);
}

static volatile sig_atomic_t told_to_stop;

static inline void note_stop(int signal_number)
{
    told_to_stop = signal_number;
}

static inline void note_child(int signal_number)
{
    (void)signal_number; /* it interrupts ppoll, which is all it is for */
}

/* Accept clients, give each to `start`, which forks, and reap the children, until SIGTERM or SIGINT comes.
 *
 * `start` returns the child's number, 0 if there is none.
 */
static inline void serve_with_children(int listener, const struct options *o,
                                       pid_t (*start)(int listener, const struct options *o))
{
    struct children children = {0};
    sigset_t set = waited_for(), before;
    sigprocmask(SIG_BLOCK, &set, &before);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGCHLD, note_child);
    handle(SIGTERM, note_stop);
    handle(SIGINT, note_stop);
    ready(listener);

    while (!told_to_stop) {
        struct pollfd arriving = {.fd = listener, .events = POLLIN};
        if (ppoll(&arriving, 1, NULL, &before) > 0) { /* signals come in here, and nowhere else */
            pid_t pid = start(listener, o);
            if (pid)
                add_child(&children, pid);
        }
        reap(&children);
    }
    stop(&children);
}

#endif
