/* Users, sessions and tokens on a real store, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json.h"
#include "base/str.h"
#include "support/access_bench.h"

#define OTHER_PASSWORD "battery staple"

static void make_admin(struct access_bench *b)
{
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, true), 0);
}

/* The member of the user or token of this name; NULL: there is none such. */
static const char *told(json_t *list, const char *name, const char *member)
{
    static char text[64];
    const char *found = NULL;
    size_t i;
    json_t *item;
    assert_non_null(list);
    json_array_foreach(list, i, item)
    {
        if (!str_equal(json_get_string(item, "name", NULL), name) || !json_object_get(item, member))
            continue;
        (void)str_copy(text, sizeof(text), json_get_string(item, member, NULL));
        found = text;
    }
    json_decref(list);
    return found;
}

/* ---- the first user ---- */

static void the_first_user_is_made_with_the_setup_token_and_is_logged_in(void **state)
{
    struct access_bench *b = *state;
    const char *token = access_setup_token(b->access);
    assert_int_equal(strlen(token), ACCESS_SECRET_SIZE - 1);
    assert_int_equal(access_bench_set_up_first(b, token, "ann", PASSWORD), 0);
    assert_string_equal(b->session.user, "ann");
    assert_int_equal(b->session.role, ROLE_ADMIN);
    assert_non_null(access_find_session(b->access, b->session.secret));
    assert_null(access_setup_token(b->access));
    access_bench_restart(b);
    assert_null(access_setup_token(b->access));
    assert_string_equal(told(access_users(b->access), "ann", "role"), "admin");
    assert_string_equal(told(access_users(b->access), "ann", "lastLogin"), "2026-01-31T22:53:20.000Z");
}

static void a_setup_token_counts_once_and_is_new_at_each_start(void **state)
{
    struct access_bench *b = *state;
    char token[ACCESS_SECRET_SIZE];
    (void)str_copy(token, sizeof(token), access_setup_token(b->access));
    access_bench_restart(b);
    assert_string_not_equal(access_setup_token(b->access), token);
    assert_int_equal(access_bench_set_up_first(b, token, "ann", PASSWORD), -EACCES);
    assert_int_equal(access_bench_set_up_first(b, "", "ann", PASSWORD), -EACCES);
    (void)str_copy(token, sizeof(token), access_setup_token(b->access));
    assert_int_equal(access_bench_set_up_first(b, token, "an n", PASSWORD), -EINVAL);
    assert_int_equal(access_bench_set_up_first(b, token, "ann", "short"), -EINVAL);
    assert_int_equal(access_bench_set_up_first(b, token, "ann", PASSWORD), 0);
    assert_int_equal(access_bench_set_up_first(b, token, "bob", PASSWORD), -EACCES);
    assert_int_equal(access_bench_set_up_first(b, "", "bob", PASSWORD),
                     -EACCES); /* what a used one is kept as */
}

static void of_two_who_set_up_one_comes_too_late(void **state)
{
    struct access_bench *b = *state;
    const char *token = access_setup_token(b->access);
    access_setup(
        b->access,
        &(struct access_change){ .setup_token = token, .user = "ann", .password = PASSWORD, .peer = PEER },
        access_bench_on_answer, b);
    access_setup(
        b->access,
        &(struct access_change){ .setup_token = token, .user = "bob", .password = PASSWORD, .peer = PEER },
        access_bench_on_answer, b);
    assert_int_equal(access_bench_wait(b, 2), -EACCES);
    AUTO(json_t) *users = access_users(b->access);
    assert_int_equal(json_array_size(users), 1);
}

static void a_user_who_was_made_otherwise_ends_the_setup(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_null(access_setup_token(b->access));
}

/* ---- users ---- */

