/* A growing byte buffer with a maximum. The first error sticks: append freely, ask once with buf.err. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* always followed by a 0 byte once anything was appended */
    size_t len, size, max;
    int err; /* 0, -ENOMEM, -EMSGSIZE (max reached) */
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
/* Forgets content and error, keeps the memory. */
void buf_clear(struct buf *b);
int buf_append(struct buf *b, const void *bytes, size_t len);
int buf_text(struct buf *b, const char *text);
int buf_u8(struct buf *b, uint8_t value);
int buf_u16be(struct buf *b, uint16_t value);
int buf_u32be(struct buf *b, uint32_t value);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Drops the first `len` bytes. */
void buf_consume(struct buf *b, size_t len);
/* The content as a string ("" if empty); borrowed until the next change. */
const char *buf_string(struct buf *b);
/* The content as a heap string, the caller's; the buffer is empty afterwards. NULL on err or no memory. */
char *buf_steal(struct buf *b);

#endif
