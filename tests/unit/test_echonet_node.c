/* Our own node: what it answers, what it leaves unanswered, how it looks for others; and all of it over real sockets. */
#include "tests/support/echonet_bench.h"

#include <malloc.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define HOST "10.0.0.2"
#define ID                                                                                                   \
    "FE000077677700000000000000000000"                                                                       \
    "00"

/* ---- answers ---- */

static const struct {
    const char *name, *request, *answer; /* NULL: silence */
} requests[] = {
    { "Get one", "1081000105FF010EF001620180 00", "108100010EF00105FF0172018001 30" },
    { "version and status", "1081000205FF010EF001620282008000",
      "108100020EF00105FF0172028204010E0100800130" },
    { "identification", "1081000205FF010EF00162018300", "108100020EF00105FF0172018311" ID },
    { "maker", "1081000205FF010EF00162018A00", "108100020EF00105FF0172018A03000077" },
    { "instances", "1081000205FF010EF0016203D600D500D700",
      "108100020EF00105FF017203D6040105FF01D5040105FF01D7030105FF" },
    { "numbers", "1081000205FF010EF0016202D300D400", "108100020EF00105FF017202D303000001D4020002" },
    { "INF map", "1081000205FF010EF00162019D00", "108100020EF00105FF0172019D030280D5" },
    { "Set map of the profile", "1081000205FF010EF00162019E00", "108100020EF00105FF0172019E0100" },
    { "Get map of the profile", "1081000205FF010EF00162019F00",
      "108100020EF00105FF0172019F0E0D8082838A8C9D9E9FD3D4D5D6D7" },
    { "every instance", "1081000205FF010EF00062018000", "108100020EF00105FF017201800130" },
    { "the controller", "1081000302A10105FF0162028100 8800", "1081000305FF0102A1017202810108880142" },
    { "the controller's maps", "1081000302A10105FF0162029D009E00",
      "1081000305FF0102A10172029D04038081889E020181" },
    { "one of two is unknown", "1081000405FF010EF0016202800 0E000", "108100040EF00105FF0152028001 30E000" },
    { "INF_REQ", "1081000505FF010EF0016301D500", "108100050EF00105FF017301D5040105FF01" },
    { "INF_REQ of what is not there", "1081000505FF010EF0016301E000", "108100050EF00105FF015301E000" },
    { "SetC", "1081000605FF0105FF006101810108", "1081000605FF0105FF0171018100" },
    { "SetC of a wrong size", "1081000605FF0105FF00610181020808", "1081000605FF0105FF01510181020808" },
    { "SetC of what is read only", "1081000605FF0105FF016101800131", "1081000605FF0105FF015101800131" },
    { "SetC of two", "1081000605FF0105FF01610281010880 0131", "1081000605FF0105FF0151028100800131" },
    { "SetI accepted", "1081000605FF0105FF016001810108", NULL },
    { "SetI refused", "1081000605FF010EF001600180013A", "108100060EF00105FF015001800 13A" },
    { "SetGet", "1081000705FF0105FF016E01810108018000", "1081000705FF0105FF017E01810001800130" },
    { "SetGet refused in part", "1081000705FF0105FF016E01800131018800",
      "1081000705FF0105FF015E01800131 01880142" },
    { "INFC", "1081000802A10105FF017401DA0142", "1081000805FF0102A1017A01DA00" },
    { "INFC to nobody here", "1081000802A10105FE017401DA0142", NULL },
    { "object that is not here", "1081000905FF0102A10162018000", NULL },
    { "instance that is not here", "1081000905FF0105FF0262018000", NULL },
    { "no entries", "1081000905FF010EF0016200", NULL },
    { "INF", "1081000902A1010EF0017301C70141", NULL },
    { "an answer that nobody asked for", "1081000902A10105FF017201C70141", NULL },
    { "a refusal that nobody asked for", "1081000902A10105FF015201C700", NULL },
    { "broken", "1081000905FF010EF00162", NULL },
    { "arbitrary format", "1082000905FF010EF00162018000", NULL },
    { "unknown service", "1081000905FF010EF0016F018000", NULL },
};

static void without_blanks(const char *text, char *ret)
{
    for (; *text; text++)
        if (*text != ' ')
            *ret++ = *text;
    *ret = '\0';
}

