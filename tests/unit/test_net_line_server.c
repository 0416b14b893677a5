/* Lines over a socket and a terminal, whatever the other side does. Both sides run in this thread: the loop is turned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/line_server.h"
#include "net/loop.h"

#define MAX_LINE    64
#define MAX_CLIENTS 2
#define TURNS       50 /* more than anything here takes */

struct bench {
    struct loop loop;
    struct line_server *server;
    char directory[64], path[100];
    struct buf heard, gone; /* "client:line;", "client;" */
    uint64_t last_client;
    int fd;
};

/* A line says what to do with it. */
static void on_line(void *ctx, uint64_t client, char *line, size_t len)
{
    struct bench *b = ctx;
    assert_int_equal(strlen(line), len);
    b->last_client = client;
    buf_printf(&b->heard, "%d:%s;", (int)client, line);
    if (strcmp(line, "cut") == 0)
        line_server_send(b->server, client, NULL);
    else if (strcmp(line, "hold") == 0)
        line_server_hold(b->server, client);
    else if (strcmp(line, "at once") == 0) {
        line_server_hold(b->server, client);
        line_server_send(b->server, client, "done");
        line_server_release(b->server, client);
    } else if (strcmp(line, "free") == 0) {
        line_server_free(b->server);
        b->server = NULL;
    } else if (strcmp(line, "two") == 0) {
        line_server_send(b->server, client, "first");
        line_server_send(b->server, client, "second");
    }
}

static void on_gone(void *ctx, uint64_t client)
{
    struct bench *b = ctx;
    buf_printf(&b->gone, "%d;", (int)client);
}

static const struct line_server_rules as_they_come = { MAX_CLIENTS, MAX_LINE, false, on_line, on_gone };
static const struct line_server_rules one_at_a_time = { MAX_CLIENTS, MAX_LINE, true, on_line, on_gone };

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    (void)snprintf(b->directory, sizeof(b->directory), "/tmp/test_line_server.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    (void)snprintf(b->path, sizeof(b->path), "%s/socket", b->directory);
    assert_int_equal(loop_init(&b->loop), 0);
    buf_init(&b->heard, 1 << 20);
    buf_init(&b->gone, 1 << 20);
    b->fd = -1;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    if (b->fd >= 0)
        (void)close(b->fd);
    line_server_free(b->server);
    loop_done(&b->loop);
    buf_done(&b->heard);
    buf_done(&b->gone);
    assert_int_equal(access(b->path, F_OK), -1); /* gone with the server */
    assert_int_equal(rmdir(b->directory), 0);
    free(b);
    return 0;
}

static void turn(struct bench *b)
{
    for (int i = 0; i < TURNS; i++)
        (void)uv_run(&b->loop.uv, UV_RUN_NOWAIT);
}

static int dial(struct bench *b)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", b->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    turn(b);
    return fd;
}

/* A server, and its client 1. */
static void begin(struct bench *b, const struct line_server_rules *rules)
{
    assert_int_equal(line_server_new(&b->loop, b->path, rules, b, &b->server), 0);
    b->fd = dial(b);
}

static void say(struct bench *b, const char *text)
{
    assert_int_equal(write(b->fd, text, strlen(text)), (ssize_t)strlen(text));
    turn(b);
}

static void expect(struct bench *b, const char *heard, const char *gone)
{
    assert_string_equal(buf_string(&b->heard), heard);
    assert_string_equal(buf_string(&b->gone), gone);
}

static void expect_read(int fd, const char *text)
{
    char got[256] = "";
    ssize_t len = read(fd, got, sizeof(got) - 1);
    assert_int_equal(len, (ssize_t)strlen(text));
    assert_string_equal(got, text);
}

static void expect_nothing_to_read(int fd)
{
    char got;
    assert_int_equal(read(fd, &got, 1), -1);
    assert_int_equal(errno, EAGAIN);
}

static void expect_hung_up(int fd)
{
    char got;
    ssize_t len = read(fd, &got, 1);
    assert_true(len == 0 || (len < 0 && errno == ECONNRESET)); /* reset: it left something unread */
}

/* ---- lines ---- */

static void two_lines_in_one_read_are_two_and_a_half_one_waits(void **state)
{
    struct bench *b = *state;
    begin(b, &as_they_come);
    say(b, "a\nb\nhal");
    expect(b, "1:a;1:b;", "");
    say(b, "f\n\n");
    expect(b, "1:a;1:b;1:half;1:;", "");
}

