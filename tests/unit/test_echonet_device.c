/* A device in virtual time: what it is asked, what its answers and its silence mean. The quirks are those of real devices
 * and stacks. */
#include "tests/support/echonet_bench.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"

#define HOST "10.0.0.2"

static struct ebench *online(void **state)
{
    struct ebench *b = *state;
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 2000);
    ebench_heard(b, "online ");
    ebench_clear(b);
    return b;
}

/* ---- reading ---- */

static void the_map_is_read_first_then_all_points_in_batches(void **state)
{
    struct ebench *b = *state;
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 2000);
    assert_string_equal(b->asked, "Get:9F Get:9E Get:9D Get:D6 Get:DA,C7,D3,C8 Get:E6 ");
    assert_string_equal(b->heard, "online mode=44 plug=30 power=00000000 power_all=00000000 low=000003E8 "
                                  "high=00001770 tag=024142 ");
    assert_int_equal(b->batches, 2);
}

static void polls_come_in_their_interval(void **state)
{
    struct ebench *b = online(state);
    ebench_run(b, 60000);
    assert_int_equal(ebench_times(b->asked, "Get:DA,C7,D3,E6 "), 11);
    assert_int_equal(ebench_times(b->asked, "Get:DA,C7,D3,C8 Get:E6 "), 1);
    assert_int_equal(ebench_times(b->heard, "high=00001770 "), 1);
}

static void the_node_has_one_request_at_a_time_and_a_pause(void **state)
{
    struct ebench *b = *state;
    for (int i = 0; i < 3; i++)
        ebench_device(b, i, HOST, NULL, 1); /* three on one node, as a bridge has them */
    b->nodes[0].delay_ms = 500;
    for (int i = 0; i < 300; i++) {
        size_t before = b->sent;
        ebench_run(b, 100);
        assert_true(b->sent - before <= 1);
    }
    assert_int_equal(ebench_times(b->asked, "!"), 0);
    assert_int_equal(ebench_times(b->heard, "online "), 3);
}

static void sna_means_not_now_and_is_asked_again(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].properties[0xD3].refused = true;
    ebench_run(b, 6000);
    ebench_heard(b, "power!2001 ");
    ebench_heard(b, "mode=44 "); /* the others came through */
    b->nodes[0].properties[0xD3].refused = false;
    ebench_clear(b);
    ebench_run(b, 6000);
    ebench_heard(b, "power=00000000 ");
}

static void entries_count_not_the_esv(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].esv = ESV_GET_SNA; /* uecho: although every value is there */
    ebench_run(b, 6000);
    ebench_heard(b, "mode=44 ");
    ebench_clear(b);
    b->nodes[0].esv = ESV_GET_RES; /* uecho: with an entry that is empty */
    b->nodes[0].properties[0xD3].refused = true;
    ebench_run(b, 6000);
    ebench_heard(b, "power!2001 ");
}

static void a_wrong_size_is_discarded_for_that_property_only(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].properties[0xD3].len = 2;
    b->nodes[0].properties[0xC7].len = 5;
    ebench_run(b, 6000);
    assert_int_equal(ebench_times(b->heard, "power="), 0);
    assert_int_equal(ebench_times(b->heard, "plug="), 0);
    ebench_heard(b, "power!74 ");
    assert_int_equal(ebench_read(b, 0, "plug"), 0);
    ebench_run(b, 300);
    ebench_heard(b, "done:2001 ");
    ebench_heard(b, "mode=44 ");
}

static void an_unlisted_property_is_asked_alone_and_seldom_once_refused(void **state)
{
    struct ebench *b = *state;
    static const uint8_t listed[] = { 0xDA, 0xC7, 0xD3, 0xC8 };
    ebench_set_map(&b->nodes[0], listed, sizeof(listed));
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 30000);
    assert_true(ebench_times(b->asked, "Get:E6 ") >= 5); /* it answers, listed or not */
    assert_int_equal(ebench_times(b->asked, ",E6"), 0);
    b->nodes[0].properties[0xE6].refused = true;
    ebench_run(b, 6000);
    ebench_clear(b);
    ebench_run(b, 120000);
    assert_int_equal(ebench_times(b->asked, "Get:E6 "), 2);
}

static void a_map_that_contradicts_itself_is_not_believed(void **state)
{
    struct ebench *b = *state;
    b->nodes[0].map_len = PROPERTY_MAP_MAX; /* uecho: no class property in it */
    memcpy(b->nodes[0].map, "\x2A\x01\x01\x01\x03\x01\x01\x01\x03\x03\x03\x03\x03\x01\x01\x03\x03",
           PROPERTY_MAP_MAX);
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 7000);
    ebench_asked(b, "Get:DA,C7,D3,E6 ");
}

static void a_device_without_map_is_polled_all_the_same(void **state)
{
    struct ebench *b = *state;
    b->nodes[0].mute_epc = EPC_GET_MAP;
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 12000);
    ebench_heard(b, "online ");
    ebench_heard(b, "tag=024142 ");
    assert_int_equal(ebench_times(b->heard, "offline"), 0);
}

static void a_read_comes_before_its_time(void **state)
{
    struct ebench *b = online(state);
    assert_int_equal(ebench_read(b, 0, "low"), 0);
    assert_string_equal(b->heard, "");
    ebench_run(b, 300);
    assert_string_equal(b->asked, "Get:C8 ");
    assert_string_equal(b->heard, "low=000003E8 high=00001770 done:0 ");
    b->nodes[0].properties[0xC8].refused = true;
    ebench_clear(b);
    assert_int_equal(ebench_read(b, 0, "high"), 0);
    ebench_run(b, 300);
    assert_string_equal(b->heard, "low!2001 high!2001 done:2001 ");
    assert_int_equal(ebench_read(b, 0, "look"), -EINVAL);
}

/* ---- what a device has ---- */