static void our_node_answers_what_it_should_and_nothing_else(void **state)
{
    struct ebench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        char hex[256], expected[256] = "", answer[256] = "";
        without_blanks(requests[i].request, hex);
        if (requests[i].answer)
            without_blanks(requests[i].answer, expected);
        ebench_clear(b);
        b->engine.self.location = 8; /* what the rows set: so nothing changes, and no INF follows */
        ebench_receive(b, EBENCH_FIRST + 7, hex);
        hex_encode(b->last, b->last_len, answer, sizeof(answer));
        if (!str_equal(answer, expected))
            fail_msg("%s: %s", requests[i].name, answer);
        assert_int_equal(b->sent, requests[i].answer != NULL);
    }
}

static void a_changed_location_is_announced(void **state)
{
    struct ebench *b = *state;
    ebench_receive(b, EBENCH_FIRST, "1081000605FF0105FF006101810109");
    assert_string_equal(b->multicast, "Inf:81=09 ");
    assert_int_equal(b->sent, 2);
}

static void an_answer_is_never_longer_than_a_datagram(void **state)
{
    struct ebench *b = *state;
    char hex[2 * (12 + 2 * 255) + 1] = "1081000105FF010EF00162FF";
    for (int i = 0; i < 255; i++)
        (void)snprintf(hex + 24 + 4 * i, 5, "8300");
    ebench_receive(b, EBENCH_FIRST, hex);
    struct echonet_frame frame;
    assert_in_range(b->last_len, ECHONET_MAX_FRAME - 20, ECHONET_MAX_FRAME);
    assert_int_equal(echonet_decode(b->last, b->last_len, &frame), 0);
    assert_int_equal(frame.esv, ESV_GET_SNA);
}

static void answers_are_limited_so_that_nobody_is_flooded_through_us(void **state)
{
    struct ebench *b = *state;
    for (int i = 0; i < 5000; i++)
        ebench_receive(b, EBENCH_FIRST, "1081000105FF010EF00162018300");
    assert_in_range(b->sent, 1, 200);
    ebench_clear(b);
    ebench_run(b, 1000);
    ebench_receive(b, EBENCH_FIRST, "1081000105FF010EF00162018300");
    assert_int_equal(b->sent, 1);
}

static void broken_datagrams_are_counted(void **state)
{
    struct ebench *b = *state;
    ebench_receive(b, EBENCH_FIRST, "");
    ebench_receive(b, EBENCH_FIRST, "FF");
    ebench_receive(b, EBENCH_FIRST, "10810001");
    assert_int_equal(b->engine.counters.bad_frames, 3);
    assert_int_equal(b->sent, 0);
}

/* ---- discovery ---- */

static void our_node_announces_itself_and_looks_for_others(void **state)
{
    struct ebench *b = *state;
    engine_start(&b->engine);
    ebench_run(b, 10000);
    assert_string_equal(b->multicast, "Inf:D5=0105FF01 Get:D6 InfReq:D5 Get:D6 ");
    assert_string_equal(b->asked, ""); /* our own multicasts, which came back, were not answered */
    assert_int_equal(b->sent, 4);
    ebench_run(b, 2 * 3600000);
    assert_int_equal(ebench_times(b->multicast, "Get:D6 "), 6);
}

struct found {
    int lists, ids;
    char text[256];
};

static void on_found(void *ctx, const struct echonet_found *found)
{
    struct found *f = ctx;
    if (found->node_id)
        f->ids++;
    else
        f->lists++;
    (void)snprintf(f->text, sizeof(f->text), "%s %02X%02X%02X", found->host,
                   found->instances ? found->instances->group : 0,
                   found->instances ? found->instances->code : 0,
                   found->instances ? found->instances->instance : 0);
}

static void a_scan_finds_every_node_with_instances_and_id(void **state)
{
    struct ebench *b = *state;
    struct found found = { 0 };
    ebench_add_node(b, 1, EBENCH_FIRST + 1);
    engine_start(&b->engine);
    engine_discover(&b->engine, on_found, &found);
    ebench_run(b, 500);
    assert_int_equal(found.lists, 2);
    assert_int_equal(found.ids, 2);
    ebench_receive(b, EBENCH_FIRST + 4, "108100000EF0010EF0017301D5040102A101");
    assert_string_equal(found.text, "10.0.0.6 02A101");
    engine_discover(&b->engine, NULL, NULL);
    ebench_run(b, 5000);
    assert_int_equal(found.lists, 3);
}

/* Somebody announces from thousands of addresses while a device is sought: questions stay few. */
static void announcements_from_everywhere_cause_few_questions(void **state)
{
    struct ebench *b = *state;
    static const uint8_t id[NODE_ID_SIZE] = { 0xFE, 9 };
    ebench_device(b, 0, NULL, id, 1);
    for (uint32_t i = 0; i < 5000; i++)
        ebench_receive(b, 0x0B000000u + i, "108100000EF0010EF0017301D5040102A101");
    assert_in_range(b->sent, 1, 10);
}