static void names_and_passwords_have_rules(void **state)
{
    struct access_bench *b = *state;
    char long_name[66], long_password[258];
    memset(long_name, 'a', 65);
    memset(long_password, 'a', 257);
    long_name[65] = long_password[257] = '\0';
    const struct {
        const char *user, *password;
        enum role role;
        int err;
        const char *text;
    } rows[] = {
        { "", PASSWORD, ROLE_VIEWER, -EINVAL, "name" },
        { "a b", PASSWORD, ROLE_VIEWER, -EINVAL, "name" },
        { "a/b", PASSWORD, ROLE_VIEWER, -EINVAL, "name" },
        { "\xC3\xA4", PASSWORD, ROLE_VIEWER, -EINVAL, "name" },
        { "..", PASSWORD, ROLE_VIEWER, -EINVAL, "name" },
        { "local", PASSWORD, ROLE_VIEWER, -EINVAL, "name" },
        { long_name, PASSWORD, ROLE_VIEWER, -EINVAL, "name" },
        { "ann", "123456789", ROLE_VIEWER, -EINVAL, "password" },
        { "ann", "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", ROLE_VIEWER, -EINVAL, "password" }, /* five */
        { "ann", "1234567890\xFF", ROLE_VIEWER, -EINVAL, "password" },
        { "ann", long_password, ROLE_VIEWER, -EINVAL, "password" },
        { "ann", NULL, ROLE_VIEWER, -EINVAL, "password" },
        { "ann", PASSWORD, ROLE_NONE, -EINVAL, "role" },
        { "ann", PASSWORD, ROLES, -EINVAL, "role" },
        { long_name + 1, long_password + 1, ROLE_VIEWER, 0, "done" },
        { "A-z.0_9@x", "1234567890", ROLE_OPERATOR, 0, "done" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(access_bench_put(b, rows[i].user, rows[i].password, rows[i].role, true),
                         rows[i].err);
        assert_non_null(strstr(b->last.text, rows[i].text));
    }
    assert_int_equal(access_bench_login(b, long_name + 1, long_password + 1, PEER), 0);
    assert_int_equal(access_bench_login(b, long_name + 1, long_password, PEER), -EACCES);
    assert_int_equal(access_bench_login(b, long_name, long_password + 1, PEER), -EACCES);
}

static void a_user_is_made_once_and_changed_where_it_is(void **state)
{
    struct access_bench *b = *state;
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, false), -ENOENT);
    make_admin(b);
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_VIEWER, true), -EEXIST);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), 0);
    assert_int_equal(access_bench_put(b, "bob", NULL, ROLE_OPERATOR, false), 0);
    assert_int_equal(access_bench_login(b, "bob", PASSWORD, PEER), 0);
    assert_int_equal(b->session.role, ROLE_OPERATOR);
    assert_int_equal(access_bench_put(b, "bob", OTHER_PASSWORD, ROLE_NONE, false), 0);
    assert_int_equal(access_bench_login(b, "bob", PASSWORD, PEER), -EACCES);
    access_bench_restart(b);
    assert_int_equal(access_bench_login(b, "bob", OTHER_PASSWORD, PEER), 0);
    assert_int_equal(b->session.role, ROLE_OPERATOR);
    assert_int_equal(access_delete_user(b->access, "bob"), 0);
    assert_int_equal(access_delete_user(b->access, "bob"), -ENOENT);
    assert_null(access_find_session(b->access, b->session.secret));
    assert_int_equal(access_bench_login(b, "bob", OTHER_PASSWORD, PEER), -EACCES);
    access_bench_restart(b);
    assert_null(told(access_users(b->access), "bob", "name"));
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), 0);
}

static void a_deleted_user_can_be_made_anew_at_once(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), 0);
    assert_int_equal(access_delete_user(b->access, "bob"), 0);
    assert_int_equal(access_bench_put(b, "bob", OTHER_PASSWORD, ROLE_OPERATOR, true), 0);
    access_bench_settle(b);
    access_bench_restart(b);
    assert_int_equal(access_bench_login(b, "bob", OTHER_PASSWORD, PEER), 0);
}

static void a_user_deleted_while_changed_stays_deleted(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), 0);
    access_put_user(b->access, &(struct access_change){ .user = "bob", .role = ROLE_OPERATOR },
                    access_bench_on_answer, b);
    uv_run(&b->loop.uv, UV_RUN_NOWAIT); /* its turn has come, and the store has it */
    assert_int_equal(access_delete_user(b->access, "bob"), 0);
    if (b->answers == 0)
        assert_int_equal(access_bench_wait(b, 1), -ENOENT);
    b->answers = 0;
    access_bench_restart(b);
    assert_null(told(access_users(b->access), "bob", "name"));
}

