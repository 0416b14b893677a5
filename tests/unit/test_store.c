/* The store on a real file: groups, order, kill -9, full disk, wrong files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store.h"
#include "support/scratch.h"

struct bench {
    char directory[64], path[96], text[256];
    struct loop loop;
    struct store *store;
    int answers, errors, wanted;
    int order[10000];
};

struct note { /* ctx of one batch */
    struct bench *bench;
    int number;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    (void)snprintf(b->directory, sizeof(b->directory), "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    (void)snprintf(b->path, sizeof(b->path), "%s/gateway.db", b->directory);
    assert_int_equal(loop_init(&b->loop), 0);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    store_close(b->store);
    loop_done(&b->loop);
    scratch_remove(b->directory);
    free(b);
    return 0;
}

static int open_store(struct bench *b)
{
    return store_open(&b->loop, b->path, b->text, sizeof(b->text), &b->store);
}

static void on_written(void *ctx, int err)
{
    struct note *note = ctx;
    struct bench *b = note->bench;
    b->order[b->answers] = note->number;
    b->answers++;
    b->errors += err < 0;
    if (b->answers == b->wanted)
        loop_stop(&b->loop);
}

static void wait_for(struct bench *b, int answers)
{
    b->wanted = answers;
    if (b->answers < answers)
        loop_run(&b->loop);
}

static void put(struct bench *b, struct note *note, const char *station, const char *key, const char *value)
{
    const struct record record = { RECORD_EVENT, key, value };
    assert_int_equal(store_write(b->store, station, &record, 1, on_written, note), 0);
}

struct found {
    int count;
    char last_key[64], last_value[64];
};

static void on_record(void *ctx, enum record_kind kind, const char *key, const char *value)
{
    struct found *found = ctx;
    assert_int_equal(kind, RECORD_EVENT);
    found->count++;
    (void)snprintf(found->last_key, sizeof(found->last_key), "%s", key);
    (void)snprintf(found->last_value, sizeof(found->last_value), "%s", value);
}

static struct found read_all(struct bench *b, const char *station)
{
    struct found found = { 0 };
    assert_int_equal(store_read(b->store, station, on_record, &found), 0);
    return found;
}

static void what_was_answered_is_there_after_a_restart(void **state)
{
    struct bench *b = *state;
    struct note note = { b, 0 };
    assert_int_equal(open_store(b), 0);
    put(b, &note, "CS1", "a", "1");
    put(b, &note, "CS1", "b", "2");
    put(b, &note, "CS2", "a", "3");
    put(b, &note, "CS1", "b", "4");
    put(b, &note, "CS1", "a", NULL);
    wait_for(b, 5);
    store_close(b->store);
    b->store = NULL;
    assert_int_equal(open_store(b), 0);
    struct found found = read_all(b, "CS1");
    assert_int_equal(found.count, 1);
    assert_string_equal(found.last_key, "b");
    assert_string_equal(found.last_value, "4");
    assert_int_equal(read_all(b, "CS2").count, 1);
}

static bool holds(const char *path, const char *text)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    static char bytes[1 << 20];
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

static void what_was_deleted_is_not_left_in_the_file(void **state) /* N10.FR.06 */
{
    struct bench *b = *state;
    struct note note = { b, 0 };
    char wal[128];
    (void)snprintf(wal, sizeof(wal), "%s-wal", b->path);
    assert_int_equal(open_store(b), 0);
    put(b, &note, "CS1", "a", "a-customer-of-ours");
    put(b, &note, "CS1", "b", "another");
    wait_for(b, 2);
    assert_true(holds(b->path, "a-customer-of-ours") || holds(wal, "a-customer-of-ours"));
    put(b, &note, "CS1", "a", NULL);
    wait_for(b, 3);
    store_close(b->store);
    b->store = NULL;
    assert_true(holds(b->path, "another"));
    assert_false(holds(b->path, "a-customer-of-ours") || holds(wal, "a-customer-of-ours"));
}

