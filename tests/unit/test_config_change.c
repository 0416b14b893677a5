/* Changes of gateway.yaml under a running gateway: told before, applied, and taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/config_change.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/problems_json.h"
#include "gateway/station_entry.h"

#define STATION(id, unit)                                                                                    \
    "  - { id: " id ", csms: a, chargers: [ { profile: site, tcp: \"127.0.0.1:1\", unit: " unit " } ] }\n"

struct bench {
    char directory[64], config[128], profile[128];
    struct gateway gateway;
    bool answered;
    int err;
    json_t *problems;
};

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static char *read_text(const char *path)
{
    char *text = NULL;
    size_t len = 0;
    return file_read(path, 1 << 20, &text, &len) == 0 ? text : NULL;
}

/* The configuration with these stations. The log would be full of what the tests provoke. (Not inline: gcc would take what asprintf() made for the
 * variable it was put into.) */
__attribute__((noinline)) static char *site(const struct bench *b, const char *stations)
{
    char *text = NULL;
    assert_true(asprintf(&text,
                         "gateway: { state: %s/state, control: %s/control.sock, profiles: profiles }\n"
                         "log: { level: error }\n"
                         "csms: { a: { url: \"ws://127.0.0.1:1/\", security_profile: 0 } }\n"
                         "stations:\n%s",
                         b->directory, b->directory, stations) > 0);
    return text;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    (void)str_copy(b->directory, sizeof(b->directory), "/tmp/test_change.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/profiles", b->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(b->profile, sizeof(b->profile), "%s/profiles/site.yaml", b->directory);
    AUTO_FREE char *shipped = read_text(SOURCE_DIR "/profiles/demo-modbus-ac22.yaml");
    assert_non_null(shipped);
    char *name = strstr(shipped, "profile: demo-modbus-ac22");
    assert_non_null(name);
    name = strstr(name, "demo");
    memset(name, ' ', strlen("demo-modbus-ac22"));
    memcpy(name, "site", 4); /* in the midst of the text */
    write_text(b->profile, shipped);
    (void)snprintf(b->config, sizeof(b->config), "%s/gateway.yaml", b->directory);
    AUTO_FREE char *text = site(b, STATION("CS-1", "1") STATION("CS-2", "2"));
    write_text(b->config, text);
    assert_int_equal(chmod(b->config, 0640), 0);
    assert_int_equal(loop_init(&b->gateway.loop), 0);
    assert_int_equal(gateway_start(&b->gateway, b->config), 0);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char command[128];
    gateway_stop(&b->gateway);
    loop_done(&b->gateway.loop);
    (void)snprintf(command, sizeof(command), "rm -r %s", b->directory);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the directory is ours */
    json_decref(b->problems);
    free(b);
    return 0;
}

static void on_changed(void *ctx, int err, const struct problems *problems)
{
    struct bench *b = ctx;
    assert_false(b->answered);
    b->answered = true;
    b->err = err;
    json_decref(b->problems);
    b->problems = problems_json(problems, b->config);
    loop_stop(&b->gateway.loop);
}

/* What apply says at once, or later. */
static int apply(struct bench *b, const char *text, const char *etag)
{
    struct problems problems;
    problems_init(&problems);
    b->answered = false;
    int r = config_change_apply(&b->gateway, text, etag, &problems, on_changed, b);
    assert_true(r != -EINVAL || problems.total > 0);
    if (r < 0) {
        json_decref(b->problems);
        b->problems = problems_json(&problems, b->config);
    }
    problems_done(&problems);
    if (r == 0) {
        assert_false(b->answered);
        loop_run(&b->gateway.loop);
        assert_true(b->answered);
        r = b->err;
    }
    return r;
}

static const char *problem(const struct bench *b)
{
    return json_get_string(json_array_get(b->problems, 0), "text", "");
}

static void expect_file(const char *path, const char *text)
{
    AUTO_FREE char *now = read_text(path);
    assert_non_null(now);
    assert_string_equal(now, text);
}

static void expect_list(const json_t *check, const char *name, const char *ids)
{
    AUTO_FREE char *text = json_to_text(json_object_get(check, name));
    assert_string_equal(text, ids);
}

/* ---- */

static void a_change_is_told_before_it_is_made(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-0", "3") STATION("CS-2", "4"));
    AUTO(json_t) *check = config_change_check(&b->gateway, text);
    assert_non_null(check);
    expect_list(check, "problems", "[]");
    expect_list(check, "added", "[\"CS-0\"]");
    expect_list(check, "removed", "[\"CS-1\"]");
    expect_list(check, "changed", "[\"CS-2\"]");
    assert_true(json_is_null(json_object_get(check, "restart")));
    const char *diff = json_get_string(check, "diff", "");
    assert_non_null(strstr(diff, "\n-  - { id: CS-1, csms: a,"));
    assert_non_null(strstr(diff, "\n+  - { id: CS-0, csms: a,"));
    assert_int_equal(b->gateway.station_count, 2);
    assert_string_equal(b->gateway.config->stations[0].id, "CS-1");
}

static void a_comment_changes_no_station(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, "  # yard\n" STATION("CS-1", "1") STATION("CS-2", "2"));
    AUTO(json_t) *check = config_change_check(&b->gateway, text);
    expect_list(check, "changed", "[]");
    expect_list(check, "added", "[]");
    expect_list(check, "removed", "[]");
    assert_non_null(strstr(json_get_string(check, "diff", ""), "\n+  # yard\n"));
}