static void the_last_admin_stays(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_OPERATOR, true), 0);
    assert_int_equal(access_delete_user(b->access, "ann"), -EPERM);
    assert_int_equal(access_bench_put(b, "ann", NULL, ROLE_OPERATOR, false), -EPERM);
    assert_int_equal(access_bench_put(b, "ann", OTHER_PASSWORD, ROLE_ADMIN, false), 0);
    assert_int_equal(access_bench_put(b, "bob", NULL, ROLE_ADMIN, false), 0);
    assert_int_equal(access_delete_user(b->access, "ann"), 0);
    assert_int_equal(access_delete_user(b->access, "bob"), -EPERM);
}

static void two_admins_cannot_demote_or_delete_each_other_at_once(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_ADMIN, true), 0);
    access_put_user(b->access, &(struct access_change){ .user = "ann", .role = ROLE_VIEWER },
                    access_bench_on_answer, b);
    access_put_user(b->access, &(struct access_change){ .user = "bob", .role = ROLE_VIEWER },
                    access_bench_on_answer, b);
    assert_int_equal(access_bench_wait(b, 2), -EPERM);
    assert_string_equal(told(access_users(b->access), "ann", "role"), "viewer");
    assert_string_equal(told(access_users(b->access), "bob", "role"), "admin");

    assert_int_equal(access_bench_put(b, "ann", NULL, ROLE_ADMIN, false), 0);
    access_put_user(b->access, &(struct access_change){ .user = "ann", .role = ROLE_VIEWER },
                    access_bench_on_answer, b);
    uv_run(&b->loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(access_delete_user(b->access, "bob"), -EPERM);
    if (b->answers == 0)
        (void)access_bench_wait(b, 1);
    b->answers = 0;
}

static void users_are_bounded(void **state)
{
    struct access_bench *b = *state;
    struct record records[ACCESS_MAX_USERS - 1];
    char names[ACCESS_MAX_USERS - 1][8];
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "u%zu", i);
        records[i] = (struct record){ RECORD_USER, names[i], "viewer $argon2id$v=19$x 1 2 0" };
    }
    assert_int_equal(store_write(b->store, "", records, ARRAY_SIZE(records), NULL, NULL), 0);
    access_bench_restart(b);
    make_admin(b);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), -E2BIG);
    assert_int_equal(access_delete_user(b->access, "u7"), 0);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), 0);
}

static void records_that_cannot_be_read_are_left_out(void **state)
{
    struct access_bench *b = *state;
    static const char good[] = "admin $argon2id$v=19$x 1 2 0";
    static const char good_token[] =
        "viewer 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF 1 2 0";
    const struct record records[] = {
        { RECORD_USER, "a", "rubbish" },
        { RECORD_USER, "b", "none $argon2id$v=19$x 1 2 0" },
        { RECORD_USER, "c", "king $argon2id$v=19$x 1 2 0" },
        { RECORD_USER, "d", "admin  1 2 0" },
        { RECORD_USER, "e", "admin $argon2id$v=19$x 1 2" },
        { RECORD_USER, "f", "admin $argon2id$v=19$x 1 -2 0" },
        { RECORD_USER, "g h", good },
        { RECORD_USER, "i", good_token },
        { RECORD_API_TOKEN, "j", good },
        { RECORD_API_TOKEN, "k", "viewer 0123456789ABCDEF 1 2 0" },
        { RECORD_USER, "l", good },
        { RECORD_API_TOKEN, "m", good_token },
    };
    assert_int_equal(store_write(b->store, "", records, ARRAY_SIZE(records), NULL, NULL), 0);
    access_bench_restart(b);
    AUTO(json_t) *users = access_users(b->access), *tokens = access_tokens(b->access);
    assert_int_equal(json_array_size(users), 1);
    assert_int_equal(json_array_size(tokens), 1);
    assert_int_equal(access_bench_login(b, "l", PASSWORD, PEER), -EACCES);
}

static void a_damaged_user_does_not_open_the_setup(void **state)
{
    struct access_bench *b = *state;
    const struct record record = { RECORD_USER, "ann", "rubbish" };
    assert_int_equal(store_write(b->store, "", &record, 1, NULL, NULL), 0);
    access_bench_restart(b);
    assert_null(access_setup_token(b->access));
}

/* ---- passwords ---- */

