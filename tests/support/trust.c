#include "tests/support/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct trust trust;

int trust_make(void **state)
{
    (void)state;
    trust.root = authority_new(NULL);
    trust.next = authority_new(&(struct authority_options){ .name = "next", .signed_by = trust.root });
    trust.other = authority_new(&(struct authority_options){ .name = "other" });
    return 0;
}

int trust_free(void **state)
{
    (void)state;
    authority_free(trust.root);
    authority_free(trust.next);
    authority_free(trust.other);
    return 0;
}

void trust_install(struct bench *b, const char *type, const char *pem, const char *result)
{
    char text[17000];
    (void)snprintf(text, sizeof(text), "{'certificateType': '%s', 'certificate': '%s'}", type,
                   authority_escaped(pem));
    bench_call(b, "InstallCertificate", text, result);
}

void trust_installed(struct bench *b, const char *types, const char *result)
{
    char text[300];
    (void)snprintf(text, sizeof(text), "{%s%s%s}", *types ? "'certificateType': [" : "", types,
                   *types ? "]" : "");
    bench_call(b, "GetInstalledCertificateIds", text, result);
}

void trust_frame(struct bench *b, char *text)
{
    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    bench_frame(b, text);
}

const char *trust_hash(const char *pem, const char *issuer, enum pki_hash algorithm)
{
    static char text[500];
    struct pki_hash_data hash = { 0 };
    (void)pki_hash_certificate(pem, issuer, algorithm, &hash);
    (void)snprintf(
        text, sizeof(text),
        "{'hashAlgorithm': '%s', 'issuerNameHash': '%s', 'issuerKeyHash': '%s', 'serialNumber': '%s'}",
        pki_hash_names[algorithm], hash.issuer_name_hash, hash.issuer_key_hash, hash.serial_number);
    return text;
}

void trust_delete(struct bench *b, const char *hash, const char *result)
{
    char text[600];
    (void)snprintf(text, sizeof(text), "{'certificateHashData': %s}", hash);
    bench_call(b, "DeleteCertificate", text, result);
}

struct bench *trust_bench(int security_profile, struct bench_options options)
{
    options.security_profile = security_profile;
    options.password = security_profile == 1 || security_profile == 2 ? "from-the-file-16" : NULL;
    options.url = security_profile == 1 ? "ws://csms.example/ocpp" : "wss://csms.example/ocpp";
    options.presets[options.preset_count++] =
        (struct variable_preset){ "OCPPCommCtrlr", "RetryBackOffRandomRange", NULL, "0" };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "CertSigningWaitMinimum", NULL, "30" };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "CertSigningRepeatTimes", NULL, "1" };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    return b;
}

bool trust_csms_accepts(struct bench *b, enum link_failure *ret_failure)
{
    *ret_failure = LINK_TLS_CERTIFICATE;
    if (trust.server_root && (!b->trusted || !strstr(b->trusted, trust.server_root)))
        return false;
    *ret_failure = LINK_TLS_FAILED;
    return !trust.only_certificate || (b->certificate && str_equal(b->certificate, trust.only_certificate));
}

int trust_teardown(void **state)
{
    trust.server_root = NULL;
    trust.only_certificate = NULL;
    return bench_teardown(state);
}

void trust_reset(struct bench *b)
{
    bench_call(b, "Reset", "{'type': 'OnIdle'}", ACCEPTED);
    bench_advance(b, 2000);
}

char *trust_make_own(struct bench_options *options, int64_t not_after_ms)
{
    static char *csr, *key;
    free(csr);
    free(key);
    authority_request("CS-1", "Example", &csr, &key);
    char *pem = authority_sign(trust.root, csr, &(struct authority_leaf){ .not_after_ms = not_after_ms });
    options->trusted_pem = authority_pem(trust.root);
    options->certificate_pem = pem;
    options->key = key;
    return pem;
}

void trust_trigger(struct bench *b)
{
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'SignChargingStationCertificate'}", ACCEPTED);
}

void trust_signed(struct bench *b, const char *chain, const char *result)
{
    char text[17000];
    (void)snprintf(text, sizeof(text),
                   "{'certificateChain': '%s', 'certificateType': 'ChargingStationCertificate'}",
                   authority_escaped(chain));
    bench_call(b, "CertificateSigned", text, result);
}

void trust_sign_accepted(struct bench *b)
{
    bench_answer(b, "SignCertificate", ACCEPTED);
}
