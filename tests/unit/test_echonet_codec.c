/* The codec by rows, and every frame and property map recorded from other people's stacks (vectors.json of the shared
 * folder; skipped where that is not). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "driver/echonet/codec.h"

#define MAX_BYTES 2048

static size_t bytes_of(const char *hex, uint8_t ret[static MAX_BYTES])
{
    int len = hex_decode(hex, ret, MAX_BYTES);
    assert_true(len >= 0);
    return (size_t)len;
}

/* ---- frames ---- */

static const struct {
    const char *name, *hex;
    int result;
    uint8_t esv;
    const char *entries; /* "EPC=EDT " each; a bar before the second list */
} frames[] = {
    { "Get", "1081000105FF01027E016201DA00", 0, ESV_GET, "DA= " },
    { "Get_Res of two", "10810002027E0105FF017202DA0144C70143", 0, ESV_GET_RES, "DA=44 C7=43 " },
    { "Get_SNA with a value in it", "10810002027E0105FF015202DA0144EE00", 0, ESV_GET_SNA, "DA=44 EE= " },
    { "no entries", "1081000105FF01027E016200", 0, ESV_GET, "" },
    { "bytes behind the last entry", "1081000105FF01027E016201DA00FFFF", 0, ESV_GET, "DA= " },
    { "SetGet", "1081000705FF01027E016E01DA014401C700", 0, ESV_SETGET, "DA=44 |C7= " },
    { "SetGet_Res", "1081000702A10105FF017E01DA0001D30400000000", 0, ESV_SETGET_RES, "DA= |D3=00000000 " },
    { "SetGet_SNA cut off (OpenECHO)", "10810007027E0105FF015E00", 0, ESV_SETGET_SNA, "" },
    { "SetGet without its second list", "1081000705FF01027E016E01DA0144", -EBADMSG, 0, NULL },
    { "SetGet cut off in its second list", "1081000705FF01027E016E01DA014402C700", -EBADMSG, 0, NULL },
    { "nothing", "", -EBADMSG, 0, NULL },
    { "one byte", "10", -EBADMSG, 0, NULL },
    { "four bytes", "10810001", -EBADMSG, 0, NULL },
    { "one byte less than the header", "1081000105FF01027E0162", -EBADMSG, 0, NULL },
    { "an entry is missing", "1081000105FF01027E016201", -EBADMSG, 0, NULL },
    { "an entry has no PDC", "1081000105FF01027E016201DA", -EBADMSG, 0, NULL },
    { "PDC points past the end", "1081000A05FF0102A1016201DA10", -EBADMSG, 0, NULL },
    { "count larger than the entries", "1081000105FF01027E0162FFDA00", -EBADMSG, 0, NULL },
    { "arbitrary message format", "1082000B05FF0102A1016201DA00", -EPROTONOSUPPORT, 0, NULL },
    { "format unknown", "1083000B05FF0102A1016201DA00", -EBADMSG, 0, NULL },
    { "the old ECHONET", "8081000B05FF0102A1016201DA00", -EPROTONOSUPPORT, 0, NULL },
    { "no ECHONET at all", "4745542F0A05FF0102A1016201DA00", -EBADMSG, 0, NULL },
    { "unknown service", "1081000105FF01027E016F01DA00", -EOPNOTSUPP, 0x6F, "" },
    { "service 0", "1081000105FF01027E010001DA00", -EOPNOTSUPP, 0, "" },
};

static void print_list(struct echonet_list list, char *text, size_t size)
{
    struct echonet_entry e;
    while (echonet_next(&list, &e)) {
        char hex[2 * 255 + 1] = "";
        hex_encode(e.edt, e.pdc, hex, sizeof(hex));
        size_t len = strlen(text);
        (void)snprintf(text + len, size - len, "%02X=%s ", e.epc, hex);
    }
}

static void frames_are_decoded_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        uint8_t bytes[MAX_BYTES];
        struct echonet_frame frame;
        size_t len = bytes_of(frames[i].hex, bytes);
        int r = echonet_decode(bytes, len, &frame);
        if (r != frames[i].result)
            fail_msg("%s: %d instead of %d", frames[i].name, r, frames[i].result);
        if (r == -EOPNOTSUPP)
            assert_int_equal(frame.esv, frames[i].esv);
        if (r < 0)
            continue;
        char text[MAX_BYTES] = "";
        print_list(frame.list, text, sizeof(text));
        if (frame.get.count)
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "|");
        print_list(frame.get, text, sizeof(text));
        assert_int_equal(frame.esv, frames[i].esv);
        if (!str_equal(text, frames[i].entries))
            fail_msg("%s: %s", frames[i].name, text);
    }
}

static void copy_list(struct echonet_list list, struct echonet_writer *w)
{
    struct echonet_entry e;
    while (echonet_next(&list, &e))
        echonet_add(w, e.epc, e.edt, e.pdc);
}

