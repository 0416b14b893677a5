/* Profiles of the gateway's directories: listed once, written where the site's belong, removed only if nobody needs them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/problems_json.h"
#include "gateway/profile_files.h"
#include "gateway/profile_scan.h"
#include "gateway/station_entry.h"

#define DIRECTORIES "site:shipped"
#define SITE_OF_TWO                                                                                          \
    "csms: { a: { url: \"ws://127.0.0.1:1/\", security_profile: 0 } }\n"                                     \
    "log: { level: error, areas: { gateway: error } }\n"                                                     \
    "stations:\n"                                                                                            \
    "  - { id: CS-1, csms: a, chargers: [ { profile: one, tcp: \"127.0.0.1:1\", unit: 1 },"                  \
    " { profile: one, tcp: \"127.0.0.1:1\", unit: 2 } ] }\n"                                                 \
    "  - { id: CS-2, csms: a, chargers: [ { profile: child, tcp: \"127.0.0.1:1\", unit: 3 } ] }\n"           \
    "meters: { grid: { profile: demo-modbus-meter, tcp: \"127.0.0.1:1\", unit: 9 } }\n"

struct bench {
    char directory[64], config[128];
    struct gateway gateway;
    struct profile_files *files;
    int answers, err, busy;
    json_t *list, *problems;
};

static void write_text(const struct bench *b, const char *name, const char *text)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", b->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static char *read_text(const struct bench *b, const char *name)
{
    char path[160], *text = NULL;
    size_t len = 0;
    (void)snprintf(path, sizeof(path), "%s/%s", b->directory, name);
    return file_read(path, 1 << 20, &text, &len) == 0 ? text : NULL;
}

/* A shipped profile under another name; the caller's. */
static char *profile_text(const char *shipped, const char *name)
{
    char path[200], *text = NULL, *result = NULL;
    size_t len = 0;
    (void)snprintf(path, sizeof(path), SOURCE_DIR "/profiles/%s.yaml", shipped);
    assert_int_equal(file_read(path, 1 << 20, &text, &len), 0);
    char *at = strstr(text, "profile: ");
    assert_non_null(at);
    char *end = at + strcspn(at, "\r\n");
    assert_true(asprintf(&result, "%.*sprofile: %s%s", (int)(at - text), text, name, end) > 0);
    free(text);
    return result;
}

static void ship(const struct bench *b, const char *shipped, const char *directory, const char *name)
{
    char file[100];
    AUTO_FREE char *text = profile_text(shipped, name);
    (void)snprintf(file, sizeof(file), "%s/%s.yaml", directory, name);
    write_text(b, file, text);
}