static void lines_sent_arrive_in_order(void **state)
{
    struct bench *b = *state;
    begin(b, &as_they_come);
    say(b, "two\n");
    expect_read(b->fd, "first\nsecond\n");
    line_server_send(b->server, b->last_client + 1, "to nobody");
    turn(b);
    expect_nothing_to_read(b->fd);
}

static void a_line_too_long_ends_its_client(void **state)
{
    static const struct {
        size_t len;
        const char *end;
        bool allowed;
    } rows[] = {
        { MAX_LINE - 1, "\n", true }, { MAX_LINE - 1, "", true },  { MAX_LINE, "\n", false },
        { MAX_LINE, "", false },      { 3 * MAX_LINE, "", false },
    };
    struct bench *b = *state;
    begin(b, &as_they_come);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[4 * MAX_LINE];
        (void)snprintf(text, sizeof(text), "%0*d%s", (int)rows[i].len, 0, rows[i].end);
        buf_clear(&b->gone);
        say(b, text);
        assert_int_equal(b->gone.len == 0, rows[i].allowed);
        if (!rows[i].allowed)
            expect_hung_up(b->fd);
        (void)close(b->fd);
        b->fd = dial(b);
    }
}

static void one_at_a_time_the_next_line_waits_for_its_turn(void **state)
{
    struct bench *b = *state;
    begin(b, &one_at_a_time);
    say(b, "hold\ntwo\nat once\nlast\n");
    expect(b, "1:hold;", "");
    line_server_release(b->server, b->last_client);
    turn(b);
    expect(b, "1:hold;1:two;1:at once;1:last;", "");
    expect_read(b->fd, "first\nsecond\ndone\n");
}

static void one_at_a_time_who_goes_on_sending_is_slowed_down(void **state)
{
    struct bench *b = *state;
    begin(b, &one_at_a_time);
    say(b, "hold\n");
    ssize_t sent = 0, more;
    while (sent < 16 << 20 && (more = write(b->fd, "x\nx\nx\nx\nx\nx\nx\nx\n", 16)) > 0) {
        sent += more;
        turn(b);
    }
    assert_true(sent < 16 << 20); /* it had to wait; the kernel's buffer holds less */
    expect(b, "1:hold;", "");
    line_server_release(b->server, b->last_client);
    for (int i = 0; i < 100; i++)
        turn(b);
    assert_int_equal(b->heard.len, strlen("1:hold;") + (size_t)(sent / 2) * strlen("1:x;"));
}

/* ---- the end of a client ---- */

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    struct bench *b = *state;
    begin(b, &as_they_come);
    say(b, "x\n");
    char *text = malloc(1 << 20);
    memset(text, 'x', 1 << 20);
    text[(1 << 20) - 1] = '\0';
    for (int i = 0; i < 4; i++)
        line_server_send(b->server, b->last_client, text);
    expect(b, "1:x;", "");
    for (int i = 0; i < 4; i++)
        line_server_send(b->server, b->last_client, text);
    expect(b, "1:x;", "1;");
    free(text);
}

static void a_client_may_be_closed_inside_on_line(void **state)
{
    struct bench *b = *state;
    begin(b, &as_they_come);
    say(b, "cut\nnever heard\n");
    expect(b, "1:cut;", "1;");
    expect_hung_up(b->fd);
}

static void the_server_may_be_freed_inside_on_line(void **state)
{
    struct bench *b = *state;
    begin(b, &as_they_come);
    say(b, "free\nnever heard\n");
    expect(b, "1:free;", "");
    expect_hung_up(b->fd);
}

static void who_says_no_more_stays_until_its_lines_are_dealt_with(void **state)
{
    struct bench *b = *state;
    begin(b, &as_they_come);
    say(b, "hold\nhold\nhalf a line");
    assert_int_equal(shutdown(b->fd, SHUT_WR), 0);
    turn(b);
    expect(b, "1:hold;1:hold;", "");
    line_server_release(b->server, b->last_client);
    turn(b);
    expect(b, "1:hold;1:hold;", "");
    line_server_send(b->server, b->last_client, "late");
    line_server_release(b->server, b->last_client);
    turn(b);
    expect(b, "1:hold;1:hold;", "1;");
    expect_read(b->fd, "late\n");
    expect_hung_up(b->fd);
}

static void one_at_a_time_who_says_no_more_has_the_rest_of_its_lines_run(void **state)
{
    struct bench *b = *state;
    begin(b, &one_at_a_time);
    say(b, "hold\ntwo\ntwo\n");
    assert_int_equal(shutdown(b->fd, SHUT_WR), 0);
    turn(b);
    line_server_release(b->server, b->last_client);
    turn(b);
    expect(b, "1:hold;1:two;1:two;", "1;");
    expect_read(b->fd, "first\nsecond\nfirst\nsecond\n");
}