static void one_changes_ones_own_password_with_the_old_one(void **state)
{
    struct access_bench *b = *state;
    char kept[ACCESS_SECRET_SIZE], other[ACCESS_SECRET_SIZE];
    make_admin(b);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    (void)str_copy(other, sizeof(other), b->session.secret);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    (void)str_copy(kept, sizeof(kept), b->session.secret);
    const struct {
        const char *user, *old, *new;
        int err;
    } rows[] = {
        { "ann", "wrong", OTHER_PASSWORD, -EACCES },
        { "ann", PASSWORD, "short", -EINVAL },
        { "bob", PASSWORD, OTHER_PASSWORD, -EACCES },
        { "ann", PASSWORD, OTHER_PASSWORD, 0 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_non_null(access_find_session(b->access, other));
        access_change_password(b->access,
                               &(struct access_change){ .user = rows[i].user,
                                                        .old_password = rows[i].old,
                                                        .password = rows[i].new,
                                                        .keep_session = kept,
                                                        .peer = PEER },
                               access_bench_on_answer, b);
        assert_int_equal(access_bench_wait(b, 1), rows[i].err);
    }
    assert_non_null(access_find_session(b->access, kept));
    assert_null(access_find_session(b->access, other));
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), -EACCES);
    assert_int_equal(access_bench_login(b, "ann", OTHER_PASSWORD, PEER), 0);
}

static void of_two_changes_with_the_same_old_password_the_second_is_refused(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    access_change_password(
        b->access,
        &(struct access_change){
            .user = "ann", .old_password = PASSWORD, .password = OTHER_PASSWORD, .peer = PEER },
        access_bench_on_answer, b);
    access_change_password(
        b->access,
        &(struct access_change){
            .user = "ann", .old_password = PASSWORD, .password = "yet another one", .peer = PEER },
        access_bench_on_answer, b);
    assert_int_equal(access_bench_wait(b, 2), -EACCES);
}

static void a_login_with_a_password_that_is_changed_meanwhile_fails(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), 0);
    access_login(b->access, "bob", PASSWORD, PEER, access_bench_on_answer, b);
    assert_int_equal(access_delete_user(b->access, "bob"), 0);
    assert_int_equal(access_bench_wait(b, 1), -EACCES);
}

static double cpu_seconds(struct access_bench *b, const char *user, const char *peer)
{
    struct timespec begin, end;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    assert_int_equal(access_bench_login(b, user, "not the password", peer), -EACCES);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

static void an_unknown_user_costs_what_a_wrong_password_costs(void **state)
{
    struct access_bench *b = *state;
    double known = 0, unknown = 0;
    make_admin(b);
    for (int i = 0; i < 4; i++) {
        known += cpu_seconds(b, "ann", PEER);
        unknown += cpu_seconds(b, "nobody", "192.0.2.2");
        assert_string_equal(b->last.text, "the user, the password or the setup token is wrong");
    }
    assert_true(unknown > known / 2 && unknown < known * 2);
}

static bool store_holds(const struct access_bench *b, const char *text)
{
    static char bytes[1 << 20];
    bool found = false;
    static const char *const ends[] = { "", "-wal" };
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", b->path, ends[i]);
        FILE *file = fopen(path, "rb");
        size_t len = file ? fread(bytes, 1, sizeof(bytes), file) : 0;
        found = found || memmem(bytes, len, text, strlen(text));
        if (file)
            (void)fclose(file);
    }
    return found;
}

static void no_secret_is_in_the_store(void **state)
{
    struct access_bench *b = *state;
    char token[ACCESS_SECRET_SIZE];
    make_admin(b);
    assert_int_equal(access_new_token(b->access, "grafana", ROLE_VIEWER, 0, token), 0);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    access_bench_settle(b);
    assert_true(store_holds(b, "grafana") && store_holds(b, "$argon2id$"));
    assert_false(store_holds(b, PASSWORD));
    assert_false(store_holds(b, token));
    assert_false(store_holds(b, b->session.secret));
}

/* ---- sessions ---- */

