/* A bounded list of problems. */
#include "base/problems.h"

#include <errno.h>

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
    buf_printf(&text, ": %s%s", path ? path : "", path && *path ? ": " : "");
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (text.err == -EMSGSIZE)
        text.err = 0; /* what fits is better than nothing */
    char *heap = buf_steal(&text);
    buf_done(&text);
    if (heap)
        p->list[p->count++].text = heap;
}
