/* Changes of gateway.yaml under a running gateway: told before, applied, and taken back. */
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
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/config_change.h"
#include "gateway/config_job.h"
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
    json_t *problems, *result;
    char *diff;
    int (*meanwhile)(struct bench *b); /* between the check of a change and its writing; or NULL */
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
    json_decref(b->result);
    free(b->diff);
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

static int on_good(void *ctx, const char *diff)
{
    struct bench *b = ctx;
    assert_false(b->answered);
    free(b->diff);
    b->diff = strdup(diff);
    return b->meanwhile ? b->meanwhile(b) : 0;
}

static int begin(struct bench *b, const char *text, const char *etag)
{
    const struct config_change change = { text, etag, on_good, on_changed };
    b->answered = false;
    int r = config_change_apply(&b->gateway, &change, b);
    assert_false(b->answered);
    return r;
}

static void wait_for_answer(struct bench *b)
{
    loop_run(&b->gateway.loop);
    assert_true(b->answered);
}

/* What apply says at once, or later. */
static int apply(struct bench *b, const char *text, const char *etag)
{
    int r = begin(b, text, etag);
    if (r < 0)
        return r;
    wait_for_answer(b);
    assert_true(b->err != -EINVAL || json_array_size(b->problems) > 0);
    return b->err;
}

static void on_checked(void *ctx, json_t *result)
{
    struct bench *b = ctx;
    assert_false(b->answered);
    b->answered = true;
    json_decref(b->result);
    b->result = result;
    loop_stop(&b->gateway.loop);
}

/* Borrowed until the next one. */
static const json_t *check_text(struct bench *b, const char *text)
{
    b->answered = false;
    assert_int_equal(config_change_check(&b->gateway, text, on_checked, b), 0);
    assert_false(b->answered);
    wait_for_answer(b);
    assert_non_null(b->result);
    return b->result;
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
    const json_t *check = check_text(b, text);
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
    const json_t *check = check_text(b, text);
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
    const json_t *check = check_text(b, text);
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
    const json_t *check = check_text(b, text);
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
    const json_t *check = check_text(b, text);
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
    assert_non_null(strstr(b->diff, "\n-  - { id: CS-1, csms: a,"));
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

static int remove_profile(struct bench *b)
{
    assert_int_equal(unlink(b->profile), 0);
    return 0;
}

static void what_the_reload_refuses_is_taken_back(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE];
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    b->meanwhile = remove_profile;
    assert_int_equal(apply(b, text, etag), -EINVAL);
    assert_non_null(strstr(problem(b), "no file site.yaml in the profile directories"));
    expect_file(b->config, old);
    assert_int_equal(b->gateway.station_count, 2);
    assert_null(b->gateway.change);
}

static int refuse(struct bench *b)
{
    assert_null(b->gateway.change);
    return -ENOMEM;
}

static void what_cannot_be_written_down_is_not_done(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE];
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    b->meanwhile = refuse;
    assert_int_equal(apply(b, text, etag), -ENOMEM);
    expect_file(b->config, old);
    assert_int_equal(b->gateway.station_count, 2);
}

static void on_second(void *ctx, int err, const struct problems *problems)
{
    (void)problems;
    *(int *)ctx = err;
}

/* Which of them, it depends on when the first is written; never both. */
static void of_two_changes_of_one_text_one_is_made(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    AUTO_FREE char *other = site(b, STATION("CS-1", "1"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE];
    int second = 0;
    const struct config_change late = { other, etag, NULL, on_second };
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    assert_int_equal(begin(b, text, etag), 0);
    assert_int_equal(config_change_apply(&b->gateway, &late, &second), 0);
    wait_for_answer(b);
    while (second == 0)
        uv_run(&b->gateway.loop.uv, UV_RUN_ONCE);
    assert_int_equal(b->err, 0);
    assert_true(second == -EBUSY || second == -ESTALE);
    expect_file(b->config, text);
    assert_null(gateway_station(&b->gateway, "CS-1"));
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

static void stop_and_start(struct bench *b)
{
    gateway_stop(&b->gateway);
    loop_done(&b->gateway.loop);
    b->gateway = (struct gateway){ 0 };
    assert_int_equal(loop_init(&b->gateway.loop), 0);
    assert_int_equal(gateway_start(&b->gateway, b->config), 0);
}

static void a_stop_takes_back_what_is_under_way(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    AUTO_FREE char *old = NULL;
    char etag[FILE_ETAG_SIZE];
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    assert_int_equal(begin(b, text, etag), 0);
    while (!b->gateway.change) /* until it was checked */
        uv_run(&b->gateway.loop.uv, UV_RUN_ONCE);
    stop_and_start(b);
    assert_false(b->answered);
    expect_file(b->config, old);
}

static void on_entry(void *ctx, json_t *entry)
{
    on_checked(ctx, entry);
}

static void on_reloaded(void *ctx, int err, const struct problems *problems, json_t *changes)
{
    ((struct bench *)ctx)->err = err;
    (void)problems;
    on_checked(ctx, json_incref(changes));
}

static void nothing_is_told_after_a_stop(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    char etag[FILE_ETAG_SIZE];
    AUTO_FREE char *old = NULL;
    assert_int_equal(config_change_read(&b->gateway, &old, etag), 0);
    b->answered = false;
    for (int i = 0; i < 3; i++) { /* the first is in the pool, the others wait */
        assert_int_equal(config_change_check(&b->gateway, text, on_checked, b), 0);
        assert_int_equal(config_change_reload(&b->gateway, on_reloaded, b), 0);
        assert_int_equal(config_change_entry(&b->gateway, "CS-1", on_entry, b), 0);
        assert_int_equal(begin(b, text, etag), 0);
    }
    stop_and_start(b);
    assert_false(b->answered);
    expect_file(b->config, old);
    b->gateway.stopping = true;
    assert_int_equal(config_change_reload(&b->gateway, on_reloaded, b), -ECANCELED);
    b->gateway.stopping = false;
}

static void only_so_many_wait(void **state)
{
    struct bench *b = *state;
    int r = 0, count = 0;
    b->answered = false;
    while ((r = config_change_entry(&b->gateway, "CS-1", on_entry, b)) == 0)
        count++;
    assert_int_equal(r, -EBUSY);
    assert_int_equal(count, CONFIG_JOBS_MAX);
    for (; count > 0; count--) {
        b->answered = false;
        wait_for_answer(b);
    }
}

/* ---- compared with what runs when it was read, not when it was asked for ---- */

static void a_reload_while_a_text_is_read_counts(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "2"));
    struct problems problems;
    b->answered = false;
    assert_int_equal(config_change_check(&b->gateway, text, on_checked, b), 0);
    write_text(b->config, text);
    problems_init(&problems);
    assert_int_equal(gateway_reload(&b->gateway, &problems), 0);
    problems_done(&problems);
    wait_for_answer(b);
    expect_list(b->result, "removed", "[]");
    expect_list(b->result, "changed", "[]");
}

