/* The configuration file (gateway.yaml), read whole and checked whole: every problem is reported, none is guessed away.
 *
 * The profiles it names are loaded and checked with it, so a configuration that parses is one that can be started. What
 * each key means stands in docs/configuration.md, whose tables come from the rows in config_tables.c. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/problems.h"
#include "charger/profile.h"
#include "driver/driver.h"
#include "net/http_forwarded.h"
#include "station/station.h"

#define CONFIG_MAX_BYTES    (8u << 20) /* of any file read */
#define CONFIG_MAX_STATIONS 10000
#define CONFIG_MAX_PRESETS  64 /* of a station */
#define CONFIG_NAME_SIZE    64

struct general_config {
    char *state_directory, *control_socket, *profiles, *known_hosts;
    int64_t pacing_ms; /* between the first connections of two stations */
};

/* What UpdateFirmware does: see docs/firmware.md. */
struct firmware_config {
    char *slot;         /* file of the gateway's own image; NULL: the gateway itself is not updated */
    char **hook;        /* program and arguments, ends with NULL */
    int64_t timeout_ms; /* of the hook */
    int64_t max_bytes;
    int transactions; /* enum firmware_meanwhile */
    bool takes_unsigned;
    char *roots, *crl, *ca_file;        /* paths */
    char *roots_pem, *crl_pem, *ca_pem; /* their content */
    char *fingerprint;
};

struct csms_config {
    char name[CONFIG_NAME_SIZE];
    char *url, *ca_file;  /* ca_file NULL: the system's roots */
    char *ca_pem;         /* what is in it */
    int security_profile; /* 0, 1, 2, 3 */
    bool compression;
    size_t max_message;
    struct station_limits limits;
};

struct bus_config {
    char name[CONFIG_NAME_SIZE];
    char *tcp; /* host:port as written */
    struct modbus_bus_settings settings;
    char *fingerprint;
    bool is_undecided; /* a line without chargers, whose settings are left to their profiles */
};

struct charger_config {
    char *profile_name, *tcp, *bus_name, *host, *node_id; /* as written */
    char *identity, *password, *password_file;            /* of an OCPP 1.6 charger */
    const struct profile *profile;                        /* the configuration's */
    int bus;                                              /* index; -1: not Modbus */
    int unit;
    struct modbus_options modbus; /* the profile's, with the entry's overrides */
    struct echonet_options echonet;
    struct ocpp16_options ocpp16;
    struct echonet_target target;
    int instance;
    double max_current_A; /* of the installation: bounds the profile's; NAN: none */
};

/* Where OCPP 1.6 chargers connect to. */
struct ocpp16_config {
    char *listen, *cert_file, *key_file; /* as written, paths resolved; listen NULL: nowhere */
    struct ocpp16_settings settings;
    char *fingerprint;
};

/* Where people and programs manage the gateway. */
struct management_config {
    char *listen, *cert_file, *key_file; /* as written, paths resolved; listen NULL: only the Unix socket */
    char address[64];
    uint16_t port;
    bool tls;
    int metrics;              /* 0: viewer, 1: open */
    char *cert_pem, *key_pem; /* what is in them; NULL: one of our own */
    struct http_proxies trusted_proxy;
    char *fingerprint;
};

struct preset_config {
    char *component, *variable, *instance, *value;
};

struct station_config {
    char id[STATION_ID_SIZE];
    char *csms_name, *vendor, *model, *serial_number, *password, *password_file;
    char *certificate_file, *key, *key_pin_file; /* as written; key: a path or URI */
    char *certificate_pem, *key_text, *pin;      /* what is in them, or NULL; key_text: PEM or URI */
    int key_type;                                /* enum key_type */
    int csms;                                    /* index */
    struct preset_config *presets;
    size_t preset_count;
    struct charger_config *chargers;
    size_t charger_count;
    size_t evse_count;
    char *fingerprint; /* all that it was made from, as text: equal means nothing to restart */
};

/* A device that is no charger; limits are computed from its points. */
struct meter_config {
    char name[CONFIG_NAME_SIZE];
    struct charger_config device;
};

/* A limit that a meter sets to stations (OCPP's external limits). */
struct limit_config {
    char *meter_name, *text;  /* as written */
    int meter;                /* index */
    struct expression *value; /* over the points of the meter's profile */
    int unit;                 /* of the numbers here: 0: A, 1: W */
    int source;               /* enum limit_source */
    int evse;                 /* of each station; 0: the station as a whole */
    size_t *stations;         /* indexes */
    size_t station_count;
    double on_silence; /* what holds while the value is not known */
    double hysteresis;
};

struct loaded_profile {
    struct profile *profile; /* NULL: it has errors, which were told */
    char *name;
    char *text; /* of the file and those it extends: part of the fingerprints */
};

struct config {
    char *name; /* the file's */
    struct general_config general;
    struct firmware_config firmware;
    bool log_json;
    enum log_level log_levels[LOG_AREAS];
    struct echonet_settings echonet;
    char *echonet_fingerprint;
    bool uses_echonet;
    struct ocpp16_config ocpp16;
    struct management_config management;
    struct csms_config *csms;
    size_t csms_count;
    struct bus_config *buses;
    size_t bus_count;
    struct station_config *stations;
    size_t station_count;
    struct meter_config *meters;
    size_t meter_count;
    struct limit_config *limits;
    size_t limit_count;
    char *limits_fingerprint; /* all that meters and limits were made from */
    struct loaded_profile *profiles;
    size_t profile_count;
};

/* Reads the file and all it names. Problems are appended. On success `*ret` is the caller's. 0, -EINVAL (see problems), -ENOMEM. */
int config_load(const char *path, struct problems *problems, struct config **ret);
/* The same for text that was read already; `name` is for messages. */
int config_parse(const char *name, const char *text, size_t len, struct problems *problems,
                 struct config **ret);
void config_free(struct config *config);
DEFINE_AUTO(config, config_free)

/* Parses one profile file by path, `extends` looked up beside it and in `directories` (colon-separated). As profile_parse(). */
int config_load_profile(const char *path, const char *directories, struct problems *problems,
                        struct profile **ret);
/* A profile that is not in its place yet, or that was read already. */
struct profile_text {
    const char *path; /* its file, for messages; named after the profile */
    const char *text;
    const char *directories; /* for `extends`; relative ones start at ... */
    const char *beside;      /* ... this file */
};
int config_parse_profile(const struct profile_text *profile, struct problems *problems, struct profile **ret);
/* One of the directories, the first is 0: as a path without a slash at the end. 0, -ENOENT (there are not so many), -ENAMETOOLONG (this one
 * is none that could be used). */
int config_profile_directory(const char *directories, const char *beside, size_t index, char *ret,
                             size_t size);
/* The same as config_load_profile(), merged but unread. `ret` is to be given to profile_tree_done(), also on failure. */
int config_load_profile_tree(const char *path, const char *directories, struct problems *problems,
                             struct profile_tree *ret);

/* The reference of every key as Markdown tables. */
void config_reference(struct buf *out);

#endif