static void what_is_neither_listed_nor_answered_is_not_polled_until_the_device_begins_anew(void **state)
{
    struct ebench *b = *state;
    static const uint8_t listed[] = { 0xDA, 0xC7, 0xD3 }, more[] = { 0xDA, 0xC7, 0xD3, 0xC8, 0xE6 };
    ebench_set_map(&b->nodes[0], listed, sizeof(listed)); /* 3: a list */
    b->nodes[0].properties[0xC8].refused = true;
    b->nodes[0].mute_epc = 0xE6;
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 60000);
    assert_int_equal(ebench_times(b->asked, "C8"), 1);
    ebench_heard(b, "low!2001 high!2001 ");
    ebench_heard(b, "tag!2002 ");
    ebench_clear(b);
    ebench_run(b, 600000);
    assert_int_equal(ebench_times(b->asked, "C8"), 0);
    assert_int_equal(ebench_times(b->asked, "E6"), 0);
    assert_int_equal(ebench_times(b->asked, "Get:DA,C7,D3 "), 120);
    assert_int_equal(ebench_read(b, 0, "low"), 0); /* costs nobody a wait */
    ebench_run(b, 1);
    ebench_heard(b, "done:2001 ");
    assert_int_equal(ebench_times(b->asked, "C8"), 0);

    b->nodes[0].mute_epc = 0; /* new firmware */
    b->nodes[0].properties[0xC8].refused = false;
    ebench_set_map(&b->nodes[0], more, sizeof(more));
    ebench_clear(b);
    ebench_receive(b, EBENCH_FIRST, "108100000EF0010EF0017301D5040102A101");
    ebench_run(b, 10000);
    ebench_asked(b, "C8,E6 "); /* both are listed, so together */
    ebench_heard(b, "tag=024142 ");
}

static void a_map_of_sixteen_and_more_is_a_bitmap(void **state)
{
    struct ebench *b = *state;
    static const uint8_t listed[] = { 0x80, 0x81, 0x82, 0x83, 0x88, 0x8A, 0x9D, 0x9E, 0x9F,
                                      0xC5, 0xC7, 0xCC, 0xCD, 0xD3, 0xD8, 0xDA, 0xE6 };
    ebench_set_map(&b->nodes[0], listed, sizeof(listed));
    assert_int_equal(b->nodes[0].map_len, PROPERTY_MAP_MAX);
    b->nodes[0].properties[0xC8].refused = true; /* the only one that is not in it */
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 600000);
    assert_int_equal(ebench_times(b->asked, "C8"), 1);
    ebench_asked(b, "Get:DA,C7,D3,E6 ");
}

static void what_the_set_map_does_not_name_is_not_written(void **state)
{
    struct ebench *b = *state;
    ebench_set(&b->nodes[0].properties[EPC_SET_MAP], "0281DA");
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 2000);
    ebench_clear(b);
    assert_int_equal(ebench_write(b, 0, "look", 0x10), 0);
    assert_string_equal(b->heard, ""); /* never from inside the call */
    ebench_run(b, 300);
    assert_string_equal(b->heard, "done:2001 ");
    assert_int_equal(ebench_times(b->asked, "SetC"), 0);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 300);
    ebench_asked(b, "SetC:DA=42 ");
    ebench_heard(b, "done:0 ");
}

/* What the charger writes when the device comes online waits until it is known whether it may. */
static void a_write_waits_for_the_set_map(void **state)
{
    struct ebench *b = *state;
    ebench_set(&b->nodes[0].properties[EPC_SET_MAP], "0281DA");
    ebench_device(b, 0, HOST, NULL, 1);
    assert_int_equal(ebench_write(b, 0, "look", 0x10), 0);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 2000);
    ebench_heard(b, "done:2001 ");
    ebench_heard(b, "done:0 ");
    assert_int_equal(ebench_times(b->asked, "SetC:CD=10 "), 0);
    assert_true(strstr(b->asked, "Get:9E ") < strstr(b->asked, "SetC:DA=42 "));
}

static void a_set_map_that_is_refused_silent_or_wrong_forbids_nothing(void **state)
{
    struct ebench *b = *state;
    for (int i = 0; i < 3; i++) {
        b->nodes[0].mute_epc = i == 1 ? EPC_SET_MAP : 0;
        ebench_set(&b->nodes[0].properties[EPC_SET_MAP], i == 2 ? "0581DA" : ""); /* 5, and two follow */
        ebench_device(b, 0, HOST, NULL, 1);
        assert_int_equal(ebench_write(b, 0, "look", 0x10), 0);
        ebench_run(b, 1700); /* one time-out at most */
        ebench_asked(b, "SetC:CD=10 ");
        ebench_heard(b, "done:0 ");
        ebench_run(b, 20000);
        assert_int_equal(ebench_times(b->heard, "offline"), 0);
        echonet_device_ops.free(b->devices[0]);
        b->devices[0] = NULL;
        ebench_clear(b);
    }
}

/* A meter (028D) beside the charger, in one profile. */
static void another_object_of_the_node_has_maps_of_its_own(void **state)
{
    struct ebench *b = *state;
    struct ebench_node *node = &b->nodes[0];
    struct point *meter = (struct point *)(uintptr_t)ebench_point(b, "tag");
    meter->at.echonet.class_group = 0x02;
    meter->at.echonet.class_code = 0x8D;
    meter->at.echonet.epc = 0xE7;
    node->second = (struct echonet_object){ 0x02, 0x8D, 1 };
    ebench_set(&node->second_properties[EPC_GET_MAP], "0180"); /* E7 is not in it, as DA and C7 are not */
    ebench_set(&node->second_properties[0xE7], "0102");
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 8000);
    ebench_heard(b, "tag=0102 ");
    ebench_asked(b, "Get:DA,C7,D3 ");
    ebench_asked(b, "Get:E7 ");
    ebench_clear(b);
    ebench_receive(b, EBENCH_FIRST, "10810000028D010EF0017301E7020304");
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301E7020506"); /* not the charger's */
    assert_string_equal(b->heard, "tag=0304 ");
}