static void mistakes_have_their_place(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text =
        site(b, STATION("CS-1", "1") "  - { id: CS-9, csms: b, chargers: [ { profile: none, tcp: h } ] }\n");
    AUTO(json_t) *check = config_change_check(&b->gateway, text);
    const json_t *problems = json_object_get(check, "problems");
    assert_int_equal(json_array_size(problems), 2);
    const json_t *first = json_array_get(problems, 0);
    assert_int_equal(json_get_int(first, "line", 0), 6);
    assert_string_equal(json_get_string(first, "path", ""), "stations[1].csms");
    assert_string_equal(json_get_string(first, "text", ""), "no CSMS of the name \"b\" under csms:");
    assert_null(json_object_get(first, "file"));
    expect_list(check, "changed", "[]");
    assert_true(*json_get_string(check, "diff", ""));
}

static void a_mistake_in_a_profile_names_its_file(void **state)
{
    struct bench *b = *state;
    write_text(b->profile, "profile: site\nvendor: [\n");
    AUTO_FREE char *text = site(b, STATION("CS-1", "1"));
    AUTO(json_t) *check = config_change_check(&b->gateway, text);
    const json_t *problems = json_object_get(check, "problems");
    bool found = false;
    for (size_t i = 0; i < json_array_size(problems); i++)
        found = found || str_equal(json_get_string(json_array_get(problems, i), "file", ""), b->profile);
    assert_true(found);
}

static void what_needs_a_restart_is_named(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-1", "1"));
    assert_non_null(strstr(text, "control.sock"));
    *strstr(text, "control.sock") = 'K';
    AUTO(json_t) *check = config_change_check(&b->gateway, text);
    assert_string_equal(json_get_string(check, "restart", ""), "gateway.control");
    assert_int_equal(json_array_size(json_object_get(check, "problems")), 1);
    AUTO_FREE char *now = NULL;
    char etag[FILE_ETAG_SIZE];
    assert_int_equal(config_change_read(&b->gateway, &now, etag), 0);
    assert_int_equal(apply(b, text, etag), -EINVAL);
    expect_file(b->config, now);
}

