#include "net/handshake.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/err.h"

int basic_encode(const char *user, const char *password, char **ret)
{
    char plain[BASIC_MAX + 1];
    unsigned char encoded[BASIC_MAX / 3 * 4 + 8];
    int len = snprintf(plain, sizeof(plain), "%s:%s", user, password);
    int r = len < 0 || (size_t)len >= sizeof(plain) ? -EINVAL : 0;
    if (r == 0) {
        EVP_EncodeBlock(encoded, (unsigned char *)plain, len);
        r = asprintf(ret, "Basic %s", encoded) < 0 ? -ENOMEM : 0;
        OPENSSL_cleanse(encoded, sizeof(encoded));
    }
    OPENSSL_cleanse(plain, sizeof(plain));
    return r;
}

bool basic_decode(char *header, const char **ret_user, const char **ret_password)
{
    unsigned char plain[BASIC_MAX + 8];
    if (strncasecmp(header, "Basic ", 6) != 0)
        return false;
    const char *encoded = header + 6;
    size_t len = strlen(encoded);
    if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof(plain))
        return false;
    int n = EVP_DecodeBlock(plain, (const unsigned char *)encoded, (int)len);
    if (n < 0)
        return false;
    size_t padding = encoded[len - 1] != '=' ? 0 : encoded[len - 2] != '=' ? 1 : 2; /* decoded as zeros */
    memcpy(header, plain, (size_t)n - padding);
    header[(size_t)n - padding] = '\0';
    OPENSSL_cleanse(plain, sizeof(plain));

    char *colon = strchr(header, ':');
    if (!colon)
        return false;
    *colon = '\0';
    *ret_user = header;
    *ret_password = colon + 1;
    return true;
}

bool list_has(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; *at; at += strcspn(at, ",")) {
        at += strspn(at, ", ");
        if (len && strncmp(at, name, len) == 0 && strchr(", ", at[len]))
            return true;
    }
    return false;
}
