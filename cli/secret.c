/* The terminal's echo comes back however this ends: signals that would end the program wait for it (secret.h). */
#include "secret.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/str.h"
#include "command.h"

void secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* Up to the end of the line, byte by byte: what follows is not ours. False: nothing came, or a signal did. */
static bool read_line(int signals, char ret[static SECRET_MAX])
{
    size_t len = 0;
    for (char byte; len + 1 < SECRET_MAX;) {
        struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                { .fd = signals, .events = POLLIN } };
        if (poll(fds, signals >= 0 ? 2 : 1, -1) < 0 || (signals >= 0 && fds[1].revents))
            return false;
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 || (got == 0 && len == 0))
            return false;
        if (got == 0 || byte == '\n' || byte == '\0')
            break;
        ret[len++] = byte;
    }
    if (len > 0 && ret[len - 1] == '\r')
        len--;
    ret[len] = '\0';
    return true;
}

static bool read_typed(int signals, const char *prompt, char ret[static SECRET_MAX])
{
    (void)fputs(prompt, stderr);
    bool is_there = read_line(signals, ret);
    (void)fputc('\n', stderr);
    return is_there;
}

static bool read_twice(const char *prompt, char ret[static SECRET_MAX])
{
    struct termios shown, hidden;
    sigset_t ends, before;
    char again[SECRET_MAX] = "";
    (void)sigemptyset(&ends);
    for (size_t i = 0; i < 5; i++)
        (void)sigaddset(&ends, (const int[]){ SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP }[i]);
    if (tcgetattr(STDIN_FILENO, &shown) < 0)
        return false;
    (void)sigprocmask(SIG_BLOCK, &ends, &before);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool is_good = read_typed(signals, prompt, ret) && read_typed(signals, "again: ", again);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    if (signals >= 0)
        (void)close(signals);
    (void)sigprocmask(SIG_SETMASK, &before, NULL); /* one that came ends us here */
    if (is_good && !str_equal(ret, again)) {
        (void)cli_complain("the two are not the same");
        is_good = false;
    }
    explicit_bzero(again, sizeof(again));
    return is_good;
}

char *secret_read(const char *prompt)
{
    char text[SECRET_MAX] = "";
    bool is_terminal = isatty(STDIN_FILENO) == 1;
    bool is_good = is_terminal ? read_twice(prompt, text) : read_line(-1, text);
    if (is_good && !*text) {
        (void)cli_complain("no password was given");
        is_good = false;
    } else if (!is_good && !is_terminal) {
        (void)cli_complain("expected the password as the first line of standard input");
    }
    char *secret = is_good ? strdup(text) : NULL;
    explicit_bzero(text, sizeof(text));
    return secret;
}
