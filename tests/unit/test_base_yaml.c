/* YAML: the tree with its lines, the bounds, and what people are told about their mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/yaml.h"

struct fixture {
    struct problems problems;
    struct yaml *yaml;
};

static int prepare(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    return f ? 0 : -1;
}

static int clean_up(void **state)
{
    struct fixture *f = *state;
    problems_done(&f->problems);
    yaml_free(f->yaml);
    free(f);
    return 0;
}

static const struct yaml_node *parse(struct fixture *f, const char *text)
{
    problems_done(&f->problems);
    yaml_free(f->yaml);
    f->yaml = NULL;
    if (yaml_parse("file.yaml", text, strlen(text), &f->problems, &f->yaml) < 0)
        return NULL;
    return f->yaml->root;
}

static void assert_refused(struct fixture *f, const char *text, const char *problem)
{
    assert_null(parse(f, text));
    assert_int_equal(f->problems.total, 1);
    assert_string_equal(f->problems.list[0].text, problem);
}

static void a_file_becomes_a_tree_with_lines(void **state)
{
    const struct yaml_node *root = parse(*state, "# comment\n"
                                                 "name: site\n"
                                                 "stations:\n"
                                                 "  - id: \"01\"\n"
                                                 "    unit: 7\n"
                                                 "  - { id: b, flow: [1, 2] }\n");
    assert_non_null(root);
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->count, 2);
    const struct yaml_node *stations = yaml_get(root, "stations");
    assert_int_equal(stations->kind, YAML_LIST);
    assert_int_equal(stations->count, 2);
    assert_int_equal(stations->line, 3);
    const struct yaml_node *id = yaml_get(stations->children, "id"),
                           *unit = yaml_get(stations->children, "unit");
    assert_string_equal(id->text, "01");
    assert_true(id->quoted);
    assert_string_equal(unit->text, "7");
    assert_false(unit->quoted);
    assert_int_equal(unit->line, 5);
    const struct yaml_node *flow = yaml_get(stations->children->next, "flow");
    char path[64], short_path[8];
    yaml_path(flow->children->next, path, sizeof(path));
    assert_string_equal(path, "stations[1].flow[1]");
    yaml_path(flow->children->next, short_path, sizeof(short_path));
    assert_string_equal(short_path, "station");
    assert_null(yaml_get(root, "absent"));
    assert_null(yaml_get(unit, "id"));
    assert_null(yaml_get(NULL, "id"));
}

static void an_empty_file_is_an_empty_map(void **state)
{
    static const char *const rows[] = { "", "# nothing\n", "---\n", "{}" };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct yaml_node *root = parse(*state, rows[i]);
        assert_non_null(root);
        assert_int_equal(root->kind, YAML_MAP);
        assert_int_equal(root->count, 0);
    }
}

static void what_is_no_plain_yaml_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        { "a: 1\nb: 2\na: 3\n", "file.yaml:3: \"a\" is given twice" },
        { "a: &x 1\nb: *x\n", "file.yaml:2: aliases (*name) are not supported; write the value again" },
        { "a: !!int 1\n", "file.yaml:1: tags (!name) are not supported; write the plain value" },
        { "a: 1\n---\nb: 2\n", "file.yaml:2: a second document begins; expected one" },
        { "? [a]\n: 1\n", "file.yaml:1: a list or map stands where a key is expected" },
        { "a: \"x\\0y\"\n", "file.yaml:1: a text holds a NUL character" },
        { "a: [1\nb: 2\n",
          "file.yaml:2: column 2: did not find expected ',' or ']' (begun in line 1); is a bracket not "
          "closed? A text with brackets or commas needs quotes inside [ ]" },
        { "a: \"\xFF\"\n", "file.yaml:1: column 5: invalid leading UTF-8 octet; save the file in UTF-8" },
        { "a:\n\t- 1\n", "file.yaml:2: column 1: found character that cannot start any token; lines are "
                         "indented by blanks, not tabs, and a text that begins with @ ` or % needs quotes" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_refused(*state, rows[i].text, rows[i].problem);
}

static void size_and_depth_are_bounded(void **state)
{
    struct buf text;
    buf_init(&text, 4000000);
    for (int i = 0; i < YAML_MAX_DEPTH + 1; i++)
        buf_text(&text, "[");
    assert_refused(*state, buf_string(&text), "file.yaml:1: nested too deeply; at most 32 levels");
    buf_clear(&text);
    for (int i = 0; i < YAML_MAX_KEYS + 1; i++)
        buf_printf(&text, "k%d: 1\n", i);
    assert_refused(*state, buf_string(&text), "file.yaml:2001: the map has too many keys; at most 2000");
    buf_clear(&text);
    for (int i = 0; i < YAML_MAX_NODES; i++)
        buf_text(&text, "- 1\n");
    assert_refused(*state, buf_string(&text), "file.yaml:200000: the file is too large");
    buf_done(&text);
}

static void good_scalars_are_converted(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "equal", "priority", NULL };
    const struct yaml_node *root = parse(f, "i: 0x10\nd: 2.5\nb: yes\nt: 5min\ne: priority\n");
    struct problems *p = &f->problems;
    int64_t i = 0, t = 0;
    double d = 0;
    bool b = false;
    int e = 0;
    assert_int_equal(yaml_to_int(f->yaml, yaml_get(root, "i"), 0, 16, p, &i), 0);
    assert_int_equal(yaml_to_double(f->yaml, yaml_get(root, "d"), 0, 3, p, &d), 0);
    assert_int_equal(yaml_to_bool(f->yaml, yaml_get(root, "b"), p, &b), 0);
    assert_int_equal(yaml_to_duration_ms(f->yaml, yaml_get(root, "t"), 0, 300000, p, &t), 0);
    assert_int_equal(yaml_to_enum(f->yaml, yaml_get(root, "e"), names, p, &e), 0);
    assert_true(i == 16 && d == 2.5 && b && t == 300000 && e == 1);
    assert_int_equal(p->total, 0);
}

static void bad_scalars_are_told_with_what_would_be_right(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "equal", "priority", NULL };
    const struct yaml_node *root = parse(f, "i: 17\nd: many\nb: maybe\nt: 5m\ne: piority\nl: [1]\nf: zzz\n");
    struct problems *p = &f->problems;
    int64_t number = 0;
    double d = 0;
    bool b = false;
    int e = 0;
    assert_int_equal(yaml_to_int(f->yaml, yaml_get(root, "i"), 0, 16, p, &number), -EINVAL);
    assert_int_equal(yaml_to_double(f->yaml, yaml_get(root, "d"), 0, 3, p, &d), -EINVAL);
    assert_int_equal(yaml_to_bool(f->yaml, yaml_get(root, "b"), p, &b), -EINVAL);
    assert_int_equal(yaml_to_duration_ms(f->yaml, yaml_get(root, "t"), 0, 300000, p, &number), -EINVAL);
    assert_int_equal(yaml_to_enum(f->yaml, yaml_get(root, "e"), names, p, &e), -EINVAL);
    assert_int_equal(yaml_to_int(f->yaml, yaml_get(root, "l"), 0, 16, p, &number), -EINVAL);
    assert_int_equal(yaml_to_enum(f->yaml, yaml_get(root, "f"), names, p, &e), -EINVAL);
    static const char *const expected[] = {
        "file.yaml:1: i: \"17\" is no whole number from 0 to 16",
        "file.yaml:2: d: \"many\" is no number from 0 to 3",
        "file.yaml:3: b: \"maybe\" is neither true nor false",
        "file.yaml:4: t: \"5m\" is no duration from 0 s to 300 s; expected such as 500ms, 2s, 5min, 1h",
        "file.yaml:5: e: \"piority\" is unknown; did you mean priority? Expected one of: equal, priority",
        "file.yaml:6: l: is a list, expected a whole number",
        "file.yaml:7: f: \"zzz\" is unknown; expected one of: equal, priority",
    };
    assert_int_equal(p->total, ARRAY_SIZE(expected));
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        assert_string_equal(p->list[i].text, expected[i]);
}

static void unknown_keys_are_told_with_the_nearest(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "identity", "charger", NULL };
    const struct yaml_node *root = parse(f, "charger: 1\nidentiy: 2\nwhatever: 3\n");
    yaml_check_keys(f->yaml, root, names, &f->problems);
    yaml_check_keys(f->yaml, root->children, names, &f->problems);
    yaml_check_keys(f->yaml, NULL, names, &f->problems);
    assert_int_equal(f->problems.total, 3);
    assert_string_equal(f->problems.list[0].text,
                        "file.yaml:2: identiy: unknown key; did you mean \"identity\"?");
    assert_string_equal(f->problems.list[1].text,
                        "file.yaml:3: whatever: unknown key; expected one of: identity, charger");
    assert_string_equal(f->problems.list[2].text, "file.yaml:1: charger: expected a map");
}

static void a_nearest_name_is_near(void **state)
{
    (void)state;
    static const char *const names[] = { "power_import", "power_export", "state", NULL };
    assert_string_equal(nearest_name("power_imprt", names), "power_import");
    assert_string_equal(nearest_name("stat", names), "state");
    assert_null(nearest_name("voltage", names));
    assert_null(nearest_name("x", names));
}

static void problems_are_counted_beyond_what_is_kept(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < PROBLEMS_MAX + 5; i++)
        problems_add(&f->problems, "f", 0, NULL, "number %d", i);
    assert_int_equal(f->problems.count, PROBLEMS_MAX);
    assert_int_equal(f->problems.total, PROBLEMS_MAX + 5);
    assert_string_equal(f->problems.list[7].text, "f: number 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_becomes_a_tree_with_lines, prepare, clean_up),
        cmocka_unit_test_setup_teardown(an_empty_file_is_an_empty_map, prepare, clean_up),
        cmocka_unit_test_setup_teardown(what_is_no_plain_yaml_is_refused_with_its_line, prepare, clean_up),
        cmocka_unit_test_setup_teardown(size_and_depth_are_bounded, prepare, clean_up),
        cmocka_unit_test_setup_teardown(good_scalars_are_converted, prepare, clean_up),
        cmocka_unit_test_setup_teardown(bad_scalars_are_told_with_what_would_be_right, prepare, clean_up),
        cmocka_unit_test_setup_teardown(unknown_keys_are_told_with_the_nearest, prepare, clean_up),
        cmocka_unit_test(a_nearest_name_is_near),
        cmocka_unit_test_setup_teardown(problems_are_counted_beyond_what_is_kept, prepare, clean_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