static void two_chargers_on_one_node_are_two(void **state)
{
    struct ebench *b = *state;
    struct ebench_node *node = &b->nodes[0];
    node->second = (struct echonet_object){ 0x02, 0xA1, 2 };
    ebench_set(&node->second_properties[0xDA], "43");
    ebench_set(&node->second_properties[0xC7], "41");
    node->delay_ms = 300;
    ebench_device(b, 0, HOST, NULL, 2);
    ebench_run(b, 8000);
    ebench_heard(b, "mode=43 ");
    ebench_heard(b, "plug=41 ");
    assert_int_equal(ebench_times(b->heard, "mode=44 "), 0);
    ebench_device(b, 1, HOST, NULL, 1);
    ebench_run(b, 8000);
    ebench_clear(b);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    assert_int_equal(ebench_write(b, 1, "mode", 0x47), 0);
    ebench_run(b, 5000);
    assert_int_equal(ebench_times(b->heard, "done:0 "), 2);
    assert_int_equal(node->second_properties[0xDA].edt[0], 0x42);
    assert_int_equal(node->properties[0xDA].edt[0], 0x47);
    assert_int_equal(ebench_times(b->asked, "!"), 0); /* one request at a time, whatever the instance */
}

/* ---- late, foreign, unasked ---- */

static void what_was_announced_is_not_asked_for_before_its_interval(void **state)
{
    struct ebench *b = online(state);
    for (int i = 0; i < 30; i++) { /* each 2 s; polls are every 5 s */
        ebench_run(b, 2000);
        ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141");
    }
    assert_int_equal(ebench_times(b->asked, "C7"), 0);
    assert_true(ebench_times(b->asked, "DA") >= 11);
    ebench_clear(b);
    ebench_run(b, 30000); /* no more announcements: polled again */
    assert_true(ebench_times(b->asked, "C7") >= 4);
}

static void an_announcement_spares_nobody_who_waits_for_an_answer(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].delay_ms = 300;
    assert_int_equal(ebench_read(b, 0, "plug"), 0);
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141");
    ebench_run(b, 1000);
    ebench_heard(b, "done:0 ");
}

/* Seen: the INF of the new value comes before the Set_Res. */
static void an_announcement_before_the_set_res_is_taken_and_the_set_res_too(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].delay_ms = 500;
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 200);
    char hex[64]; /* with the TID of the SetC, as notifications may have */
    (void)snprintf(hex, sizeof(hex), "1081%04X02A1010EF0017301DA0142", b->engine.next_tid);
    ebench_receive(b, EBENCH_FIRST, hex);
    assert_string_equal(b->heard, "mode=42 ");
    ebench_run(b, 2000);
    assert_int_equal(ebench_times(b->heard, "done:0 "), 1);
    assert_int_equal(ebench_times(b->asked, "SetC"), 1);
}

static void the_same_answer_twice_does_no_harm(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE;
    ebench_run(b, 3500);
    assert_string_equal(b->asked, "Get:DA,C7,D3,E6 ");
    char hex[128];
    (void)snprintf(hex, sizeof(hex), "1081%04X02A10105FF017204DA0142C70141D30400000001E6020141",
                   b->engine.next_tid);
    for (int i = 0; i < 3; i++)
        ebench_receive(b, EBENCH_FIRST, hex);
    b->nodes[0].mute = ANSWERS;
    assert_int_equal(b->engine.counters.late_answers, 2);
    ebench_run(b, 20000);
    assert_int_equal(b->engine.counters.timeouts, 0);
    assert_int_equal(ebench_times(b->asked, "Get:DA,C7,D3,E6 "), 5);
}

static void a_late_answer_to_an_older_try_is_taken(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].delay_ms = 1500;
    ebench_run(b, 30000);
    assert_int_equal(ebench_times(b->heard, "offline"), 0);
    assert_true(ebench_times(b->heard, "mode=44 ") >= 3);
    assert_true(b->engine.counters.late_answers > 0);
}

static void an_answer_with_a_foreign_tid_is_taken_if_it_can_only_be_ours(void **state)
{
    struct ebench *b = *state;
    b->nodes[0].foreign_tid = true;
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 12000);
    ebench_heard(b, "mode=44 ");
    assert_int_equal(b->engine.counters.timeouts, 0);
}

static void no_foreign_answer_lands_in_a_request(void **state)
{
    static const struct {
        const char *name, *rest;
        uint32_t from;
        uint16_t tid_offset;
    } rows[] = {
        { "another address", "02A10105FF017202DA0143C70141", EBENCH_FIRST + 1, 0 },
        { "another object", "02A10205FF017204DA0143C70141D30400000000E60100", EBENCH_FIRST, 0 },
        { "an EPC that was not asked for", "02A10105FF017201D80400000000", EBENCH_FIRST, 0 },
        { "a Set_Res", "02A10105FF017104DA00C700D300E600", EBENCH_FIRST, 0 },
        { "a foreign TID and not all EPCs", "02A10105FF017201DA0143", EBENCH_FIRST, 500 },
    };
    struct ebench *b = online(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        b->nodes[0].mute = MUTE;
        ebench_run(b, 3200);
        char hex[128];
        (void)snprintf(hex, sizeof(hex), "1081%04X%s", (uint16_t)(b->engine.next_tid + rows[i].tid_offset),
                       rows[i].rest);
        ebench_receive(b, rows[i].from, hex);
        if (ebench_times(b->heard, "=43") || ebench_times(b->heard, "=41"))
            fail_msg("%s: %s", rows[i].name, b->heard);
        b->nodes[0].mute = ANSWERS;
        ebench_run(b, 60000);
        ebench_clear(b);
    }
}

static void an_announcement_feeds_the_same_points(void **state)
{
    struct ebench *b = online(state);
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017302C70141D304000003E8");
    assert_string_equal(b->heard, "plug=41 power=000003E8 power_all=000003E8 ");
    assert_int_equal(b->batches, 1);
    assert_int_equal(b->sent, 0);
    ebench_receive(b, EBENCH_FIRST, "1081000002A1020EF0017301C70142");     /* another instance */
    ebench_receive(b, EBENCH_FIRST + 1, "1081000002A1010EF0017301C70142"); /* another node */
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C700");       /* nothing in it */
    assert_int_equal(b->batches, 1);
}

