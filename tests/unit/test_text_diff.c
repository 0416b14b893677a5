/* Diffs: what patch(1) makes the new text of, and no password in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "gateway/text_diff.h"

#define HEAD "--- a\n+++ b\n"

static void check(const char *old, const char *new, const char *expected)
{
    AUTO_FREE char *diff = text_diff("a", old, "b", new);
    assert_non_null(diff);
    assert_string_equal(diff, expected);
}

static void a_diff_reads_as_one_expects(void **state)
{
    (void)state;
    check("a\nb\n", "a\nb\n", "");
    check("", "a\n", HEAD "@@ -0,0 +1 @@\n+a\n");
    check("a\n", "", HEAD "@@ -1 +0,0 @@\n-a\n");
    check("a\nb\nc\n", "a\nB\nc\n", HEAD "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
    check("a\nb", "a\nb\n", HEAD "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
    check("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n5b\n6\n7\n8\n9\n",
          HEAD "@@ -3,6 +3,7 @@\n 3\n 4\n 5\n+5b\n 6\n 7\n 8\n");
    /* changes that are near each other are one part; six lines between are the most */
    check("a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
          HEAD "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n");
    check("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
          HEAD "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
    check("a\xff\xc3\n", "b \xe6\x97\xa5\n", HEAD "@@ -1 +1 @@\n-a??\n+b \xe6\x97\xa5\n");
    check("a\r\n", "a\n", HEAD "@@ -1 +1 @@\n-a\r\n+a\n");
}

/* ---- any texts ---- */

static uint32_t chance(uint64_t *seed, uint32_t sides)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % sides;
}

static const char *next_line(const char *at)
{
    const char *end = strchr(at, '\n');
    return end ? end + 1 : at + strlen(at);
}

static void copy_line(struct buf *out, const char *line)
{
    bool open_end = str_starts(next_line(line), "\\ No newline");
    (void)buf_append(out, line, (size_t)(next_line(line) - line) - open_end);
}

/* Does what patch(1) does; the context has to be right. */
static char *patched(const char *old, const char *diff)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    size_t line = 1;
    const char *at = next_line(next_line(diff));
    while (*at) {
        if (*at == '@') {
            size_t start = strtoul(at + 4, NULL, 10);
            start += str_starts(strchr(at, ' ') + 1 + strcspn(at + 4, ", ") + 1, ",0 ");
            for (; line < start; line++, old = next_line(old))
                (void)buf_append(&out, old, (size_t)(next_line(old) - old));
        } else if (*at != '\\') {
            struct buf own;
            buf_init(&own, 1 << 16);
            copy_line(&own, at);
            if (*at != '+') {
                assert_memory_equal(old, own.data + 1, own.len - 1);
                old = next_line(old);
                line++;
            }
            if (*at != '-')
                (void)buf_append(&out, own.data + 1, own.len - 1);
            buf_done(&own);
        }
        at = next_line(at);
    }
    (void)buf_text(&out, old);
    char *result = buf_steal(&out);
    buf_done(&out);
    return result;
}

static char *some_text(uint64_t *seed, uint32_t lines, uint32_t kinds)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    (void)buf_text(&out, "");
    for (uint32_t i = 0; i < lines; i++)
        (void)buf_printf(&out, "line %u%s", (unsigned)chance(seed, kinds),
                         i + 1 < lines || chance(seed, 3) ? "\n" : "");
    char *text = buf_steal(&out);
    buf_done(&out);
    return text;
}

static void the_new_text_can_be_made_of_the_old_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t s = seed;
        uint32_t kinds = 1 + chance(&s, 20);
        AUTO_FREE char *old = some_text(&s, chance(&s, 40), kinds);
        AUTO_FREE char *new = some_text(&s, chance(&s, 40), kinds);
        AUTO_FREE char *diff = text_diff("a", old, "b", new);
        assert_non_null(diff);
        if (!*diff) {
            assert_string_equal(old, new);
            continue;
        }
        AUTO_FREE char *made = patched(old, diff);
        if (!str_equal(made, new))
            print_error("%s\n----\n%s\n----\n%s", old, new, diff);
        assert_string_equal(made, new);
    }
}

static size_t count_marks(const char *diff, char mark)
{
    size_t count = 0;
    for (const char *at = next_line(next_line(diff)); *at; at = next_line(at))
        count += *at == mark;
    return count;
}

