/* TCP on loopback, serial lines on a pty pair, UDP with multicast, over the real loop. */
#include <net/if.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "net/resolve.h"
#include "net/stream.h"
#include "net/udp.h"

#define WAIT_MS 5000

struct side {
    struct stream *stream;
    int opens, closes, err;
    struct buf got;
    bool free_on_open, free_on_data, echo;
};

struct bench {
    struct loop loop;
    struct listener *listener;
    struct side a, b; /* client or serial line, accepted */
    int accepts;
    bool ignore; /* connections */
    struct timer timeout;
    bool timed_out;
};

static void on_open(void *ctx)
{
    struct side *s = ctx;
    s->opens++;
    if (s->free_on_open)
        stream_free(STEAL(s->stream));
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct side *s = ctx;
    buf_append(&s->got, bytes, len);
    if (s->echo)
        assert_int_equal(stream_write(s->stream, bytes, len), 0);
    if (s->free_on_data)
        stream_free(STEAL(s->stream));
}

static void on_close(void *ctx, int err)
{
    struct side *s = ctx;
    s->closes++;
    s->err = err;
}

static const struct stream_events events = { on_open, on_data, on_close };

static void on_connection(void *ctx, struct listener *listener)
{
    struct bench *b = ctx;
    b->accepts++;
    if (b->ignore)
        return;
    stream_free(b->b.stream);
    b->b.stream = stream_accept(listener, &events, &b->b);
    assert_non_null(b->b.stream);
    assert_null(stream_accept(listener, &events, &b->b));
}

static void on_timeout(struct timer *timer, void *ctx)
{
    (void)timer;
    ((struct bench *)ctx)->timed_out = true;
}

/* Not UV_RUN_ONCE: that would sleep after a timer of ours fired. */
static void run_turn(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    usleep(200);
}

/* Runs the loop until the condition holds; fails if it does not in time. */
#define RUN_UNTIL(bench, condition)                                                                          \
    do {                                                                                                     \
        (bench)->timed_out = false;                                                                          \
        env_timer_start(&(bench)->loop.env, &(bench)->timeout, WAIT_MS);                                     \
        while (!(condition) && !(bench)->timed_out)                                                          \
            run_turn(&(bench)->loop);                                                                        \
        timer_stop(&(bench)->timeout);                                                                       \
        assert_true(condition);                                                                              \
    } while (0)

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_int_equal(loop_init(&b->loop), 0);
    timer_init(&b->timeout, &b->loop.timers, on_timeout, b);
    buf_init(&b->a.got, 1000000);
    buf_init(&b->b.got, 1000000);
    assert_int_equal(listener_new(&b->loop, "127.0.0.1", 0, on_connection, b, &b->listener), 0);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    stream_free(b->a.stream);
    stream_free(b->b.stream);
    listener_free(b->listener);
    loop_done(&b->loop);
    buf_done(&b->a.got);
    buf_done(&b->b.got);
    free(b);
    return 0;
}

static void connect_both(struct bench *b, const char *host)
{
    b->a.stream = stream_new_tcp(&b->loop, host, listener_port(b->listener), WAIT_MS, &events, &b->a);
    assert_non_null(b->a.stream);
    stream_open(b->a.stream);
    assert_int_equal(b->a.opens, 0);
    RUN_UNTIL(b, b->a.opens && b->accepts);
}

static void bytes_go_both_ways(void **state)
{
    struct bench *b = *state;
    connect_both(b, "127.0.0.1");
    b->b.echo = true;
    assert_int_equal(stream_write(b->a.stream, "hello", 5), 0);
    RUN_UNTIL(b, b->a.got.len == 5);
    assert_string_equal(buf_string(&b->a.got), "hello");
}

static void second_address_of_a_name_is_tried(void **state)
{
    struct bench *b = *state;
    connect_both(b, "localhost"); /* ::1 refuses */
    assert_true(stream_is_open(b->a.stream));
}

