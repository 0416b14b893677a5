/* Compressed messages from outside, in two pieces, and the round trip of any bytes. Byte 0: where to cut, whether to keep. */
#include <assert.h>
#include <stdint.h>

#include "net/deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    bool keep = bytes[0] & 1;
    size_t cut = (len - 1) * (bytes[0] >> 1) / 128;
    bytes++;
    len--;

    struct buf out, small;
    buf_init(&out, 1 << 16);
    buf_init(&small, 1 << 20);
    struct inflater *i = inflater_new();
    int r = inflater_run(i, bytes, cut, false, keep, &out);
    if (r == 0)
        r = inflater_run(i, bytes + cut, len - cut, true, keep, &out);
    assert(r <= 0 && out.len <= out.max);

    buf_done(&out);
    buf_init(&out, len + 1);
    struct deflater *d = deflater_new();
    inflater_free(i);
    i = inflater_new();
    for (int n = 0; n < 2; n++) { /* twice: each message stands by itself */
        buf_clear(&out);
        buf_clear(&small);
        assert(deflater_run(d, bytes, len, &small) == 0);
        assert(inflater_run(i, small.data, small.len, true, keep, &out) == 0);
        assert(out.len == len && (len == 0 || memcmp(out.data, bytes, len) == 0));
    }
    deflater_free(d);
    inflater_free(i);
    buf_done(&out);
    buf_done(&small);
    return 0;
}