/* ---- many ---- */

static void count_online(void *ctx, bool online, int err)
{
    (void)err;
    *(int *)ctx += online;
}

static void no_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    (void)ctx;
    (void)point;
    (void)raw;
    (void)len;
}

static void no_point(void *ctx, const struct point *point, int err)
{
    (void)ctx;
    (void)point;
    (void)err;
}

static void no_batch(void *ctx)
{
    (void)ctx;
}

#define MANY 1000

struct many {
    struct env env;
    struct ebench *clock;
    struct engine engine;
    struct {
        struct echonet_address to;
        size_t len;
        uint8_t bytes[64];
    } out[MANY];
    size_t out_count;
};

static void keep(void *ctx, const struct echonet_address *to, const uint8_t *bytes, size_t len)
{
    struct many *m = ctx;
    assert_true(to && m->out_count < MANY && len <= sizeof(m->out[0].bytes));
    m->out[m->out_count].to = *to;
    m->out[m->out_count].len = len;
    memcpy(m->out[m->out_count++].bytes, bytes, len);
}

/* Answers everything that was asked with one byte for each EPC. */
static void answer_all(struct many *m)
{
    for (size_t i = 0; i < m->out_count; i++) {
        struct echonet_frame request;
        uint8_t bytes[128];
        struct echonet_writer w;
        assert_int_equal(echonet_decode(m->out[i].bytes, m->out[i].len, &request), 0);
        echonet_begin(
            &w, bytes, sizeof(bytes),
            &(struct echonet_frame){ request.tid, request.deoj, request.seoj, ESV_GET_RES, { 0 }, { 0 } });
        struct echonet_entry e;
        while (echonet_next(&request.list, &e))
            echonet_add(&w, e.epc, "", 1);
        struct echonet_address from = m->out[i].to;
        m->out[i] = m->out[--m->out_count];
        i--;
        engine_receive(&m->engine, &from, bytes, (size_t)echonet_end(&w));
    }
}

static void a_thousand_devices_fit_and_polling_takes_no_memory(void **state)
{
    struct ebench *b = *state;
    static const struct device_events events = { no_value, no_point, no_batch, count_online, NULL };
    struct many *m = calloc(1, sizeof(*m));
    struct device **devices = calloc(MANY, sizeof(struct device *));
    int online = 0;
    assert_non_null(m);
    assert_non_null(devices);
    engine_init(&m->engine, &b->env, b->nodes[0].id, keep, m);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < MANY; i++) {
        struct echonet_target target = { .instance = 1 };
        (void)snprintf(target.host, sizeof(target.host), "10.1.%d.%d", i / 200, 1 + i % 200);
        devices[i] = engine_device_new(&m->engine, &target, &b->profile, &b->options, &events, &online);
        assert_non_null(devices[i]);
    }
    size_t after = mallinfo2().uordblks;
    for (int i = 0; i < 1000; i++) {
        ebench_run(b, 20);
        answer_all(m);
    }
    assert_int_equal(online, MANY);
    assert_int_equal(m->engine.counters.timeouts, 0);
    assert_true(m->engine.counters.answers > 4 * MANY);
    size_t polled = mallinfo2().uordblks;
    if (after > before) { /* sanitizers do not count */
        assert_true(after - before < MANY * 4096);
        assert_int_equal(polled, after);
    }
    for (int i = 0; i < MANY; i++)
        echonet_device_ops.free(devices[i]);
    engine_done(&m->engine);
    free(devices);
    free(m);
}

/* ---- real sockets ---- */

#define WE   "127.70.36.1"
#define THEY "127.70.36.2"

struct meeting {
    struct loop loop;
    struct timer patience;
    struct udp *own, *group;
    struct sockaddr_in we;
    char heard[512];
    const char *until;
    bool foreign_port;
    struct udp *odd; /* sends from another port */
    bool is_discovered, is_announced;
};

static void on_patience(struct timer *timer, void *ctx)
{
    (void)timer;
    loop_stop(&((struct meeting *)ctx)->loop);
}