static void an_announcement_with_receipt_is_acknowledged(void **state)
{
    struct ebench *b = online(state);
    uint8_t expected[] = {
        0x10, 0x81, 0x00, 0x06, 0x05, 0xFF, 0x01, 0x02, 0xA1, 0x01, 0x7A, 0x01, 0xC7, 0x00
    };
    ebench_receive(b, EBENCH_FIRST, "1081000602A10105FF017401C70141");
    assert_string_equal(b->heard, "plug=41 ");
    assert_int_equal(b->last_len, sizeof(expected));
    assert_memory_equal(b->last, expected, sizeof(expected));
}

static void an_announcement_in_the_name_of_the_node_profile_counts_if_there_is_one_device(void **state)
{
    struct ebench *b = online(state);
    ebench_receive(b, EBENCH_FIRST, "108107000EF0010EF0017301DA0142"); /* uecho */
    assert_string_equal(b->heard, "mode=42 ");
    ebench_receive(b, EBENCH_FIRST,
                   "108107000EF0010EF0017301D30400000001"); /* the profile's own: number of instances */
    assert_string_equal(b->heard, "mode=42 ");
}

static void a_node_that_starts_anew_is_read_anew_and_the_charger_told(void **state)
{
    struct ebench *b = online(state);
    ebench_run(b, 10000);
    ebench_clear(b);
    ebench_receive(b, EBENCH_FIRST, "108100000EF0010EF0017301D5040102A101");
    ebench_run(b, 1000);
    ebench_asked(b, "Get:9F ");
    ebench_asked(b, "C8");
    assert_int_equal(ebench_times(b->heard, "online "), 1);
    ebench_clear(b);
    for (int i = 0; i < 100; i++) { /* not as often as somebody likes */
        ebench_receive(b, EBENCH_FIRST, "108100000EF0010EF0017301D5040102A101");
        ebench_run(b, 10);
    }
    assert_int_equal(ebench_times(b->asked, "Get:9F "), 0);
}

static void a_list_that_somebody_asked_for_is_no_restart(void **state)
{
    struct ebench *b = online(state);
    ebench_run(b, 10000);
    ebench_clear(b);
    ebench_receive(b, EBENCH_FIRST + 7, "1081000905FF010EF0016301D500"); /* another controller, to all */
    ebench_receive(b, EBENCH_FIRST, "108100000EF0010EF0017301D5040102A101");
    ebench_receive(b, EBENCH_FIRST, "108100090EF00105FF017301D5040102A101"); /* this one names who asked */
    ebench_run(b, 1000);
    assert_int_equal(ebench_times(b->heard, "online "), 0);
    assert_int_equal(ebench_times(b->asked, "Get:9F "), 0);
}

static int warnings;

static void count_warnings(void *ctx, const struct log_line *said)
{
    (void)ctx;
    warnings += strstr(said->line, "announcements do not arrive") != NULL;
}

static void announcements_that_never_arrive_are_noticed_once(void **state)
{
    struct ebench *b = *state;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    b->nodes[0].properties[EPC_INF_MAP].len = 3;
    memcpy(b->nodes[0].properties[EPC_INF_MAP].edt, "\x02\xC7\xDA", 3);
    ebench_device(b, 0, HOST, NULL, 1);
    warnings = 0;
    log_setup(null, false);
    log_set_level(LOG_ECHONET, LOG_WARN);
    log_set_follower(count_warnings, NULL);
    for (uint8_t i = 0; i < 10; i++) { /* announced in time: no complaint */
        ebench_run(b, 5000);
        b->nodes[0].properties[0xC7].edt[0] = 0x30 + (i & 1);
        ebench_receive(b, EBENCH_FIRST,
                       i & 1 ? "1081000002A1010EF0017301C70131" : "1081000002A1010EF0017301C70130");
    }
    assert_int_equal(warnings, 0);
    for (uint8_t i = 0; i < 10; i++) {
        ebench_run(b, 5000);
        b->nodes[0].properties[0xC7].edt[0] = 0x40 + (i & 1);
    }
    log_set_follower(NULL, NULL);
    log_set_level(LOG_ECHONET, LOG_ERROR);
    log_setup(STDERR_FILENO, false);
    close(null);
    assert_int_equal(warnings, 1);
}

/* ---- silence ---- */

static void a_silent_device_is_given_up_probed_ever_slower_and_comes_back(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE;
    ebench_run(b, 5000 + 1100 + 2200 + 4400);
    assert_int_equal(ebench_times(b->heard, "offline:2002 "), 1);
    ebench_clear(b);
    ebench_run(b, 600000);
    int probes = ebench_times(b->asked, "Get:");
    assert_true(probes >= 10 && probes <= 16); /* 2 s, 4 s, ... 60 s */
    assert_string_equal(b->heard, "");
    b->nodes[0].mute = ANSWERS;
    ebench_run(b, 62000);
    assert_int_equal(ebench_times(b->heard, "online "), 1);
    ebench_heard(b, "tag=024142 ");
    ebench_heard(b, "low=000003E8 ");
}

static void a_device_that_never_answered_is_told_offline(void **state)
{
    struct ebench *b = *state;
    b->nodes[0].mute = MUTE;
    ebench_device(b, 0, HOST, NULL, 1);
    ebench_run(b, 10000);
    assert_string_equal(b->heard, "offline:2002 ");
}

static void an_object_that_its_node_does_not_have_is_offline(void **state)
{
    struct ebench *b = *state;
    ebench_device(b, 0, HOST, NULL, 7);
    ebench_run(b, 100000);
    assert_string_equal(b->heard, "offline:2002 ");
}

static void an_announcement_brings_it_back_at_once(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE;
    ebench_run(b, 300000);
    ebench_clear(b);
    b->nodes[0].mute = ANSWERS;
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141");
    assert_string_equal(b->heard, "online plug=41 ");
    ebench_run(b, 2000);
    ebench_heard(b, "mode=44 ");
}

static void announcements_keep_it_alive_when_requests_get_no_answer(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE;
    for (int i = 0; i < 30; i++) {
        ebench_run(b, 2000);
        ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141");
    }
    assert_int_equal(ebench_times(b->heard, "offline"), 0);
    ebench_heard(b, "mode!2002 "); /* but what is not announced is not known */
}

