/* Keys made, kept in a SoftHSM token, and used for requests; signatures made by the openssl command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "pki/key.h"
#include "pki/pki.h"

static char directory[] = "/tmp/test_pki_key.XXXXXX";

static const char script[] =
    "cd %s && mkdir tokens && echo 'directories.tokendir = '$PWD/tokens >softhsm.conf && exec >log 2>&1; "
    "export SOFTHSM2_CONF=$PWD/softhsm.conf; module=/usr/lib/softhsm/libsofthsm2.so; "
    "softhsm2-util --init-token --free --label gateway --pin 'p n&1' --so-pin 87654321 && "
    "id=0; for k in EC:prime256v1 rsa:2048; do id=$((id + 1)); "
    "  pkcs11-tool --module $module --login --pin 'p n&1' --token-label gateway --keypairgen --key-type $k "
    "--label ${k%%%%:*} --id 0$id || exit 1; done; "
    "openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out ec.key && "
    "openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa.key && "
    "openssl pkey -in ec.key -aes256 -passout pass:secret -out locked.key && openssl pkey -in ec.key -pubout "
    "-out public.pem && "
    "for k in ec rsa; do openssl req -x509 -new -key $k.key -subj /O=Maker/CN=$k -out $k.pem || exit 1; "
    "done; "
    "head -c 200000 /dev/urandom >image; "
    "for k in ec rsa; do openssl dgst -sha256 -sign $k.key image | base64 -w 0 >$k.sig; done; "
    "openssl dgst -sha256 -sign rsa.key -sigopt rsa_padding_mode:pss image | base64 >pss.sig; "
    "openssl dgst -sha512 -sign ec.key image | base64 >sha512.sig; : >empty; echo changed >>image.2; cat "
    "image image.2 >changed; "
    /* a TPM with a key at 0x81000001 */
    "mkdir tpm && swtpm socket --tpm2 --tpmstate dir=$PWD/tpm --ctrl type=unixio,path=$PWD/tpm/sock.ctrl "
    "--server "
    "type=unixio,path=$PWD/tpm/sock --flags not-need-init,startup-clear --daemon --pid file=$PWD/tpm/pid && "
    "export TPM2TOOLS_TCTI=swtpm:path=$PWD/tpm/sock && cd tpm && "
    "tpm2_createprimary -C o -G ecc -c parent >&2 && tpm2_create -C parent -G ecc -u public -r private >&2 "
    "&& "
    "tpm2_flushcontext -t && tpm2_load -C parent -u public -r private -c key >&2 && tpm2_flushcontext -t && "
    "tpm2_evictcontrol -C o -c key 0x81000001 >&2 && tpm2_flushcontext -t && cd .. ";

static char *path_of(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    char command[sizeof(script) + sizeof(directory)];
    (void)snprintf(command, sizeof(command), script, directory);
    if (system(command))
        return -1;
    char where[80];
    (void)snprintf(where, sizeof(where), "swtpm:path=%s/tpm/sock", directory);
    (void)setenv("TPM2OPENSSL_TCTI", where, 1);
    return setenv("SOFTHSM2_CONF", path_of("softhsm.conf"), 1);
}

static int remove_files(void **state)
{
    (void)state;
    char command[120];
    (void)snprintf(command, sizeof(command), "kill -9 $(cat %s/tpm/pid); rm -rf %s", directory, directory);
    return system(command);
}

static char *text_of(const char *name)
{
    FILE *file = fopen(path_of(name), "r");
    assert_non_null(file);
    char *text = calloc(1, 16384);
    text[fread(text, 1, 16383, file)] = '\0';
    fclose(file);
    return text;
}

