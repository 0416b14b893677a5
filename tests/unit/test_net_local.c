/* Whose place a listening Unix socket takes, and whose not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/local.h"
#include "net/loop.h"

struct bench {
    struct loop loop;
    uv_pipe_t pipes[2];
    int open; /* of them */
    char directory[64], path[100];
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    (void)snprintf(b->directory, sizeof(b->directory), "/tmp/test_local.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    (void)snprintf(b->path, sizeof(b->path), "%s/run/socket", b->directory);
    assert_int_equal(loop_init(&b->loop), 0);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < b->open; i++)
        uv_close((uv_handle_t *)&b->pipes[i], NULL);
    loop_done(&b->loop);
    assert_int_equal(access(b->path, F_OK), -1); /* gone with the one who listened */
    b->path[strlen(b->directory) + 4] = '\0';
    (void)rmdir(b->path);
    assert_int_equal(rmdir(b->directory), 0);
    free(b);
    return 0;
}

static void on_connection(uv_stream_t *listener, int status)
{
    (void)listener;
    (void)status;
}

static int listen_again(struct bench *b)
{
    uv_pipe_t *pipe = &b->pipes[b->open++];
    assert_int_equal(uv_pipe_init(&b->loop.uv, pipe, 0), 0);
    return local_listen(pipe, b->path, on_connection);
}

static void the_socket_is_for_the_group_and_its_directory_is_made(void **state)
{
    struct bench *b = *state;
    struct stat status;
    assert_int_equal(listen_again(b), 0);
    assert_int_equal(stat(b->path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0660);
}

static void a_socket_that_is_listened_on_is_left_alone(void **state)
{
    struct bench *b = *state;
    assert_int_equal(listen_again(b), 0);
    assert_int_equal(listen_again(b), -EADDRINUSE);
    assert_int_equal(access(b->path, F_OK), 0);
}

static void a_socket_left_by_a_dead_process_is_replaced(void **state)
{
    struct bench *b = *state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", b->path);
    *strrchr(b->path, '/') = '\0';
    assert_int_equal(mkdir(b->path, 0700), 0);
    b->path[strlen(b->path)] = '/';
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(listen_again(b), 0);
}

static void a_file_is_left_alone(void **state)
{
    struct bench *b = *state;
    (void)snprintf(b->path, sizeof(b->path), "%s/x", b->directory);
    FILE *file = fopen(b->path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(listen_again(b), -EEXIST);
    assert_int_equal(unlink(b->path), 0);
}

static void a_path_too_long_is_not_cut_off(void **state)
{
    struct bench *b = *state;
    char path[200];
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(uv_pipe_init(&b->loop.uv, &b->pipes[b->open++], 0), 0);
    assert_int_equal(local_listen(&b->pipes[0], path, on_connection), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_socket_is_for_the_group_and_its_directory_is_made, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_socket_that_is_listened_on_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_socket_left_by_a_dead_process_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_path_too_long_is_not_cut_off, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
