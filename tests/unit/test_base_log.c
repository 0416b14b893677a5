/* The log: format, levels, followers, and what a peer could slip in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/timestamp.h"

struct sink {
    int fd[2];
    char text[20000];
    char followed[10000];
    int lines_followed;
};

static int prepare(void **state)
{
    struct sink *s = calloc(1, sizeof(*s));
    if (!s || pipe2(s->fd, O_NONBLOCK) < 0)
        return -1;
    *state = s;
    log_setup(s->fd[1], false);
    return 0;
}

static int clean_up(void **state)
{
    struct sink *s = *state;
    log_setup(2, false);
    log_set_follower(NULL, NULL);
    log_set_level(LOG_OCPP, LOG_INFO);
    close(s->fd[0]);
    close(s->fd[1]);
    free(s);
    return 0;
}

/* What was written since the last time. */
static const char *written(struct sink *s)
{
    ssize_t len = read(s->fd[0], s->text, sizeof(s->text) - 1);
    s->text[len > 0 ? len : 0] = '\0';
    return s->text;
}

static void a_text_line_has_time_level_area_and_message(void **state)
{
    struct sink *s = *state;
    int64_t ms;
    log_warn(LOG_STATION, "connector is faulted: evse=%d", 2);
    const char *line = written(s);
    char when[TIMESTAMP_SIZE] = "";
    memcpy(when, line, sizeof(when) - 1);
    assert_int_equal(timestamp_parse(when, &ms), 0);
    assert_string_equal(line + 24, " warn  station: connector is faulted: evse=2\n");
}

static void a_json_line_is_json(void **state)
{
    struct sink *s = *state;
    log_setup(s->fd[1], true);
    log_info(LOG_NET, "a \"quoted\" back\\slash \xC3\xA4");
    const char *line = written(s);
    AUTO(json_t) *json = json_from_text(line, strlen(line));
    assert_non_null(json);
    assert_string_equal(json_get_string(json, "level", ""), "info");
    assert_string_equal(json_get_string(json, "area", ""), "net");
    assert_string_equal(json_get_string(json, "message", ""), "a \"quoted\" back\\slash \xC3\xA4");
    assert_int_equal(strlen(json_get_string(json, "time", "")), 24);
}

/* Each row: a message, and its fields as JSON with ' for ". */
static const struct {
    const char *message, *fields;
} field_rows[] = {
    { "stopped", NULL },
    { "stopping: signal=15", "{'signal': '15'}" },
    { "charger answers: station=CS1 evse=2 profile=a-b",
      "{'station': 'CS1', 'evse': '2', 'profile': 'a-b'}" },
    { "lost: code=1006 reason=\"no answer: none\" x=",
      "{'code': '1006', 'reason': 'no answer: none', 'x': ''}" },
    { "response is invalid: station=CS1 at=a.b: is missing", "{'station': 'CS1', 'at': 'a.b'}" },
    { "frame cannot be read: it is too long: station=CS1 length=9", "{'station': 'CS1', 'length': '9'}" },
    { "link: station=CS1 idle -> up: why=not", "{'station': 'CS1'}" },
    { "said: station=CS1 why=x station=CS2", "{'station': 'CS1', 'why': 'x'}" },
    { "open quote: why=\"x", "{'why': 'x'}" },
    { "no fields: at all", NULL },
    { "a=b", NULL },
};

