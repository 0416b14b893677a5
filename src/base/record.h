/* What must survive a power cut, as the pure layers see it: named texts, written in atomic groups. */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

/* Kinds are stored by name (record_kind_names): append, never rename. */
enum record_kind {
    RECORD_VARIABLE,    /* key: device-model variable; value: what differs from the default */
    RECORD_TRANSACTION, /* key: transaction id; value: all that is needed to resume or end it */
    RECORD_EVENT,       /* key: place in the send queue; value: a TransactionEventRequest not acknowledged */
    RECORD_STATE,       /* key: what; value: other state of a station (availability, boot reason ...) */
    RECORD_PROFILE,     /* key: charging profile id; value: the charging profile */
    RECORD_TOKEN,       /* key: hash of an id token; value: what the authorization cache knows of it */
    RECORD_CERTIFICATE, /* key: use and number; value: certificate or key, PEM. Secret: never shown */
    RECORD_NETWORK, /* key: configuration slot; value: NetworkConnectionProfileType; and what is to be known of them. Secret */
    RECORD_SECURITY_LOG, /* key: a number; value: a line of the security log */
    RECORD_LOCAL_LIST, /* key: hash of an id token, or "version"; value: what the Local Authorization List says of it */
    RECORD_RESERVATION,     /* key: reservation id; value: the reservation */
    RECORD_MONITOR,         /* key: monitor id; value: the monitor a CSMS set */
    RECORD_DISPLAY_MESSAGE, /* key: message id; value: MessageInfoType */
    RECORD_DEVICE,          /* key: what a driver calls it; value: the driver's */
    RECORD_HISTORY, /* key: "event/" or "record/" and its key; value: what the history does not have yet of an ended transaction */
    /* Of no station: under the name "". */
    RECORD_USER,      /* key: name; value: role and hash of the password of who uses the management API */
    RECORD_API_TOKEN, /* key: name; value: role and hash of a token of the management API */
    RECORD_KINDS
};

extern const char *const record_kind_names[RECORD_KINDS];

struct record {
    enum record_kind kind;
    const char *key;   /* 1..255 bytes */
    const char *value; /* NULL deletes the record */
};

#endif