static void a_session_is_known_by_its_secret_and_has_a_csrf_token(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    struct access_session first = b->session;
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    assert_string_not_equal(first.secret, b->session.secret);
    assert_string_not_equal(first.csrf, b->session.csrf);
    assert_string_not_equal(first.csrf, first.secret);

    const struct access_session *found = access_find_session(b->access, first.secret);
    assert_string_equal(found->user, "ann");
    assert_int_equal(found->role, ROLE_ADMIN);
    assert_string_equal(found->csrf, first.csrf);
    assert_string_equal(found->secret, "");
    assert_true(access_csrf_is(found, first.csrf));
    assert_false(access_csrf_is(found, b->session.csrf));
    assert_false(access_csrf_is(found, ""));
    assert_false(access_csrf_is(found, NULL));

    first.secret[5] = first.secret[5] == 'x' ? 'y' : 'x';
    assert_null(access_find_session(b->access, first.secret));
    assert_null(access_find_session(b->access, ""));
    assert_null(access_find_session(b->access, NULL));
    access_end_session(b->access, first.secret); /* none */
    assert_non_null(access_find_session(b->access, b->session.secret));
    access_end_session(b->access, b->session.secret);
    assert_null(access_find_session(b->access, b->session.secret));
}

static void a_session_ends_unused_or_after_half_a_day(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    access_bench_pass(b, 30 * MINUTE_MS - 1);
    assert_non_null(access_find_session(b->access, b->session.secret));
    access_bench_pass(b, 30 * MINUTE_MS);
    assert_null(access_find_session(b->access, b->session.secret));

    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    for (int minutes = 0; minutes < 12 * 60; minutes += 20) {
        assert_non_null(access_find_session(b->access, b->session.secret));
        access_bench_pass(b, 20 * MINUTE_MS);
    }
    assert_null(access_find_session(b->access, b->session.secret));
}

static void sessions_end_with_a_new_role_or_password(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_OPERATOR, true), 0);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    struct access_session ann = b->session;
    const struct {
        const char *password;
        enum role role;
        bool keeps;
    } rows[] = {
        { NULL, ROLE_OPERATOR, true }, /* is already */
        { NULL, ROLE_NONE, true },
        { NULL, ROLE_VIEWER, false },
        { PASSWORD, ROLE_NONE, false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(access_bench_login(b, "bob", PASSWORD, PEER), 0);
        assert_int_equal(access_bench_put(b, "bob", rows[i].password, rows[i].role, false), 0);
        assert_int_equal(access_find_session(b->access, b->session.secret) != NULL, rows[i].keeps);
    }
    assert_non_null(access_find_session(b->access, ann.secret));

    assert_int_equal(access_bench_login(b, "bob", PASSWORD, PEER), 0);
    access_put_user(
        b->access,
        &(struct access_change){ .user = "bob", .role = ROLE_ADMIN, .keep_session = b->session.secret },
        access_bench_on_answer, b);
    assert_int_equal(access_bench_wait(b, 1), 0);
    assert_int_equal(access_find_session(b->access, b->session.secret)->role, ROLE_ADMIN);
}

static void the_session_unused_longest_makes_room(void **state)
{
    struct access_bench *b = *state;
    char first[ACCESS_SECRET_SIZE], second[ACCESS_SECRET_SIZE];
    make_admin(b);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    (void)str_copy(first, sizeof(first), b->session.secret);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    (void)str_copy(second, sizeof(second), b->session.secret);
    assert_non_null(access_find_session(b->access, first));
    for (int i = 2; i < ACCESS_MAX_SESSIONS; i++)
        access_bench_add_session(b, "ann");
    access_bench_add_session(b, "ann");
    assert_null(access_find_session(b->access, second));
    assert_non_null(access_find_session(b->access, first));
}

static void a_restart_keeps_users_and_tokens_but_no_session(void **state)
{
    struct access_bench *b = *state;
    char token[ACCESS_SECRET_SIZE], name[ACCESS_NAME_SIZE];
    int retry_after_s;
    make_admin(b);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    assert_int_equal(access_new_token(b->access, "grafana", ROLE_VIEWER, 0, token), 0);
    access_bench_restart(b);
    assert_null(access_find_session(b->access, b->session.secret));
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    assert_int_equal(access_find_token(b->access, token, PEER, name, &retry_after_s), ROLE_VIEWER);
    assert_string_equal(name, "grafana");
}

/* ---- tokens ---- */