static void a_batch_too_big_for_the_device_is_split_and_the_size_remembered(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].drop_above = 2;
    ebench_run(b, 60000);
    assert_int_equal(ebench_times(b->heard, "offline"), 0);
    ebench_clear(b);
    uint64_t timeouts = b->engine.counters.timeouts;
    ebench_run(b, 60000);
    assert_int_equal(b->engine.counters.timeouts, timeouts);
    assert_true(ebench_times(b->heard, "mode=44 ") >= 11);
    ebench_asked(b, "Get:DA,C7 ");
    b->nodes[0].drop_above = 0; /* once an hour a larger one is tried */
    for (int i = 0; i < 60; i++) {
        ebench_clear(b);
        ebench_run(b, 60000);
    }
    ebench_clear(b);
    ebench_run(b, 10000);
    ebench_asked(b, "Get:DA,C7,D3,E6 ");
}

static void a_device_that_answers_fewer_is_asked_for_the_rest(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].cut_to = 3;
    ebench_run(b, 30000);
    assert_true(ebench_times(b->heard, "tag=024142 ") >= 5);
    assert_int_equal(ebench_times(b->heard, "!"), 0);
    assert_int_equal(b->engine.counters.timeouts, 0);
    ebench_clear(b);
    ebench_run(b, 10000);
    ebench_asked(b, "Get:DA,C7,D3 ");
    assert_int_equal(ebench_times(b->asked, "Get:DA,C7,D3,E6 "), 0);
}

static void the_batch_size_is_remembered_over_silence_and_restart(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].drop_above = 2;
    ebench_run(b, 60000);
    b->nodes[0].mute = MUTE;
    ebench_run(b, 120000);
    ebench_heard(b, "offline:2002 ");
    b->nodes[0].mute = ANSWERS;
    ebench_run(b, 70000);
    ebench_clear(b);
    ebench_receive(b, EBENCH_FIRST, "108100000EF0010EF0017301D5040102A101");
    uint64_t timeouts = b->engine.counters.timeouts;
    ebench_run(b, 60000);
    ebench_heard(b, "online ");
    assert_int_equal(b->engine.counters.timeouts, timeouts);
    assert_int_equal(ebench_times(b->asked, "Get:DA,C7,D3"), 0);
}

static void one_property_that_is_never_answered_harms_no_other(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute_epc = 0xD3;
    ebench_run(b, 40000);
    assert_int_equal(ebench_times(b->heard, "offline"), 0);
    ebench_heard(b, "power!2002 ");
    ebench_run(b, 200000);
    ebench_clear(b);
    ebench_run(b, 300000);
    assert_true(ebench_times(b->asked, "Get:D3 ") <= 15); /* two tries a minute at most */
    assert_true(ebench_times(b->heard, "mode=44 ") >= 50);
    ebench_asked(b, "Get:DA,C7,E6 "); /* the batch size is as it was */
    b->nodes[0].mute_epc = 0;
    ebench_run(b, 70000);
    ebench_heard(b, "power=00000000 ");
}

static void one_lost_answer_changes_nothing(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE;
    ebench_run(b, 4000);
    b->nodes[0].mute = ANSWERS;
    ebench_run(b, 20000);
    ebench_clear(b);
    ebench_run(b, 10000);
    assert_int_equal(ebench_times(b->asked, "Get:DA,C7,D3,E6 "), 2);
}

/* ---- writing ---- */

static void a_write_is_acknowledged_and_then_looked_at(void **state)
{
    struct ebench *b = online(state);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    assert_string_equal(b->heard, "");
    ebench_run(b, 300);
    assert_string_equal(b->asked, "SetC:DA=42 Get:DA ");
    assert_string_equal(b->heard, "done:0 mode=42 ");
}

static void a_refused_write_is_an_exception(void **state)
{
    static const uint8_t esvs[] = { ESV_SETC_SNA, ESV_SETI_SNA }; /* uecho says 0x50 for 0x51 */
    struct ebench *b = online(state);
    b->nodes[0].properties[0xDA].refused = true;
    for (size_t i = 0; i < ARRAY_SIZE(esvs); i++) {
        ebench_clear(b);
        b->nodes[0].esv = esvs[i];
        assert_int_equal(ebench_write(b, 0, "mode", 0x99), 0);
        ebench_run(b, 200);
        assert_string_equal(b->heard, "done:2001 ");
    }
}

static void a_write_whose_answer_was_lost_is_not_repeated(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE_SET;
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 2000);
    assert_string_equal(b->asked, "SetC:DA=42 Get:DA ");
    assert_string_equal(b->heard, "mode=42 done:0 ");
}

/* The answer to a Get from before the SetC does not tell whether the SetC was executed. */
static void a_late_poll_is_no_look_at_what_was_written(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE_SET;
    b->nodes[0].delay_ms = 3200;
    while (!ebench_times(b->asked, "Get"))
        ebench_run(b, 10);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 12000);
    assert_int_equal(ebench_times(b->asked, "SetC"), 1);
    assert_int_equal(ebench_times(b->heard, "done:0 "), 1);
}

static void a_write_that_was_lost_is_repeated_after_a_look(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = DEAF_SET;
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 1250);
    assert_string_equal(b->asked, "SetC:DA=42 Get:DA SetC:DA=42 ");
    b->nodes[0].mute = ANSWERS;
    ebench_run(b, 3000);
    ebench_heard(b, "done:0 ");
    assert_int_equal(ebench_times(b->asked, "SetC"), 3 - (b->nodes[0].properties[0xDA].edt[0] != 0x42));
}

static void a_write_that_is_never_answered_fails_and_is_not_tried_for_ever(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = DEAF_SET;
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 30000);
    assert_int_equal(ebench_times(b->asked, "SetC"), 3);
    assert_int_equal(ebench_times(b->heard, "done:2002 "), 1);
    assert_int_equal(ebench_times(b->heard, "offline"), 0); /* Gets are answered */
}

static void a_write_only_property_is_never_repeated(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE_SET;
    assert_int_equal(ebench_write(b, 0, "look", 0x10), 0); /* it switches a relay */
    ebench_run(b, 20000);
    assert_int_equal(ebench_times(b->asked, "SetC"), 1);
    ebench_heard(b, "done:2002 ");
    assert_int_equal(ebench_times(b->heard, "offline"), 0);
}

