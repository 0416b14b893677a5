/* Memory that runs out where a test says: the linker puts these allocators before the real ones (CMakeLists.txt names the tests). */
#ifndef SUPPORT_SHORT_MEMORY_H
#define SUPPORT_SHORT_MEMORY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool counting;
    long count, fail_at; /* allocations; which one fails, 0: none */
    size_t bytes;
} memory;

static bool is_refused(size_t size)
{
    if (!memory.counting)
        return false;
    memory.bytes += size;
    return ++memory.count == memory.fail_at;
}

/* The names are the linker's: --wrap=malloc turns malloc into __wrap_malloc and __real_malloc into malloc. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
#define WRAP(type, name, parameters)                                                                         \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters

WRAP(void *, malloc, (size_t size))
{
    return is_refused(size) ? NULL : __real_malloc(size);
}

WRAP(void *, calloc, (size_t count, size_t size))
{
    return is_refused(count * size) ? NULL : __real_calloc(count, size);
}

WRAP(void *, realloc, (void *block, size_t size))
{
    return is_refused(size) ? NULL : __real_realloc(block, size);
}

WRAP(void *, reallocarray, (void *block, size_t count, size_t size))
{
    return is_refused(count * size) ? NULL : __real_reallocarray(block, count, size);
}

WRAP(char *, strdup, (const char *text))
{
    return is_refused(strlen(text) + 1) ? NULL : __real_strdup(text);
}

WRAP(char *, strndup, (const char *text, size_t len))
{
    return is_refused(len + 1) ? NULL : __real_strndup(text, len);
}

WRAP(int, vasprintf, (char **ret, const char *format, va_list args))
{
    return is_refused(strlen(format)) ? -1 : __real_vasprintf(ret, format, args);
}

int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int r = __wrap_vasprintf(ret, format, args);
    va_end(args);
    return r;
}

WRAP(void, free, (void *block))
{
    __real_free(block);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void count_from_now(long fail_at)
{
    memory.counting = true;
    memory.count = 0;
    memory.bytes = 0;
    memory.fail_at = fail_at;
}

#endif