static enum role ask_token(struct access_bench *b, const char *secret)
{
    char name[ACCESS_NAME_SIZE];
    int retry_after_s = -1;
    enum role role = access_find_token(b->access, secret, "", name, &retry_after_s);
    assert_int_equal(retry_after_s, 0);
    assert_int_equal(role == ROLE_NONE, name[0] == '\0');
    return role;
}

static void tokens_have_rules(void **state)
{
    struct access_bench *b = *state;
    char token[ACCESS_SECRET_SIZE];
    const struct {
        const char *name;
        enum role role;
        int64_t expires_ms;
        int err;
    } rows[] = {
        { "a b", ROLE_VIEWER, 0, -EINVAL },
        { "local", ROLE_VIEWER, 0, -EINVAL },
        { "a", ROLE_NONE, 0, -EINVAL },
        { "a", ROLES, 0, -EINVAL },
        { "a", ROLE_VIEWER, b->wall_ms, -EINVAL },
        { "a", ROLE_VIEWER, -1, -EINVAL },
        { "a", ROLE_VIEWER, b->wall_ms + 1, 0 },
        { "a", ROLE_VIEWER, 0, -EEXIST },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(access_new_token(b->access, rows[i].name, rows[i].role, rows[i].expires_ms, token),
                         rows[i].err);
    for (int i = 1; i < ACCESS_MAX_TOKENS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(access_new_token(b->access, name, ROLE_VIEWER, 0, token), 0);
    }
    assert_int_equal(access_new_token(b->access, "b", ROLE_VIEWER, 0, token), -E2BIG);
    access_bench_restart(b);
    AUTO(json_t) *tokens = access_tokens(b->access);
    assert_int_equal(json_array_size(tokens), ACCESS_MAX_TOKENS);
}

static void a_token_counts_until_it_expires_or_is_deleted(void **state)
{
    struct access_bench *b = *state;
    char short_lived[ACCESS_SECRET_SIZE], lasting[ACCESS_SECRET_SIZE];
    assert_int_equal(access_new_token(b->access, "short", ROLE_OPERATOR, b->wall_ms + HOUR_MS, short_lived),
                     0);
    assert_int_equal(access_new_token(b->access, "lasting", ROLE_ADMIN, 0, lasting), 0);
    assert_int_equal(ask_token(b, short_lived), ROLE_OPERATOR);
    access_bench_restart(b);
    access_bench_pass(b, HOUR_MS - 1);
    assert_int_equal(ask_token(b, short_lived), ROLE_OPERATOR);
    assert_true(access_has_token(b->access, "short"));
    access_bench_pass(b, 1);
    assert_int_equal(ask_token(b, short_lived), ROLE_NONE);
    assert_false(access_has_token(b->access, "short"));
    assert_int_equal(ask_token(b, lasting), ROLE_ADMIN);
    assert_string_equal(told(access_tokens(b->access), "short", "expires"), "2026-01-31T23:53:20.000Z");
    assert_null(told(access_tokens(b->access), "lasting", "expires"));

    assert_true(access_has_token(b->access, "lasting"));
    assert_int_equal(access_delete_token(b->access, "lasting"), 0);
    assert_int_equal(access_delete_token(b->access, "lasting"), -ENOENT);
    assert_false(access_has_token(b->access, "lasting"));
    assert_int_equal(ask_token(b, lasting), ROLE_NONE);
    assert_int_equal(ask_token(b, ""), ROLE_NONE);
    access_bench_restart(b);
    assert_int_equal(ask_token(b, lasting), ROLE_NONE);
}

static void a_token_of_a_deleted_ones_name_is_another(void **state)
{
    struct access_bench *b = *state;
    char old[ACCESS_SECRET_SIZE], new[ACCESS_SECRET_SIZE];
    assert_int_equal(access_new_token(b->access, "a", ROLE_VIEWER, 0, old), 0);
    assert_int_equal(access_delete_token(b->access, "a"), 0);
    assert_int_equal(access_new_token(b->access, "a", ROLE_ADMIN, 0, new), 0);
    access_bench_settle(b);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask_token(b, old), ROLE_NONE);
        assert_int_equal(ask_token(b, new), ROLE_ADMIN);
        access_bench_restart(b);
    }
}

