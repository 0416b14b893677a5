/* Requests and streams of the API by libcurl (connection.h). */
#include "connection.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "command.h"

#define PREFIX       "/api/v1"
#define MAX_ANSWER   (32u << 20)
#define TIMEOUT_S    120L
#define CONNECT_S    10L
#define REOPEN_MS    1000
#define REOPEN_TRIES 5

static size_t on_data(char *bytes, size_t size, size_t count, void *ctx)
{
    return buf_append(ctx, bytes, size * count) < 0 ? 0 : size * count;
}

static const char *server_of(const struct cli *cli)
{
    return cli->server ? cli->server : "http://localhost";
}

/* What every request has. NULL without memory. */
static CURL *request_new(const struct cli *cli, const char *path, struct curl_slist **headers,
                         struct buf *out)
{
    CURL *curl = curl_easy_init();
    char *url = NULL;
    if (!curl || asprintf(&url, "%s" PREFIX "%s", server_of(cli), path) < 0) {
        curl_easy_cleanup(curl);
        return NULL;
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    free(url);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    *headers = curl_slist_append(NULL, "Content-Type: application/json");
    *headers = curl_slist_append(*headers, "Expect:");
    if (!cli->server)
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->socket);
    else if (cli->ca_file)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, cli->ca_file);
    if (cli->server && cli->token) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        (void)curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, cli->token);
    }
    return curl;
}

static void say_failure(const struct cli *cli, CURL *curl, CURLcode code)
{
    long err = 0;
    if (cli->is_silent)
        return;
    (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &err);
    if (code == CURLE_COULDNT_CONNECT && err != 0)
        (void)fprintf(stderr, "ocpp-cli: no gateway answers at %s: %s%s\n",
                      cli->server ? cli->server : cli->socket, strerror((int)err),
                      err == EACCES ? " (are you in the gateway's group?)" : "");
    else
        (void)fprintf(stderr, "ocpp-cli: no answer of the gateway at %s: %s\n",
                      cli->server ? cli->server : cli->socket, curl_easy_strerror(code));
}

/* 0 and the answer in `out`; -EIO: said why. */
static int perform(const struct cli *cli, const char *method, const char *path, json_t *body, struct buf *out,
                   int *ret_status)
{
    struct curl_slist *headers = NULL;
    AUTO_FREE char *text = body ? json_to_text(body) : NULL;
    json_decref(body);
    CURL *curl = request_new(cli, path, &headers, out);
    if (!curl) {
        (void)fprintf(stderr, "ocpp-cli: out of memory\n");
        return -EIO;
    }
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                           cli->timeout_ms > 0 ? cli->timeout_ms : TIMEOUT_S * 1000);
    if (text)
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = (int)status;
    if (code != CURLE_OK)
        say_failure(cli, curl, code);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (text)
        explicit_bzero(text, strlen(text)); /* it may have a password */
    return code == CURLE_OK ? 0 : -EIO;
}

json_t *api_call(const struct cli *cli, const char *method, const char *path, json_t *body, int *ret_status)
{
    struct buf out;
    json_t *answer = NULL;
    buf_init(&out, MAX_ANSWER);
    if (path && perform(cli, method, path, body, &out, ret_status) == 0) {
        answer = out.len ? json_from_text(buf_string(&out), out.len) : json_null();
        if (!answer)
            (void)fprintf(stderr, "ocpp-cli: the gateway's answer is no JSON (status %d)\n", *ret_status);
    }
    buf_done(&out);
    return answer;
}

size_t api_say_problems(const json_t *answer, const char *file)
{
    const json_t *problems = json_object_get(answer, "problems"), *item;
    size_t index;
    json_array_foreach(problems, index, item)
    {
        const char *name = json_get_string(item, "file", file), *path = json_get_string(item, "path", "");
        const int64_t line = json_get_int(item, "line", 0);
        if (line > 0)
            (void)fprintf(stderr, "%s%c%lld: ", *name ? name : "line", *name ? ':' : ' ', (long long)line);
        else if (*name)
            (void)fprintf(stderr, "%s: ", name);
        (void)fprintf(stderr, "%s%s%s\n", path, *path ? ": " : "", json_get_string(item, "text", ""));
    }
    return json_array_size(problems);
}