static void full_queue_is_refused_and_drains(void **state)
{
    struct bench *b = *state;
    connect_both(b, "127.0.0.1");
    static uint8_t block[32 * 1024];
    size_t sent = 0;
    int r;
    while ((r = stream_write(b->a.stream, block, sizeof(block))) == 0)
        sent += sizeof(block);
    assert_int_equal(r, -ENOBUFS);
    b->b.got.max = sent + 1;
    RUN_UNTIL(b, b->b.got.len >= sent);
    assert_int_equal(b->b.got.len, sent);
    assert_int_equal(stream_write(b->a.stream, block, 10), 0);
}

static void refused_connection_is_reported_and_may_be_tried_again(void **state)
{
    struct bench *b = *state;
    uint16_t port = listener_port(b->listener);
    listener_free(STEAL(b->listener));
    b->a.stream = stream_new_tcp(&b->loop, "127.0.0.1", port, WAIT_MS, &events, &b->a);
    stream_open(b->a.stream);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.err, -ECONNREFUSED);
    assert_int_equal(listener_new(&b->loop, "127.0.0.1", port, on_connection, b, &b->listener), 0);
    stream_open(b->a.stream);
    RUN_UNTIL(b, b->a.opens == 1);
}

static void silent_host_times_out(void **state)
{
    struct bench *b = *state;
    /* A full backlog leaves connections hanging. */
    int fd = socket(AF_INET, SOCK_STREAM, 0), extra[3];
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 0), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    for (int i = 0; i < 3; i++) {
        extra[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(extra[i], (struct sockaddr *)&a, sizeof(a));
    }
    b->a.stream = stream_new_tcp(&b->loop, "127.0.0.1", ntohs(a.sin_port), 100, &events, &b->a);
    stream_open(b->a.stream);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.err, -ETIMEDOUT);
    for (int i = 0; i < 3; i++)
        close(extra[i]);
    close(fd);
}

static void end_of_the_peer_is_reported(void **state)
{
    struct bench *b = *state;
    connect_both(b, "127.0.0.1");
    stream_free(STEAL(b->b.stream));
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.err, -ECONNRESET);
    assert_int_equal(stream_write(b->a.stream, "x", 1), -ENOTCONN);
}

static void unread_connection_is_closed(void **state)
{
    struct bench *b = *state;
    b->ignore = true;
    connect_both(b, "127.0.0.1");
    RUN_UNTIL(b, b->a.closes == 1);
}

static void freeing_in_callbacks_is_safe(void **state)
{
    struct bench *b = *state;
    b->a.free_on_open = true;
    connect_both(b, "127.0.0.1");
    RUN_UNTIL(b, b->b.closes == 1);

    b->a.free_on_open = false;
    b->a.free_on_data = true;
    b->accepts = b->a.opens = 0;
    connect_both(b, "127.0.0.1");
    assert_int_equal(stream_write(b->b.stream, "x", 1), 0);
    RUN_UNTIL(b, !b->a.stream);
}

static void freeing_while_opening_is_safe(void **state)
{
    struct bench *b = *state;
    for (int turns = 0; turns < 6; turns++) {
        b->a.stream =
            stream_new_tcp(&b->loop, "localhost", listener_port(b->listener), WAIT_MS, &events, &b->a);
        stream_open(b->a.stream);
        for (int i = 0; i < turns; i++)
            uv_run(&b->loop.uv, UV_RUN_NOWAIT);
        stream_free(STEAL(b->a.stream));
    }
    assert_int_equal(b->a.closes, 0);
}

/* ---- serial ---- */

static int open_pty(char *ret_path, size_t size)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(grantpt(fd), 0);
    assert_int_equal(unlockpt(fd), 0);
    assert_int_equal(str_copy(ret_path, size, ptsname(fd)), 0);
    return fd;
}

static struct serial_settings serial_settings(void)
{
    return (struct serial_settings){ .baud = 19200, .data_bits = 8, .parity = 'E', .stop_bits = 1 };
}

static void serial_line_carries_any_byte(void **state)
{
    struct bench *b = *state;
    struct serial_settings s = serial_settings();
    int master = open_pty(s.path, sizeof(s.path));
    b->a.stream = stream_new_serial(&b->loop, &s, &events, &b->a);
    stream_open(b->a.stream);
    assert_int_equal(b->a.opens, 0);
    RUN_UNTIL(b, b->a.opens == 1);

    uint8_t all[256], got[256];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_int_equal(write(master, all, sizeof(all)), sizeof(all));
    RUN_UNTIL(b, b->a.got.len == sizeof(all));
    assert_memory_equal(b->a.got.data, all, sizeof(all));

    assert_int_equal(stream_write(b->a.stream, all, sizeof(all)), 0);
    assert_int_equal(read(master, got, sizeof(got)), sizeof(got));
    assert_memory_equal(got, all, sizeof(all));
    close(master);
}