static void who_hangs_up_is_gone(void **state)
{
    struct bench *b = *state;
    begin(b, &as_they_come);
    (void)close(b->fd);
    b->fd = -1;
    turn(b);
    expect(b, "", "1;");
    line_server_send(b->server, 1, "to nobody");
    line_server_release(b->server, 1);
}

static void one_client_too_many_is_hung_up_on(void **state)
{
    struct bench *b = *state;
    begin(b, &as_they_come);
    int second = dial(b), third = dial(b);
    expect(b, "", "3;");
    expect_hung_up(third);
    expect_nothing_to_read(second);
    (void)close(second);
    (void)close(third);
    turn(b);
    second = dial(b);
    expect_nothing_to_read(second);
    (void)close(second);
}

/* ---- the socket ---- */

static void a_socket_left_by_a_dead_process_is_replaced(void **state)
{
    struct bench *b = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", b->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(fd);
    begin(b, &as_they_come);
    say(b, "a\n");
    expect(b, "1:a;", "");
}

static void a_socket_in_use_is_left_alone(void **state)
{
    struct bench *b = *state;
    struct line_server *second = NULL;
    begin(b, &as_they_come);
    assert_int_equal(line_server_new(&b->loop, b->path, &as_they_come, b, &second), -EADDRINUSE);
    assert_null(second);
    turn(b);
    say(b, "a\n");
    expect(b, "1:a;", "2;"); /* 2 was the question whether someone listens */
}

/* ---- the terminal ---- */

/* The kernel carries a terminal's bytes over in its own time. Turns until all this is heard and shown, and nothing else. */
static void expect_at_terminal(struct bench *b, const char *heard, const char *shown)
{
    char got[64] = "";
    size_t len = 0;
    for (int i = 0; i < 10000 && (len < strlen(shown) || b->heard.len < strlen(heard)); i++) {
        struct pollfd fd = { b->fd, POLLIN, 0 };
        turn(b);
        if (poll(&fd, 1, 1) == 1)
            len += (size_t)read(b->fd, got + len, sizeof(got) - 1 - len);
    }
    assert_string_equal(got, shown);
    assert_string_equal(buf_string(&b->heard), heard);
}

static void a_terminal_is_shown_when_it_may_speak(void **state)
{
    struct bench *b = *state;
    int terminal;
    struct termios raw = { 0 };
    cfmakeraw(&raw); /* neither echo nor carriage returns */
    assert_int_equal(openpty(&b->fd, &terminal, NULL, &raw, NULL), 0);
    (void)fcntl(b->fd, F_SETFL, O_NONBLOCK);
    assert_int_equal(line_server_new(&b->loop, NULL, &one_at_a_time, b, &b->server), 0);
    assert_int_equal(line_server_add_terminal(b->server, terminal, "> "), 0);
    expect_at_terminal(b, "", "> ");
    say(b, "\n");
    expect_at_terminal(b, "0:;", "> ");
    say(b, "at once\n");
    expect_at_terminal(b, "0:;0:at once;", "done\n> ");
    say(b, "hold\n");
    expect_at_terminal(b, "0:;0:at once;0:hold;", "");
    line_server_send(b->server, LINE_SERVER_TERMINAL, "late");
    line_server_release(b->server, LINE_SERVER_TERMINAL);
    expect_at_terminal(b, "0:;0:at once;0:hold;", "late\n> ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_lines_in_one_read_are_two_and_a_half_one_waits),
        TEST(lines_sent_arrive_in_order),
        TEST(a_line_too_long_ends_its_client),
        TEST(one_at_a_time_the_next_line_waits_for_its_turn),
        TEST(one_at_a_time_who_goes_on_sending_is_slowed_down),
        TEST(a_client_that_does_not_read_is_cut_off),
        TEST(a_client_may_be_closed_inside_on_line),
        TEST(the_server_may_be_freed_inside_on_line),
        TEST(who_says_no_more_stays_until_its_lines_are_dealt_with),
        TEST(one_at_a_time_who_says_no_more_has_the_rest_of_its_lines_run),
        TEST(who_hangs_up_is_gone),
        TEST(one_client_too_many_is_hung_up_on),
        TEST(a_socket_left_by_a_dead_process_is_replaced),
        TEST(a_socket_in_use_is_left_alone),
        TEST(a_terminal_is_shown_when_it_may_speak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