void api_say_problem(const json_t *problem)
{
    (void)fprintf(stderr, "ocpp-cli: %s\n", json_get_string(problem, "detail", "refused"));
    (void)api_say_problems(problem, "");
}

json_t *api_ask(const struct cli *cli, const char *method, const char *path, json_t *body)
{
    int status = 0;
    json_t *answer = api_call(cli, method, path, body, &status);
    if (!answer || status < 400)
        return answer;
    if (!cli->is_silent)
        api_say_problem(answer);
    json_decref(answer);
    return NULL;
}

char *api_text(const struct cli *cli, const char *path)
{
    struct buf out;
    int status = 0;
    char *text = NULL;
    buf_init(&out, MAX_ANSWER);
    if (path && perform(cli, "GET", path, NULL, &out, &status) == 0) {
        AUTO(json_t) *problem = status >= 400 ? json_from_text(buf_string(&out), out.len) : NULL;
        if (status >= 400)
            api_say_problem(problem);
        else
            text = strdup(buf_string(&out));
    }
    buf_done(&out);
    return text;
}

char *api_path(const char *format, ...)
{
    struct buf out;
    va_list args;
    buf_init(&out, 8192);
    va_start(args, format);
    for (; *format; format++) {
        if (format[0] != '%' || format[1] != 's') {
            buf_u8(&out, (uint8_t)*format);
            continue;
        }
        char *escaped = curl_easy_escape(NULL, va_arg(args, const char *), 0);
        buf_text(&out, escaped ? escaped : "");
        curl_free(escaped);
        format++;
    }
    va_end(args);
    char *path = buf_steal(&out);
    buf_done(&out);
    return path;
}

/* ---- streams ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void drop_request(struct event_stream *s)
{
    if (s->easy) {
        (void)curl_multi_remove_handle(s->multi, s->easy);
        curl_easy_cleanup(s->easy);
    }
    curl_slist_free_all(s->headers);
    s->easy = NULL;
    s->headers = NULL;
    s->is_open = false;
}

static int send_request(struct event_stream *s)
{
    char id[48];
    drop_request(s);
    s->easy = request_new(s->cli, s->path, &s->headers, &s->data);
    if (!s->easy)
        return -ENOMEM;
    (void)snprintf(id, sizeof(id), "Last-Event-ID: %s", s->last_id);
    if (*s->last_id)
        s->headers = curl_slist_append(s->headers, id);
    (void)curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
    return curl_multi_add_handle(s->multi, s->easy) == CURLM_OK ? 0 : -ENOMEM;
}

/* The problem that came in place of a stream. */
static void say_refusal(struct event_stream *s)
{
    AUTO(json_t) *problem = json_from_text(buf_string(&s->data), s->data.len);
    if (!s->cli->is_silent)
        api_say_problem(problem);
    s->ended = true;
}

/* Looks what libcurl has; 1: the request has ended. */
static int turn(struct event_stream *s)
{
    int running, left;
    if (!s->easy)
        return 1;
    (void)curl_multi_perform(s->multi, &running);
    long status = 0;
    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    s->status = (int)status;
    s->is_open = s->is_open || (status == 200 && s->data.len > 0);
    const CURLMsg *message = curl_multi_info_read(s->multi, &left);
    if (!message || message->msg != CURLMSG_DONE)
        return 0;
    if (message->data.result != CURLE_OK && !*s->last_id && !s->is_open) {
        say_failure(s->cli, s->easy, message->data.result);
        s->ended = true;
    } else if (status >= 400) {
        say_refusal(s);
    }
    drop_request(s);
    return 1;
}

int event_stream_open(struct event_stream *s, const struct cli *cli, const char *path)
{
    *s = (struct event_stream){ .cli = cli, .path = path ? strdup(path) : NULL, .multi = curl_multi_init() };
    buf_init(&s->data, MAX_ANSWER);
    if (!s->path || !s->multi || send_request(s) < 0) {
        (void)fprintf(stderr, "ocpp-cli: out of memory\n");
        return -ENOMEM;
    }
    int64_t end_ms = now_ms() + TIMEOUT_S * 1000;
    while (turn(s) == 0 && !s->is_open && now_ms() < end_ms)
        (void)curl_multi_poll(s->multi, NULL, 0, 1000, NULL);
    return s->is_open ? 0 : -EIO;
}

