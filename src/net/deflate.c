#include "net/deflate.h"

#include <zlib.h>

#include "base/err.h"

#define WINDOW_BITS  12 /* of what we send: 4 KiB, as much as messages resemble each other's parts */
#define MEMORY_LEVEL 5
#define PIECE        4096

/* What ends a flushed message on the wire is left out there (RFC 7692, 7.2.1). */
static const unsigned char tail[] = { 0x00, 0x00, 0xff, 0xff };

struct deflater {
    z_stream z;
};

struct deflater *deflater_new(void)
{
    struct deflater *d = calloc(1, sizeof(*d));
    if (d && deflateInit2(&d->z, Z_BEST_SPEED, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
                 Z_OK) {
        free(d);
        return NULL;
    }
    return d;
}

void deflater_free(struct deflater *d)
{
    if (d)
        deflateEnd(&d->z);
    free(d);
}

int deflater_run(struct deflater *d, const void *bytes, size_t len, struct buf *ret)
{
    unsigned char piece[PIECE];
    d->z.next_in = (unsigned char *)bytes;
    d->z.avail_in = (uInt)len;
    do {
        d->z.next_out = piece;
        d->z.avail_out = sizeof(piece);
        if (deflate(&d->z, Z_SYNC_FLUSH) == Z_STREAM_ERROR)
            return -EINVAL;
        buf_append(ret, piece, sizeof(piece) - d->z.avail_out);
    } while (d->z.avail_out == 0);
    deflateReset(&d->z);
    if (ret->err)
        return ret->err;
    ret->len -= sizeof(tail);
    return 0;
}

struct inflater {
    z_stream z;
    bool started;
};

struct inflater *inflater_new(void)
{
    return calloc(1, sizeof(struct inflater));
}

static void stop(struct inflater *i)
{
    if (i->started)
        inflateEnd(&i->z);
    i->started = false;
}

void inflater_free(struct inflater *i)
{
    if (i)
        stop(i);
    free(i);
}

static int start(struct inflater *i)
{
    if (i->started)
        return 0;
    i->z = (z_stream){ 0 };
    if (inflateInit2(&i->z, -MAX_WBITS) != Z_OK)
        return -ENOMEM;
    i->started = true;
    return 0;
}

static int feed(struct inflater *i, const void *bytes, size_t len, struct buf *ret)
{
    unsigned char piece[PIECE];
    i->z.next_in = (unsigned char *)bytes;
    i->z.avail_in = (uInt)len;
    do {
        i->z.next_out = piece;
        i->z.avail_out = sizeof(piece);
        int r = inflate(&i->z, Z_SYNC_FLUSH);
        if (r == Z_STREAM_END) /* a final block is allowed, and the next one starts anew */
            r = inflateReset(&i->z);
        if (r != Z_OK && r != Z_BUF_ERROR)
            return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
        if (buf_append(ret, piece, sizeof(piece) - i->z.avail_out) < 0)
            return ret->err;
    } while (i->z.avail_out == 0 || i->z.avail_in > 0);
    return 0;
}

int inflater_run(struct inflater *i, const void *bytes, size_t len, bool last, bool keep, struct buf *ret)
{
    int r = start(i);
    if (r == 0)
        r = feed(i, bytes, len, ret);
    if (r == 0 && last)
        r = feed(i, tail, sizeof(tail), ret);
    if (r < 0 || (last && !keep))
        stop(i);
    return r;
}