static void json_lines_have_the_fields_apart(void **state)
{
    struct sink *s = *state;
    log_setup(s->fd[1], true);
    for (size_t i = 0; i < ARRAY_SIZE(field_rows); i++) {
        char expected[200];
        log_info(LOG_NET, "%s", field_rows[i].message);
        const char *line = written(s);
        AUTO(json_t) *json = json_from_text(line, strlen(line));
        assert_string_equal(json_get_string(json, "message", ""), field_rows[i].message);
        (void)snprintf(expected, sizeof(expected), "%s", field_rows[i].fields ? field_rows[i].fields : "");
        for (char *c = expected; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        AUTO(json_t) *fields = *expected ? json_from_text(expected, strlen(expected)) : NULL;
        json_t *found = json_object_get(json, "fields");
        if (fields ? !json_equal(found, fields) : found != NULL)
            fail_msg("%s: %s", field_rows[i].message, line);
    }
}

static void a_message_of_quotes_stays_json_at_full_length(void **state)
{
    struct sink *s = *state;
    char quotes[6000];
    memset(quotes, '"', sizeof(quotes) - 1);
    quotes[sizeof(quotes) - 1] = '\0';
    log_setup(s->fd[1], true);
    log_info(LOG_NET, "%s", quotes);
    const char *line = written(s);
    AUTO(json_t) *json = json_from_text(line, strlen(line));
    assert_int_equal(strlen(json_get_string(json, "message", "")), 3899);
}

static void a_message_cannot_start_a_line_or_drive_a_terminal(void **state)
{
    struct sink *s = *state;
    log_info(LOG_NET, "%s", "a\nb\x1B[31m\x7F \xC2\x9B \xC2\xA0 \xFF\xC3");
    assert_string_equal(written(s) + 24, " info  net: a?b?[31m? ?? \xC2\xA0 ??\n");
}

static void a_character_cut_off_at_the_end_spoils_nothing(void **state)
{
    struct sink *s = *state;
    char text[6000];
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xC3\xA4", 2);
    text[sizeof(text) - 2] = '\0';
    log_setup(s->fd[1], true);
    log_info(LOG_NET, "%s", text);
    const char *line = written(s);
    AUTO(json_t) *json = json_from_text(line, strlen(line));
    assert_non_null(json_object_get(json, "message"));
}

static void levels_are_per_area(void **state)
{
    struct sink *s = *state;
    log_debug(LOG_OCPP, "not shown");
    assert_string_equal(written(s), "");
    log_set_level(LOG_OCPP, LOG_DEBUG);
    log_debug(LOG_OCPP, "shown");
    log_debug(LOG_NET, "not shown");
    assert_string_equal(written(s) + 24, " debug ocpp: shown\n");
    log_set_level(LOG_OCPP, LOG_ERROR);
    log_warn(LOG_OCPP, "not shown");
    assert_string_equal(written(s), "");
}

static void on_line(void *ctx, const struct log_line *said)
{
    struct sink *s = ctx;
    s->lines_followed++;
    (void)snprintf(s->followed, sizeof(s->followed), "%s", said->line);
    log_info(LOG_NET, "a follower may log");
}

static void a_follower_gets_each_line_and_may_log_itself(void **state)
{
    struct sink *s = *state;
    log_set_follower(on_line, s);
    log_info(LOG_NET, "hello");
    assert_int_equal(s->lines_followed, 1);
    assert_string_equal(s->followed + 24, " info  net: hello");
    log_set_follower(NULL, NULL);
    log_info(LOG_NET, "alone");
    assert_int_equal(s->lines_followed, 1);
}

static void on_kept(void *ctx, const char *line)
{
    (void)line;
    ((struct sink *)ctx)->lines_followed++;
}

static void a_private_line_is_written_at_any_level_and_told_to_nobody(void **state)
{
    struct sink *s = *state;
    log_set_level(LOG_OCPP, LOG_ERROR);
    log_set_follower(on_line, s);
    log_set_keeper(on_kept, s);
    log_private(LOG_OCPP, LOG_WARN, "the token: token=%s", "abc");
    log_set_keeper(NULL, NULL);
    assert_string_equal(written(s) + 24, " warn  ocpp: the token: token=abc\n");
    assert_int_equal(s->lines_followed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_text_line_has_time_level_area_and_message, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_json_line_is_json, prepare, clean_up),
        cmocka_unit_test_setup_teardown(json_lines_have_the_fields_apart, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_message_of_quotes_stays_json_at_full_length, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_message_cannot_start_a_line_or_drive_a_terminal, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_character_cut_off_at_the_end_spoils_nothing, prepare, clean_up),
        cmocka_unit_test_setup_teardown(levels_are_per_area, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_follower_gets_each_line_and_may_log_itself, prepare, clean_up),
        cmocka_unit_test_setup_teardown(a_private_line_is_written_at_any_level_and_told_to_nobody, prepare,
                                        clean_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
