/* ANSI sequences that every terminal of today has; no more are used (screen.h). */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "table.h"

#define MAX_PICTURE (1u << 20)
#define ESCAPE      0x1B

static const int signal_numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };

static void write_all(const void *bytes, size_t len)
{
    (void)fwrite(bytes, 1, len, stdout);
    (void)fflush(stdout);
}

static void say(const char *sequence)
{
    write_all(sequence, strlen(sequence));
}

bool screen_is_there(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && !(kind && str_equal(kind, "dumb"));
}

static void measure(struct screen *s)
{
    struct winsize size = { 0 };
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    s->rows = size.ws_row ? size.ws_row : 24;
    s->columns = size.ws_col ? size.ws_col : 80;
}

/* Keys at once and not shown; Ctrl-C and Ctrl-Z stay signals. The cursor is hidden, lines are not wrapped. */
static void take(struct screen *s)
{
    struct termios raw = s->before;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    say("\033[?1049h\033[?25l\033[?7l\033[2J");
    measure(s);
}

static void give_back(struct screen *s)
{
    say("\033[?7h\033[?25h\033[?1049l");
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
}

static void signal_set(sigset_t *ret)
{
    (void)sigemptyset(ret);
    for (size_t i = 0; i < ARRAY_SIZE(signal_numbers); i++)
        (void)sigaddset(ret, signal_numbers[i]);
}

int screen_begin(struct screen *s)
{
    sigset_t set;
    const char *no_colour = getenv("NO_COLOR");
    *s = (struct screen){ .has_colour = !no_colour || !*no_colour, .signals = -1 };
    buf_init(&s->out, MAX_PICTURE);
    if (tcgetattr(STDIN_FILENO, &s->before) < 0)
        return -errno;
    signal_set(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0)
        return -errno;
    take(s);
    return 0;
}

void screen_end(struct screen *s)
{
    if (s->signals >= 0) {
        give_back(s);
        (void)close(s->signals);
    }
    buf_done(&s->out);
}

/* Ctrl-Z: the shell has the terminal as it was, until it gives it back. */
static int suspend(struct screen *s)
{
    give_back(s);
    (void)raise(SIGSTOP);
    take(s);
    return KEY_RESIZED;
}

static int on_signal(struct screen *s)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return KEY_NONE;
    if (info.ssi_signo == SIGTSTP)
        return suspend(s);
    if (info.ssi_signo != SIGWINCH)
        return KEY_QUIT;
    measure(s);
    return KEY_RESIZED;
}

static char next_byte(void)
{
    char byte = 0;
    return read(STDIN_FILENO, &byte, 1) == 1 ? byte : 0;
}

/* "ESC [ A", "ESC O A", "ESC [ 5 ~"; what is not known is passed over. */
static int on_escape(void)
{
    static const struct {
        const char *sequence;
        int key;
    } keys[] = { { "A", KEY_UP },   { "B", KEY_DOWN }, { "5~", KEY_PAGE_UP }, { "6~", KEY_PAGE_DOWN },
                 { "H", KEY_HOME }, { "F", KEY_END },  { "1~", KEY_HOME },    { "4~", KEY_END } };
    char sequence[8] = "";
    size_t len = 0;
    char first = next_byte();
    if (first != '[' && first != 'O')
        return KEY_ESCAPE;
    for (char byte; len + 1 < sizeof(sequence) && (byte = next_byte()) != 0;) {
        sequence[len++] = byte;
        if (byte >= 0x40 && byte <= 0x7E)
            break;
    }
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (str_equal(keys[i].sequence, sequence))
            return keys[i].key;
    return KEY_NONE;
}

int screen_key(struct screen *s, int timeout_ms)
{
    struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                            { .fd = s->signals, .events = POLLIN } };
    if (poll(fds, 2, timeout_ms) <= 0)
        return KEY_NONE;
    if (fds[1].revents)
        return on_signal(s);
    char byte = next_byte();
    if (byte == ESCAPE)
        return on_escape();
    if (byte == 0) /* the terminal is gone */
        return fds[0].revents & (POLLHUP | POLLERR) ? KEY_QUIT : KEY_NONE;
    return byte & 0x80 ? KEY_NONE : byte;
}

void screen_line(struct screen *s, const char *style, const char *text)
{
    char line[2048];
    size_t width = (size_t)s->columns;
    bool is_full = str_equal(style, "7"); /* a bar reaches to the edge */
    size_t own = text_width(text);
    text_fit(text, own > width || is_full ? width : own, false, line, sizeof(line));
    bool is_styled = *style && (s->has_colour || is_full || str_equal(style, "1"));
    if (is_styled)
        buf_printf(&s->out, "\033[%sm%s\033[0m\033[K\r\n", style, line);
    else
        buf_printf(&s->out, "%s\033[K\r\n", line);
}

void screen_show(struct screen *s)
{
    static const char top[] = "\033[H";
    size_t len = s->out.len >= 2 ? s->out.len - 2 : 0; /* without the last line's end: it would scroll */
    write_all(top, sizeof(top) - 1);
    write_all(s->out.data, len);
    say("\033[J");
    buf_clear(&s->out);
}
