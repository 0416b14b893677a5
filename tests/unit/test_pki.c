/* Certificates made by the openssl command, read and judged by ours; its ocsp command is the witness for hash data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "pki/pki.h"

#define DAY_MS INT64_C(86400000)

static char directory[] = "/tmp/test_pki.XXXXXX";
static int64_t now_ms;

/* issue NAME ISSUER EXTENSIONS [options of req]: NAME.key, NAME.csr, NAME.pem; ISSUER "self" signs itself. */
static const char script[] =
    "cd %s && exec 2>/dev/null; "
    "ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256'; "
    "printf '[req]\\ndistinguished_name=dn\\n[dn]\\n' >conf; new='openssl req -nodes -utf8 -config conf'; "
    "issue() { name=$1 issuer=$2; printf \"$3\" >$name.ext; shift 3; days=100; "
    "  $new ${key:-$ec} -keyout $name.key -out $name.csr -subj \"${subject:-/O=Example/CN=$name}\" || exit "
    "1; "
    "  if [ $issuer = self ]; then by=\"-signkey $name.key\"; else by=\"-CA $issuer.pem -CAkey "
    "$issuer.key\"; fi; "
    "  openssl x509 -req -in $name.csr $by -days $days -extfile $name.ext \"$@\" -out $name.pem || exit 1; "
    "  key= subject=; }; "
    "ca='basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign,cRLSign\\n'; "
    "sign='keyUsage=critical,digitalSignature\\n'; "
    "issue root self \"$ca\" -set_serial 0x00; "
    "issue inter root \"$ca\" -set_serial 0x0a1b2c; "
    "issue short root 'basicConstraints=critical,CA:TRUE,pathlen:0\\nkeyUsage=keyCertSign\\n' -set_serial 5; "
    "issue below short \"$ca\" -set_serial 6; "
    "issue leaf inter \"$sign\" -set_serial 0xABCDEF0123456789ABCDEF0123456789ABCDEF01; "
    "issue direct root \"$sign\" -set_serial 0x0F; "
    "issue deep below \"$sign\" -set_serial 2; "
    "issue child leaf \"$sign\" -set_serial 3; "
    "issue server inter 'extendedKeyUsage=serverAuth\\n' -set_serial 4; "
    "issue encrypt inter 'keyUsage=keyEncipherment\\n' -set_serial 4; "
    "issue plain inter 'basicConstraints=CA:FALSE\\n' -set_serial 4; "
    "issue other self \"$ca\" -set_serial 1; "
    "issue nosign self 'basicConstraints=CA:TRUE\\nkeyUsage=digitalSignature\\n' -set_serial 1; "
    "issue next root \"$ca\" -set_serial 0x77; "
    "issue late inter \"$ca\" -set_serial 0x78; "
    "key='-newkey rsa:1024' issue weak root \"$sign\" -set_serial 8; "
    "key='-newkey rsa:1024' issue weakroot self \"$ca\" -set_serial 8; "
    "key='-newkey ec -pkeyopt ec_paramgen_curve:prime192v1' issue small root \"$sign\" -set_serial 8; "
    "key='-newkey rsa:2048' issue rsa root \"$sign\" -set_serial 9 -sha384; "
    "issue sha1 root \"$sign\" -set_serial 10 -sha1; "
    "issue sha1root self \"$ca\" -set_serial 10 -sha1; "
    "subject='/O=A/O=B/CN=CP 1' issue twice root \"$sign\" -set_serial 11; "
    "subject='/O=Ex\xc3\xa4mple' issue nocn root \"$sign\" -set_serial 12; "
    "issue long root \"$sign\" -set_serial 0x112233445566778899AABBCCDDEEFF00112233445566; "
    /* its issuer by name only */
    "subject=/O=Example/CN=root issue fake self \"$ca\" -set_serial 1; "
    "issue forged fake \"$sign\" -set_serial 13; "
    "touch index; echo 01 >crlnumber; printf "
    "'[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\ncrlnumber=crlnumber\\n"
    "default_md=sha256\\ndefault_crl_days=9\\n' >ca.conf; "
    "openssl ca -config ca.conf -gencrl -keyfile root.key -cert root.pem -out nothing.crl; "
    "openssl ca -config ca.conf -revoke leaf.pem -keyfile inter.key -cert inter.pem; "
    "openssl ca -config ca.conf -gencrl -keyfile inter.key -cert inter.pem -out inter.crl; "
    "openssl ca -config ca.conf -gencrl -keyfile other.key -cert other.pem -out other.crl; "
    "cat nothing.crl inter.crl >both.crl; "
    "for i in 1 2 3 4 5 6 7 8 9; do cat leaf.pem; done >nine.pem; "
    "cat leaf.pem inter.pem >chain.pem; cat deep.pem below.pem short.pem >deepchain.pem; cat child.pem "
    "leaf.pem inter.pem >childchain.pem; "
    "for n in server encrypt plain late; do cat $n.pem inter.pem >${n}chain.pem; done; cat other.pem "
    "root.pem >roots.pem; "
    "openssl x509 -in leaf.pem -outform der >der.pem; head -c 200 leaf.pem >cut.pem; cat leaf.pem cut.pem "
    ">halfbad.pem; "
    "echo 'no certificate' >none.pem; : >empty.pem; sed 's/CERTIFICATE/PRIVATE KEY/' leaf.pem >label.pem; "
    "sed '2s/^/Proc-Type: 4,ENCRYPTED\\nDEK-Info: AES-128-CBC,00000000000000000000000000000000\\n\\n/' "
    "leaf.pem >encrypted.pem; "
    "head -c 20000 /dev/zero | tr '\\0' x | cat leaf.pem - >huge.pem; sed '1s/^/# text before\\n/;s/$/\\r/' "
    "leaf.pem >crlf.pem";