static void a_late_set_res_counts(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].delay_ms = 1200;
    assert_int_equal(ebench_write(b, 0, "look", 0x10), 0);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 10000);
    assert_int_equal(ebench_times(b->heard, "done:"), 2);
    ebench_heard(b, "done:0 ");
    assert_int_equal(ebench_times(b->asked, "SetC:DA=42 "), 1);
}

static void a_set_res_with_a_foreign_tid_is_none(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].foreign_tid = true;
    assert_int_equal(ebench_write(b, 0, "look", 0x10), 0);
    ebench_run(b, 3000);
    ebench_heard(b, "done:2002 ");
}

static void a_newer_write_takes_the_place_of_one_that_waits(void **state)
{
    struct ebench *b = online(state);
    assert_int_equal(ebench_write(b, 0, "look", 0x10), 0);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    assert_int_equal(ebench_write(b, 0, "mode", 0x44), 0);
    assert_string_equal(b->heard, "");
    ebench_run(b, 1000);
    assert_int_equal(ebench_times(b->asked, "SetC:DA=42 "), 0);
    assert_int_equal(ebench_times(b->asked, "SetC:DA=44 "), 1);
    assert_int_equal(ebench_times(b->heard, "done:2006 "), 1);
    assert_int_equal(ebench_times(b->heard, "done:0 "), 2);
}

static void writes_go_before_polls_and_fail_with_the_device(void **state)
{
    struct ebench *b = online(state);
    b->nodes[0].mute = MUTE;
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    assert_int_equal(ebench_write(b, 0, "look", 0x10), 0);
    ebench_run(b, 40000);
    assert_int_equal(ebench_times(b->heard, "done:2002 "), 2);
    assert_int_equal(ebench_times(b->heard, "offline:2002 "), 1);
    ebench_clear(b);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0); /* a silent one is tried once */
    ebench_run(b, 1200);
    assert_string_equal(b->asked, "SetC:DA=42 ");
    assert_string_equal(b->heard, "done:2002 ");
}

static void what_cannot_be_written_is_refused(void **state)
{
    struct ebench *b = online(state);
    uint8_t raw[256] = { 0 };
    int (*write)(struct device *, const struct point *, const uint8_t *, size_t, device_done, void *) =
        echonet_device_ops.write;
    assert_int_equal(ebench_write(b, 0, "plug", 0x41), -EINVAL);
    assert_int_equal(write(b->devices[0], ebench_point(b, "mode"), raw, 0, NULL, NULL), -EINVAL);
    assert_int_equal(write(b->devices[0], ebench_point(b, "mode"), raw, 256, NULL, NULL), -EINVAL);
}

static void the_queue_is_bounded(void **state)
{
    struct ebench *b = online(state);
    int r = 0, queued = 0;
    for (; r == 0 && queued < 1000; queued++)
        r = ebench_read(b, 0, "mode");
    assert_int_equal(r, -ENOBUFS);
    assert_true(queued < 100);
    ebench_run(b, 1000);
    assert_int_equal(ebench_times(b->heard, "done:0 "), queued - 1);
}

static void a_freed_device_calls_nobody(void **state)
{
    struct ebench *b = online(state);
    ebench_device(b, 1, HOST, NULL, 1);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    assert_int_equal(ebench_write(b, 0, "mode", 0x44), 0);
    assert_int_equal(ebench_read(b, 0, "power"), 0);
    ebench_run(b, 1);
    ebench_clear(b);
    echonet_device_ops.free(b->devices[0]);
    b->devices[0] = NULL;
    ebench_run(b, 20000);
    assert_int_equal(ebench_times(b->heard, "done"), 0);
    assert_int_equal(ebench_times(b->heard, "online "), 1); /* the other one on that node goes on */
}

/* ---- where it is ---- */

static void a_device_is_found_by_its_node_id(void **state)
{
    struct ebench *b = *state;
    ebench_add_node(b, 1, EBENCH_FIRST + 1);
    engine_start(&b->engine);
    ebench_device(b, 0, NULL, b->nodes[1].id, 1);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), -2003); /* not found yet */
    b->nodes[1].properties[0xC7].edt[0] = 0x41;
    ebench_run(b, 3000);
    ebench_heard(b, "online ");
    ebench_heard(b, "plug=41 ");
    assert_int_equal(ebench_times(b->heard, "plug=30 "), 0);
}

static void a_device_nobody_knows_is_offline_and_looked_for(void **state)
{
    struct ebench *b = *state;
    static const uint8_t id[NODE_ID_SIZE] = { 0xFE, 9 };
    engine_start(&b->engine);
    ebench_device(b, 0, NULL, id, 1);
    ebench_run(b, 10000);
    assert_string_equal(b->heard, "offline:2003 ");
    ebench_clear(b);
    ebench_run(b, 600000);
    assert_true(ebench_times(b->multicast, "Get:83 ") >= 27 && ebench_times(b->multicast, "Get:83 ") <= 33);
}

static void a_device_that_moved_is_found_again(void **state)
{
    struct ebench *b = *state;
    engine_start(&b->engine);
    ebench_device(b, 0, HOST, b->nodes[0].id, 1);
    ebench_run(b, 3000);
    ebench_heard(b, "online ");
    ebench_clear(b);
    b->nodes[0].address = EBENCH_FIRST + 9;
    ebench_run(b, 60000);
    ebench_heard(b, "offline:2002 ");
    ebench_heard(b, "online ");
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 300);
    ebench_heard(b, "done:0 ");
}

static void a_device_that_moved_and_announces_itself_is_found_at_once(void **state)
{
    struct ebench *b = *state;
    engine_start(&b->engine);
    ebench_device(b, 0, HOST, b->nodes[0].id, 1);
    ebench_run(b, 3000);
    b->nodes[0].mute = MUTE;
    ebench_run(b, 100000);
    ebench_clear(b);
    b->nodes[0].mute = ANSWERS;
    b->nodes[0].address = EBENCH_FIRST + 9;
    ebench_receive(b, EBENCH_FIRST + 9, "108100000EF0010EF0017301D5040102A101");
    ebench_run(b, 500);
    ebench_heard(b, "online ");
}

