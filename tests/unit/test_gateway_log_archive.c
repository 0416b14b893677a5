/* Log files: what is written, and what is not left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/log_archive.h"

static int make_directory(void **state)
{
    static char directory[64];
    snprintf(directory, sizeof(directory), "/tmp/log_archive.XXXXXX");
    *state = mkdtemp(directory);
    return *state ? 0 : -1;
}

static int remove_directory(void **state)
{
    log_archive_clean(*state);
    return rmdir(*state); /* fails if anything is left */
}

static void what_is_packed_can_be_unpacked(void **state)
{
    char path[200], text[32];
    struct log_member members[] = { { "first.txt", "one\n", 4 }, { "empty.txt", "", 0 } };
    struct stat status;
    assert_int_equal(log_archive_write(*state, members, 2, 1769860800000, path, sizeof(path)), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);

    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    assert_int_equal(archive_read_support_filter_gzip(archive), ARCHIVE_OK);
    assert_int_equal(archive_read_support_format_tar(archive), ARCHIVE_OK);
    assert_int_equal(archive_read_open_filename(archive, path, 4096), ARCHIVE_OK);
    assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
    assert_string_equal(archive_entry_pathname(entry), "first.txt");
    assert_int_equal(archive_entry_mtime(entry), 1769860800);
    assert_int_equal(archive_read_data(archive, text, sizeof(text)), 4);
    assert_memory_equal(text, "one\n", 4);
    assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
    assert_string_equal(archive_entry_pathname(entry), "empty.txt");
    assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_EOF);
    archive_read_free(archive);
}

static void a_full_disk_leaves_no_file(void **state)
{
    char path[200];
    struct rlimit limit, before;
    size_t len = 1 << 20;
    char *noise = malloc(len); /* does not get smaller */
    uint32_t x = 1;
    for (size_t i = 0; i < len; i++)
        noise[i] = (char)((x = x * 1103515245 + 12345) >> 16);
    struct log_member member = { "noise", noise, len };

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 100000;
    setrlimit(RLIMIT_FSIZE, &limit);
    int r = log_archive_write(*state, &member, 1, 0, path, sizeof(path));
    setrlimit(RLIMIT_FSIZE, &before);
    free(noise);
    assert_int_equal(r, -EFBIG);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_directory_that_is_not_there_is_told(void **state)
{
    char path[200], name[8];
    struct log_member member = { "x", "y", 1 };
    assert_int_equal(log_archive_write("/nowhere/at/all", &member, 1, 0, path, sizeof(path)), -ENOENT);
    assert_int_equal(log_archive_write(*state, &member, 1, 0, name, sizeof(name)), -ENAMETOOLONG);
    log_archive_clean("/nowhere/at/all");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(what_is_packed_can_be_unpacked),
        TEST(a_full_disk_leaves_no_file),
        TEST(a_directory_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
