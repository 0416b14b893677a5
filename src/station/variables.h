/* The device model: one static table (variable_table.c), and per station only what differs from it.
 *
 * A value comes from the first that has it: set by the CSMS (persistent ones are stored), preset by the configuration, the table's
 * default; or is computed by a row's getter. Rows of EVSE and Connector are shared; evse and connector pick the item. */
#ifndef STATION_VARIABLES_H
#define STATION_VARIABLES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct station;
struct evse;

/* Names of the rows that code asks for; every other row exists in the table only. The order is the table's. */
enum variable_id {
    VAR_ALIGNED_DATA_ENABLED,
    VAR_ALIGNED_DATA_INTERVAL,
    VAR_ALIGNED_DATA_MEASURANDS,
    VAR_ALIGNED_DATA_SEND_DURING_IDLE,
    VAR_ALIGNED_DATA_SEND_DURING_IDLE_EVSE,
    VAR_ALIGNED_DATA_TX_ENDED_INTERVAL,
    VAR_ALIGNED_DATA_TX_ENDED_MEASURANDS,
    VAR_AUTH_CACHE_DISABLE_POST_AUTHORIZE,
    VAR_AUTH_CACHE_ENABLED,
    VAR_AUTH_CACHE_LIFE_TIME,
    VAR_AUTH_CACHE_POLICY,
    VAR_AUTH_ENABLED,
    VAR_AUTH_AUTHORIZE_REMOTE_START,
    VAR_AUTH_LOCAL_AUTHORIZE_OFFLINE,
    VAR_AUTH_LOCAL_PRE_AUTHORIZE,
    VAR_AUTH_OFFLINE_TX_FOR_UNKNOWN_ID,
    VAR_AUTH_DISABLE_REMOTE_AUTHORIZATION,
    VAR_AUTH_MASTER_PASS_GROUP_ID,
    VAR_CLOCK_NEXT_TIME_OFFSET_TRANSITION_DATE_TIME,
    VAR_CLOCK_TIME_ADJUSTMENT_REPORTING_THRESHOLD,
    VAR_CLOCK_TIME_OFFSET,
    VAR_CLOCK_TIME_OFFSET_NEXT_TRANSITION,
    VAR_CLOCK_TIME_SOURCE,
    VAR_DEVICE_DATA_BYTES_GET_REPORT,
    VAR_DEVICE_DATA_BYTES_GET_VARIABLES,
    VAR_DEVICE_DATA_BYTES_SET_VARIABLES,
    VAR_DEVICE_DATA_ITEMS_GET_REPORT,
    VAR_DEVICE_DATA_ITEMS_GET_VARIABLES,
    VAR_DEVICE_DATA_ITEMS_SET_VARIABLES,
    VAR_MONITORING_ACTIVE_BASE,
    VAR_MONITORING_ACTIVE_LEVEL,
    VAR_MONITORING_BYTES_CLEAR,
    VAR_MONITORING_BYTES_SET,
    VAR_MONITORING_ENABLED,
    VAR_MONITORING_ITEMS_CLEAR,
    VAR_MONITORING_ITEMS_SET,
    VAR_MONITORING_OFFLINE_QUEUING_SEVERITY,
    VAR_DISPLAY_ENABLED,
    VAR_DISPLAY_PERSONAL_MESSAGE_SIZE,
    VAR_DISPLAY_SUPPORTED_FORMATS,
    VAR_DISPLAY_SUPPORTED_PRIORITIES,
    VAR_COMM_FILE_TRANSFER_PROTOCOLS,
    VAR_COMM_HEARTBEAT_INTERVAL,
    VAR_COMM_MESSAGE_ATTEMPT_INTERVAL,
    VAR_COMM_MESSAGE_ATTEMPTS,
    VAR_COMM_MESSAGE_TIMEOUT,
    VAR_COMM_MINIMUM_STATUS_DURATION,
    VAR_COMM_NETWORK_CONFIGURATION_PRIORITY,
    VAR_COMM_NETWORK_PROFILE_CONNECTION_ATTEMPTS,
    VAR_COMM_OFFLINE_THRESHOLD,
    VAR_COMM_QUEUE_ALL_MESSAGES,
    VAR_COMM_RESET_RETRIES,
    VAR_COMM_RETRY_BACK_OFF_RANDOM_RANGE,
    VAR_COMM_RETRY_BACK_OFF_REPEAT_TIMES,
    VAR_COMM_RETRY_BACK_OFF_WAIT_MINIMUM,
    VAR_COMM_UNLOCK_ON_EV_SIDE_DISCONNECT,
    VAR_COMM_WEB_SOCKET_PING_INTERVAL,
    VAR_LOCAL_LIST_DISABLE_POST_AUTHORIZE,
    VAR_LOCAL_LIST_ENABLED,
    VAR_LOCAL_LIST_ITEMS_PER_MESSAGE,
    VAR_RESERVATION_ENABLED,
    VAR_RESERVATION_NON_EVSE_SPECIFIC,
    VAR_SAMPLED_DATA_ENABLED,
    VAR_SAMPLED_DATA_TX_STARTED_MEASURANDS,
    VAR_SAMPLED_DATA_TX_UPDATED_INTERVAL,
    VAR_SAMPLED_DATA_TX_UPDATED_MEASURANDS,
    VAR_SAMPLED_DATA_TX_ENDED_INTERVAL,
    VAR_SAMPLED_DATA_TX_ENDED_MEASURANDS,
    VAR_SECURITY_ADDITIONAL_ROOT_CERTIFICATE_CHECK,
    VAR_SECURITY_ALLOW_CSMS_TLS_WILDCARDS,
    VAR_SECURITY_ALLOW_SECURITY_PROFILE_DOWNGRADE,
    VAR_SECURITY_BASIC_AUTH_PASSWORD,
    VAR_SECURITY_CERT_SIGNING_REPEAT_TIMES,
    VAR_SECURITY_CERT_SIGNING_WAIT_MINIMUM,
    VAR_SECURITY_MAX_CERTIFICATE_CHAIN_SIZE,
    VAR_SECURITY_ORGANIZATION_NAME,
    VAR_SMART_CHARGING_ENABLED,
    VAR_SMART_CHARGING_ENTRIES,
    VAR_SMART_CHARGING_EXTERNAL_CONTROL_SIGNALS,
    VAR_SMART_CHARGING_LIMIT_CHANGE_SIGNIFICANCE,
    VAR_SMART_CHARGING_NOTIFY_WITH_SCHEDULES,
    VAR_SMART_CHARGING_PERIODS_PER_SCHEDULE,
    VAR_SMART_CHARGING_PROFILE_STACK_LEVEL,
    VAR_SMART_CHARGING_RATE_UNIT,
    VAR_STATION_ALLOW_NEW_SESSIONS,
    VAR_TARIFF_COST_ENABLED,
    VAR_TARIFF_CURRENCY,
    VAR_TARIFF_ENABLED,
    VAR_TARIFF_FALLBACK_MESSAGE,
    VAR_TARIFF_TOTAL_COST_FALLBACK_MESSAGE,
    VAR_TX_EV_CONNECTION_TIME_OUT,
    VAR_TX_MAX_ENERGY,
    VAR_TX_MAX_ENERGY_ON_INVALID_ID,
    VAR_TX_MAX_TIME,
    VAR_TX_STOP_TX_ON_EV_SIDE_DISCONNECT,
    VAR_TX_STOP_TX_ON_INVALID_ID,
    VAR_TX_TX_BEFORE_ACCEPTED_ENABLED,
    VAR_TX_TX_START_POINT,
    VAR_TX_TX_STOP_POINT,
    VARIABLE_IDS
};

/* Values of station-wide rows. Texts are borrowed until the variable changes. */
const char *variable_text(const struct station *s, enum variable_id id);
int64_t variable_int(const struct station *s, enum variable_id id);
bool variable_bool(const struct station *s, enum variable_id id);
/* Of a row that each EVSE has. */
bool variable_evse_bool(const struct evse *e, enum variable_id id);
/* Whether a comma-separated MemberList or SequenceList has the member. */
bool variable_has_member(const struct station *s, enum variable_id id, const char *member);

struct variable_preset;

/* Copies the presets. 0 or -ENOMEM. */
int variables_init(struct station *s, const struct variable_preset *presets, size_t count);
void variables_free(struct station *s);
/* Sets a station-wide row as the CSMS would, but of our own accord (HeartbeatInterval from the boot); stores it. A value out of the row's
 * limits is not set. */
void variables_set_int(struct station *s, enum variable_id id, int64_t value);
void variables_set_text(struct station *s, enum variable_id id, const char *text);
/* What the CSMS set of a station-wide row is forgotten, also in the store. */
void variables_forget(struct station *s, enum variable_id id);
/* A stored RECORD_VARIABLE comes back. */
void variables_restore(struct station *s, const char *key, const char *value);

#endif