/* Two chargers swap their addresses in a power cut: nothing meant for the one reaches the other. */
static void two_that_swapped_their_addresses_are_found_again(void **state)
{
    struct ebench *b = *state;
    ebench_add_node(b, 1, EBENCH_FIRST + 1);
    b->nodes[1].properties[0xC7].edt[0] = 0x41;
    engine_start(&b->engine);
    ebench_device(b, 0, HOST, b->nodes[0].id, 1);
    ebench_run(b, 20000);
    ebench_heard(b, "plug=30 ");
    b->nodes[0].address = EBENCH_FIRST + 1;
    b->nodes[1].address = EBENCH_FIRST;
    ebench_clear(b);
    ebench_receive(b, EBENCH_FIRST, "108100000EF0010EF0017301D5040102A101"); /* as both do */
    ebench_receive(b, EBENCH_FIRST + 1, "108100000EF0010EF0017301D5040102A101");
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141"); /* the other one's */
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 30000);
    ebench_heard(b, "offline:2003 ");
    ebench_heard(b, "plug=30 ");
    assert_int_equal(ebench_times(b->heard, "plug=41 "), 0);
    assert_int_equal(b->nodes[1].properties[0xDA].edt[0], 0x44);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 1000);
    assert_int_equal(b->nodes[0].properties[0xDA].edt[0], 0x42);
}

/* Soon after discovery a list is no restart, but it may be another node's. */
static void a_list_of_another_node_at_the_address_is_noticed_at_once(void **state)
{
    struct ebench *b = *state;
    engine_start(&b->engine);
    ebench_device(b, 0, HOST, b->nodes[0].id, 1);
    ebench_run(b, 3000);
    ebench_heard(b, "online ");
    b->nodes[0].id[5] ^= 1;
    ebench_clear(b);
    ebench_receive(b, EBENCH_FIRST, "108100000EF0010EF0017301D5040102A101");
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141");
    ebench_run(b, 500);
    assert_string_equal(b->heard, "offline:2003 ");
    for (int i = 0; i < 100; i++) { /* no flood of questions by a flood of lists */
        ebench_receive(b, EBENCH_FIRST, "108100000EF0010EF0017301D5040102A101");
        ebench_run(b, 10);
    }
    assert_true(ebench_times(b->asked, "Get:83 ") <= 11);
}

static void a_swap_that_nobody_announced_is_noticed(void **state)
{
    struct ebench *b = *state;
    for (int i = 0; i < 2; i++) { /* 0: some requests stayed out meanwhile; 1: none did */
        ebench_add_node(b, 0, EBENCH_FIRST);
        ebench_add_node(b, 1, EBENCH_FIRST + 1);
        engine_start(&b->engine);
        ebench_device(b, 0, HOST, b->nodes[0].id, 1);
        ebench_run(b, 20000);
        if (i == 0) {
            b->nodes[0].mute = MUTE;
            ebench_run(b, 1500);
            b->nodes[0].mute = ANSWERS;
        }
        b->nodes[0].address = EBENCH_FIRST + 1;
        b->nodes[1].address = EBENCH_FIRST;
        ebench_clear(b);
        ebench_run(b, i == 0 ? 10000 : 610000);
        ebench_heard(b, "offline:2003 ");
        ebench_run(b, 30000);
        ebench_heard(b, "online ");
        echonet_device_ops.free(b->devices[0]);
        b->devices[0] = NULL;
        ebench_clear(b);
    }
}

static void nothing_is_written_to_another_node_at_the_address(void **state)
{
    struct ebench *b = *state;
    uint8_t id[NODE_ID_SIZE];
    memcpy(id, b->nodes[0].id, sizeof(id));
    id[5] ^= 1;
    engine_start(&b->engine);
    ebench_device(b, 0, HOST, id, 1);
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 100000);
    assert_int_equal(ebench_times(b->asked, "SetC"), 0);
    assert_int_equal(ebench_times(b->heard, "="), 0);
    ebench_heard(b, "done:2003 ");
    assert_int_equal(ebench_times(b->heard, "offline:2003 "), 1);
}

static void a_node_without_id_has_to_do_by_its_address(void **state)
{
    struct ebench *b = *state;
    uint8_t id[NODE_ID_SIZE];
    memcpy(id, b->nodes[0].id, sizeof(id));
    b->nodes[0].id[0] = 0; /* answers SNA */
    ebench_device(b, 0, HOST, id, 1);
    ebench_run(b, 3000);
    ebench_heard(b, "online ");
    b->nodes[0].mute_epc = EPC_NODE_ID; /* or nothing */
    ebench_device(b, 1, HOST, id, 1);
    ebench_clear(b);
    ebench_run(b, 20000);
    ebench_heard(b, "online ");
}

/* ---- IPv6 ---- */

#define HOST6 "fe80::a00:2%3"

