/* Keys that live in a token: they sign there and never leave it. A TPM is reached through the provider tpm2 and OpenSSL's store; PKCS#11
 * through the provider pkcs11 where there is one, else through libp11's engine, which is what Debian 12 has. Which PKCS#11 modules
 * there are is p11-kit's configuration.
 *
 * What is loaded stays loaded as long as the process: a key needs its engine, and OpenSSL shares both between threads. */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines */
#include <errno.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#include "base/str.h"
#include "pki/key.h"
#include "pki/key_internal.h"

#define MAX_URI 4096
#define PIN_MAX 255
/* Return values of PKCS#11: PIN_INCORRECT, _INVALID, _LEN_RANGE, _EXPIRED, _LOCKED. */
#define CKR_PIN_FIRST 0xA0
#define CKR_PIN_LAST  0xA4

static int no_engine(void)
{
    ERR_clear_error();
    return -ENOSYS;
}

/* libp11 hands PKCS#11's return values on as reasons. */
static int trouble(void)
{
    int r = -EIO;
    for (unsigned long error; (error = ERR_get_error());) {
        int reason = ERR_GET_REASON(error);
        if (reason >= CKR_PIN_FIRST && reason <= CKR_PIN_LAST)
            r = -EACCES;
        if (reason == ERR_R_MALLOC_FAILURE)
            r = -ENOMEM;
    }
    return r;
}

/* What a token is told when it asks. */
struct answer {
    const char *pin; /* or NULL */
    bool is_refused; /* it asked, and there was nothing to give */
};

/* Never asks at a terminal, and never tries an empty PIN, which would count as a wrong one. Foreign signature. */
static int give_pin(char *buffer, int size, int writing, void *ctx)
{
    (void)writing;
    struct answer *answer = ctx;
    size_t len = answer->pin ? strlen(answer->pin) : 0;
    answer->is_refused = !len || len >= (size_t)size;
    if (answer->is_refused)
        return -1;
    memcpy(buffer, answer->pin, len + 1);
    return (int)len;
}

/* The functional reference is kept: without it libp11 closes its sessions while keys of it are in use. Left to itself libp11 writes
 * whole URIs to the standard error. */
static int open_by_engine(const char *uri, UI_METHOD *ui, struct answer *answer, struct evp_pkey_st **ret)
{
    ENGINE *engine = ENGINE_by_id("pkcs11");
    int started = engine && ENGINE_ctrl_cmd_string(engine, "QUIET", NULL, 0) == 1 && ENGINE_init(engine) == 1;
    ENGINE_free(engine);
    if (!started)
        return no_engine();

    struct evp_pkey_st *key = ENGINE_load_private_key(engine, uri, ui, answer);
    if (!key)
        return trouble();
    *ret = key;
    return 0;
}

/* The first private key of what the URI names. */
static int open_by_store(const char *uri, UI_METHOD *ui, struct answer *answer, struct evp_pkey_st **ret)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, answer, NULL, NULL);
    if (!store)
        return trouble();
    struct evp_pkey_st *key = NULL;
    while (!key && !OSSL_STORE_eof(store) && !OSSL_STORE_error(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    if (!key)
        return trouble();
    *ret = key;
    return 0;
}

/* The provider's other algorithms (a TPM has hashes and chance too, slow ones) are not to take the place of OpenSSL's own. */
static bool load_provider(const char *name)
{
    if (OSSL_PROVIDER_available(NULL, name))
        return true;
    bool loaded =
        OSSL_PROVIDER_try_load(NULL, name, 1) && EVP_set_default_properties(NULL, "?provider=default") == 1;
    ERR_clear_error();
    return loaded;
}

static int open_in_tpm(const char *uri, UI_METHOD *ui, struct answer *answer, struct evp_pkey_st **ret)
{
    struct evp_pkey_st *key = NULL;
    if (!load_provider("tpm2"))
        return -ENOSYS;
    int r = open_by_store(uri, ui, answer, &key);
    if (r < 0)
        return r;
    r = tpm_wrap_key(key, ret);
    EVP_PKEY_free(key);
    return r;
}

int token_open_key(const char *uri, const char *pin, struct evp_pkey_st **ret)
{
    if (strstr(uri, "pin-value")) /* URIs are shown and logged */
        return -EINVAL;
    bool is_pkcs11 = str_starts(uri, "pkcs11:");
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_pin, 0);
    if (!ui)
        return -ENOMEM;
    struct answer answer = { .pin = pin };
    int r = -ENOSYS;
    if (!is_pkcs11)
        r = open_in_tpm(uri, ui, &answer, ret);
    else if (load_provider("pkcs11"))
        r = open_by_store(uri, ui, &answer, ret);
    else
        r = open_by_engine(uri, ui, &answer, ret);
    UI_destroy_method(ui);
    ERR_clear_error();
    return r == -EIO && answer.is_refused ? -EACCES : r;
}