static void expect_same_after_encoding(const uint8_t *bytes, size_t len)
{
    struct echonet_frame frame;
    uint8_t again[MAX_BYTES];
    struct echonet_writer w;
    assert_int_equal(echonet_decode(bytes, len, &frame), 0);
    echonet_begin(&w, again, sizeof(again), &frame);
    copy_list(frame.list, &w);
    if (frame.esv == ESV_SETGET || frame.esv == ESV_SETGET_RES) {
        echonet_next_list(&w);
        copy_list(frame.get, &w);
    }
    assert_int_equal(echonet_end(&w), len);
    assert_memory_equal(again, bytes, len);
}

static void the_header_is_where_it_belongs(void **state)
{
    (void)state;
    uint8_t bytes[MAX_BYTES];
    struct echonet_frame frame;
    size_t len = bytes_of("1081ABCD05FF01027E026201DA00", bytes);
    assert_int_equal(echonet_decode(bytes, len, &frame), 0);
    assert_int_equal(frame.tid, 0xABCD);
    assert_true(echonet_same_object(frame.seoj, (struct echonet_object){ 0x05, 0xFF, 0x01 }));
    assert_true(echonet_same_object(frame.deoj, (struct echonet_object){ 0x02, 0x7E, 0x02 }));
    assert_int_equal(frame.list.count, 1);
}

static void a_frame_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    uint8_t bytes[20], edt[255] = { 0 };
    struct echonet_writer w;
    struct echonet_frame header = { .esv = ESV_SETC };
    echonet_begin(&w, bytes, sizeof(bytes), &header);
    assert_int_equal(echonet_room(&w), 6);
    echonet_add(&w, 0xDA, edt, 6);
    assert_int_equal(echonet_end(&w), 20);
    assert_int_equal(echonet_room(&w), -2);
    echonet_add(&w, 0xDA, edt, 0);
    assert_int_equal(echonet_end(&w), -EMSGSIZE);

    echonet_begin(&w, bytes, 11, &header);
    assert_int_equal(echonet_end(&w), -EMSGSIZE);
}

static void a_frame_holds_255_entries_and_no_more(void **state)
{
    (void)state;
    uint8_t bytes[MAX_BYTES];
    struct echonet_writer w;
    struct echonet_frame header = { .esv = ESV_GET }, frame;
    echonet_begin(&w, bytes, sizeof(bytes), &header);
    for (int i = 0; i < 255; i++)
        echonet_add(&w, 0x80, NULL, 0);
    assert_int_equal(echonet_end(&w), 12 + 2 * 255);
    assert_int_equal(echonet_room(&w), -1);
    assert_int_equal(echonet_decode(bytes, w.len, &frame), 0);
    assert_int_equal(frame.list.count, 255);
    echonet_add(&w, 0x80, NULL, 0);
    assert_int_equal(echonet_end(&w), -EMSGSIZE);
}

static void every_request_has_its_answers(void **state)
{
    (void)state;
    static const uint8_t rows[][3] = {
        { ESV_SETI, 0, ESV_SETI_SNA },
        { ESV_SETC, ESV_SET_RES, ESV_SETC_SNA },
        { ESV_GET, ESV_GET_RES, ESV_GET_SNA },
        { ESV_INF_REQ, ESV_INF, ESV_INF_SNA },
        { ESV_INFC, ESV_INFC_RES, 0 },
        { ESV_SETGET, ESV_SETGET_RES, ESV_SETGET_SNA },
        { ESV_INF, 0, 0 },
        { ESV_GET_RES, 0, 0 },
        { 0, 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(esv_answer(rows[i][0], true), rows[i][1]);
        assert_int_equal(esv_answer(rows[i][0], false), rows[i][2]);
    }
}

/* ---- property maps ---- */

static const struct {
    const char *name, *hex;
    int result, count;
} maps[] = {
    { "empty", "00", 0, 0 },
    { "list", "0380819F", 0, 3 },
    { "fifteen as a list", "0F808182838485868788898A8B8C8D8E", 0, 15 },
    { "sixteen as a bitmap", "1001010101010101010101010101010101", 0, 16 },
    { "all", "80FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0, 128 },
    { "nothing", "", -EBADMSG, 0 },
    { "bitmap cut off", "10010101010101010101010101010101", -EBADMSG, 0 },
    { "list cut off", "038081", 1, 2 },
    { "list too long", "0280819F", 1, 2 },
    { "list with a twin", "03808080", 1, 1 },
    { "list with an EPC that no map can have", "028010", 1, 1 },
    { "count and bits disagree (uecho)", "2A01010103010101030303030101030303", 1, 24 },
    { "bitmap with bytes behind it", "100101010101010101010101010101010100", 1, 16 },
};

static void property_maps_are_decoded_and_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
        uint8_t bytes[MAX_BYTES], again[PROPERTY_MAP_MAX];
        struct property_map map;
        size_t len = bytes_of(maps[i].hex, bytes);
        int r = property_map_decode(bytes, len, &map);
        if (r != maps[i].result || (r >= 0 && property_map_count(&map) != maps[i].count))
            fail_msg("%s: %d, %d entries", maps[i].name, r, property_map_count(&map));
        if (r != 0)
            continue;
        assert_int_equal(property_map_encode(&map, again), len);
        assert_memory_equal(again, bytes, len);
    }
}

