/* Wrong profiles: each file of tests/profiles/bad says in its first lines which messages it earns, all of them and in this order,
 *
 *     # expect: 12: points.power.type: "u31" is unknown; ...      a line of this file
 *     # expect: base.yaml:3: vendor: ...                          or of one that it extends (tests/profiles/bad/bases)
 *     # repeat: 600: "  p$: { at: input $, type: u16 }"           stands for as many lines, $ being 0, 1, ...
 *     # bytes: "notes: \xFF"                                      a line with bytes that an editor would not keep
 *
 * and nothing else is wrong in it. Each is read once more for each allocation, which fails: then it is refused all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/str.h"
#include "charger/profile.h"
#include "station/station.h"
#include "support/short_memory.h"

#define DIRECTORY   SOURCE_DIR "/tests/profiles/bad"
#define LEAST_FILES 60
#define MAX_SIZE    (1 << 20)
#define MAX_FAILING 300 /* allocations tried of one file; of more, some */

struct bad {
    char name[80]; /* of the file */
    struct buf expected, text;
};

/* ---- files ---- */

static char *read_file(const char *path)
{
    struct buf b;
    char chunk[4096];
    size_t n = 0;
    FILE *f = fopen(path, "rbe");
    if (!f)
        return NULL;
    buf_init(&b, MAX_SIZE);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_append(&b, chunk, n);
    (void)fclose(f);
    return buf_steal(&b);
}

static char *find(void *ctx, const char *name)
{
    char path[512];
    bool was_counting = memory.counting;
    (void)ctx;
    memory.counting = false;
    (void)snprintf(path, sizeof(path), DIRECTORY "/bases/%s.yaml", name);
    char *text = read_file(path);
    memory.counting = was_counting;
    return text;
}

static const struct profile_source source = { .find = find, .check_variable = station_check_device_variable };

/* What stands between the quotes: $ is the number, \xHH a byte. */
static void add_made(struct bad *bad, const char *quoted, const char *end, int number)
{
    for (const char *at = quoted; at < end; at++) {
        uint8_t byte = 0;
        char digits[3] = "";
        if (*at == '$') {
            buf_printf(&bad->text, "%d", number);
        } else if (str_starts(at, "\\x")) {
            memcpy(digits, at + 2, 2);
            assert_int_equal(hex_decode(digits, &byte, 1), 1);
            buf_append(&bad->text, &byte, 1);
            at += 3;
        } else {
            buf_append(&bad->text, at, 1);
        }
    }
    buf_text(&bad->text, "\n");
}

static void add_line(struct bad *bad, const char *line, size_t len)
{
    const char *begin = memchr(line, '"', len), *end = line + len - 1;
    int times = 1;
    bool made = str_starts(line, "# repeat: ") || str_starts(line, "# bytes: ");
    if (str_starts(line, "# expect: ")) {
        const char *what = line + strlen("# expect: ");
        bool own = *what >= '0' && *what <= '9';
        buf_printf(&bad->expected, "%s%s%.*s\n", own ? bad->name : "", own ? ":" : "",
                   (int)(line + len - what), what);
    }
    if (str_starts(line, "# repeat: "))
        times = (int)strtol(line + strlen("# repeat: "), NULL, 10);
    assert_true(!made || (begin && end > begin && *end == '"' && times > 0));
    for (int i = 0; made && i < times; i++)
        add_made(bad, begin + 1, end, i);
    if (!made)
        buf_append(&bad->text, line, len);
    if (!made)
        buf_text(&bad->text, "\n");
}

static void read_bad(const char *name, struct bad *ret)
{
    char path[512];
    (void)snprintf(path, sizeof(path), DIRECTORY "/%s", name);
    AUTO_FREE char *text = read_file(path);
    assert_non_null(text);
    (void)str_copy(ret->name, sizeof(ret->name), name);
    buf_init(&ret->expected, MAX_SIZE);
    buf_init(&ret->text, MAX_SIZE);
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        add_line(ret, line, strcspn(line, "\n"));
    assert_int_equal(ret->text.err, 0);
}

static void bad_done(struct bad *bad)
{
    buf_done(&bad->expected);
    buf_done(&bad->text);
}

static int is_profile(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && str_equal(dot, ".yaml");
}

/* Calls for each file; how many there are. */
static int for_each(void (*visit)(struct bad *bad))
{
    struct dirent **entries = NULL;
    int count = scandir(DIRECTORY, &entries, is_profile, alphasort);
    for (int i = 0; i < count; i++) {
        struct bad bad;
        read_bad(entries[i]->d_name, &bad);
        visit(&bad);
        bad_done(&bad);
        free(entries[i]);
    }
    free(entries);
    return count;
}