/* What wears a flash disk is written once an hour. */
static void that_a_token_is_used_is_told_and_stored_now_and_then(void **state)
{
    struct access_bench *b = *state;
    char token[ACCESS_SECRET_SIZE];
    assert_int_equal(access_new_token(b->access, "a", ROLE_VIEWER, 0, token), 0);
    assert_null(told(access_tokens(b->access), "a", "lastUsed"));
    assert_int_equal(ask_token(b, token), ROLE_VIEWER);
    access_bench_settle(b);
    access_bench_pass(b, 59 * MINUTE_MS);
    assert_int_equal(ask_token(b, token), ROLE_VIEWER);
    assert_string_equal(told(access_tokens(b->access), "a", "lastUsed"), "2026-01-31T23:52:20.000Z");
    access_bench_restart(b);
    assert_string_equal(told(access_tokens(b->access), "a", "lastUsed"), "2026-01-31T22:53:20.000Z");
    access_bench_pass(b, MINUTE_MS);
    assert_int_equal(ask_token(b, token), ROLE_VIEWER);
    access_bench_restart(b);
    assert_string_equal(told(access_tokens(b->access), "a", "lastUsed"), "2026-01-31T23:53:20.000Z");
}

/* ---- trouble ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* RLIMIT_FSIZE stands for a disk that is full. */
static void what_the_store_does_not_take_is_told_or_written_later(void **state)
{
    struct access_bench *b = *state;
    char old[ACCESS_SECRET_SIZE], token[ACCESS_SECRET_SIZE];
    make_admin(b);
    assert_int_equal(access_new_token(b->access, "old", ROLE_VIEWER, 0, old), 0);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    access_bench_settle(b);

    limit_files(4096);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), -EIO);
    assert_int_equal(access_bench_put(b, "ann", OTHER_PASSWORD, ROLE_NONE, false), -EIO);
    assert_non_null(access_find_session(b->access, b->session.secret));
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0); /* it needs no disk */
    assert_int_equal(access_delete_token(b->access, "old"), 0);
    assert_int_equal(access_new_token(b->access, "new", ROLE_VIEWER, 0, token), 0);
    access_bench_settle(b);
    limit_files(RLIM_INFINITY);

    access_bench_pass(b, 10000);
    timers_run(&b->loop.timers, b->now_ms);
    access_bench_settle(b);
    struct access *first = b->access; /* a crash: nothing is written at the end */
    assert_int_equal(access_new(&b->loop, b->store, &b->access), 0);
    assert_int_equal(ask_token(b, old), ROLE_NONE);
    assert_int_equal(ask_token(b, token), ROLE_VIEWER);
    assert_null(told(access_users(b->access), "bob", "name"));
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    access_free(first);
}

static void a_user_is_there_only_when_the_store_has_it(void **state)
{
    struct access_bench *b = *state;
    make_admin(b);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    access_put_user(b->access, &(struct access_change){ .user = "ann", .role = ROLE_ADMIN },
                    access_bench_on_answer, b);
    access_put_user(
        b->access,
        &(struct access_change){ .user = "bob", .password = PASSWORD, .role = ROLE_VIEWER, .is_new = true },
        access_bench_on_answer, b);
    while (b->answers < 2) {
        assert_null(told(access_users(b->access), "bob", "name"));
        uv_run(&b->loop.uv, UV_RUN_ONCE);
    }
    b->answers = 0;
    assert_non_null(told(access_users(b->access), "bob", "name"));
}

static void who_is_forgotten_hears_nothing(void **state)
{
    struct access_bench *b = *state, other = { 0 };
    make_admin(b);
    access_login(b->access, "ann", PASSWORD, PEER, access_bench_on_answer, &other);
    access_login(b->access, "ann", PASSWORD, PEER, access_bench_on_answer, &other);
    access_login(b->access, "ann", PASSWORD, PEER, access_bench_on_answer, &other); /* waits for its turn */
    access_put_user(
        b->access,
        &(struct access_change){ .user = "bob", .password = PASSWORD, .role = ROLE_VIEWER, .is_new = true },
        access_bench_on_answer, &other);
    access_put_user(
        b->access,
        &(struct access_change){ .user = "a b", .password = PASSWORD, .role = ROLE_VIEWER, .is_new = true },
        access_bench_on_answer, &other);
    access_put_user(b->access, &(struct access_change){ .user = "ann", .role = ROLE_ADMIN },
                    access_bench_on_answer, &other);
    access_forget(b->access, &other);
    assert_int_equal(access_bench_put(b, "cem", PASSWORD, ROLE_VIEWER, true), 0);
    assert_int_equal(other.answers, 0);
    while (!told(access_users(b->access), "bob", "name")) /* what was begun is done */
        uv_run(&b->loop.uv, UV_RUN_ONCE);
}