static void hear(struct meeting *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void hear(struct meeting *m, const char *format, ...)
{
    va_list args;
    size_t len = strlen(m->heard);
    va_start(args, format);
    (void)vsnprintf(m->heard + len, sizeof(m->heard) - len, format, args);
    va_end(args);
    if (strstr(m->heard, m->until))
        loop_stop(&m->loop);
}

static void wait_for(struct meeting *m, const char *until)
{
    m->until = until;
    if (!strstr(m->heard, until)) {
        env_timer_start(&m->loop.env, &m->patience, 5000);
        loop_run(&m->loop);
        timer_stop(&m->patience);
    }
    char *found = strstr(m->heard, until);
    if (!found)
        fail_msg("no \"%s\" in \"%s\"", until, m->heard);
    memmove(m->heard, found + strlen(until), strlen(found + strlen(until)) + 1);
}

/* A charger on plain sockets: everything but maps is one byte. */
static void on_datagram(void *ctx, const struct sockaddr *sender, const uint8_t *bytes, size_t len)
{
    const struct sockaddr_in *from = (const struct sockaddr_in *)sender;
    struct meeting *m = ctx;
    struct echonet_frame frame;
    uint8_t answer[256];
    struct echonet_writer w;
    struct echonet_entry e;
    assert_int_equal(echonet_decode(bytes, len, &frame), 0);
    if (from->sin_addr.s_addr != m->we.sin_addr.s_addr)
        return; /* our own multicast */
    assert_int_equal(ntohs(from->sin_port), ECHONET_PORT);
    struct echonet_list list = frame.list;
    assert_true(echonet_next(&list, &e));
    m->is_announced = m->is_announced || (frame.esv == ESV_INF && e.epc == EPC_INSTANCE_LIST_NOTIFICATION);
    m->is_discovered = m->is_discovered || (frame.esv == ESV_GET && e.epc == EPC_INSTANCE_LIST);
    if (frame.esv == ESV_INFC_RES)
        hear(m, "receipt ");
    uint8_t esv = esv_answer(frame.esv, true);
    if (!esv || esv == ESV_INF)
        return;
    echonet_begin(&w, answer, sizeof(answer),
                  &(struct echonet_frame){ frame.tid, frame.deoj, frame.seoj, esv, { 0 }, { 0 } });
    for (list = frame.list; echonet_next(&list, &e);) {
        if (e.epc == EPC_INSTANCE_LIST)
            echonet_add(&w, e.epc, "\x01\x02\xA1\x01", 4);
        else if (e.epc == EPC_GET_MAP)
            echonet_add(&w, e.epc, "\x03\x9F\xC7\xDA", 4);
        else
            echonet_add(&w, e.epc, "\x41", frame.esv == ESV_GET);
    }
    int n = echonet_end(&w);
    assert_true(n > 0);
    /* Seen in the field: the answer comes from whatever port, but goes to 3610. */
    assert_int_equal(
        udp_send(m->foreign_port ? m->odd : m->own, (struct sockaddr *)&m->we, answer, (size_t)n), 0);
}

static void heard_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    assert_int_equal(len, 1);
    hear(ctx, "%s=%02X ", point->name, raw[0]);
}

static void heard_no_value(void *ctx, const struct point *point, int err)
{
    hear(ctx, "%s!%d ", point->name, err);
}

static void heard_online(void *ctx, bool online, int err)
{
    hear(ctx, "%s:%d ", online ? "online" : "offline", err);
}

static void heard_done(void *ctx, int err)
{
    hear(ctx, "done:%d ", err);
}

static void open_peer(struct meeting *m)
{
    struct udp_settings own = { .bind_address = THEY, .port = ECHONET_PORT };
    struct udp_settings odd = { .bind_address = THEY };
    struct udp_settings group = { .bind_address = ECHONET_GROUP,
                                  .port = ECHONET_PORT,
                                  .multicast_group = ECHONET_GROUP,
                                  .multicast_interface = THEY,
                                  .reuse_address = true };
    assert_int_equal(udp_new(&m->loop, &own, on_datagram, m, &m->own), 0);
    assert_int_equal(udp_new(&m->loop, &odd, on_datagram, m, &m->odd), 0);
    assert_int_equal(udp_new(&m->loop, &group, on_datagram, m, &m->group), 0);
    m->we = (struct sockaddr_in){ .sin_family = AF_INET,
                                  .sin_port = htons(ECHONET_PORT),
                                  .sin_addr.s_addr = htonl(0x7F462401u) };
}

static void send_hex(struct meeting *m, struct udp *udp, uint32_t address, const char *hex)
{
    uint8_t bytes[128];
    struct sockaddr_in to = m->we;
    int len = hex_decode(hex, bytes, sizeof(bytes));
    to.sin_addr.s_addr = htonl(address);
    assert_int_equal(udp_send(udp, (struct sockaddr *)&to, bytes, (size_t)len), 0);
}