static void answers_come_in_the_order_of_writing(void **state)
{
    struct bench *b = *state;
    struct note notes[2000];
    assert_int_equal(open_store(b), 0);
    for (int i = 0; i < 2000; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%06d", i);
        notes[i] = (struct note){ b, i };
        put(b, &notes[i], "CS1", key, "x");
    }
    wait_for(b, 2000);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(b->order[i], i);
    assert_int_equal(b->errors, 0);
    assert_int_equal(read_all(b, "CS1").count, 2000);
}

static void a_forgotten_owner_hears_nothing_but_its_records_are_written(void **state)
{
    struct bench *b = *state;
    struct note forgotten = { b, 1 }, kept = { b, 2 };
    assert_int_equal(open_store(b), 0);
    put(b, &forgotten, "CS1", "a", "1");
    store_forget(b->store, &forgotten);
    put(b, &kept, "CS1", "b", "2");
    wait_for(b, 1);
    assert_int_equal(b->order[0], 2);
    assert_int_equal(read_all(b, "CS1").count, 2);
}

static void closing_commits_what_waits_and_answers(void **state)
{
    struct bench *b = *state;
    struct note note = { b, 0 };
    assert_int_equal(open_store(b), 0);
    put(b, &note, "CS1", "a", "1");
    store_close(b->store);
    assert_int_equal(b->answers, 1);
    b->store = NULL;
    assert_int_equal(open_store(b), 0);
    assert_int_equal(read_all(b, "CS1").count, 1);
}

/* The child writes and tells each answer by a byte in a pipe, until it is killed: what was told must be there. */
static void kill_9_loses_nothing_that_was_answered(void **state)
{
    struct bench *b = *state;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct note note = { b, 0 };
        if (open_store(b) < 0)
            _exit(1);
        for (int i = 0; i < 100000; i++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "%06d", i);
            put(b, &note, "CS1", key, "x");
            b->answers = 0;
            wait_for(b, 1);
            if (write(pipe_ends[1], "x", 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    char byte;
    for (int i = 0; i < 50; i++)
        assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(pipe_ends[1]);
    int told = 50;
    while (read(pipe_ends[0], &byte, 1) == 1)
        told++;
    (void)close(pipe_ends[0]);
    assert_int_equal(open_store(b), 0);
    assert_true(read_all(b, "CS1").count >= told);
}

/* RLIMIT_FSIZE stands for a disk that is full: writes beyond it fail. */
static void a_full_disk_is_answered_and_the_store_works_again_with_room(void **state)
{
    struct bench *b = *state;
    struct note note = { b, 0 };
    struct rlimit limit, small;
    char *large = malloc(400000);
    memset(large, 'x', 399999);
    large[399999] = '\0';
    assert_int_equal(open_store(b), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ 200000, limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    put(b, &note, "CS1", "a", large);
    wait_for(b, 1);
    assert_int_equal(b->errors, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    put(b, &note, "CS1", "b", "small");
    wait_for(b, 2);
    assert_int_equal(b->errors, 1);
    struct found found = read_all(b, "CS1");
    assert_int_equal(found.count, 1);
    assert_string_equal(found.last_key, "b");
    free(large);
}

static void what_was_written_is_read_though_no_answer_came_yet(void **state)
{
    struct bench *b = *state;
    struct note note = { b, 0 };
    assert_int_equal(open_store(b), 0);
    for (int i = 0; i < 100; i++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "%d", i);
        put(b, &note, "CS1", "a", value);
        assert_string_equal(read_all(b, "CS1").last_value, value);
    }
    assert_int_equal(b->answers, 0);
    wait_for(b, 100);
}

static void two_programs_do_not_share_a_database(void **state)
{
    struct bench *b = *state;
    struct store *other = NULL;
    assert_int_equal(open_store(b), 0);
    assert_int_equal(store_open(&b->loop, b->path, b->text, sizeof(b->text), &other), -EBUSY);
    assert_null(other);
    assert_non_null(strstr(b->text, "another"));
}

/* ---- a disk that is really full: a small one of our own, if we may mount it ---- */

#define DISK_BYTES "6m"

static bool mount_small_disk(struct bench *b)
{
    if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWNS | CLONE_NEWUSER) < 0)
        return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("small", b->directory, "tmpfs", 0, "size=" DISK_BYTES) == 0;
}

static void fill_disk(const struct bench *b)
{
    char path[128], zeros[4096] = { 0 };
    (void)snprintf(path, sizeof(path), "%s/ballast", b->directory);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    (void)setvbuf(file, NULL, _IONBF, 0);
    while (fwrite(zeros, 1, sizeof(zeros), file) == sizeof(zeros))
        ;
    (void)fclose(file);
}

static bool has_reserve(const struct bench *b)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s.reserve", b->path);
    return access(path, F_OK) == 0;
}

