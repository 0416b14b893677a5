/* Short ways with jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/json.h"

static json_t *from(const char *text)
{
    return json_from_text(text, strlen(text));
}

static void members_are_read_with_fallbacks(void **state)
{
    (void)state;
    AUTO(json_t) *o =
        from("{\"s\": \"x\", \"i\": 7, \"r\": 7.0, \"h\": 7.5, \"b\": true, \"n\": null, \"e\": 1e300}");
    assert_string_equal(json_get_string(o, "s", "-"), "x");
    assert_string_equal(json_get_string(o, "i", "-"), "-");
    assert_string_equal(json_get_string(o, "n", "-"), "-");
    assert_int_equal(json_get_int(o, "i", -1), 7);
    assert_int_equal(json_get_int(o, "r", -1), 7);
    assert_int_equal(json_get_int(o, "h", -1), -1);
    assert_int_equal(json_get_int(o, "e", -1), -1);
    assert_int_equal(json_get_int(o, "absent", -1), -1);
    assert_int_equal(json_get_int(NULL, "i", -1), -1);
    assert_true(json_get_number(o, "h", 0) == 7.5);
    assert_true(json_get_number(o, "i", 0) == 7);
    assert_true(json_get_bool(o, "b", false));
    assert_true(json_get_bool(o, "i", true));
}

static void optional_members_are_left_out(void **state)
{
    (void)state;
    AUTO(json_t) *o = json_object();
    assert_int_equal(json_set_optional(o, "a", NULL), 0);
    assert_int_equal(json_set_text(o, "b", NULL), 0);
    assert_int_equal(json_set_text(o, "c", ""), 0);
    assert_int_equal(json_set_text(o, "d", "x"), 0);
    assert_int_equal(json_set_optional(o, "e", json_real(0.1)), 0);
    AUTO_FREE char *text = json_to_text(o);
    assert_string_equal(text, "{\"d\":\"x\",\"e\":0.1}");
}

static void only_exactly_one_value_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        { "1", true },         { "\"a\"", true },     { " null ", true },
        { "", false },         { "1 2", false },      { "{} x", false },
        { "{\"a\":}", false }, { "\"\xFF\"", false }, { "\"\\ud800\"", false },
        { "[1,]", false },     { "nul", false },      { "\"a\\u0000b\"", true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO(json_t) *value = from(rows[i].text);
        assert_int_equal(value != NULL, rows[i].good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_read_with_fallbacks),
        cmocka_unit_test(optional_members_are_left_out),
        cmocka_unit_test(only_exactly_one_value_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