static void a_map_knows_each_epc_alone(void **state)
{
    (void)state;
    for (int epc = 0; epc <= 255; epc++) {
        struct property_map map = { 0 };
        property_map_add(&map, (uint8_t)epc);
        assert_int_equal(property_map_count(&map), epc >= 0x80);
        for (int other = 0; other <= 255; other++)
            assert_int_equal(property_map_has(&map, (uint8_t)other), other == epc && epc >= 0x80);
    }
}

static void instance_lists_are_bounded(void **state)
{
    (void)state;
    struct echonet_object objects[2];
    uint8_t bytes[MAX_BYTES];
    size_t len = bytes_of("0202A101027E01", bytes);
    assert_int_equal(echonet_instances_decode(bytes, len, objects, 2), 2);
    assert_true(echonet_same_object(objects[1], (struct echonet_object){ 0x02, 0x7E, 0x01 }));
    assert_int_equal(echonet_instances_decode(bytes, len, objects, 1), 1);
    assert_int_equal(echonet_instances_decode(bytes, len - 1, objects, 2), -EBADMSG);
    assert_int_equal(echonet_instances_decode(bytes, 0, objects, 2), -EBADMSG);
    assert_int_equal(echonet_instances_decode((const uint8_t *)"", 1, objects, 2), 0);
}

/* ---- recorded ---- */

static json_t *recorded(void)
{
    char path[4096];
    const char *shared = getenv("SHARED");
    (void)snprintf(path, sizeof(path), "%s/devices/echonet/vectors.json",
                   shared ? shared : SOURCE_DIR "/../shared");
    json_t *vectors = json_load_file(path, 0, NULL);
    if (!vectors && !shared)
        vectors = json_load_file(SOURCE_DIR "/../../shared/devices/echonet/vectors.json", 0, NULL);
    return vectors;
}

static void recorded_maps_are_read(void **state)
{
    (void)state;
    json_t *vectors = recorded(), *row;
    size_t i, j;
    if (!vectors)
        skip();
    json_array_foreach(json_object_get(vectors, "property_maps"), i, row)
    {
        uint8_t bytes[MAX_BYTES];
        struct property_map map;
        size_t len = bytes_of(json_string_value(json_object_get(row, "edt")), bytes);
        int r = property_map_decode(bytes, len, &map);
        assert_int_equal(r, json_is_true(json_object_get(row, "consistent")) ? 0 : 1);
        json_t *epcs = json_object_get(row, "epcs"), *epc;
        assert_int_equal(property_map_count(&map), json_array_size(epcs));
        json_array_foreach(epcs, j, epc)
        {
            uint8_t value;
            assert_int_equal(hex_decode(json_string_value(epc), &value, 1), 1);
            assert_true(property_map_has(&map, value));
        }
    }
    assert_true(i > 5);
    json_decref(vectors);
}

/* Frames of foreign stacks, marked DEFECT or not, are well-formed but for those recorded to see what a stack does with them. */
static void recorded_frames_are_read(void **state)
{
    (void)state;
    json_t *vectors = recorded(), *row, *response;
    size_t i, j, answers = 0;
    if (!vectors)
        skip();
    json_array_foreach(json_object_get(vectors, "exchanges"), i, row)
    {
        uint8_t bytes[MAX_BYTES];
        struct echonet_frame request, answer;
        size_t len = bytes_of(json_string_value(json_object_get(row, "request")), bytes);
        int r = echonet_decode(bytes, len, &request);
        json_t *responses = json_object_get(row, "responses");
        if (r < 0)
            assert_int_equal(json_array_size(responses), 0);
        else
            expect_same_after_encoding(bytes, len);
        json_array_foreach(responses, j, response)
        {
            const char *hex = json_string_value(json_object_get(response, "frame"));
            len = bytes_of(hex, bytes);
            assert_int_equal(echonet_decode(bytes, len, &answer), 0);
            if (answer.esv != ESV_SETGET_SNA)
                expect_same_after_encoding(bytes, len);
            answers++;
        }
    }
    assert_true(i > 20 && answers > 20);
    json_decref(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_decoded_or_refused),
        cmocka_unit_test(the_header_is_where_it_belongs),
        cmocka_unit_test(a_frame_that_does_not_fit_is_an_error),
        cmocka_unit_test(a_frame_holds_255_entries_and_no_more),
        cmocka_unit_test(every_request_has_its_answers),
        cmocka_unit_test(property_maps_are_decoded_and_judged),
        cmocka_unit_test(a_map_knows_each_epc_alone),
        cmocka_unit_test(instance_lists_are_bounded),
        cmocka_unit_test(recorded_maps_are_read),
        cmocka_unit_test(recorded_frames_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