static void a_reload_tells_what_it_changed(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = site(b, STATION("CS-2", "4") STATION("CS-3", "3"));
    write_text(b->config, text);
    b->answered = false;
    assert_int_equal(config_change_reload(&b->gateway, on_reloaded, b), 0);
    assert_non_null(gateway_station(&b->gateway, "CS-1"));
    wait_for_answer(b);
    assert_int_equal(b->err, 0);
    expect_list(b->result, "added", "[\"CS-3\"]");
    expect_list(b->result, "removed", "[\"CS-1\"]");
    expect_list(b->result, "changed", "[\"CS-2\"]");
    assert_null(gateway_station(&b->gateway, "CS-1"));
}

static void a_file_that_was_read_before_another_was_put_into_force_is_read_again(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *one = site(b, STATION("CS-1", "1"));
    AUTO_FREE char *two = site(b, STATION("CS-2", "2"));
    struct problems problems;
    struct config *read = NULL;
    uint64_t generation = b->gateway.generation;
    problems_init(&problems);
    write_text(b->config, one);
    assert_int_equal(config_load(b->config, &problems, &read), 0);
    write_text(b->config, two);
    assert_int_equal(gateway_reload(&b->gateway, &problems), 0);
    assert_int_equal(gateway_put_into_force(&b->gateway, generation, 0, read, &problems), 0);
    assert_int_equal(problems.total, 0);
    assert_non_null(gateway_station(&b->gateway, "CS-2"));
    assert_null(gateway_station(&b->gateway, "CS-1"));
    problems_done(&problems);
}

/* ---- one entry ---- */

static void expect_unit(struct bench *b, const char *id, int unit)
{
    b->answered = false;
    assert_int_equal(config_change_entry(&b->gateway, id, on_entry, b), 0);
    wait_for_answer(b);
    const json_t *charger = json_array_get(json_object_get(b->result, "chargers"), 0);
    assert_int_equal(json_get_int(charger, "unit", 0), unit);
    assert_true(!unit || str_equal(json_get_string(b->result, "id", ""), id));
}

static void an_entry_is_the_files_after_every_edit(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *other = site(b, STATION("CS-1", "7") STATION("CS-2", "2"));
    AUTO_FREE char *twice = site(b, STATION("CS-1", "1") STATION("CS-2", "2") STATION("CS-1", "3"));
    struct stat status;
    expect_unit(b, "CS-1", 1);
    expect_unit(b, "CS-2", 2);
    expect_unit(b, "CS-3", 0);
    assert_int_equal(stat(b->config, &status), 0);
    write_text(b->config, other); /* of the same size, and as old */
    const struct timespec times[] = { status.st_atim, status.st_mtim };
    assert_int_equal(utimensat(AT_FDCWD, b->config, times, 0), 0);
    expect_unit(b, "CS-1", 7);
    write_text(b->config, "stations: [\n"); /* no YAML */
    expect_unit(b, "CS-1", 0);
    write_text(b->config, twice); /* which of them? */
    expect_unit(b, "CS-1", 0);
    expect_unit(b, "CS-2", 2);
    assert_int_equal(unlink(b->config), 0);
    expect_unit(b, "CS-2", 0);
    write_text(b->config, other);
    expect_unit(b, "CS-2", 2);
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
        CASE(what_cannot_be_written_down_is_not_done),
        CASE(of_two_changes_of_one_text_one_is_made),
        CASE(a_bad_text_is_not_written),
        CASE(a_link_stays_a_link),
        CASE(a_file_that_cannot_be_written_stays),
        CASE(a_stop_takes_back_what_is_under_way),
        CASE(nothing_is_told_after_a_stop),
        CASE(only_so_many_wait),
        CASE(a_reload_while_a_text_is_read_counts),
        CASE(a_reload_tells_what_it_changed),
        CASE(a_file_that_was_read_before_another_was_put_into_force_is_read_again),
        CASE(an_entry_is_the_files_after_every_edit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