static void a_change_is_written_and_in_force(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2") STATION("CS-3", "3"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE], backup[140];
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    assert_int_equal(strlen(etag), 64);
    const struct station_entry *stays = gateway_station(&b->gateway, "CS-2");
    assert_int_equal(apply(b, text, etag), 0);
    assert_ptr_equal(gateway_station(&b->gateway, "CS-2"), stays);
    assert_null(gateway_station(&b->gateway, "CS-1"));
    assert_non_null(gateway_station(&b->gateway, "CS-3"));
    expect_file(b->config, text);
    (void)snprintf(backup, sizeof(backup), "%s.bak", b->config);
    expect_file(backup, old);
    struct stat status, backup_status;
    assert_int_equal(stat(b->config, &status), 0);
    assert_int_equal(stat(backup, &backup_status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(backup_status.st_mode & 0777, 0640);
    /* who knows only the old text is too late */
    assert_int_equal(apply(b, old, etag), -ESTALE);
    assert_non_null(strstr(problem(b), "was changed meanwhile"));
    expect_file(b->config, text);
}

static void what_the_reload_refuses_is_taken_back(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE];
    struct problems problems;
    problems_init(&problems);
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    assert_int_equal(config_change_apply(&b->gateway, text, etag, &problems, on_changed, b), 0);
    assert_int_equal(problems.total, 0);
    /* one at a time */
    assert_int_equal(config_change_apply(&b->gateway, text, etag, &problems, on_changed, b), -EBUSY);
    assert_int_equal(unlink(b->profile), 0); /* after it was checked */
    loop_run(&b->gateway.loop);
    assert_true(b->answered);
    assert_int_equal(b->err, -EINVAL);
    assert_non_null(strstr(problem(b), "no file site.yaml in the profile directories"));
    expect_file(b->config, old);
    assert_int_equal(b->gateway.station_count, 2);
    assert_null(b->gateway.change);
    problems_done(&problems);
}

static void a_bad_text_is_not_written(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE], backup[140];
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    assert_int_equal(apply(b, "csms: [\n", etag), -EINVAL);
    expect_file(b->config, old);
    (void)snprintf(backup, sizeof(backup), "%s.bak", b->config);
    assert_int_equal(access(backup, F_OK), -1);
}

static void a_link_stays_a_link(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE], target[140];
    struct stat status;
    (void)snprintf(target, sizeof(target), "%s/real.yaml", b->directory);
    assert_int_equal(rename(b->config, target), 0);
    assert_int_equal(symlink("real.yaml", b->config), 0);
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    assert_int_equal(apply(b, text, etag), 0);
    assert_int_equal(lstat(b->config, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    expect_file(target, text);
}

static void a_file_that_cannot_be_written_stays(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE], backup[140];
    if (geteuid() == 0) { /* root writes everywhere: the place of the copy is taken instead */
        (void)snprintf(backup, sizeof(backup), "%s.bak", b->config);
        assert_int_equal(mkdir(backup, 0700), 0);
    } else {
        assert_int_equal(chmod(b->directory, 0500), 0);
    }
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    assert_true(apply(b, text, etag) < 0);
    assert_int_equal(chmod(b->directory, 0700), 0);
    assert_non_null(strstr(problem(b), "cannot be"));
    expect_file(b->config, old);
    assert_int_equal(b->gateway.station_count, 2);
}

static void a_stop_takes_back_what_is_under_way(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE];
    struct problems problems;
    problems_init(&problems);
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    assert_int_equal(config_change_apply(&b->gateway, text, etag, &problems, on_changed, b), 0);
    gateway_stop(&b->gateway);
    loop_done(&b->gateway.loop);
    assert_false(b->answered);
    expect_file(b->config, old);
    problems_done(&problems);
    b->gateway = (struct gateway){ 0 };
    assert_int_equal(loop_init(&b->gateway.loop), 0);
    assert_int_equal(gateway_start(&b->gateway, b->config), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_change_is_told_before_it_is_made),
        CASE(a_comment_changes_no_station),
        CASE(mistakes_have_their_place),
        CASE(a_mistake_in_a_profile_names_its_file),
        CASE(what_needs_a_restart_is_named),
        CASE(a_change_is_written_and_in_force),
        CASE(what_the_reload_refuses_is_taken_back),
        CASE(a_bad_text_is_not_written),
        CASE(a_link_stays_a_link),
        CASE(a_file_that_cannot_be_written_stays),
        CASE(a_stop_takes_back_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