static void hang_up_of_the_adapter_is_reported(void **state)
{
    struct bench *b = *state;
    struct serial_settings s = serial_settings();
    int master = open_pty(s.path, sizeof(s.path));
    b->a.stream = stream_new_serial(&b->loop, &s, &events, &b->a);
    stream_open(b->a.stream);
    RUN_UNTIL(b, b->a.opens == 1);
    close(master);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.err, -EIO);
}

static void serial_line_is_ours_alone(void **state)
{
    struct bench *b = *state;
    struct serial_settings s = serial_settings();
    int master = open_pty(s.path, sizeof(s.path));
    b->a.stream = stream_new_serial(&b->loop, &s, &events, &b->a);
    b->b.stream = stream_new_serial(&b->loop, &s, &events, &b->b);
    stream_open(b->a.stream);
    RUN_UNTIL(b, b->a.opens == 1);
    stream_open(b->b.stream);
    RUN_UNTIL(b, b->b.closes == 1);
    assert_int_equal(b->b.err, -EBUSY);
    stream_close(b->a.stream);
    stream_open(b->b.stream);
    RUN_UNTIL(b, b->b.opens == 1);
    close(master);
}

static void bad_serial_settings_are_reported(void **state)
{
    struct bench *b = *state;
    struct serial_settings s = serial_settings();
    (void)str_copy(s.path, sizeof(s.path), "/dev/no-such-port");
    b->a.stream = stream_new_serial(&b->loop, &s, &events, &b->a);
    stream_open(b->a.stream);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.err, -ENOENT);

    int master = open_pty(s.path, sizeof(s.path));
    s.baud = 12345;
    b->b.stream = stream_new_serial(&b->loop, &s, &events, &b->b);
    stream_open(b->b.stream);
    RUN_UNTIL(b, b->b.closes == 1);
    assert_int_equal(b->b.err, -EINVAL);
    close(master);
}

static void rs485_refusal_leaves_the_line_open(void **state)
{
    struct bench *b = *state;
    struct serial_settings s = serial_settings();
    int master = open_pty(s.path, sizeof(s.path));
    s.rs485 = true;
    b->a.stream = stream_new_serial(&b->loop, &s, &events, &b->a);
    stream_open(b->a.stream);
    RUN_UNTIL(b, b->a.opens == 1);
    close(master);
}

static void flushing_forgets_what_came(void **state)
{
    struct bench *b = *state;
    struct serial_settings s = serial_settings();
    int master = open_pty(s.path, sizeof(s.path));
    b->a.stream = stream_new_serial(&b->loop, &s, &events, &b->a);
    stream_open(b->a.stream);
    RUN_UNTIL(b, b->a.opens == 1);
    int same = open(s.path, O_RDWR | O_NOCTTY | O_CLOEXEC), waiting = 0;
    assert_int_equal(write(master, "old", 3), 3);
    while (waiting < 3) /* the kernel carries it over when it likes */
        assert_int_equal(ioctl(same, FIONREAD, &waiting), 0);
    close(same);
    stream_flush_input(b->a.stream);
    assert_int_equal(write(master, "new", 3), 3);
    RUN_UNTIL(b, b->a.got.len >= 3);
    assert_string_equal(buf_string(&b->a.got), "new");
    close(master);
}

/* ---- UDP ---- */

struct receiver {
    int count;
    struct sockaddr_in from;
    char text[32];
    struct udp **free_me;
};

static void on_datagram(void *ctx, const struct sockaddr *from, const uint8_t *bytes, size_t len)
{
    struct receiver *r = ctx;
    r->count++;
    memcpy(&r->from, from, sizeof(r->from));
    snprintf(r->text, sizeof(r->text), "%.*s", (int)len, (const char *)bytes);
    if (r->free_me)
        udp_free(STEAL(*r->free_me));
}

