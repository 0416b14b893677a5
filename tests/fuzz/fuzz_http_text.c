/* Heads of HTTP requests and queries of URLs, as anyone may send them: whole and in pieces they are the same, and what is read keeps the rules. */
#include <assert.h>
#include <errno.h>

#include "base/str.h"
#include "net/http_forwarded.h"
#include "net/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* However it comes. */
static size_t length_in_pieces(const char *text, size_t len)
{
    size_t scanned = 0, found = 0;
    for (size_t some = 1; some <= len && !found; some++)
        found = http_head_length(text, some, &scanned);
    return found;
}

static void check_path(const char *path)
{
    assert(path[0] == '/');
    for (const char *at = path; *at; at += strcspn(at, "/")) {
        at++;
        size_t len = strcspn(at, "/");
        assert(!(len == 1 && at[0] == '.') && !(len == 2 && at[0] == '.' && at[1] == '.'));
    }
    assert(path[strcspn(path, "\r\n\t\x7f")] == '\0');
}

static void check_query(const char *query)
{
    static const char *const names[] = { "q", "limit", "" };
    char value[16];
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        for (size_t size = 0; size <= sizeof(value); size += 4) {
            int r = http_query_get(query, names[i], value, size);
            assert(r == 0 ? strlen(value) < size : r == -ENOENT || r == -EINVAL || r == -ENAMETOOLONG);
        }
}

/* Whatever stands there, an address comes out. */
static void check_client(const char *forwarded)
{
    struct http_proxies proxies = { 0 };
    char client[HTTP_PEER_SIZE], again[HTTP_PEER_SIZE];
    (void)http_proxies_add(&proxies, "10.0.0.1");
    http_client_address(&proxies, "10.0.0.1", forwarded, client);
    assert(http_read_address(client, again) && str_equal(client, again));
}

static void check_head(const struct http_head *head)
{
    static const char *const names[] = { "authorization", "cookie",          "host",
                                         "user-agent",    "x-forwarded-for", "no-such" };
    check_client(http_head_header(head, "x-forwarded-for"));
    check_path(head->path);
    check_query(head->query);
    assert(head->content_length <= HTTP_MAX_BODY && (unsigned)head->method < HTTP_METHODS);
    assert(head->is_1_0 || http_head_header(head, "host"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = http_head_header(head, names[i]);
        assert(!value || value[strcspn(value, "\r\n")] == '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    memcpy(text, bytes, len);
    text[len] = '\0';
    check_query(text);
    check_client(text);

    size_t scanned = 0;
    size_t head_len = http_head_length(text, len, &scanned);
    size_t in_pieces = length_in_pieces(text, len);
    assert((head_len == 0) == (in_pieces == 0));
    if (head_len > 0) {
        char *copy = malloc(head_len + 1);
        struct http_head head;
        memcpy(copy, text, head_len);
        copy[head_len] = '\0';
        int status = http_head_read(copy, head_len, &head);
        assert(status == 0 || (status >= 400 && status <= 505));
        assert(in_pieces == head_len || status); /* what is none is seen sooner */
        if (status == 0)
            check_head(&head);
        free(copy);
    }
    free(text);
    return 0;
}