static int make_certificates(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    now_ms = (int64_t)time(NULL) * 1000 + 60000;
    char command[sizeof(script) + sizeof(directory)];
    (void)snprintf(command, sizeof(command), script, directory);
    return system(command);
}

static int remove_certificates(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

/* The text of NAME in the directory; the caller's. */
static char *text_of(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("no %s", path);
    char *text = calloc(1, 65536);
    size_t len = fread(text, 1, 65535, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

static void certificates_are_counted(void **state) /* A00.FR.507 */
{
    static const struct {
        const char *name;
        size_t count;
    } rows[] = {
        { "leaf.pem", 1 }, { "chain.pem", 2 },   { "nine.pem", 9 }, { "crlf.pem", 1 },      { "der.pem", 0 },
        { "cut.pem", 0 },  { "halfbad.pem", 0 }, { "none.pem", 0 }, { "empty.pem", 0 },     { "leaf.key", 0 },
        { "leaf.csr", 0 }, { "label.pem", 0 },   { "huge.pem", 1 }, { "encrypted.pem", 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *pem = text_of(rows[i].name);
        if (pki_count(pem) != rows[i].count)
            fail_msg("%s: %zu", rows[i].name, pki_count(pem));
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void a_certificate_is_looked_up_in_revocation_lists(void **state) /* L01.FR.12 */
{
    static const struct {
        const char *certificate, *lists;
        size_t count;
        bool revoked;
    } rows[] = {
        { "leaf.pem", "inter.crl", 1, true },    { "leaf.pem", "both.crl", 2, true },
        { "chain.pem", "inter.crl", 1, true },   { "plain.pem", "inter.crl", 1, false },
        { "leaf.pem", "nothing.crl", 1, false }, { "leaf.pem", "other.crl", 1, false }, /* not its issuer's */
        { "leaf.pem", "leaf.pem", 0, false },    { "none.pem", "inter.crl", 1, false },
        { "leaf.pem", "empty.pem", 0, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *pem = text_of(rows[i].certificate), *lists = text_of(rows[i].lists);
        if (pki_is_revoked(pem, lists) != rows[i].revoked || pki_count_crls(lists) != rows[i].count)
            fail_msg("%s %s: %zu", rows[i].certificate, rows[i].lists, pki_count_crls(lists));
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void one_certificate_is_taken_out_of_a_chain(void **state)
{
    (void)state;
    AUTO_FREE char *chain = text_of("chain.pem"), *leaf = text_of("leaf.pem"), *inter = text_of("inter.pem");
    AUTO_FREE char *first = pki_nth(chain, 0), *second = pki_nth(chain, 1);
    assert_string_equal(first, leaf);
    assert_string_equal(second, inter);
    assert_null(pki_nth(chain, 2));
    assert_null(pki_nth("", 0));
}

static void a_certificate_tells_what_it_is(void **state)
{
    (void)state;
    struct pki_info info;
    AUTO_FREE char *root = text_of("root.pem"), *rsa = text_of("rsa.pem"), *nocn = text_of("nocn.pem");
    assert_int_equal(pki_read(root, &info), PKI_OK);
    assert_string_equal(info.subject_common_name, "root");
    assert_string_equal(info.subject_organization, "Example");
    assert_true(info.is_ca && info.is_self_signed && info.key_is_ec);
    assert_int_equal(info.key_bits, 256);
    assert_int_equal(strlen(info.fingerprint), 64);
    assert_true(info.not_before_ms <= now_ms && info.not_before_ms > now_ms - DAY_MS);
    assert_int_equal(info.not_after_ms - info.not_before_ms, 100 * DAY_MS);

    assert_int_equal(pki_read(rsa, &info), PKI_OK);
    assert_true(!info.is_ca && !info.is_self_signed && !info.key_is_ec);
    assert_int_equal(info.key_bits, 2048);

    assert_int_equal(pki_read(nocn, &info), PKI_OK);
    assert_string_equal(info.subject_common_name, "");
    assert_string_equal(info.subject_organization, "Ex\xc3\xa4mple");
    assert_int_equal(pki_read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &info),
                     PKI_MALFORMED);
}

/* The value behind `label` in what openssl prints of its OCSP request. */
static void ask_openssl(const char *certificate, const char *issuer, const char *digest, const char *label,
                        char *ret)
{
    char command[400], line[400];
    (void)snprintf(command, sizeof(command),
                   "cd %s && openssl ocsp -%s -issuer %s -cert %s -no_nonce -reqout req.der >/dev/null && "
                   "openssl ocsp -reqin req.der -req_text 2>/dev/null | sed -z 's/\\\\\\n *//g'",
                   directory, digest, issuer, certificate);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    *ret = '\0';
    while (fgets(line, sizeof(line), pipe)) {
        const char *at = strstr(line, label);
        if (!at)
            continue;
        at += strlen(label) + strspn(at + strlen(label), " ");
        (void)snprintf(ret, 200, "%.*s", (int)strcspn(at, " \n"), at);
    }
    pclose(pipe);
}

static void expect_same_hash(const char *certificate, const char *issuer, enum pki_hash algorithm)
{
    static const char *const digests[] = { "sha256", "sha384", "sha512" };
    AUTO_FREE char *pem = text_of(certificate), *issuer_pem = text_of(issuer);
    struct pki_hash_data data;
    char text[200];
    assert_int_equal(pki_hash_certificate(pem, issuer_pem, algorithm, &data), PKI_OK);
    assert_int_equal(data.algorithm, algorithm);
    ask_openssl(certificate, issuer, digests[algorithm], "Issuer Name Hash:", text);
    assert_true(str_equal_ci(data.issuer_name_hash, text));
    ask_openssl(certificate, issuer, digests[algorithm], "Issuer Key Hash:", text);
    assert_true(str_equal_ci(data.issuer_key_hash, text));
    assert_int_equal(strlen(data.issuer_key_hash), 64 + algorithm * 32);
    for (const char *c = data.issuer_name_hash; *c; c++)
        assert_false(*c >= 'A' && *c <= 'F');
}

static void hash_data_are_those_of_ocsp(void **state) /* A00.FR.506, M03.FR.04 */
{
    (void)state;
    for (enum pki_hash algorithm = 0; algorithm < PKI_HASHES; algorithm++) {
        expect_same_hash("root.pem", "root.pem", algorithm);
        expect_same_hash("inter.pem", "root.pem", algorithm);
        expect_same_hash("leaf.pem", "inter.pem", algorithm);
        expect_same_hash("rsa.pem", "root.pem", algorithm);
    }
}

static void serial_numbers_have_no_leading_zeroes(void **state) /* A00.FR.508 */
{
    static const struct {
        const char *name, *serial;
    } rows[] = { { "root.pem", "0" },
                 { "inter.pem", "a1b2c" },
                 { "direct.pem", "f" },
                 { "leaf.pem", "abcdef0123456789abcdef0123456789abcdef01" } };
    (void)state;
    AUTO_FREE char *roots = text_of("roots.pem"), *inter = text_of("inter.pem"),
                   *tooLong = text_of("long.pem");
    struct pki_hash_data data;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *pem = text_of(rows[i].name);
        (void)pki_hash_certificate(pem, inter, PKI_SHA256, &data);
        assert_string_equal(data.serial_number, rows[i].serial);
    }
    assert_int_equal(pki_hash_certificate(tooLong, roots, PKI_SHA256, &data), PKI_MALFORMED);
}

static void hash_data_without_the_issuer_say_so(void **state)
{
    (void)state;
    AUTO_FREE char *leaf = text_of("leaf.pem"), *other = text_of("other.pem");
    struct pki_hash_data data;
    assert_int_equal(pki_hash_certificate(leaf, NULL, PKI_SHA256, &data), PKI_UNTRUSTED);
    assert_string_equal(data.issuer_key_hash,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(pki_hash_certificate(leaf, other, PKI_SHA256, &data), PKI_UNTRUSTED);
    assert_int_equal(pki_hash_certificate(leaf, "nothing", PKI_SHA256, &data), PKI_MALFORMED);
}

static void
chains_are_judged(void **state) /* A02.FR.06, A00.FR.501, A00.FR.502, A00.FR.503, A00.FR.504, M05.FR.07 */
{
    static const struct {
        const char *chain, *roots;
        enum pki_use use;
        int after_days;
        enum pki_verdict verdict;
    } rows[] = {
        { "chain.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_OK },
        { "chain.pem", "roots.pem", PKI_USE_CLIENT, 0, PKI_OK },
        { "direct.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_OK },
        { "rsa.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_OK },
        { "plainchain.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_OK },
        { "leaf.pem", "inter.pem", PKI_USE_CLIENT, 0, PKI_OK },
        { "leaf.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_UNTRUSTED },
        { "chain.pem", "other.pem", PKI_USE_CLIENT, 0, PKI_UNTRUSTED },
        { "chain.pem", "none.pem", PKI_USE_CLIENT, 0, PKI_UNTRUSTED },
        { "chain.pem", "root.pem", PKI_USE_CLIENT, 101, PKI_EXPIRED },
        { "chain.pem", "root.pem", PKI_USE_CLIENT, -2, PKI_EXPIRED },
        { "weak.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_WEAK },
        { "small.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_WEAK },
        { "sha1.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_WEAK },
        { "forged.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_UNTRUSTED },
        { "childchain.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_WRONG_USE },
        { "deepchain.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_WRONG_USE },
        { "serverchain.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_WRONG_USE },
        { "encryptchain.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_WRONG_USE },
        { "nine.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_MALFORMED },
        { "halfbad.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_MALFORMED },
        { "huge.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_MALFORMED },
        { "none.pem", "root.pem", PKI_USE_CLIENT, 0, PKI_MALFORMED },
        { "chain.pem", "root.pem", PKI_USE_FIRMWARE, 0, PKI_OK },
        { "plainchain.pem", "root.pem", PKI_USE_FIRMWARE, 0, PKI_OK },
        { "serverchain.pem", "root.pem", PKI_USE_FIRMWARE, 0, PKI_WRONG_USE },
        { "encryptchain.pem", "root.pem", PKI_USE_FIRMWARE, 0, PKI_WRONG_USE },
        { "root.pem", NULL, PKI_USE_ROOT, 0, PKI_OK },
        { "inter.pem", NULL, PKI_USE_ROOT, 0, PKI_OK },
        { "root.pem", NULL, PKI_USE_ROOT, 101, PKI_EXPIRED },
        { "root.pem", NULL, PKI_USE_ROOT, -2, PKI_EXPIRED },
        { "leaf.pem", NULL, PKI_USE_ROOT, 0, PKI_WRONG_USE },
        { "nosign.pem", NULL, PKI_USE_ROOT, 0, PKI_WRONG_USE },
        { "weakroot.pem", NULL, PKI_USE_ROOT, 0, PKI_WEAK },
        { "sha1root.pem", NULL, PKI_USE_ROOT, 0, PKI_WEAK },
        { "roots.pem", NULL, PKI_USE_ROOT, 0, PKI_MALFORMED },
        { "der.pem", NULL, PKI_USE_ROOT, 0, PKI_MALFORMED },
        { "next.pem", "root.pem", PKI_USE_CA_SIGNED, 0, PKI_OK },
        { "other.pem", "root.pem", PKI_USE_CA_SIGNED, 0, PKI_UNTRUSTED },
        { "latechain.pem", "root.pem", PKI_USE_CA_SIGNED, 0, PKI_UNTRUSTED },
        { "direct.pem", "root.pem", PKI_USE_CA_SIGNED, 0, PKI_WRONG_USE },
        { "next.pem", "root.pem", PKI_USE_CA_SIGNED, 101, PKI_EXPIRED },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *chain = text_of(rows[i].chain),
                       *roots = rows[i].roots ? text_of(rows[i].roots) : NULL;
        enum pki_verdict verdict =
            pki_verify_chain(chain, roots, rows[i].use, now_ms + rows[i].after_days * DAY_MS);
        if (verdict != rows[i].verdict)
            fail_msg("%s: %s, not %s", rows[i].chain, pki_verdict_texts[verdict],
                     pki_verdict_texts[rows[i].verdict]);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

/* Changes the end of the signature. */
static char *spoilt(const char *name)
{
    char *pem = text_of(name), *last = strstr(pem, "\n-----END") - 8;
    *last = *last == 'A' ? 'B' : 'A';
    return pem;
}

static void spoilt_signatures_are_noticed(void **state) /* M05.FR.07, A02.FR.06 */
{
    (void)state;
    AUTO_FREE char *root = text_of("root.pem"), *bad_root = spoilt("root.pem"), *bad = spoilt("direct.pem");
    assert_int_equal(pki_verify_chain(bad_root, NULL, PKI_USE_ROOT, now_ms), PKI_BAD_SIGNATURE);
    assert_int_equal(pki_verify_chain(bad, root, PKI_USE_CLIENT, now_ms), PKI_BAD_SIGNATURE);
}

/* ---- without memory ---- */

static long allocations_left = -1; /* of OpenSSL until each one fails; -1: none does */

static bool may_allocate(void)
{
    if (allocations_left > 0)
        allocations_left--;
    return allocations_left != 0;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return may_allocate() ? malloc(size) : NULL;
}

static void *reallocate(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return may_allocate() ? realloc(memory, size) : NULL;
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

/* However little memory there is: what is bad never becomes good, and nothing breaks. */
static void without_memory_nothing_bad_is_taken(void **state) /* A02.FR.06, M05.FR.07 */
{
    static const struct {
        const char *chain, *roots;
        enum pki_use use;
        bool is_good;
    } rows[] = {
        { "chain.pem", "root.pem", PKI_USE_CLIENT, true },
        { "chain.pem", "other.pem", PKI_USE_CLIENT, false },
        { "sha1.pem", "root.pem", PKI_USE_CLIENT, false },
        { "childchain.pem", "root.pem", PKI_USE_CLIENT, false },
        { "next.pem", "root.pem", PKI_USE_CA_SIGNED, true },
        { "leaf.pem", "root.pem", PKI_USE_ROOT, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *chain = text_of(rows[i].chain), *roots = text_of(rows[i].roots);
        assert_int_equal(pki_verify_chain(chain, roots, rows[i].use, now_ms) == PKI_OK, rows[i].is_good);
        bool failed = true;
        for (long n = 1; failed; n += n < 200 ? 1 : 37) {
            allocations_left = n;
            enum pki_verdict verdict = pki_verify_chain(chain, roots, rows[i].use, now_ms);
            failed = allocations_left == 0;
            struct pki_hash_data data;
            (void)pki_hash_certificate(chain, roots, PKI_SHA256, &data);
            free(pki_nth(chain, 0));
            allocations_left = -1;
            if (verdict == PKI_OK && !rows[i].is_good)
                fail_msg("%s is taken after %ld allocations", rows[i].chain, n);
        }
    }
}

static void a_certificate_belongs_to_its_request(void **state) /* A02.FR.06 */
{
    (void)state;
    AUTO_FREE char *leaf = text_of("leaf.pem"), *csr = text_of("leaf.csr"), *other = text_of("rsa.csr");
    assert_true(pki_is_for_request(leaf, csr));
    assert_false(pki_is_for_request(leaf, other));
    assert_false(pki_is_for_request(leaf, ""));
    assert_false(pki_is_for_request(leaf, leaf));
    assert_false(pki_is_for_request("", csr));
}

static void the_subject_names_station_and_organization(void **state) /* A00.FR.427, A00.FR.509, A00.FR.511 */
{
    static const struct {
        const char *name, *station, *organization;
        enum pki_verdict verdict;
    } rows[] = {
        { "leaf.pem", "leaf", "Example", PKI_OK },
        { "leaf.pem", "leaf", "", PKI_OK },
        { "leaf.pem", "leaf", NULL, PKI_OK },
        { "leaf.pem", "lea", "Example", PKI_WRONG_SUBJECT },
        { "leaf.pem", "leaf1", "Example", PKI_WRONG_SUBJECT },
        { "leaf.pem", "leaf", "Other", PKI_WRONG_SUBJECT },
        { "nocn.pem", "", NULL, PKI_WRONG_SUBJECT },
        { "twice.pem", "CP 1", "A", PKI_WRONG_SUBJECT },
        { "twice.pem", "CP 1", NULL, PKI_OK },
        { "none.pem", "leaf", NULL, PKI_MALFORMED },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *pem = text_of(rows[i].name);
        assert_int_equal(pki_check_subject(pem, rows[i].station, rows[i].organization), rows[i].verdict);
    }
}

int main(void)
{
    CRYPTO_set_mem_functions(allocate, reallocate, release); /* before OpenSSL has anything */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_counted),
        cmocka_unit_test(a_certificate_is_looked_up_in_revocation_lists),
        cmocka_unit_test(one_certificate_is_taken_out_of_a_chain),
        cmocka_unit_test(a_certificate_tells_what_it_is),
        cmocka_unit_test(hash_data_are_those_of_ocsp),
        cmocka_unit_test(serial_numbers_have_no_leading_zeroes),
        cmocka_unit_test(hash_data_without_the_issuer_say_so),
        cmocka_unit_test(chains_are_judged),
        cmocka_unit_test(spoilt_signatures_are_noticed),
        cmocka_unit_test(without_memory_nothing_bad_is_taken),
        cmocka_unit_test(a_certificate_belongs_to_its_request),
        cmocka_unit_test(the_subject_names_station_and_organization),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