static void datagrams_arrive(void **state)
{
    struct bench *b = *state;
    struct receiver ra = { 0 }, rb = { 0 };
    struct udp_settings s = { .bind_address = "127.0.0.1" };
    struct udp *ua = NULL, *ub = NULL;
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, &ra, &ua), 0);
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, &rb, &ub), 0);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons(udp_port(ub)) };
    assert_int_equal(udp_send(ua, (struct sockaddr *)&to, "hi", 2), 0);
    RUN_UNTIL(b, rb.count == 1);
    assert_string_equal(rb.text, "hi");
    assert_int_equal(ntohs(rb.from.sin_port), udp_port(ua));

    rb.free_me = &ub;
    for (int i = 0; i < 3; i++)
        assert_int_equal(udp_send(ua, (struct sockaddr *)&to, "x", 1), 0);
    RUN_UNTIL(b, !ub);
    assert_int_equal(rb.count, 2);
    udp_free(ua);
}

static void multicast_reaches_every_member(void **state)
{
    struct bench *b = *state;
    struct receiver ra = { 0 }, rb = { 0 };
    struct udp_settings s = {
        .bind_address = "0.0.0.0",
        .multicast_group = "224.0.23.0",
        .multicast_interface = "127.0.0.1",
        .reuse_address = true,
    };
    struct udp *ua = NULL, *ub = NULL;
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, &ra, &ua), 0);
    s.port = udp_port(ua);
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, &rb, &ub), 0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(s.port) };
    inet_pton(AF_INET, "224.0.23.0", &to.sin_addr);
    assert_int_equal(udp_send(ua, (struct sockaddr *)&to, "all", 3), 0);
    RUN_UNTIL(b, ra.count == 1 && rb.count == 1);
    udp_free(ua);
    udp_free(ub);
}

static void a_group_is_joined_by_the_name_of_the_interface_and_stays_joined(void **state)
{
    struct bench *b = *state;
    struct receiver ra = { 0 };
    struct udp_settings s = { .bind_address = "0.0.0.0",
                              .multicast_group = "224.0.23.0",
                              .multicast_interface = "lo",
                              .reuse_address = true };
    struct udp *u = NULL;
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, &ra, &u), 0);
    assert_int_equal(udp_interface(u), if_nametoindex("lo"));
    assert_int_equal(udp_join(u), 0); /* nothing changed */
    assert_int_equal(udp_send_group(u, udp_port(u), "all", 3), 0);
    RUN_UNTIL(b, ra.count == 1);
    udp_free(u);
}

static void an_interface_that_is_not_there_is_no_error_but_nothing_is_joined(void **state)
{
    struct bench *b = *state;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct udp_settings s = { .ipv6 = ipv6,
                                  .bind_address = "0.0.0.0",
                                  .multicast_group = "224.0.23.0",
                                  .multicast_interface = "nosuchinterface" };
        struct udp *u = NULL;
        if (ipv6) {
            (void)str_copy(s.bind_address, sizeof(s.bind_address), "::");
            (void)str_copy(s.multicast_group, sizeof(s.multicast_group), "ff02::1");
        }
        assert_int_equal(udp_new(&b->loop, &s, on_datagram, NULL, &u), 0);
        assert_int_equal(udp_join(u), -ENODEV);
        assert_int_equal(udp_interface(u), 0);
        udp_free(u);
    }
    assert_int_equal(udp_interface(NULL), 0);
}

static void datagrams_arrive_by_ipv6(void **state)
{
    struct bench *b = *state;
    struct receiver ra = { 0 };
    struct udp_settings s = { .ipv6 = true, .bind_address = "::1" };
    struct udp *u = NULL;
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, &ra, &u), 0);
    struct sockaddr_in6 to = { .sin6_family = AF_INET6,
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                               .sin6_port = htons(udp_port(u)) };
    assert_int_equal(udp_send(u, (struct sockaddr *)&to, "hi", 2), 0);
    RUN_UNTIL(b, ra.count == 1);
    assert_string_equal(ra.text, "hi");
    udp_free(u);
}

