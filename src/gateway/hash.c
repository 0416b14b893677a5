#include "gateway/hash.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

void hash_texts(struct buf *out, const char *const *texts, size_t count)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    for (size_t i = 0; ok && i < count; i++) /* with its end, so that texts cannot run into each other */
        ok = EVP_DigestUpdate(ctx, texts[i] ? "+" : "-", 1) &&
             EVP_DigestUpdate(ctx, texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) + 1 : 1);
    ok = ok && EVP_DigestFinal_ex(ctx, digest, &size);
    EVP_MD_CTX_free(ctx);
    if (!ok)
        out->err = -ENOMEM;
    for (unsigned i = 0; ok && i < size; i++)
        buf_printf(out, "%02x", digest[i]);
}