void event_stream_close(struct event_stream *s)
{
    drop_request(s);
    if (s->multi)
        (void)curl_multi_cleanup(s->multi);
    buf_done(&s->data);
    free(s->path);
    *s = (struct event_stream){ 0 };
}

bool event_stream_has_event(const struct event_stream *s)
{
    return s->data.len > 0 && memmem(s->data.data, s->data.len, "\n\n", 2);
}

/* Takes the first block out of what came; NULL: it is a comment, or no JSON. */
static json_t *take_event(struct event_stream *s)
{
    char *block = (char *)s->data.data, *end = memmem(block, s->data.len, "\n\n", 2);
    size_t len = (size_t)(end - block) + 2;
    json_t *event = NULL;
    *end = '\0';
    for (char *line = block, *rest; line; line = rest) {
        rest = strchr(line, '\n');
        if (rest)
            *rest++ = '\0';
        if (str_starts(line, "id: "))
            (void)str_copy(s->last_id, sizeof(s->last_id), line + 4);
        else if (str_equal(line, "event: lost"))
            s->has_gap = true;
        else if (str_starts(line, "data: ") && !event)
            event = json_from_text(line + 6, strlen(line + 6));
    }
    buf_consume(&s->data, len);
    return event;
}

/* It broke off: begins again behind the last event. */
static void reopen(struct event_stream *s)
{
    for (int i = 0; i < REOPEN_TRIES && !s->ended && !s->is_open; i++) {
        struct timespec pause = { .tv_sec = REOPEN_MS / 1000, .tv_nsec = 0 };
        s->data.len = 0;
        if (nanosleep(&pause, NULL) < 0 || send_request(s) < 0)
            break;
        int64_t end_ms = now_ms() + CONNECT_S * 1000;
        while (turn(s) == 0 && !s->is_open && now_ms() < end_ms)
            (void)curl_multi_poll(s->multi, NULL, 0, 1000, NULL);
    }
    if (!s->is_open && !s->ended) {
        (void)fprintf(stderr, "ocpp-cli: the gateway closed the connection\n");
        s->ended = true;
    }
    s->has_gap = s->has_gap || !*s->last_id; /* the gateway cannot know since when */
}

void event_stream_resume(struct event_stream *s)
{
    s->ended = false;
    s->data.len = 0;
    s->has_gap = s->has_gap || !*s->last_id;
    (void)send_request(s);
}

/* Waits for bytes; false: it was interrupted. */
static bool wait_for(struct event_stream *s, int64_t ms)
{
    struct curl_waitfd interrupt = { .fd = s->interrupt_fd, .events = CURL_WAIT_POLLIN };
    unsigned count = s->interrupt_fd > 0;
    (void)curl_multi_poll(s->multi, count ? &interrupt : NULL, count, (int)(ms < 1000 ? ms : 1000), NULL);
    s->ended = s->ended || (count && interrupt.revents);
    return !s->ended;
}

json_t *event_stream_next(struct event_stream *s, int64_t timeout_ms)
{
    int64_t end_ms = now_ms() + timeout_ms;
    while (!s->ended) {
        json_t *event = NULL;
        while (!event && event_stream_has_event(s))
            event = take_event(s);
        if (event)
            return event;
        int64_t left_ms = timeout_ms < 0 ? 1000 : end_ms - now_ms();
        if (left_ms < 0)
            return NULL;
        bool is_broken = turn(s) == 1 && !s->ended;
        if (is_broken && s->by_hand)
            return NULL;
        if (is_broken)
            reopen(s);
        else if (!event_stream_has_event(s) && !wait_for(s, left_ms))
            return NULL;
        if (timeout_ms == 0 && !event_stream_has_event(s))
            return NULL;
    }
    return NULL;
}
