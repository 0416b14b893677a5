/* Where the station connects: network connection profiles in numbered slots (B09), which is tried when (B10), and that
 * security only ever grows (A05).
 *
 * Slot 1 is the configuration's until the CSMS sets it. A round tries each entry of NetworkConfigurationPriority so many times; when all
 * have failed, the profile that worked last is tried for a while, then the next round begins. Who changes the url or the security profile
 * in the configuration takes the station back: all that the CSMS set of it is forgotten then. */
#ifndef STATION_NETWORK_PROFILES_H
#define STATION_NETWORK_PROFILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct station;
struct variable_place;
enum link_failure;

#define NETWORK_SLOTS      3
#define NETWORK_SLOTS_LIST "1,2,3"

struct network_profile {
    int users; /* places that hold it */
    int slot;  /* 1.. */
    int security_profile;
    int64_t message_timeout_s; /* 0: the configured one */
    char *url;
    char *data; /* as the CSMS sent it: a NetworkConnectionProfileType; NULL: the configuration's */
};

struct network_profiles {
    struct network_profile *slots[NETWORK_SLOTS]; /* NULL: empty */
    struct network_profile
        *current;                 /* in use; a slot that is set anew counts after the next reboot or switch */
    struct network_profile *good; /* of the last link that came up */
    char *
        factory; /* the configuration's url and security profile when the CSMS first set something, or NULL */
    char *password;     /* the last one that was taken, if it is not the configured one; or NULL */
    int64_t attempts;   /* failed ones with `current` */
    unsigned tried;     /* bit n: slot n + 1 was given up in this round */
    bool falling_back;  /* every entry was given up: `good` is tried */
    bool was_reached;   /* in this round: someone answered and did not like us, or we not them */
    bool is_old_round;  /* it goes with the old certificate, where there is a new one */
    bool after_a_round; /* no more haste */
};

int network_profiles_init(struct station *s);
void network_profiles_done(struct station *s);
/* RECORD_NETWORK. */
void network_profiles_restore(struct station *s, const char *key, const char *value);
/* All is restored, or the station reboots: begins at the first entry (B10.FR.04). */
void network_profiles_start(struct station *s);
void network_profiles_reboot(struct station *s);
void network_profiles_on_link_up(struct station *s);
/* An attempt to connect failed. True: the next may follow at once, since it goes elsewhere. */
bool network_profiles_on_failure(struct station *s, enum link_failure failure);
/* From now on it is noticed when the configuration names another CSMS. */
void network_profiles_keep_factory(struct station *s);
/* The Basic auth password of the next attempt, or NULL. Borrowed. After each refusal it is another's turn: the CSMS may not know of the
 * one it set, if the answer was lost (A01.FR.04), or have got another since. */
const char *network_profiles_password(const struct station *s);
/* On the way to another profile than the one that worked last; no more once all of them have failed. */
bool network_profiles_is_migrating(const struct station *s);
/* Why NetworkConfigurationPriority cannot be `list`: a reason code, or NULL. */
const char *network_profiles_refuse_priority(const struct station *s, const char *list);

/* For displays: slot, url, security profile. New reference, or NULL without memory. */
json_t *network_profiles_status(const struct station *s);

/* Computed variables. */
void get_active_network_profile(const struct variable_place *p, char *ret, size_t size);
void get_message_timeout(const struct variable_place *p, char *ret, size_t size);

#endif