static void everything_works_over_sockets(void **state)
{
    (void)state;
    static const struct device_events events = { heard_value, heard_no_value, no_batch, heard_online, NULL };
    static const struct point points[] = {
        { .name = "mode",
          .type = POINT_U8,
          .access = ACCESS_RW,
          .at.echonet.epc = 0xDA,
          .raw_size = 1,
          .every_ms = 60000 },
        { .name = "plug",
          .type = POINT_U8,
          .access = ACCESS_R,
          .at.echonet.epc = 0xC7,
          .raw_size = 1,
          .every_ms = 60000 },
    };
    struct point own[2];
    memcpy(own, points, sizeof(points));
    struct echonet_options options = {
        .class_group = 2, .class_code = 0xA1, .batch = 5, .timeout_ms = 2000, .pause_ms = 5
    };
    struct profile profile = { .points = own, .point_count = 2 };
    struct echonet_settings settings = {
        .bind_address = WE, .multicast_interface = WE, .port = ECHONET_PORT, .node_id = { 0xFE }
    };
    struct echonet_target target = { .host = THEY, .instance = 1 };
    struct echonet_node *node = NULL;
    struct meeting *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    assert_int_equal(loop_init(&m->loop), 0);
    timer_init(&m->patience, &m->loop.timers, on_patience, m);
    open_peer(m);

    assert_int_equal(echonet_new(&m->loop, &settings, &node), 0);
    struct device *device = echonet_device_new(node, &target, &profile, &options, &events, m);
    wait_for(m, "online:0 mode=41 plug=41 ");
    assert_int_equal(echonet_device_ops.write(device, &own[0], (const uint8_t *)"\x42", 1, heard_done, m), 0);
    wait_for(m, "done:0 ");
    wait_for(m, "mode=41 ");
    m->foreign_port = true;
    assert_int_equal(echonet_device_ops.read(device, &own[1], heard_done, m), 0);
    wait_for(m, "plug=41 done:0 ");
    send_hex(m, m->group, ECHONET_GROUP_ADDRESS, "1081000002A1010EF0017301C70143"); /* multicast INF */
    wait_for(m, "plug=43 ");
    send_hex(m, m->odd, 0x7F462401u, "1081000602A10105FF017401C70144"); /* INFC from anywhere */
    wait_for(m, "plug=44 ");
    wait_for(m, "receipt ");
    assert_true(m->is_announced && m->is_discovered);
    assert_int_equal(echonet_counters(node)->bad_frames, 0);
    send_hex(m, m->odd, 0x7F462401u, "1081");
    send_hex(m, m->odd, 0x7F462401u, "1081000002A1010EF0017301C70145");
    wait_for(m, "plug=45 ");
    assert_int_equal(echonet_counters(node)->bad_frames, 1);

    echonet_device_ops.free(device);
    echonet_free(node);
    udp_free(m->own);
    udp_free(m->odd);
    udp_free(m->group);
    loop_done(&m->loop);
    free(m);
}

static void a_socket_that_cannot_be_had_is_an_error(void **state)
{
    (void)state;
    struct loop loop;
    struct echonet_node *node = NULL;
    struct echonet_settings settings = { .bind_address = "192.0.2.1", .port = ECHONET_PORT };
    assert_int_equal(loop_init(&loop), 0);
    assert_int_equal(echonet_new(&loop, &settings, &node), -EADDRNOTAVAIL);
    (void)str_copy(settings.bind_address, sizeof(settings.bind_address), "somewhere");
    assert_int_equal(echonet_new(&loop, &settings, &node), -EINVAL);
    assert_null(node);
    loop_done(&loop);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, ebench_setup, ebench_teardown)
    const struct CMUnitTest tests[] = {
        T(our_node_answers_what_it_should_and_nothing_else),
        T(a_changed_location_is_announced),
        T(an_answer_is_never_longer_than_a_datagram),
        T(answers_are_limited_so_that_nobody_is_flooded_through_us),
        T(broken_datagrams_are_counted),
        T(our_node_announces_itself_and_looks_for_others),
        T(a_scan_finds_every_node_with_instances_and_id),
        T(announcements_from_everywhere_cause_few_questions),
        T(a_thousand_devices_fit_and_polling_takes_no_memory),
        T(everything_works_over_sockets),
        cmocka_unit_test(a_socket_that_cannot_be_had_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