static void the_end_comes_while_all_is_under_way(void **state)
{
    struct access_bench *b = *state, other = { 0 };
    make_admin(b);
    for (int i = 0; i < 4; i++)
        access_login(b->access, "ann", PASSWORD, PEER, access_bench_on_answer, &other);
    access_put_user(b->access, &(struct access_change){ .user = "ann", .role = ROLE_ADMIN },
                    access_bench_on_answer, &other);
    uv_run(&b->loop.uv, UV_RUN_NOWAIT);
    other.answers = 0;
    access_put_user(b->access, &(struct access_change){ .user = "ann", .role = ROLE_ADMIN },
                    access_bench_on_answer, &other);
    access_bench_restart(b);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    assert_int_equal(other.answers, 0);
}

/* Two are compared, 32 wait. */
static void too_many_logins_at_once_are_refused(void **state)
{
    struct access_bench *b = *state;
    struct access_bench answered[40] = { 0 };
    int refused = 0, wrong = 0;
    for (int i = 0; i < 40; i++) {
        char user[8], peer[16];
        (void)snprintf(user, sizeof(user), "u%d", i);
        (void)snprintf(peer, sizeof(peer), "192.0.2.%d", i);
        access_login(b->access, user, PASSWORD, peer, access_bench_on_answer, &answered[i]);
    }
    for (int i = 0; i < 40; i++) {
        while (answered[i].answers == 0)
            uv_run(&b->loop.uv, UV_RUN_ONCE);
        assert_int_equal(answered[i].answers, 1);
        refused += answered[i].last.err == -EAGAIN && answered[i].last.retry_after_s > 0;
        wrong += answered[i].last.err == -EACCES;
    }
    assert_int_equal(refused, 6);
    assert_int_equal(wrong, 34);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, access_bench_set_up, access_bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_user_is_made_with_the_setup_token_and_is_logged_in),
        TEST(a_setup_token_counts_once_and_is_new_at_each_start),
        TEST(of_two_who_set_up_one_comes_too_late),
        TEST(a_user_who_was_made_otherwise_ends_the_setup),
        TEST(names_and_passwords_have_rules),
        TEST(a_user_is_made_once_and_changed_where_it_is),
        TEST(a_deleted_user_can_be_made_anew_at_once),
        TEST(a_user_deleted_while_changed_stays_deleted),
        TEST(the_last_admin_stays),
        TEST(two_admins_cannot_demote_or_delete_each_other_at_once),
        TEST(users_are_bounded),
        TEST(records_that_cannot_be_read_are_left_out),
        TEST(a_damaged_user_does_not_open_the_setup),
        TEST(one_changes_ones_own_password_with_the_old_one),
        TEST(of_two_changes_with_the_same_old_password_the_second_is_refused),
        TEST(a_login_with_a_password_that_is_changed_meanwhile_fails),
        TEST(an_unknown_user_costs_what_a_wrong_password_costs),
        TEST(no_secret_is_in_the_store),
        TEST(a_session_is_known_by_its_secret_and_has_a_csrf_token),
        TEST(a_session_ends_unused_or_after_half_a_day),
        TEST(sessions_end_with_a_new_role_or_password),
        TEST(the_session_unused_longest_makes_room),
        TEST(a_restart_keeps_users_and_tokens_but_no_session),
        TEST(tokens_have_rules),
        TEST(a_token_counts_until_it_expires_or_is_deleted),
        TEST(a_token_of_a_deleted_ones_name_is_another),
        TEST(that_a_token_is_used_is_told_and_stored_now_and_then),
        TEST(what_the_store_does_not_take_is_told_or_written_later),
        TEST(a_user_is_there_only_when_the_store_has_it),
        TEST(who_is_forgotten_hears_nothing),
        TEST(the_end_comes_while_all_is_under_way),
        TEST(too_many_logins_at_once_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
