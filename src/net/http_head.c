/* The head of an HTTP request:
 *
 *     GET /api/v1/stations?limit=5 HTTP/1.1 CR LF
 *     Host: gateway CR LF
 *     CR LF
 *
 * Strict: what two programs might read in two ways (a line end without CR, a folded line, a space before a colon, a length told twice, a body in
 * chunks) is refused, since a proxy may stand before us (RFC 9112, 11). */
#include "net/http_head.h"

#include <string.h>

#include "base/str.h"

/* A second header of a name: is an attack or a fault, not a list; goes on a list whose beginning will do; or counts, as the last proxy's. */
enum second { REFUSED, OVERLOOKED, COUNTS };

static const struct {
    const char *name;
    enum second second;
} known[HTTP_HEADERS] = {
    { "authorization", REFUSED },
    { "cookie", REFUSED },
    { "content-type", REFUSED },
    { "accept", OVERLOOKED },
    { "accept-encoding", OVERLOOKED },
    { "if-none-match", OVERLOOKED },
    { "if-match", OVERLOOKED },
    { "last-event-id", REFUSED },
    { "x-csrf-token", REFUSED },
    { "host", REFUSED },
    { "origin", REFUSED },
    { "user-agent", OVERLOOKED },
    { "x-forwarded-for", COUNTS },
};

/* Methods are words. */
static bool may_be_method(char first)
{
    return (first | 0x20) >= 'a' && (first | 0x20) <= 'z';
}

size_t http_head_length(const char *text, size_t len, size_t *scanned)
{
    bool is_blank = len == 1 && text[0] == '\r';         /* the beginning of an empty line */
    if (len > 0 && !may_be_method(text[0]) && !is_blank) /* TLS, most likely */
        return len;
    for (size_t i = *scanned; i < len; i++) {
        if (text[i] != '\n')
            continue;
        bool is_line = i > 0 && text[i - 1] == '\r';
        if (!is_line || (i >= 3 && text[i - 2] == '\n'))
            return i + 1;
    }
    *scanned = len;
    return 0;
}

static bool is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (const char *at = text; *at; at++) {
        char lower = (char)(*at | 0x20);
        bool is_alphanumeric = (lower >= 'a' && lower <= 'z') || (*at >= '0' && *at <= '9');
        if (!is_alphanumeric && !strchr(others, *at))
            return false;
    }
    return *text != '\0';
}

/* Nothing but what a value may have: text, blanks and tabs. */
static bool is_value(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if ((*at < 0x20 && *at != '\t') || *at == 0x7F)
            return false;
    return true;
}

/* ---- the request line ---- */

/* No segment is "." or "..", also not an encoded one. */
static bool is_straight(const char *path)
{
    while (*path == '/') {
        size_t len = strcspn(++path, "/");
        if ((len == 1 && path[0] == '.') || (len == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        path += len;
    }
    return *path == '\0';
}

static bool read_target(char *target, struct http_head *ret)
{
    if (str_starts(target, "http://") ||
        str_starts(target, "https://")) { /* as a proxy is asked: RFC 9112, 3.2.2 */
        target = strstr(target, "//") + 2;
        target += strcspn(target, "/?");
        if (*target != '/')
            return false;
    }
    char *query = strchr(target, '?');
    if (query) {
        *query = '\0';
        ret->query = query + 1;
    }
    if (*target != '/' || strchr(target, '#') || strchr(ret->query, '#') || !http_decode(target) ||
        !is_value(target) || strchr(target, '\t') || !is_straight(target))
        return false;
    ret->path = target;
    return true;
}

static int read_request_line(char *line, struct http_head *ret)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version)
        return 400;
    *target++ = '\0';
    *version++ = '\0';
    if (!may_be_method(*line) || !is_token(line) || !is_value(target) || !str_starts(version, "HTTP/"))
        return 400;
    ret->is_1_0 = str_equal(version, "HTTP/1.0");
    if (!ret->is_1_0 && !str_equal(version, "HTTP/1.1"))
        return 505;
    ret->is_head = str_equal(line, "HEAD");
    ret->method = ret->is_head ? HTTP_GET : HTTP_OTHER;
    for (int i = 0; i < HTTP_OTHER; i++)
        if (str_equal(line, http_method_names[i]))
            ret->method = (enum http_method)i;
    return read_target(target, ret) ? 0 : 400;
}

/* ---- headers ---- */

static bool list_names(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (*list) {
        list += strspn(list, ", \t");
        size_t found = strcspn(list, ", \t");
        if (found == len && strncasecmp(list, word, len) == 0)
            return true;
        list += found;
    }
    return false;
}

/* Those that say how the request goes on. */
static int read_framing(const char *name, const char *value, bool *has_length, struct http_head *ret)
{
    if (str_equal_ci(name, "content-length")) {
        int64_t len = 0;
        if (*has_length || value[strspn(value, "0123456789")] || !*value)
            return 400;
        *has_length = true;
        if (str_to_int(value, 0, HTTP_MAX_BODY, &len) < 0)
            return 413;
        ret->content_length = (size_t)len;
    } else if (str_equal_ci(name, "transfer-encoding")) {
        return 411;
    } else if (str_equal_ci(name, "expect")) {
        if (!str_equal_ci(value, "100-continue"))
            return 417;
        ret->expects_continue = !ret->is_1_0;
    } else if (str_equal_ci(name, "connection")) {
        ret->wants_close = ret->wants_close || list_names(value, "close");
    }
    return 0;
}

static int read_header(char *line, bool *has_length, struct http_head *ret)
{
    char *value = strchr(line, ':');
    if (!value)
        return 400;
    *value++ = '\0';
    if (!is_token(line) || !is_value(value))
        return 400;
    value += strspn(value, " \t");
    for (size_t len = strlen(value); len > 0 && strchr(" \t", value[len - 1]); len--)
        value[len - 1] = '\0';

    for (size_t i = 0; i < HTTP_HEADERS; i++) {
        if (!str_equal_ci(line, known[i].name))
            continue;
        if (ret->headers[i] && known[i].second == REFUSED)
            return 400;
        if (!ret->headers[i] || known[i].second == COUNTS)
            ret->headers[i] = value;
        return 0;
    }
    return read_framing(line, value, has_length, ret);
}

/* The next line, ended by 0 in place of CR LF; NULL: there is a CR, LF or 0 byte elsewhere. */
static char *next_line(char **at, const char *end)
{
    char *line = *at;
    char *line_end = memmem(line, (size_t)(end - line), "\r\n", 2);
    if (!line_end)
        return NULL;
    *line_end = '\0';
    *at = line_end + 2;
    return strlen(line) == (size_t)(line_end - line) && !strpbrk(line, "\r\n") ? line : NULL;
}

int http_head_read(char *text, size_t len, struct http_head *ret)
{
    *ret = (struct http_head){ .method = HTTP_OTHER, .path = "/", .query = "" };
    char *at = text;
    const char *end = text + len;
    char *line = next_line(&at, end);
    int status = line ? read_request_line(line, ret) : 400;
    bool has_length = false;
    while (status == 0 && (line = next_line(&at, end)) && *line)
        status = read_header(line, &has_length, ret);
    if (status == 0 && (!line || at != end))
        status = 400;
    if (status == 0 && !ret->is_1_0 && !http_head_header(ret, "host"))
        status = 400;
    return status;
}

const char *http_head_header(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < HTTP_HEADERS; i++)
        if (str_equal(known[i].name, name))
            return head->headers[i];
    return NULL;
}
