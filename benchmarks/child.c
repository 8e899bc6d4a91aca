/* A child to be supervised, as small as a child can be.

   child MARK LOG MODE [N]

   Appends "PID MONOTONIC_NS" to LOG when it begins; MARK only stands in its command line, and in that of
   all it forks, so that they can be counted. Modes: `sleep`; `lines N` writes N lines of 100 bytes a
   second; `flood` writes as fast as it is read; `tree` has five more processes of every shape. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *log_path;

static void report(void) {
    struct timespec now;
    char line[64];
    clock_gettime(CLOCK_MONOTONIC, &now);
    int size = snprintf(line, sizeof line, "%d %lld\n", getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
    int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, size) != size) exit(9);
    close(fd);
}

static void rest(void) {
    for (;;) pause();
}

static void lines(int a_second) {
    char line[100];
    struct timespec gap = {0, 1000000000L / a_second};
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (;;) {
        if (write(1, line, sizeof line) < 0) exit(8);
        nanosleep(&gap, NULL);
    }
}

static void flood(void) {
    static char block[65500];
    memset(block, 'x', sizeof block);
    for (size_t end = 99; end < sizeof block; end += 100) block[end] = '\n';
    for (;;)
        if (write(1, block, sizeof block) < 0) exit(8);
}

static void member(int own_session, int is_daemon, int ignores) {
    if (fork()) return;
    if (own_session) setsid();
    if (is_daemon && fork()) _exit(0);
    if (ignores) {
        signal(SIGTERM, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
    }
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    report();
    rest();
}

static void tree(void) {
    member(0, 0, 0); /* in the group */
    member(1, 0, 0); /* in a session of its own */
    member(1, 1, 0); /* a daemon */
    member(0, 0, 1); /* in the group, deaf: it outlives a leader that obeys */
    member(1, 0, 1); /* in a session of its own, deaf */
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    log_path = argv[2];
    if (!strcmp(argv[3], "tree")) tree();
    report();
    if (!strcmp(argv[3], "lines") && argc > 4) lines(atoi(argv[4]));
    if (!strcmp(argv[3], "flood")) flood();
    rest();
}
