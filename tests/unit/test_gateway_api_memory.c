/* The management API with too little memory: each allocation of a request fails once, from its first byte to the end of its answer. It is answered whole or
 * refused, a change is made or not made, what is written down says what was done, and the gateway goes on. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/config.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/station_entry.h"
#include "support/scratch.h"
#include "support/short_memory.h"

#define TURNS       20000
#define TURN_US     100
#define ANSWER_SIZE (2u << 20)
#define FIRST       100 /* allocations: all of them fail */

struct site {
    char directory[64], config[96], socket[96];
    struct gateway gateway;
    char *text; /* of the configuration that it began with */
};

struct answer {
    char bytes[ANSWER_SIZE];
    size_t len;
    int status; /* 0: hung up on without a whole answer */
};

/* What is asked for, what comes of it with enough memory, and what takes it back, if it changed something. `step`: one in so many allocations, after the
 * first ones. */
struct row {
    const char *method, *path, *body;
    int status, step;
    const char *undo_method, *undo_path, *undo_body;
};

static const char entry[] = "{\"id\":\"CS1\",\"csms\":\"a\",\"model\":\"M\",\"chargers\":[{\"profile\":"
                            "\"demo-modbus-ac22\",\"tcp\":\"127.0.0.1:1\"}]}";
static const char old_entry[] = "{\"id\":\"CS1\",\"csms\":\"a\",\"chargers\":[{\"profile\":"
                                "\"demo-modbus-ac22\",\"tcp\":\"127.0.0.1:1\"}]}";
static const char second[] = "{\"id\":\"CS2\",\"csms\":\"a\",\"chargers\":[{\"profile\":\"demo-modbus-ac22\","
                             "\"tcp\":\"127.0.0.1:2\"}]}";

