/* What is wrong with a file a person wrote: collected, all of it, before anyone gives up. */
#ifndef BASE_PROBLEMS_H
#define BASE_PROBLEMS_H

#include <stddef.h>

#include "base/cleanup.h"

#define PROBLEMS_MAX 100 /* more are counted, not kept */

struct problem {
    char *text;            /* file:line: path: what is wrong, what would be right */
    size_t prefix;         /* length of "file" in it */
    int line;              /* 0: none */
    size_t path, path_len; /* where "path" is in it; empty: there is none */
    size_t message;        /* where "what is wrong" begins */
    size_t number;         /* in the order they were found */
};

struct problems {
    struct problem *list;
    size_t count; /* those kept */
    size_t total; /* those found */
};

void problems_init(struct problems *p);
void problems_done(struct problems *p);
/* path may be NULL. Formats "file:line: path: text". */
void problems_add(struct problems *p, const char *file, int line, const char *path, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Into the order a person reads them: those of file `first`, then by file; each by line. */
void problems_sort(struct problems *p, const char *first);

#endif