static void bad_udp_settings_are_reported(void **state)
{
    struct bench *b = *state;
    struct udp *u = NULL, *second = NULL;
    struct udp_settings s = { .bind_address = "nonsense" };
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, NULL, &u), -EINVAL);
    s = (struct udp_settings){ .bind_address = "192.0.2.1" };
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, NULL, &u), -EADDRNOTAVAIL);
    s = (struct udp_settings){ .bind_address = "127.0.0.1" };
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, NULL, &u), 0);
    s.port = udp_port(u);
    assert_int_equal(udp_new(&b->loop, &s, on_datagram, NULL, &second), -EADDRINUSE);
    udp_free(u);
}

/* ---- resolve, loop ---- */

struct answer {
    int count, err;
    size_t addresses;
    sa_family_t family;
    uint16_t port;
};

static void on_resolved(void *ctx, int err, const struct sockaddr_storage *addresses, size_t count)
{
    struct answer *a = ctx;
    a->count++;
    a->err = err;
    a->addresses = count;
    if (count) {
        a->family = addresses[0].ss_family;
        a->port = ntohs(((const struct sockaddr_in *)&addresses[0])->sin_port);
    }
}

static void names_and_literals_resolve(void **state)
{
    static const struct {
        const char *host;
        sa_family_t family; /* 0: fails */
    } rows[] = { { "127.0.0.1", AF_INET }, { "::1", AF_INET6 }, { "a..b", 0 } };
    struct bench *b = *state;
    for (size_t i = 0; i < 3; i++) {
        struct answer a = { 0 };
        assert_non_null(resolve_start(&b->loop, rows[i].host, 3610, on_resolved, &a));
        assert_int_equal(a.count, 0);
        RUN_UNTIL(b, a.count == 1);
        assert_int_equal(a.family, rows[i].family);
        assert_int_equal(a.err == 0, rows[i].family != 0);
        if (rows[i].family)
            assert_int_equal(a.port, 3610);
        resolve_cancel(resolve_start(&b->loop, rows[i].host, 1, on_resolved, NULL));
    }
}

static void timers_fire_in_order_and_on_time(void **state)
{
    struct bench *b = *state;
    int64_t start = env_now_ms(&b->loop.env);
    b->timed_out = false;
    env_timer_start(&b->loop.env, &b->timeout, 50);
    while (!b->timed_out)
        run_turn(&b->loop);
    int64_t took = env_now_ms(&b->loop.env) - start;
    assert_in_range(took, 50, 1000);
}

static void stop_now(struct timer *timer, void *ctx)
{
    (void)timer;
    loop_stop(ctx);
}

static void loop_runs_until_stopped(void **state)
{
    struct bench *b = *state;
    struct timer t;
    timer_init(&t, &b->loop.timers, stop_now, &b->loop);
    env_timer_start(&b->loop.env, &t, 10);
    loop_run(&b->loop);
    env_timer_start(&b->loop.env, &t, 0);
    loop_run(&b->loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(bytes_go_both_ways),
        TEST(second_address_of_a_name_is_tried),
        TEST(full_queue_is_refused_and_drains),
        TEST(refused_connection_is_reported_and_may_be_tried_again),
        TEST(silent_host_times_out),
        TEST(end_of_the_peer_is_reported),
        TEST(unread_connection_is_closed),
        TEST(freeing_in_callbacks_is_safe),
        TEST(freeing_while_opening_is_safe),
        TEST(serial_line_carries_any_byte),
        TEST(hang_up_of_the_adapter_is_reported),
        TEST(serial_line_is_ours_alone),
        TEST(bad_serial_settings_are_reported),
        TEST(rs485_refusal_leaves_the_line_open),
        TEST(flushing_forgets_what_came),
        TEST(datagrams_arrive),
        TEST(multicast_reaches_every_member),
        TEST(a_group_is_joined_by_the_name_of_the_interface_and_stays_joined),
        TEST(an_interface_that_is_not_there_is_no_error_but_nothing_is_joined),
        TEST(datagrams_arrive_by_ipv6),
        TEST(bad_udp_settings_are_reported),
        TEST(names_and_literals_resolve),
        TEST(timers_fire_in_order_and_on_time),
        TEST(loop_runs_until_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
