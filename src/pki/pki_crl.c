/* Revocation lists that the installer gave: they are trusted as they are. */
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "pki/pki.h"
#include "pki/x509.h"

/* The list is of the certificate's issuer, and names it. */
static bool is_on(X509_CRL *list, struct x509_st *certificate)
{
    X509_REVOKED *entry = NULL;
    return X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(certificate)) == 0 &&
           X509_CRL_get0_by_cert(list, &entry, certificate) == 1;
}

bool pki_is_revoked(const char *pem, const char *crl_pem)
{
    AUTO(x509_st) *certificate = NULL;
    if (pki_first(pem, &certificate) != PKI_OK)
        return false;
    bool found = false;
    AUTO(bio_st) *bio = BIO_new_mem_buf(crl_pem, -1);
    for (X509_CRL *list; bio && !found && (list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL));) {
        found = is_on(list, certificate);
        X509_CRL_free(list);
    }
    ERR_clear_error();
    return found;
}

size_t pki_count_crls(const char *crl_pem)
{
    size_t count = 0;
    AUTO(bio_st) *bio = BIO_new_mem_buf(crl_pem, -1);
    for (X509_CRL *list; bio && (list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)); count++)
        X509_CRL_free(list);
    ERR_clear_error();
    return count;
}