/* Every second line is another: few enough to be found singly, or too many, or in too long a text. */
static void what_is_too_much_is_one_change(void **state)
{
    static const struct {
        unsigned lines, changed;
        size_t marks;
    } rows[] = {
        { 1000, 450, 450 }, { 1000, 501, 1000 }, { 9999, 100, 100 }, { 10100, 4, 10100 }, { 1, 1, 1 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf old, new;
        buf_init(&old, 1 << 20);
        buf_init(&new, 1 << 20);
        for (unsigned n = 0; n < rows[i].lines; n++) {
            bool changed = n + 1 == rows[i].lines || (n % 2 == 0 && n / 2 + 1 < rows[i].changed);
            (void)buf_printf(&old, "line %u\n", n);
            (void)buf_printf(&new, "line %u%s\n", n, changed ? "b" : "");
        }
        AUTO_FREE char *diff = text_diff("a", buf_string(&old), "b", buf_string(&new));
        assert_non_null(diff);
        assert_int_equal(count_marks(diff, '-'), rows[i].marks);
        assert_int_equal(count_marks(diff, '+'), rows[i].marks);
        AUTO_FREE char *made = patched(buf_string(&old), diff);
        assert_string_equal(made, buf_string(&new));
        buf_done(&old);
        buf_done(&new);
    }
}

static void a_diff_has_an_end(void **state)
{
    (void)state;
    AUTO_FREE char *old = malloc(3 << 20);
    assert_non_null(old);
    for (size_t i = 0; i < 3 << 20; i++)
        old[i] = i % 64 == 63 ? '\n' : 'x';
    old[(3 << 20) - 1] = '\0';
    AUTO_FREE char *diff = text_diff("a", old, "b", "y\n");
    assert_non_null(diff);
    assert_true(strlen(diff) < TEXT_DIFF_MAX_BYTES + 200);
    assert_non_null(strstr(diff, "\n... and more, which is not shown\n"));
}

/* ---- passwords ---- */

static void passwords_are_hidden(void **state)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        { "a: 1\n", "a: 1\n" },
        { "password: secret # x\n", "password: *** # x\n" },
        { "password:   \"se\\\"cret\"\nb: 1\n", "password:   ***\nb: 1\n" },
        { "{ password: secret, unit: 1 }\n", "{ password: ***, unit: 1 }\n" },
        { "{\"password\":\"secret\",\"unit\":1}", "{\"password\":***,\"unit\":1}" },
        { "password: |\n  secret\n  secret\nb: 1\n", "password: ***\n\n\nb: 1\n" },
        { "password:\n  secret\nb: 1\n", "password: ***\n  ***\nb: 1\n" },
        { "password: secret\n  secret\nb: 1\n", "password: ***\n\nb: 1\n" },
        { "\"pass\\u0077ord\": secret\n", "\"pass\\u0077ord\": ***\n" },
        { "? password\n: secret\n", "? password\n: ***\n" },
        { "password: [ secret, { a: secret } ]\n", "password: ***\n" },
        { "password: \"\"\n", "password: ***\n" },
        { "a: 1 # password: secret\n#   password: secret\n", "a: 1 # password: ***\n#   password: ***\n" },
        { "password_file: /etc/x\n", "password_file: /etc/x\n" },
        { "\xef\xbb\xbfö: 日本\npassword: secret\n", "\xef\xbb\xbfö: 日本\npassword: ***\n" },
        /* no YAML: more may go */
        { "a: [\n  password: secret, unit: 1\n  b: 1\n", "a: [\n  password: ***\n  b: 1\n" },
        { "a: [\npassword: |\n  secret\n\n  secret\nb: 1", "a: [\npassword: ***\n***\n\n***\nb: 1" },
        { "a: ]\n- password:\n    secret\n- b", "a: ]\n- password: ***\n***\n- b" },
        { "a: ]\n\"password\" : 'secret\n secret'\n", "a: ]\n\"password\" : ***\n***\n" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *shown = text_hide_passwords(rows[i].text);
        assert_string_equal(shown, rows[i].shown);
    }
}

static void a_changed_password_is_a_change_that_does_not_tell_it(void **state)
{
    (void)state;
    check("id: 1\npassword: one\n", "id: 1\npassword: two\n",
          HEAD "@@ -1,2 +1,2 @@\n id: 1\n-password: ***\n+password: ***\n");
    check("id: 1\npassword: |\n  one\n", "id: 2\npassword: |\n  one\n",
          HEAD "@@ -1,3 +1,3 @@\n-id: 1\n+id: 2\n password: ***\n \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_diff_reads_as_one_expects),
        cmocka_unit_test(the_new_text_can_be_made_of_the_old_one),
        cmocka_unit_test(what_is_too_much_is_one_change),
        cmocka_unit_test(a_diff_has_an_end),
        cmocka_unit_test(passwords_are_hidden),
        cmocka_unit_test(a_changed_password_is_a_change_that_does_not_tell_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