/* What openssl says of the request: its subject, whether it is rightly signed, its key usage. */
static void expect_request(const char *csr, const char *subject)
{
    char command[400], all[8192];
    FILE *file = fopen(path_of("made.csr"), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(csr, 1, strlen(csr), file), strlen(csr));
    fclose(file);
    (void)snprintf(command, sizeof(command),
                   "cd %s && openssl req -in made.csr -noout -verify -subject -text -nameopt RFC2253 2>&1",
                   directory);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    all[fread(all, 1, sizeof(all) - 1, pipe)] = '\0';
    assert_int_equal(pclose(pipe), 0);
    assert_non_null(strstr(all, "self-signature verify OK"));
    assert_non_null(strstr(all, subject));
    assert_non_null(strstr(all, "Digital Signature"));
    assert_null(strstr(all, "Extended Key Usage"));
    assert_true(strstr(all, "ecdsa-with-SHA256") || strstr(all, "sha256WithRSAEncryption"));
}

static void new_keys_come_with_a_request(void **state) /* A02.FR.02, A02.FR.03, A00.FR.512, A00.FR.514 */
{
    static const struct {
        enum key_type type;
        const char *bits;
    } rows[] = { { KEY_EC_P256, "256" }, { KEY_RSA_2048, "2048" }, { KEY_RSA_3072, "3072" } };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct csr_settings s = {
            .type = rows[i].type, .common_name = "CP 1", .organization = "Ex\xc3\xa4mple", .country = "DE"
        };
        char *csr, *key;
        assert_int_equal(key_make_csr(&s, &csr, &key), 0);
        expect_request(csr, "subject=CN=CP 1,O=Ex\\C3\\A4mple,C=DE");
        assert_false(key_is_uri(key));
        struct evp_pkey_st *opened;
        assert_int_equal(key_open(key, NULL, &opened), 0);
        char bits[8];
        (void)snprintf(bits, sizeof(bits), "%d", EVP_PKEY_get_bits(opened));
        assert_string_equal(bits, rows[i].bits);
        EVP_PKEY_free(opened);
        free(csr);
        key_text_free(key);
    }
}

static void each_key_is_another(void **state) /* A02.FR.02 */
{
    (void)state;
    struct csr_settings s = { .common_name = "CP" };
    char *csr1, *key1, *csr2, *key2;
    assert_int_equal(key_make_csr(&s, &csr1, &key1), 0);
    assert_int_equal(key_make_csr(&s, &csr2, &key2), 0);
    expect_request(csr1, "subject=CN=CP\n");
    assert_string_not_equal(key1, key2);
    free(csr1);
    free(csr2);
    key_text_free(key1);
    key_text_free(key2);
    key_text_free(NULL);
}