/* In a process of its own, whose mounts end with it. */
static void on_a_small_disk(struct bench *b, void (*act)(struct bench *b))
{
    pid_t child = fork();
    if (child == 0) {
        if (!mount_small_disk(b))
            _exit(77);
        act(b);
        store_close(b->store);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int write_large(struct bench *b, struct note *note, const char *key)
{
    static char large[65536];
    int errors = b->errors;
    memset(large, 'x', sizeof(large) - 1);
    put(b, note, "CS1", key, large);
    wait_for(b, b->answers + 1);
    return b->errors - errors;
}

static void use_up_the_reserve(struct bench *b)
{
    struct note note = { b, 0 };
    assert_int_equal(open_store(b), 0);
    assert_true(has_reserve(b));
    fill_disk(b);
    /* what is under way is still written, from the reserve; then nothing any more; and all again once there is room */
    int i = 0;
    for (char key[16]; i < 200; i++) {
        (void)snprintf(key, sizeof(key), "%d", i);
        if (write_large(b, &note, key))
            break;
    }
    assert_true(i > 5 && i < 200);
    assert_false(has_reserve(b));
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/ballast", b->directory);
    assert_int_equal(unlink(path), 0);
    for (int k = 0; k < 110; k++) {
        put(b, &note, "CS1", "a", "1");
        wait_for(b, b->answers + 1);
    }
    assert_int_equal(b->errors, 1);
    assert_true(has_reserve(b));
}

static void a_full_disk_costs_the_reserve_first(void **state)
{
    on_a_small_disk(*state, use_up_the_reserve);
}

static void start_on_a_full_disk(struct bench *b)
{
    struct note note = { b, 0 };
    assert_int_equal(open_store(b), 0);
    put(b, &note, "CS1", "a", "1");
    wait_for(b, 1);
    store_close(b->store);
    b->store = NULL;
    fill_disk(b);
    if (open_store(b) < 0)
        fail_msg("%s", b->text);
    assert_int_equal(read_all(b, "CS1").count, 1);
    assert_int_equal(write_large(b, &note, "b"), 0);
}

static void a_start_on_a_full_disk_costs_the_reserve_too(void **state)
{
    on_a_small_disk(*state, start_on_a_full_disk);
}

static void the_database_is_for_its_owner_only(void **state)
{
    struct bench *b = *state;
    struct stat status;
    assert_int_equal(open_store(b), 0);
    assert_int_equal(stat(b->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_damaged_file_is_reported_and_left_alone(void **state)
{
    struct bench *b = *state;
    FILE *file = fopen(b->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        (void)fputs("this is no database ", file);
    (void)fclose(file);
    assert_int_equal(open_store(b), -EIO);
    assert_non_null(strstr(b->text, "backup"));
    struct stat status;
    assert_int_equal(stat(b->path, &status), 0);
    assert_int_equal(status.st_size, 20000);
}

static void a_file_of_a_newer_version_is_refused(void **state)
{
    struct bench *b = *state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(open_store(b), -EPROTO);
    assert_non_null(strstr(b->text, "newer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_answered_is_there_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_deleted_is_not_left_in_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_come_in_the_order_of_writing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_owner_hears_nothing_but_its_records_are_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(closing_commits_what_waits_and_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kill_9_loses_nothing_that_was_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_answered_and_the_store_works_again_with_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_is_read_though_no_answer_came_yet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(two_programs_do_not_share_a_database, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_costs_the_reserve_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_start_on_a_full_disk_costs_the_reserve_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_database_is_for_its_owner_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_reported_and_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_a_newer_version_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
