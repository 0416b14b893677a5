/* A bounded list of problems. */
#include "base/problems.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

#define MAX_TEXT 2000

void problems_init(struct problems *p)
{
    *p = (struct problems){ 0 };
}

void problems_done(struct problems *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->list[i].text);
    free(p->list);
    problems_init(p);
}

void problems_add(struct problems *p, const char *file, int line, const char *path, const char *format, ...)
{
    p->total++;
    if (p->count == PROBLEMS_MAX)
        return;
    if (!p->list && !(p->list = calloc(PROBLEMS_MAX, sizeof(*p->list))))
        return;
    struct buf text;
    va_list args;
    buf_init(&text, MAX_TEXT);
    buf_text(&text, file);
    if (line > 0)
        buf_printf(&text, ":%d", line);
    buf_text(&text, ": ");
    size_t path_at = text.len;
    buf_text(&text, path ? path : "");
    size_t path_end = text.len;
    buf_text(&text, path && *path ? ": " : "");
    size_t message = text.len;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (text.err == -EMSGSIZE)
        text.err = 0; /* what fits is better than nothing */
    char *heap = buf_steal(&text);
    buf_done(&text);
    if (!heap)
        return;
    p->list[p->count] = (struct problem){ .text = heap,
                                          .prefix = strlen(file),
                                          .line = line,
                                          .path = path_at,
                                          .path_len = path_end - path_at,
                                          .message = message,
                                          .number = p->count };
    p->count++;
}

static int compare(const void *a, const void *b)
{
    const struct problem *x = a, *y = b;
    size_t shorter = x->prefix < y->prefix ? x->prefix : y->prefix;
    int order = strncmp(x->text, y->text, shorter);
    if (order == 0 && x->prefix != y->prefix)
        order = x->prefix < y->prefix ? -1 : 1;
    if (order == 0)
        order = x->line < y->line ? -1 : x->line > y->line;
    return order ? order : x->number < y->number ? -1 : 1;
}

void problems_sort(struct problems *p, const char *first)
{
    size_t len = strlen(first), of_first = 0;
    for (size_t i = 0; i < p->count; i++) /* to the front, whatever order that leaves */
        if (p->list[i].prefix == len && strncmp(p->list[i].text, first, len) == 0) {
            struct problem swap = p->list[of_first];
            p->list[of_first++] = p->list[i];
            p->list[i] = swap;
        }
    if (of_first > 1)
        qsort(p->list, of_first, sizeof(*p->list), compare);
    if (p->count - of_first > 1)
        qsort(p->list + of_first, p->count - of_first, sizeof(*p->list), compare);
}
