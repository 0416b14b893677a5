/* Certificates of the station: the roots it trusts (M03-M05) and its own with its key (A02, A03).
 *
 * Roots come from the CSMS, which may list and delete them, and from the configuration; one of these that was deleted or
 * replaced is remembered as such. Where SecurityCtrlr.AdditionalRootCertificateCheck holds, a new CSMS root replaces the others,
 * which stay behind as old ones until a connection with the new one was made.
 * Its own: the one that worked (current), one that was signed and has not yet worked (next), and a request under way. Keys
 * never leave by OCPP and stand in no log. */
#ifndef STATION_CERTIFICATES_H
#define STATION_CERTIFICATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"

struct station;
struct station_settings;
struct variable_place;
enum link_failure;

#define CERTIFICATES_MAX 20 /* CertificateEntries.maxLimit: roots */

enum certificate_use {
    CERTIFICATE_CSMS_ROOT,
    CERTIFICATE_CSMS_ROOT_OLD,
    CERTIFICATE_MANUFACTURER_ROOT,
    CERTIFICATE_V2G_ROOT, /* this and the next are kept for who asks: no ISO 15118 here */
    CERTIFICATE_MO_ROOT,
    CERTIFICATE_USES
};

struct root_certificate {
    struct list link;
    enum certificate_use use;
    char fingerprint[65];
    char *pem;
    char *issuer_pem; /* of one that is not self-signed, for its hash data; or NULL */
};

struct own_certificate {
    char *pem, *key; /* chain, leaf first; key as PEM or URI. NULL: none */
    int64_t not_before_ms, not_after_ms;
};

/* How far a SignCertificate has come. */
enum signing { SIGNING_NONE, SIGNING_MAKING_KEY, SIGNING_STORING, SIGNING_SENT, SIGNING_WAITING };

struct certificates {
    struct list roots;
    int count;
    struct list removed; /* of the configuration, taken away by the CSMS in a life before */
    bool
        is_changing; /* a change of the roots is being stored: the next one would be checked against what is past */
    char (
        *configured)[65]; /* fingerprints of the CSMS roots that the configuration names, installed or not */
    size_t configured_count;
    bool trusts_system; /* no root is configured, and none that was installed has proven itself yet */
    bool
        has_configured_roots; /* the configuration lists roots; else its bundle, or the system's, are trusted at first */
    bool uses_old_roots; /* the next attempt to connect does */
    bool uses_old_own;
    struct own_certificate current, next;
    struct own_certificate displaced; /* the configuration's, where another has taken its place since */
    enum signing signing;
    uint32_t ticket;     /* SIGNING_MAKING_KEY */
    char *request, *key; /* the CSR under way and its key, or NULL */
    int sent;            /* SignCertificate in the outbox or not yet answered */
    int repeats;
    int64_t wait_s;    /* until the CSR is sent again */
    bool is_asked_for; /* by a TriggerMessage, else it is a renewal of our own */
    bool is_over;      /* the restored one is not to be sent again */
    bool gave_up;      /* no answer to the last of them: only the CSMS starts anew (A03.FR.19) */
    struct timer repeat_timer, renewal_timer;
    struct list statuses; /* what OCSP responders say of what is held */
    int status_count;
    char asked[65]; /* fingerprint of the one whose status is asked for, or "" */
    struct timer status_timer;
};

int certificates_init(struct station *s, const struct station_settings *settings);
void certificates_done(struct station *s);
/* RECORD_CERTIFICATE. */
void certificates_restore(struct station *s, const char *key, const char *value);
void certificates_start(struct station *s);

/* Roots of a use, concatenated; the caller's. "" if there is none, NULL without memory. Without manufacturer's ones that were revoked. */
char *certificates_roots(const struct station *s, enum certificate_use use);
/* What the server's certificate is checked against in the next attempt: the caller's; *ret NULL: the configured bundle or
 * the system's. 0 or -ENOMEM. */
int certificates_trusted(const struct station *s, char **ret);
/* One of these certificates is held, and was revoked. */
bool ocsp_has_revoked(const struct station *s, const char *chain);
/* The station's own for the next attempt, or NULL. Borrowed. */
const struct own_certificate *certificates_own(const struct station *s);
bool certificates_can_check_csms(const struct station *s); /* A05.FR.02 */
bool certificates_can_identify(const struct station *s);   /* A05.FR.03 */

/* A connection was made: what it proved stays, what it replaced goes (A02.FR.10, M05.FR.13). */
void certificates_on_link_up(struct station *s, int security_profile);
/* An attempt failed. True: another with the old roots may follow at once (M05.FR.14). */
bool certificates_on_failure(struct station *s, enum link_failure failure, bool is_migrating);
/* The configuration names another CSMS: its roots, or the system's, and its certificate are back, whatever the one before has said. */
void certificates_on_other_configuration(struct station *s);
/* Back from a migration that failed (M05.FR.16). */
void certificates_use_old_roots(struct station *s);
/* All entries failed with the new certificate: the old one, or the new one again (A02.FR.28). */
void certificates_use_old_own(struct station *s, bool old);

/* TriggerMessage SignChargingStationCertificate. */
bool certificates_can_sign(const struct station *s);
void trigger_sign_certificate(struct station *s);

/* For displays: until when the own certificate is valid, what its OCSP responder says, and whether another is on its way. New reference; NULL: it has none. */
json_t *certificates_status(const struct station *s);

void get_certificate_entries(const struct variable_place *p, char *ret, size_t size);

/* ---- between the files of this block ---- */

extern const char *const certificate_use_names[CERTIFICATE_USES]; /* as OCPP names them */

struct root_certificate *certificates_find(const struct station *s, enum certificate_use use,
                                           const char *fingerprint);
/* Whether the configuration brings it back with each start. */
bool certificates_is_configured(const struct station *s, const struct root_certificate *root);
/* The one among the installed that has signed it; NULL: itself, or unknown. The caller's. */
char *certificates_issuer(const struct station *s, const char *pem);
/* Adds or replaces; copies. 0 or -ENOMEM. */
int certificates_add(struct station *s, enum certificate_use use, const char *pem, const char *issuer_pem);
void certificates_remove(struct station *s, struct root_certificate *root);
#define CERTIFICATE_KEY_SIZE 96
void certificates_key(enum certificate_use use, const char *fingerprint,
                      char ret[static CERTIFICATE_KEY_SIZE]);
/* What is stored of a root: the caller's, or NULL without memory. */
char *certificates_value(const struct root_certificate *root);
#define CERTIFICATE_DELETED "deleted" /* the value for one of the configuration */

/* Copies; wipes what was there. NULL pem: none. 0, -EINVAL, -ENOMEM. */
int own_certificate_set(struct own_certificate *own, const char *pem, const char *key);
char *own_certificate_text(const struct own_certificate *own);
void wipe_text(char **text);

void signing_init(struct station *s);
void signing_done(struct station *s);
void signing_start(struct station *s);
void signing_restore(struct station *s, const char *value);
/* The certificate in use changed, or a day went by: is it time for a new one? */
void signing_plan_renewal(struct station *s);

void ocsp_init(struct station *s);
void ocsp_done(struct station *s);
void ocsp_restore(struct station *s, const char *fingerprint, const char *value);
/* What is held changed: what is new is asked for, what went is forgotten. */
void ocsp_plan(struct station *s);
/* All is asked for anew (M06.FR.07). */
void ocsp_renew(struct station *s);
bool ocsp_is_revoked(const struct station *s, const char *fingerprint);
/* What the responder says of the first certificate; NULL: nothing yet. */
const char *ocsp_status_name(const struct station *s, const char *pem);

#endif