static int parse(struct bad *bad, struct problems *problems)
{
    struct profile *profile = NULL;
    problems_init(problems);
    int r = profile_parse(bad->name, buf_string(&bad->text), bad->text.len, &source, problems, &profile);
    assert_int_equal(profile != NULL, r == 0);
    profile_free(profile);
    return r;
}

/* ---- tests ---- */

static int wrong;

static void compare(struct bad *bad)
{
    struct problems problems;
    struct buf said;
    buf_init(&said, MAX_SIZE);
    int r = parse(bad, &problems);
    problems_sort(&problems, bad->name);
    for (size_t i = 0; i < problems.count; i++)
        buf_printf(&said, "%s\n", problems.list[i].text);
    if (problems.total > problems.count)
        buf_printf(&said, "and %zu more\n", problems.total - problems.count);
    if (r != -EINVAL || !str_equal(buf_string(&said), buf_string(&bad->expected))) {
        wrong++;
        (void)printf("%s: %d\n--- expected\n%s--- said\n%s", bad->name, r, buf_string(&bad->expected),
                     buf_string(&said)); /* may be long, for cmocka */
    }
    buf_done(&said);
    problems_done(&problems);
}

static void each_says_what_is_wrong_and_where(void **state)
{
    (void)state;
    wrong = 0;
    assert_true(for_each(compare) >= LEAST_FILES);
    assert_int_equal(wrong, 0);
}

static void run_short_of_memory(struct bad *bad)
{
    struct problems problems;
    count_from_now(0);
    (void)parse(bad, &problems);
    memory.counting = false;
    long count = memory.count, step = 1 + count / MAX_FAILING;
    problems_done(&problems);
    for (long fail_at = 1; fail_at <= count; fail_at += step) {
        count_from_now(fail_at);
        int r = parse(bad, &problems);
        memory.counting = false;
        if (r != -ENOMEM && !(r == -EINVAL && problems.total))
            fail_msg("%s: allocation %ld: %d", bad->name, fail_at, r);
        problems_done(&problems);
    }
}

static void none_is_taken_for_good_or_harmful_when_memory_runs_out(void **state)
{
    (void)state;
    (void)for_each(run_short_of_memory);
}

/* ---- every key of the manual has its mistake ---- */

static struct buf all_expected;

static void gather(struct bad *bad)
{
    buf_text(&all_expected, buf_string(&bad->expected));
}

/* As a part of a path or a word of a message. */
static bool is_named(const char *word, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *text = buf_string(&all_expected), *at = text;
    for (; (at = strstr(at, word)); at++)
        if ((at == text || !strchr(letters, at[-1])) && (!at[len] || !strchr(letters, at[len])))
            return true;
    return false;
}

/* The keys of a row stand in ` ` in its first cell; `_l2` goes on with the name before it. */
static int missing_of_row(const char *row)
{
    char cell[200], key[60];
    int missing = 0;
    (void)snprintf(cell, sizeof(cell), "%.*s", (int)strcspn(row + 1, "|"), row + 1);
    for (char *at = strchr(cell, '`'); at; at = strchr(at, '`')) {
        char *end = strchr(++at, '`');
        if (!end)
            break;
        for (char *rest = at; rest < end;) {
            size_t len = strspn(rest, "abcdefghijklmnopqrstuvwxyz_0123456789");
            (void)snprintf(key, sizeof(key), "%.*s", (int)len, rest);
            bool may_be_wrong = len && *rest != '_' && !str_equal(key, "notes"); /* which nobody reads */
            if (may_be_wrong && !is_named(key, len)) {
                missing++;
                print_message("no bad profile is wrong at %s\n", key);
            }
            bool goes_on = rest[len] == ' ';
            rest = goes_on ? rest + len + 1 : end;
        }
        at = end + 1;
    }
    return missing;
}

static void every_key_of_the_manual_has_its_mistake(void **state)
{
    static const char *const headers[] = { "| key |", "| signal |", "| step |" };
    AUTO_FREE char *manual = read_file(SOURCE_DIR "/docs/profiles.md");
    int missing = 0, rows = 0;
    bool in_table = false;
    (void)state;
    assert_non_null(manual);
    buf_init(&all_expected, MAX_SIZE);
    (void)for_each(gather);
    for (char *line = manual, *next = NULL; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
            in_table = in_table || str_starts(line, headers[i]);
        in_table = in_table && *line == '|';
        if (in_table && str_starts(line, "| `")) {
            missing += missing_of_row(line);
            rows++;
        }
    }
    buf_done(&all_expected);
    assert_true(rows > 60);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_says_what_is_wrong_and_where),
        cmocka_unit_test(none_is_taken_for_good_or_harmful_when_memory_runs_out),
        cmocka_unit_test(every_key_of_the_manual_has_its_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