static void names_that_do_not_fit_are_refused(void **state)
{
    static const struct csr_settings rows[] = {
        { .common_name = "12345678901234567890123456789012345678901234567890123456789012345" },
        { .common_name = "CP", .organization = "\xff\xfe" },
        { .common_name = "CP", .country = "Germany" },
        { .common_name = "CP", .country = "D" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *csr = NULL, *key = NULL;
        assert_int_equal(key_make_csr(&rows[i], &csr, &key), -EINVAL);
        assert_null(csr);
        assert_null(key);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void keys_are_opened_or_refused(void **state)
{
    static const struct {
        const char *name;
        int err;
    } rows[] = { { "ec.key", 0 },           { "rsa.key", 0 },      { "locked.key", -EINVAL },
                 { "public.pem", -EINVAL }, { "ec.pem", -EINVAL }, { "empty", -EINVAL } };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *text = text_of(rows[i].name);
        struct evp_pkey_st *key = NULL;
        assert_int_equal(key_open(text, NULL, &key), rows[i].err);
        assert_int_equal(key != NULL, rows[i].err == 0);
        assert_int_equal(ERR_peek_error(), 0);
        EVP_PKEY_free(key);
    }
}

static void a_key_in_a_token_signs_its_request(void **state) /* A02.FR.05 */
{
    static const char *const uris[] = { "pkcs11:token=gateway;object=EC",
                                        "pkcs11:token=gateway;object=rsa;type=private", "handle:0x81000001" };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
        struct csr_settings s = { .key_uri = uris[i], .common_name = "CP", .pin = "p n&1" };
        char *csr, *key;
        assert_true(key_is_uri(uris[i]));
        assert_int_equal(key_make_csr(&s, &csr, &key), 0);
        expect_request(csr, "subject=CN=CP\n");
        assert_string_equal(key, uris[i]);
        free(csr);
        key_text_free(key);
    }
}

static void keys_that_a_token_does_not_give_are_told(void **state)
{
    static const struct {
        const char *uri, *pin;
        int err;
    } rows[] = {
        { "pkcs11:token=gateway;object=other", "p n&1", -EIO },
        { "pkcs11:token=elsewhere;object=EC", "p n&1", -EIO },
        { "pkcs11:nonsense", "p n&1", -EIO },
        { "pkcs11:token=gateway;object=EC?pin-value=1", NULL, -EINVAL },
        { "handle:0x81000009", NULL, -EIO },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct evp_pkey_st *key = NULL;
        int r = key_open(rows[i].uri, rows[i].pin, &key);
        if (r != rows[i].err)
            fail_msg("%s: %s", rows[i].uri, err_text(r));
        assert_null(key);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

/* Before any other test logs in: who has logged in once stays so. */
static void a_wrong_pin_opens_nothing(void **state)
{
    static const char *const pins[] = { NULL, "", "wrong" };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
        struct evp_pkey_st *key = NULL;
        int r = key_open("pkcs11:token=gateway;object=EC", pins[i], &key);
        if (r != -EACCES)
            fail_msg("%s: %s", pins[i] ? pins[i] : "none", err_text(r));
    }
}

static void signatures_of_files_are_checked(void **state) /* L01.FR.04, L01.FR.12 */
{
    static const struct {
        const char *file, *certificate, *signature;
        int err;
    } rows[] = {
        { "image", "ec.pem", "ec.sig", 0 },
        { "image", "rsa.pem", "rsa.sig", 0 },
        { "image", "rsa.pem", "pss.sig", 0 },
        { "changed", "ec.pem", "ec.sig", -EBADMSG },
        { "changed", "rsa.pem", "rsa.sig", -EBADMSG },
        { "changed", "rsa.pem", "pss.sig", -EBADMSG },
        { "empty", "ec.pem", "ec.sig", -EBADMSG },
        { "image", "rsa.pem", "ec.sig", -EBADMSG },
        { "image", "ec.pem", "rsa.sig", -EBADMSG },
        { "image", "ec.pem", "sha512.sig", -EBADMSG },
        { "image", "ec.pem", "empty", -EINVAL },
        { "image", "ec.pem", "ec.pem", -EINVAL },
        { "image", "ec.key", "ec.sig", -EINVAL },
        { "missing", "ec.pem", "ec.sig", -ENOENT },
        { "tokens", "ec.pem", "ec.sig", -EISDIR },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *certificate = text_of(rows[i].certificate), *signature = text_of(rows[i].signature);
        int r = key_verify_file(path_of(rows[i].file), certificate, signature);
        if (r != rows[i].err)
            fail_msg("%s by %s: %s", rows[i].file, rows[i].signature, err_text(r));
        assert_int_equal(ERR_peek_error(), 0);
    }
}

int main(void)
{
    /* Else LeakSanitizer looks when the TPM's provider is unloaded and can no longer hold what it has. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_keys_come_with_a_request),
        cmocka_unit_test(each_key_is_another),
        cmocka_unit_test(names_that_do_not_fit_are_refused),
        cmocka_unit_test(keys_are_opened_or_refused),
        cmocka_unit_test(a_wrong_pin_opens_nothing),
        cmocka_unit_test(a_key_in_a_token_signs_its_request),
        cmocka_unit_test(keys_that_a_token_does_not_give_are_told),
        cmocka_unit_test(signatures_of_files_are_checked),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