static void a_device_is_reached_by_ipv6(void **state)
{
    struct ebench *b = *state;
    b->nodes[0].ipv6 = true;
    ebench_device(b, 0, HOST6, NULL, 1);
    ebench_run(b, 2000);
    ebench_heard(b, "online ");
    assert_int_equal(ebench_write(b, 0, "mode", 0x42), 0);
    ebench_run(b, 300);
    ebench_heard(b, "done:0 ");
    ebench_clear(b);
    ebench_receive_ipv6(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141");
    assert_string_equal(b->heard, "plug=41 ");
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C70142"); /* the same digits are another place */
    assert_string_equal(b->heard, "plug=41 ");
}

/* A node with both announces everything twice. */
static void a_node_with_ipv4_and_ipv6_is_one_device(void **state)
{
    struct ebench *b = *state;
    ebench_add_node(b, 1, EBENCH_FIRST);
    b->nodes[1].ipv6 = true;
    memcpy(b->nodes[1].id, b->nodes[0].id, NODE_ID_SIZE);
    engine_start(&b->engine);
    ebench_device(b, 0, NULL, b->nodes[0].id, 1);
    ebench_run(b, 5000);
    assert_int_equal(ebench_times(b->heard, "online "), 1);
    ebench_clear(b);
    ebench_receive(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141");
    ebench_receive_ipv6(b, EBENCH_FIRST, "1081000002A1010EF0017301C70141");
    assert_string_equal(b->heard, "plug=41 ");
    b->nodes[0].mute = MUTE; /* the cable of one network is pulled */
    ebench_clear(b);
    ebench_run(b, 60000);
    ebench_heard(b, "offline:2002 ");
    ebench_heard(b, "online ");
}

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *again; /* NULL: refused */
    } rows[] = {
        { "10.0.0.2", "10.0.0.2" },
        { "fd00:0::02", "fd00::2" },
        { "fe80::1%7777", "fe80::1%7777" }, /* no interface of that index: the number stays */
        { "fe80::1", "fe80::1" },
        { "fe80::1%lo", "fe80::1%lo" },
        { "fe80::1%nosuchinterface", "fe80::1" }, /* not there now */
        { "::ffff:10.0.0.2", "10.0.0.2" },
        { "fe80::1%", NULL },
        { "fe80::1%aninterfacenametoolong", NULL },
        { "fd00::1%lo", NULL },
        { "10.0.0.2%lo", NULL },
        { "10.0.0", NULL },
        { "charger", NULL },
        { "", NULL },
        { "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", NULL },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct echonet_address a, b;
        struct sockaddr_storage socket;
        char text[ECHONET_ADDRESS_TEXT];
        int r = echonet_address_parse(rows[i].text, &a);
        assert_int_equal(r, rows[i].again ? 0 : -EINVAL);
        if (r < 0)
            continue;
        echonet_address_format(&a, text);
        assert_string_equal(text, rows[i].again);
        echonet_address_to_socket(&a, 3610, &socket);
        echonet_address_from_socket((struct sockaddr *)&socket, &b);
        assert_true(echonet_same_address(&a, &b));
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, ebench_setup, ebench_teardown)
    const struct CMUnitTest tests[] = {
        T(the_map_is_read_first_then_all_points_in_batches),
        T(polls_come_in_their_interval),
        T(the_node_has_one_request_at_a_time_and_a_pause),
        T(sna_means_not_now_and_is_asked_again),
        T(entries_count_not_the_esv),
        T(a_wrong_size_is_discarded_for_that_property_only),
        T(an_unlisted_property_is_asked_alone_and_seldom_once_refused),
        T(a_map_that_contradicts_itself_is_not_believed),
        T(a_device_without_map_is_polled_all_the_same),
        T(a_read_comes_before_its_time),
        T(what_is_neither_listed_nor_answered_is_not_polled_until_the_device_begins_anew),
        T(a_map_of_sixteen_and_more_is_a_bitmap),
        T(what_the_set_map_does_not_name_is_not_written),
        T(a_write_waits_for_the_set_map),
        T(a_set_map_that_is_refused_silent_or_wrong_forbids_nothing),
        T(another_object_of_the_node_has_maps_of_its_own),
        T(two_chargers_on_one_node_are_two),
        T(what_was_announced_is_not_asked_for_before_its_interval),
        T(an_announcement_spares_nobody_who_waits_for_an_answer),
        T(an_announcement_before_the_set_res_is_taken_and_the_set_res_too),
        T(the_same_answer_twice_does_no_harm),
        T(a_late_answer_to_an_older_try_is_taken),
        T(an_answer_with_a_foreign_tid_is_taken_if_it_can_only_be_ours),
        T(no_foreign_answer_lands_in_a_request),
        T(an_announcement_feeds_the_same_points),
        T(an_announcement_with_receipt_is_acknowledged),
        T(an_announcement_in_the_name_of_the_node_profile_counts_if_there_is_one_device),
        T(a_node_that_starts_anew_is_read_anew_and_the_charger_told),
        T(a_list_that_somebody_asked_for_is_no_restart),
        T(announcements_that_never_arrive_are_noticed_once),
        T(a_silent_device_is_given_up_probed_ever_slower_and_comes_back),
        T(a_device_that_never_answered_is_told_offline),
        T(an_object_that_its_node_does_not_have_is_offline),
        T(an_announcement_brings_it_back_at_once),
        T(announcements_keep_it_alive_when_requests_get_no_answer),
        T(a_batch_too_big_for_the_device_is_split_and_the_size_remembered),
        T(a_device_that_answers_fewer_is_asked_for_the_rest),
        T(the_batch_size_is_remembered_over_silence_and_restart),
        T(one_property_that_is_never_answered_harms_no_other),
        T(one_lost_answer_changes_nothing),
        T(a_write_is_acknowledged_and_then_looked_at),
        T(a_refused_write_is_an_exception),
        T(a_write_whose_answer_was_lost_is_not_repeated),
        T(a_late_poll_is_no_look_at_what_was_written),
        T(a_write_that_was_lost_is_repeated_after_a_look),
        T(a_write_that_is_never_answered_fails_and_is_not_tried_for_ever),
        T(a_write_only_property_is_never_repeated),
        T(a_late_set_res_counts),
        T(a_set_res_with_a_foreign_tid_is_none),
        T(a_newer_write_takes_the_place_of_one_that_waits),
        T(writes_go_before_polls_and_fail_with_the_device),
        T(what_cannot_be_written_is_refused),
        T(the_queue_is_bounded),
        T(a_freed_device_calls_nobody),
        T(a_device_is_found_by_its_node_id),
        T(a_device_nobody_knows_is_offline_and_looked_for),
        T(a_device_that_moved_is_found_again),
        T(a_device_that_moved_and_announces_itself_is_found_at_once),
        T(two_that_swapped_their_addresses_are_found_again),
        T(a_list_of_another_node_at_the_address_is_noticed_at_once),
        T(a_swap_that_nobody_announced_is_noticed),
        T(nothing_is_written_to_another_node_at_the_address),
        T(a_node_without_id_has_to_do_by_its_address),
        T(a_device_is_reached_by_ipv6),
        T(a_node_with_ipv4_and_ipv6_is_one_device),
        cmocka_unit_test(addresses_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