static void make_directory(const struct bench *b, const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", b->directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    char text[2000];
    assert_non_null(b);
    (void)str_copy(b->directory, sizeof(b->directory), "/tmp/test_profiles.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    make_directory(b, "shipped");
    ship(b, "demo-modbus-ac22", "shipped", "one");
    ship(b, "demo-modbus-ac22", "shipped", "base");
    ship(b, "demo-modbus-meter", "shipped", "demo-modbus-meter");
    write_text(b, "shipped/child.yaml", "profile: child\nextends: base\nvendor: Child GmbH\n");
    write_text(b, "shipped/.hidden.yaml", "x");
    write_text(b, "shipped/README.md", "x");
    (void)snprintf(text, sizeof(text),
                   "gateway: { state: %s/state, control: %s/control.sock, profiles: \"%s\" }\n%s",
                   b->directory, b->directory, DIRECTORIES, SITE_OF_TWO);
    write_text(b, "gateway.yaml", text);
    (void)snprintf(b->config, sizeof(b->config), "%s/gateway.yaml", b->directory);
    assert_int_equal(loop_init(&b->gateway.loop), 0);
    assert_int_equal(gateway_start(&b->gateway, b->config), 0);
    b->files = profile_files_new(&b->gateway);
    assert_non_null(b->files);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char command[128];
    profile_files_free(b->files);
    gateway_stop(&b->gateway);
    loop_done(&b->gateway.loop);
    (void)snprintf(command, sizeof(command), "rm -r %s", b->directory);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the directory is ours */
    json_decref(b->list);
    json_decref(b->problems);
    free(b);
    return 0;
}

static void on_listed(void *ctx, const json_t *list)
{
    struct bench *b = ctx;
    assert_non_null(list);
    json_decref(b->list);
    b->list = json_deep_copy(list);
    b->answers++;
    loop_stop(&b->gateway.loop);
}

static const json_t *list(struct bench *b)
{
    assert_int_equal(profile_files_list(b->files, on_listed, b), 0);
    loop_run(&b->gateway.loop);
    return b->list;
}

static const json_t *item(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (str_equal(json_get_string(json_array_get(list, i), "name", ""), name))
            return json_array_get(list, i);
    return NULL;
}

static void on_changed(void *ctx, int err, const struct problems *problems)
{
    struct bench *b = ctx;
    assert_true((err == 0) == (problems->total == 0));
    json_decref(b->problems);
    b->problems = problems_json(problems, "");
    b->err = err;
    b->busy += err == -EBUSY;
    b->answers++;
    loop_stop(&b->gateway.loop);
}

static int put(struct bench *b, const char *name, const char *text)
{
    assert_int_equal(profile_files_put(b->files, name, text, NULL, on_changed, b), 0);
    loop_run(&b->gateway.loop);
    return b->err;
}

/* By somebody who knows this text of it. */
static int put_known(struct bench *b, const char *name, const char *text, const char *etag)
{
    assert_int_equal(profile_files_put(b->files, name, text, etag, on_changed, b), 0);
    loop_run(&b->gateway.loop);
    return b->err;
}

static void etag_of(const struct bench *b, const char *name, char ret[FILE_ETAG_SIZE])
{
    AUTO(json_t) *read = NULL;
    assert_int_equal(profile_files_read(b->files, name, &read), 0);
    assert_int_equal(str_copy(ret, FILE_ETAG_SIZE, json_get_string(read, "etag", "")), 0);
}

static int remove_profile(struct bench *b, const char *name)
{
    assert_int_equal(profile_files_remove(b->files, name, on_changed, b), 0);
    loop_run(&b->gateway.loop);
    return b->err;
}

static void expect_problem(const struct bench *b, const char *text)
{
    const char *told = json_get_string(json_array_get(b->problems, 0), "text", "");
    if (!strstr(told, text))
        print_error("%s\n", told);
    assert_non_null(strstr(told, text));
}

static void expect_member(const json_t *item, const char *key, const char *text)
{
    AUTO_FREE char *own = json_to_text(json_object_get(item, key));
    assert_string_equal(own ? own : "absent", text);
}

/* ---- the list ---- */

static void profiles_are_listed_with_who_uses_them(void **state)
{
    struct bench *b = *state;
    const json_t *all = list(b);
    assert_int_equal(json_array_size(all), 4);
    const json_t *one = item(all, "one"), *child = item(all, "child"), *base = item(all, "base");
    expect_member(one, "usedBy", "[\"CS-1\"]");
    expect_member(one, "meters", "[]");
    expect_member(child, "usedBy", "[\"CS-2\"]");
    expect_member(child, "extends", "\"base\"");
    expect_member(child, "vendor", "\"Child GmbH\"");
    expect_member(base, "usedBy", "[]");
    expect_member(base, "extends", "null");
    expect_member(item(all, "demo-modbus-meter"), "meters", "[\"grid\"]");
    assert_string_equal(json_get_string(one, "protocol", ""), "modbus");
    assert_true(json_get_bool(one, "writable", false));
    assert_int_equal(json_array_size(json_object_get(json_object_get(one, "offers"), "evses")), 1);
    assert_true(str_starts(json_get_string(one, "path", ""), b->directory));
    assert_null(json_object_get(one, "problems"));
}

static void the_first_directory_wins_and_a_broken_profile_says_why(void **state)
{
    struct bench *b = *state;
    make_directory(b, "site");
    write_text(b, "site/one.yaml", "profile: one\nvendor: [\n");
    const json_t *one = item(list(b), "one");
    assert_non_null(strstr(json_get_string(one, "path", ""), "/site/one.yaml"));
    assert_non_null(strstr(json_get_string(one, "hides", ""), "/shipped/one.yaml"));
    const json_t *problem = json_array_get(json_object_get(one, "problems"), 0);
    assert_int_equal(json_get_int(problem, "line", 0), 3);
    assert_null(json_object_get(problem, "file"));
    assert_null(json_object_get(one, "offers"));
}

/* Each of the three waits for a look that began after it asked. */
static void many_may_ask_at_once(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(profile_files_list(b->files, on_listed, b), 0);
    assert_int_equal(b->answers, 0);
    while (b->answers < 3)
        loop_run(&b->gateway.loop);
    assert_int_equal(b->answers, 3);
}

static void nobody_is_answered_after_the_end(void **state)
{
    struct bench *b = *state;
    assert_int_equal(profile_files_list(b->files, on_listed, b), 0);
    assert_int_equal(profile_files_list(b->files, on_listed, b), 0);
    profile_files_free(b->files);
    b->files = profile_files_new(&b->gateway);
    (void)list(b);
    assert_int_equal(b->answers, 1);
}

static void a_profile_can_be_read(void **state)
{
    struct bench *b = *state;
    AUTO(json_t) *read = NULL;
    AUTO(json_t) *broken = NULL;
    json_t *none = NULL;
    AUTO_FREE char *text = read_text(b, "shipped/one.yaml");
    assert_int_equal(profile_files_read(b->files, "one", &read), 0);
    assert_string_equal(json_get_string(read, "text", ""), text);
    assert_non_null(json_object_get(read, "offers"));
    assert_null(json_object_get(read, "problems"));
    assert_int_equal(profile_files_read(b->files, "none", &none), -ENOENT);
    assert_int_equal(profile_files_read(b->files, "../shipped/one", &none), -ENOENT);
    assert_int_equal(profile_files_read(b->files, ".hidden", &none), -ENOENT);
    write_text(b, "shipped/broken.yaml", "profile: [\n");
    assert_int_equal(profile_files_read(b->files, "broken", &broken), 0);
    assert_int_equal(json_array_size(json_object_get(broken, "problems")), 1);
}

/* ---- what is read again ---- */

static void touch(const struct bench *b, const char *name)
{
    char path[160];
    static int seconds = 0;
    const struct timespec times[2] = { { 1000000000, 0 }, { 1000000000 + ++seconds, 0 } };
    (void)snprintf(path, sizeof(path), "%s/%s", b->directory, name);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static size_t scan(const struct bench *b, struct profile_scan *scan)
{
    struct profile_scan now;
    assert_int_equal(profile_scan(DIRECTORIES, b->config, scan, &now), 0);
    profile_scan_done(scan);
    *scan = now;
    return now.read;
}

static void only_what_changed_is_read_again(void **state)
{
    struct bench *b = *state;
    struct profile_scan s = { 0 };
    char path[160];
    assert_int_equal(scan(b, &s), 4);
    assert_int_equal(scan(b, &s), 0);
    assert_non_null(profile_scan_find(&s, "one")->about);
    touch(b, "shipped/one.yaml");
    assert_int_equal(scan(b, &s), 1);
    touch(b, "shipped/base.yaml"); /* and what extends it */
    assert_int_equal(scan(b, &s), 2);
    (void)snprintf(path, sizeof(path), "%s/shipped/base.yaml", b->directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(scan(b, &s), 1);
    assert_non_null(json_object_get(profile_scan_find(&s, "child")->about, "problems"));
    assert_int_equal(scan(b, &s), 0);
    make_directory(b, "site");
    ship(b, "demo-modbus-ac22", "site", "base");
    assert_int_equal(scan(b, &s), 2);
    assert_non_null(json_object_get(profile_scan_find(&s, "child")->about, "offers"));
    assert_true(profile_scan_builds_on(&s, "child", "base"));
    assert_false(profile_scan_builds_on(&s, "base", "child"));
    profile_scan_done(&s);
}

/* It takes long enough to be done beside the loop. */
static void all_shipped_profiles_are_good(void **state)
{
    struct profile_scan none = { 0 }, all;
    struct timespec start, end;
    (void)state;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    assert_int_equal(profile_scan(SOURCE_DIR "/profiles", "x", &none, &all), 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    print_message("%zu profiles, %.1f ms\n", all.count,
                  (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6);
    assert_true(all.count > 80);
    for (size_t i = 0; i < all.count; i++)
        assert_null(json_object_get(all.files[i].about, "problems"));
    profile_scan_done(&all);
}

/* ---- checks ---- */

static void a_text_is_checked_before_it_is_a_file(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *name, *text, *problem;
    } rows[] = {
        { "new", "profile: other\nextends: base\n", "other" },
        { "new", "profile: new\nextends: none\n", "there is no profile \"none\"" },
        { "new", "profile: new\nextends: new\n", "a circle" },
        { "new", "profile: [\n", "column" },
        { "New", "profile: New\nextends: base\n", "the name is none for a profile" },
        { "-new", "", "the name is none for a profile" },
        { "", "", "the name is none for a profile" },
        { "../new", "", "the name is none for a profile" },
    };
    AUTO(json_t) *good = profile_files_check(b->files, "new", "profile: new\nextends: base\n");
    assert_int_equal(json_array_size(json_object_get(good, "problems")), 0);
    assert_string_equal(json_get_string(json_object_get(good, "offers"), "profile", ""), "new");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO(json_t) *check = profile_files_check(b->files, rows[i].name, rows[i].text);
        const json_t *problem = json_array_get(json_object_get(check, "problems"), 0);
        if (!strstr(json_get_string(problem, "text", ""), rows[i].problem))
            print_error("row %zu: %s\n", i, json_get_string(problem, "text", ""));
        assert_non_null(strstr(json_get_string(problem, "text", ""), rows[i].problem));
        assert_null(json_object_get(problem, "file"));
        assert_null(json_object_get(check, "offers"));
    }
}

/* ---- writing ---- */

static void a_profile_is_written_to_the_sites_directory(void **state)
{
    struct bench *b = *state;
    char path[160];
    struct stat status;
    const struct station_entry *station = gateway_station(&b->gateway, "CS-1");
    assert_int_equal(put(b, "new", "profile: new\nextends: base\n"), 0); /* the directory is made */
    AUTO_FREE char *text = read_text(b, "site/new.yaml");
    assert_string_equal(text, "profile: new\nextends: base\n");
    (void)snprintf(path, sizeof(path), "%s/site/new.yaml", b->directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_ptr_equal(gateway_station(&b->gateway, "CS-1"), station);
    assert_non_null(item(list(b), "new"));
    assert_int_equal(put(b, "new", "profile: new\nextends: base\nvendor: V\n"), 0);
    expect_member(item(list(b), "new"), "vendor", "\"V\"");
}

static void a_bad_profile_is_not_written(void **state)
{
    struct bench *b = *state;
    assert_int_equal(put(b, "new", "profile: new\nextends: none\n"), -EINVAL);
    expect_problem(b, "there is no profile \"none\"");
    assert_int_equal(put(b, "../new", "profile: new\nextends: base\n"), -EINVAL);
    expect_problem(b, "the name is none");
    assert_null(read_text(b, "site/new.yaml"));
    assert_null(read_text(b, "new.yaml"));
    AUTO_FREE char *huge = malloc(300 * 1024);
    memset(huge, '#', 300 * 1024 - 1);
    huge[300 * 1024 - 1] = '\0';
    assert_int_equal(put(b, "new", huge), -EINVAL);
    expect_problem(b, "too large");
}

static void a_used_profile_changes_its_stations_only(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = profile_text("demo-modbus-ac22", "one");
    AUTO_FREE char *longer = NULL;
    const struct station_entry *two = gateway_station(&b->gateway, "CS-2");
    assert_true(asprintf(&longer, "%s# changed\n", text) > 0);
    assert_int_equal(put(b, "one", longer), 0);
    assert_ptr_equal(gateway_station(&b->gateway, "CS-2"), two);
    assert_non_null(gateway_station(&b->gateway, "CS-1"));
    const struct config *config = b->gateway.config;
    assert_non_null(strstr(config->stations[0].fingerprint, "# changed"));
    /* one that the used one is built on */
    AUTO_FREE char *base = profile_text("demo-modbus-ac22", "base");
    AUTO_FREE char *longer_base = NULL;
    assert_true(asprintf(&longer_base, "%s# other\n", base) > 0);
    assert_int_equal(put(b, "base", longer_base), 0);
    assert_non_null(strstr(b->gateway.config->stations[1].fingerprint, "# other"));
}

static void what_the_reload_refuses_is_taken_back(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *echonet = profile_text("echonet-02a1", "one");
    AUTO_FREE char *good = profile_text("demo-modbus-ac22", "one");
    assert_int_equal(put(b, "one", echonet), -EINVAL); /* it is good, but not for a station with tcp: */
    expect_problem(b, "profile one is ECHONET Lite");
    assert_null(read_text(b, "site/one.yaml"));
    assert_int_equal(put(b, "one", good), 0);
    assert_int_equal(put(b, "one", echonet), -EINVAL);
    AUTO_FREE char *now = read_text(b, "site/one.yaml");
    assert_string_equal(now, good);
}

static void without_a_directory_nothing_is_written(void **state)
{
    struct bench *b = *state;
    free(b->gateway.config->general.profiles);
    b->gateway.config->general.profiles = strdup("none/of/these:neither/that");
    assert_int_equal(put(b, "new", "profile: new\n"), -EACCES);
    expect_problem(b, "can be written");
}

static void one_change_at_a_time(void **state)
{
    struct bench *b = *state;
    assert_int_equal(profile_files_put(b->files, "new", "profile: new\nextends: base\n", NULL, on_changed, b),
                     0);
    assert_int_equal(
        profile_files_put(b->files, "newer", "profile: newer\nextends: base\n", NULL, on_changed, b), 0);
    while (b->answers < 2)
        loop_run(&b->gateway.loop);
    AUTO_FREE char *first = read_text(b, "site/new.yaml");
    AUTO_FREE char *second = read_text(b, "site/newer.yaml");
    assert_non_null(first);
    assert_true((second != NULL) == (b->busy == 0)); /* it came while the first was written, or after it */
}

static void who_knows_another_text_than_the_one_that_is_there_changes_nothing(void **state)
{
    struct bench *b = *state;
    char first[FILE_ETAG_SIZE], second[FILE_ETAG_SIZE];
    assert_int_equal(put_known(b, "new", "profile: new\nextends: base\n", ""), 0);
    etag_of(b, "new", first);
    assert_int_equal(put_known(b, "new", "profile: new\nextends: base\n# mine\n", first), 0);
    etag_of(b, "new", second);
    assert_string_not_equal(first, second);
    assert_int_equal(put_known(b, "new", "profile: new\nextends: base\n# too late\n", first), -ESTALE);
    expect_problem(b, "was changed meanwhile by someone else");
    assert_int_equal(put_known(b, "new", "profile: new\nextends: base\n# as a new one\n", ""), -EEXIST);
    expect_problem(b, "there is a profile of this name already");
    assert_int_equal(put_known(b, "none", "profile: none\nextends: base\n", first), -ESTALE);
    AUTO_FREE char *text = read_text(b, "site/new.yaml");
    assert_string_equal(text, "profile: new\nextends: base\n# mine\n");
    assert_null(read_text(b, "site/none.yaml"));
    assert_int_equal(put(b, "new", "profile: new\nextends: base\n# whatever is there\n"), 0);
}

/* The site's own takes the place of the one that comes with the gateway: what has to be known is that one. */
static void one_that_hides_another_is_made_of_that_other(void **state)
{
    struct bench *b = *state;
    char shipped[FILE_ETAG_SIZE];
    ship(b, "demo-modbus-ac22", "shipped", "spare");
    etag_of(b, "spare", shipped);
    assert_int_equal(put_known(b, "spare", "profile: spare\nextends: base\n", ""), -EEXIST);
    assert_int_equal(put_known(b, "spare", "profile: spare\nextends: base\n", shipped), 0);
    assert_int_equal(put_known(b, "spare", "profile: spare\nextends: base\n# late\n", shipped), -ESTALE);
}

/* ---- removing ---- */

static void only_what_nobody_needs_is_removed(void **state)
{
    struct bench *b = *state;
    assert_int_equal(remove_profile(b, "one"), -EADDRINUSE);
    expect_problem(b, "stations or meters use it");
    assert_int_equal(remove_profile(b, "demo-modbus-meter"), -EADDRINUSE);
    assert_int_equal(remove_profile(b, "base"), -EADDRINUSE);
    expect_problem(b, "profile child extends it");
    assert_int_equal(remove_profile(b, "none"), -ENOENT);
    assert_int_equal(remove_profile(b, "../gateway"), -ENOENT);
    ship(b, "demo-modbus-ac22", "shipped", "spare");
    assert_int_equal(remove_profile(b, "spare"), 0);
    assert_null(read_text(b, "shipped/spare.yaml"));
    assert_null(item(list(b), "spare"));
}

static void the_shipped_profile_comes_back_when_the_sites_goes(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = profile_text("demo-modbus-ac22", "one");
    AUTO_FREE char *changed = NULL;
    assert_true(asprintf(&changed, "%s# changed\n", text) > 0);
    assert_int_equal(put(b, "one", changed), 0);
    assert_int_equal(remove_profile(b, "one"), 0);
    assert_null(strstr(b->gateway.config->stations[0].fingerprint, "# changed"));
    assert_non_null(strstr(json_get_string(item(list(b), "one"), "path", ""), "/shipped/one.yaml"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(profiles_are_listed_with_who_uses_them),
        CASE(the_first_directory_wins_and_a_broken_profile_says_why),
        CASE(many_may_ask_at_once),
        CASE(nobody_is_answered_after_the_end),
        CASE(a_profile_can_be_read),
        CASE(only_what_changed_is_read_again),
        cmocka_unit_test(all_shipped_profiles_are_good),
        CASE(a_text_is_checked_before_it_is_a_file),
        CASE(a_profile_is_written_to_the_sites_directory),
        CASE(a_bad_profile_is_not_written),
        CASE(a_used_profile_changes_its_stations_only),
        CASE(what_the_reload_refuses_is_taken_back),
        CASE(without_a_directory_nothing_is_written),
        CASE(one_change_at_a_time),
        CASE(who_knows_another_text_than_the_one_that_is_there_changes_nothing),
        CASE(one_that_hides_another_is_made_of_that_other),
        CASE(only_what_nobody_needs_is_removed),
        CASE(the_shipped_profile_comes_back_when_the_sites_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
