/* Authorization and Sec-WebSocket-Protocol headers, and URLs, as anyone may send or write them. */
#include <assert.h>
#include <stdint.h>

#include "base/str.h"
#include "net/handshake.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1), *copy = malloc(len + 1);
    memcpy(text, bytes, len);
    text[len] = '\0';
    memcpy(copy, text, len + 1);

    const char *user, *password;
    if (basic_decode(copy, &user, &password)) {
        char *again = NULL;
        const char *user2, *password2;
        assert(basic_encode(user, password, &again) == 0);
        char *kept_user = strdup(user), *kept_password = strdup(password);
        assert(basic_decode(again, &user2, &password2));
        assert(str_equal(kept_user, user2) && str_equal(kept_password, password2));
        free(again);
        free(kept_user);
        free(kept_password);
    }
    (void)list_has(text, "ocpp2.0.1");

    struct url url;
    const char *problem = NULL;
    if (url_parse(text, &url, &problem) == 0) {
        struct buf header;
        buf_init(&header, 512);
        url_host_header(&url, &header);
        assert(header.err == 0 && url.host[0] && url.port);
        buf_done(&header);
    } else {
        assert(problem);
    }
    free(text);
    free(copy);
    return 0;
}
