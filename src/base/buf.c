/* A growing byte buffer with a maximum. */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->err = 0;
}

/* Makes room for `len` more bytes and the terminator. */
static int reserve(struct buf *b, size_t len)
{
    if (b->err)
        return b->err;
    if (len > b->max || b->len > b->max - len)
        return b->err = -EMSGSIZE;
    size_t need = b->len + len + 1;
    if (b->data && need <= b->size)
        return 0;
    size_t size = b->size ? b->size : FIRST_SIZE;
    while (size < need)
        size *= 2;
    uint8_t *grown = realloc(b->data, size);
    if (!grown)
        return b->err = -ENOMEM;
    b->data = grown;
    b->size = size;
    return 0;
}

int buf_append(struct buf *b, const void *bytes, size_t len)
{
    int r = reserve(b, len);
    if (r < 0)
        return r;
    if (len)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = 0;
    return 0;
}

int buf_text(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

int buf_u8(struct buf *b, uint8_t value)
{
    return buf_append(b, &value, 1);
}

int buf_u16be(struct buf *b, uint16_t value)
{
    uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };
    return buf_append(b, bytes, sizeof(bytes));
}

int buf_u32be(struct buf *b, uint32_t value)
{
    uint8_t bytes[] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value };
    return buf_append(b, bytes, sizeof(bytes));
}

int buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    int r = len < 0 ? (b->err = -EINVAL) : reserve(b, (size_t)len);
    if (r == 0) {
        (void)vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
    return r;
}

int buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int r = buf_vprintf(b, format, args);
    va_end(args);
    return r;
}

void buf_consume(struct buf *b, size_t len)
{
    if (len == 0)
        return;
    b->len -= len;
    memmove(b->data, b->data + len, b->len + 1);
}

const char *buf_string(struct buf *b)
{
    return b->data && b->len ? (const char *)b->data : "";
}

char *buf_steal(struct buf *b)
{
    if (b->err || (!b->data && buf_text(b, "") < 0))
        return NULL;
    char *text = (char *)b->data;
    *b = (struct buf){ .max = b->max };
    return text;
}
