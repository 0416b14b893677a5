/* What is shown of frames: to the log and to those who watch; and what must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "gateway/events.h"
#include "ocpp/secrets.h"

struct bench {
    struct buf log;
    json_t *event;
    struct events events;
};

static void on_line(void *ctx, const struct log_line *said)
{
    struct bench *b = ctx;
    (void)buf_text(&b->log, said->line);
}

static void on_frame(void *ctx, const char *station, bool outgoing, const char *text, size_t len)
{
    struct bench *b = ctx;
    json_decref(b->event);
    b->event = events_frame_json(station, outgoing, text, len);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    buf_init(&b->log, 1 << 20);
    b->events = (struct events){ .on_frame = on_frame, .ctx = b };
    log_set_follower(on_line, b);
    log_set_level(LOG_OCPP, LOG_DEBUG);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    log_set_follower(NULL, NULL);
    log_set_level(LOG_OCPP, LOG_INFO);
    json_decref(b->event);
    buf_done(&b->log);
    free(b);
    return 0;
}

/* clang-format off */
static const struct {
    const char *name, *frame;
} secrets[] = {
    { "the password of the station",
      "[2,\"1\",\"SetVariables\",{\"setVariableData\":[{\"attributeValue\":\"SECRET\",\"component\":{\"name\":\"SecurityCtrlr\"},"
      "\"variable\":{\"name\":\"BasicAuthPassword\"}}]}]" },
    { "the same in other letters",
      "[2,\"1\",\"SetVariables\",{\"setVariableData\":[{\"attributeValue\":\"SECRET\",\"component\":{\"name\":\"SecurityCtrlr\"},"
      "\"variable\":{\"name\":\"basicauthpassword\"}}]}]" },
    { "the same in escapes",
      "[2,\"1\",\"SetVariables\",{\"setVariableData\":[{\"attributeValue\":\"SECRET\",\"component\":{\"name\":\"SecurityCtrlr\"},"
      "\"variable\":{\"name\":\"Basic\\u0041uthPassword\"}}]}]" },
    { "a network's passwords",
      "[2,\"1\",\"SetNetworkProfile\",{\"connectionData\":{\"vpn\":{\"password\":\"SECRET\",\"key\":\"SECRET\"},"
      "\"apn\":{\"apnPassword\":\"SECRET\"}}}]" },
    { "the user of a server", "[2,\"1\",\"GetLog\",{\"log\":{\"remoteLocation\":\"ftp://user:SECRET@host/x\"}}]" },
    { "a URL that is signed", "[2,\"1\",\"GetLog\",{\"log\":{\"remoteLocation\":\"https://h/x?sig=SECRET\"}}]" },
    { "a signed URL with a user",
      "[2,\"1\",\"UpdateFirmware\",{\"firmware\":{\"location\":\"https://u:SECRET@h/x?sig=SECRET\"}}]" },
    { "a key code", "[2,\"1\",\"Authorize\",{\"idToken\":{\"idToken\":\"SECRET\",\"type\":\"KeyCode\"}}]" },
    { "a frame that is no JSON", "[2,\"1\",\"SetVariables\",{\"setVariableData\":[{\"attributeValue\":\"SECRET\"," },
};
/* clang-format on */

static void no_secret_is_shown(void **state) /* C04.FR.04 */
{
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
        buf_clear(&b->log);
        events_frame(&b->events, "CS1", false, secrets[i].frame, strlen(secrets[i].frame));
        AUTO_FREE char *shown = b->event ? json_to_text(b->event) : NULL;
        if (!b->log.len || strstr(buf_string(&b->log), "SECRET") || !shown || strstr(shown, "SECRET"))
            fail_msg("%s: log: %s\nevent: %s", secrets[i].name, buf_string(&b->log), shown ? shown : "none");
    }
}

static void all_else_is_shown(void **state)
{
    struct bench *b = *state;
    static const char frame[] = "[2,\"1\",\"SetVariables\",{\"setVariableData\":[{\"attributeValue\":\"77\","
                                "\"component\":{\"name\":\"OCPPCommCtrlr\"},"
                                "\"variable\":{\"name\":\"HeartbeatInterval\"}}]}]";
    events_frame(&b->events, "CS1", true, frame, strlen(frame));
    assert_non_null(strstr(buf_string(&b->log), "\"attributeValue\":\"77\""));
    AUTO(json_t) *expected = json_from_text(frame, strlen(frame));
    assert_true(json_equal(json_object_get(b->event, "frame"), expected));
    assert_true(json_get_bool(b->event, "outgoing", false));
}

static void a_frame_that_is_no_json_is_shown_as_text(void **state)
{
    struct bench *b = *state;
    static const char frame[] = "hello\x01 \xFF";
    events_frame(&b->events, "CS1", false, frame, strlen(frame));
    assert_string_equal(json_get_string(b->event, "frame", ""), "hello? ?");
    assert_non_null(strstr(buf_string(&b->log), "hello"));
}

static void nothing_is_read_while_no_one_looks(void **state)
{
    struct bench *b = *state;
    log_set_level(LOG_OCPP, LOG_INFO);
    events_frame(&(struct events){ 0 }, "CS1", false, NULL, 5); /* would crash */
    assert_int_equal(b->log.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_secret_is_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_else_is_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_frame_that_is_no_json_is_shown_as_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_read_while_no_one_looks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