static const struct row reads[] = {
    { "GET", "/api/v1/session", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/overview", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/status", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/power?seconds=60", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/stations?q=cs&limit=5", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/stations/CS1", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/stations/CS1/points", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/stations/CS1/limits", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/stations/none", "", 404, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/csms", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/buses", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/certificates", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/profiles?q=demo-modbus-ac22", "", 200, 23, NULL, NULL, NULL },
    { "GET", "/api/v1/profiles/demo-modbus-ac22", "", 200, 5, NULL, NULL, NULL },
    { "GET", "/api/v1/config", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/transactions?q=x", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/transactions.csv", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/audit", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/events?limit=20", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/users", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/tokens", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/api/v1/openapi.json", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/metrics", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/healthz", "", 200, 1, NULL, NULL, NULL },
    { "GET", "/", "", 200, 1, NULL, NULL, NULL },
};

static const struct row commands[] = {
    { "POST", "/api/v1/stations/CS1/requests",
      "{\"action\":\"GetVariables\",\"payload\":{\"getVariableData\":[{\"component\":{\"name\":\"EVSE\"},"
      "\"variable\":{\"name\":\"Power\"}}]}}",
      200, 1, NULL, NULL, NULL },
    { "POST", "/api/v1/stations/CS1/requests", "{\"action\":\"Reset\",\"payload\":{\"type\":5}}", 422, 1,
      NULL, NULL, NULL },
    { "POST", "/api/v1/stations/CS1/limits", "{\"limit\":10,\"unit\":\"A\"}", 204, 1, NULL, NULL, NULL },
    { "POST", "/api/v1/stations/CS1/probe", "{\"kind\":\"rubbish\"}", 422, 1, NULL, NULL, NULL },
    { "POST", "/api/v1/config/check", "{\"text\":\"stations: [ 5 ]\"}", 200, 1, NULL, NULL, NULL },
    { "POST", "/api/v1/reload", "", 200, 3, NULL, NULL, NULL },
    { "POST", "/api/v1/profiles/check", "{\"name\":\"x\",\"text\":\"a: [ 5 ]\"}", 200, 1, NULL, NULL, NULL },
    { "POST", "/api/v1/trials", "{\"profile\":\"none\",\"tcp\":\"127.0.0.1:1\"}", 422, 1, NULL, NULL, NULL },
    { "POST", "/api/v1/scans", "{\"protocol\":\"none\"}", 422, 1, NULL, NULL, NULL },
    { "POST", "/api/v1/tokens", "{\"name\":\"t\",\"role\":\"viewer\"}", 201, 1, "DELETE", "/api/v1/tokens/t",
      "" },
    { "PUT", "/api/v1/config", "{\"text\":\"stations: [ 5 ]\",\"etag\":\"x\"}", 422, 1, NULL, NULL, NULL },
};

static const struct row changes[] = {
    { "POST", "/api/v1/stations", second, 201, 17, "DELETE", "/api/v1/stations/CS2", "" },
    { "PUT", "/api/v1/stations/CS1", entry, 204, 17, "PUT", "/api/v1/stations/CS1", old_entry },
    { "POST", "/api/v1/csms", "{\"name\":\"b\",\"url\":\"ws://127.0.0.1:1/\",\"security_profile\":0}", 201,
      17, "DELETE", "/api/v1/csms/b", "" },
    { "DELETE", "/api/v1/stations/CS9", "", 404, 1, NULL, NULL, NULL },
};

/* ---- asking ---- */

static int connected(const struct site *site)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)str_copy(a.sun_path, sizeof(a.sun_path), site->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Takes the chunks of a body out of their frames. Whether the last one is there. */
static bool join_chunks(char *body)
{
    char *to = body, *from = body;
    for (;;) {
        char *end = NULL;
        size_t len = strtoul(from, &end, 16);
        if (end == from || strncmp(end, "\r\n", 2) != 0 || strlen(end + 2) < len + 2)
            return false;
        memmove(to, end + 2, len);
        to += len;
        from = end + 2 + len + 2;
        if (len > 0)
            continue;
        *to = '\0';
        return true;
    }
}

/* The status of a whole answer; one that was cut off is none. */
static int status_of(struct answer *answer)
{
    char *body = strstr(answer->bytes, "\r\n\r\n");
    const char *length = strcasestr(answer->bytes, "\r\ncontent-length:");
    const char *chunks = strcasestr(answer->bytes, "\r\ntransfer-encoding: chunked");
    if (!body || strncmp(answer->bytes, "HTTP/1.1 ", 9) != 0)
        return 0;
    if (chunks && chunks < body && !join_chunks(body + 4))
        return 0;
    if (length && strtoul(length + 17, NULL, 10) != answer->len - (size_t)(body + 4 - answer->bytes))
        return 0;
    return (int)strtol(answer->bytes + 9, NULL, 10);
}

/* Until the gateway hangs up; then its answer is in `ret`. */
static void ask(struct site *site, const char *method, const char *path, const char *body, struct answer *ret)
{
    char request[2048];
    int len = snprintf(request, sizeof(request),
                       "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       method, path, strlen(body), body);
    assert_in_range(len, 1, sizeof(request) - 1);
    int fd = connected(site);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
    bool has_ended = false;
    ret->len = 0;
    for (int i = 0; i < TURNS && !has_ended; i++) {
        uv_run(&site->gateway.loop.uv, UV_RUN_NOWAIT);
        ssize_t n = recv(fd, ret->bytes + ret->len, ANSWER_SIZE - 1 - ret->len, 0);
        ret->len += n > 0 ? (size_t)n : 0;
        has_ended = n == 0 || (n < 0 && errno != EAGAIN);
        usleep(n < 0 && !has_ended ? TURN_US : 0);
    }
    memory.counting = false;
    assert_true(has_ended);
    close(fd);
    ret->bytes[ret->len] = '\0';
    ret->status = status_of(ret);
}

/* What is refused is refused with a problem, as JSON; other JSON is whole, too. */
static void check_answer(const struct row *row, const struct answer *answer, bool was_short)
{
    if (!was_short)
        assert_int_equal(answer->status, row->status);
    if (answer->status == 0 || answer->status == 204 || !strstr(answer->bytes, "json\r\n"))
        return;
    const char *body = strstr(answer->bytes, "\r\n\r\n") + 4;
    AUTO(json_t) *json = json_from_text(body, strlen(body));
    assert_true(json_is_object(json));
    if (answer->status >= 400) {
        assert_int_equal(json_get_int(json, "status", 0), answer->status);
        assert_true(*json_get_string(json, "detail", "") != '\0');
    }
}

static void undo(struct site *site, const struct row *row, struct answer *answer)
{
    ask(site, row->undo_method, row->undo_path, row->undo_body, answer);
    assert_true(answer->status == 204 || answer->status == 404);
}

static void check_site(const struct site *site)
{
    assert_non_null(gateway_station((struct gateway *)&site->gateway, "CS1"));
    assert_int_equal(site->gateway.station_count, 1);
}

static void ask_with_each_failing(struct site *site, const struct row *row)
{
    static struct answer answer;
    long fail_at = 1;
    for (bool was_short = true; was_short; fail_at += fail_at < FIRST ? 1 : row->step) {
        count_from_now(fail_at);
        ask(site, row->method, row->path, row->body, &answer);
        was_short = memory.count >= fail_at;
        check_answer(row, &answer, was_short);
        if (row->undo_method)
            undo(site, row, &answer);
        check_site(site);
    }
    assert_true(fail_at > 3); /* the allocators are ours */
}

/* ---- the site ---- */

static int set_up(void **state)
{
    struct site *site = calloc(1, sizeof(*site));
    size_t len;
    (void)str_copy(site->directory, sizeof(site->directory), "/tmp/test_api_memory.XXXXXX");
    assert_non_null(mkdtemp(site->directory));
    (void)snprintf(site->config, sizeof(site->config), "%s/gateway.yaml", site->directory);
    (void)snprintf(site->socket, sizeof(site->socket), "%s/socket", site->directory);
    FILE *file = fopen(site->config, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "gateway: { state: %s, control: %s, profiles: " SOURCE_DIR "/profiles }\n"
                  "csms:\n  a: { url: \"ws://127.0.0.1:1/\", security_profile: 0 }\n"
                  "stations:\n"
                  "  - id: CS1\n    csms: a\n    chargers:\n"
                  "      - { profile: demo-modbus-ac22, tcp: \"127.0.0.1:1\" }\n",
                  site->directory, site->socket);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(file_read(site->config, CONFIG_MAX_BYTES, &site->text, &len), 0);
    log_setup(-1, false);
    assert_int_equal(loop_init(&site->gateway.loop), 0);
    assert_int_equal(gateway_start(&site->gateway, site->config), 0);
    *state = site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    gateway_stop(&site->gateway);
    loop_done(&site->gateway.loop);
    log_setup(2, false);
    scratch_remove(site->directory);
    free(site->text);
    free(site);
    return 0;
}

/* ---- */

static void what_is_read_is_answered_or_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
        ask_with_each_failing(*state, &reads[i]);
}

static void a_command_is_given_or_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        ask_with_each_failing(*state, &commands[i]);
}

static void a_change_is_made_or_not(void **state)
{
    static struct answer answer;
    struct site *site = *state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        ask_with_each_failing(site, &changes[i]);
    ask(site, "GET", "/api/v1/audit?limit=1000", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.bytes, "\"station.replace\""));
    assert_null(strstr(answer.bytes, "\"action\":\"\"")); /* each says what was done */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_is_answered_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_command_is_given_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_is_made_or_not, set_up, tear_down),
    };
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
