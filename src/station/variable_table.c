/* The device model: every component and variable the station has (Part 2, "Referenced Components and Variables"; Part 4, 8; appendix
 * dm_components_vars). What is required for a block we do not have is not here. */
#include "station/variable_table.h"

#include <stdio.h>

#include "base/str.h"
#include "station/internal.h"

const char *const variable_type_names[VARIABLE_TYPES] = { "string",       "decimal",   "integer",
                                                          "dateTime",     "boolean",   "OptionList",
                                                          "SequenceList", "MemberList" };
const char *const mutability_names[MUTABILITIES] = { "ReadOnly", "WriteOnly", "ReadWrite" };

/* ---- computed values ---- */

static void get_true(const struct variable_place *p, char *ret, size_t size)
{
    (void)p;
    (void)str_copy(ret, size, "true");
}

static void get_date_time(const struct variable_place *p, char *ret, size_t size)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(station_wall_ms(p->station), text);
    (void)str_copy(ret, size, text);
}

static void get_time_offset(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, provisioning_time_offset(p->station));
}

/* Below what the link takes, so that what is too long gets an answer. */
static void get_request_bytes(const struct variable_place *p, char *ret, size_t size)
{
    size_t max = p->station->max_message;
    snprintf(ret, size, "%zu", max < REQUEST_BYTES ? max : REQUEST_BYTES);
}

static void get_identity(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, p->station->id);
}

static void get_security_profile(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%d", p->station->security_profile);
}

static void get_profile_count(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%zu", p->station->profile_store.count);
}

static double get_profile_max(const struct variable_place *p)
{
    return (double)profile_store_max(p->station);
}

static void get_display_message_count(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%zu", p->station->display.count);
}

static double max_display_messages(const struct variable_place *p)
{
    return p->station->limits.display_messages;
}

static void get_display_width(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%d", p->evse->abilities.display_length);
}

static void get_display_text(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, p->evse->screen.text ? p->evse->screen.text : "");
}

static void get_monitor_count(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%zu", p->station->monitoring.custom);
}

static double max_monitors(const struct variable_place *p)
{
    return p->station->limits.monitors;
}

static void get_auth_cache_bytes(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%zu", auth_cache_bytes(p->station));
}

static void get_list_entries(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%zu", p->station->local_list.count);
}

static double max_list_entries(const struct variable_place *p)
{
    return p->station->limits.local_list_entries;
}

static void get_reservations(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%zu", p->station->reservations.count);
}

static double max_reservations(const struct variable_place *p)
{
    return p->station->limits.reservations;
}

static void get_list_bytes(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%zu", local_list_bytes(p->station));
}

static double max_list_bytes(const struct variable_place *p)
{
    return (double)local_list_max_bytes(p->station);
}

static void get_max_message(const struct variable_place *p, char *ret, size_t size)
{
    snprintf(ret, size, "%zu", p->station->max_message);
}

/* What the CSMS may start with, and what the readers give. */
static void get_id_token_types(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, "Central,NoAuthorization");
    for (size_t i = 0; i < p->station->evse_count; i++) {
        const struct evse_abilities *a = &p->station->evses[i].abilities;
        size_t used = strlen(ret);
        if (a->reads_id_token && a->id_token_type[0] && !strstr(ret, a->id_token_type))
            snprintf(ret + used, size - used, ",%s", a->id_token_type);
    }
}

static double max_auth_cache_bytes(const struct variable_place *p)
{
    (void)p;
    return (double)auth_cache_max_bytes();
}

static void get_vendor(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, p->station->vendor);
}

static void get_model(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, p->station->model);
}

static void get_serial_number(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, p->station->serial_number);
}

static void get_firmware_version(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, p->station->firmware_version);
}

static void get_availability_state(const struct variable_place *p, char *ret, size_t size)
{
    enum connector_status status;
    if (!p->evse)
        status = availability_station_status(p->station);
    else if (p->connector == 0)
        status = availability_evse_status(p->evse);
    else
        status = availability_status(p->evse, p->connector);
    (void)str_copy(ret, size, connector_status_names[status]);
}

static void get_problem(const struct variable_place *p, char *ret, size_t size)
{
    bool problem = false;
    for (size_t i = 0; i < p->station->evse_count; i++) {
        const struct evse *e = &p->station->evses[i];
        if (!p->evse || p->evse == e)
            problem |= !e->signals.online || e->signals.state == EVSE_FAULTED;
    }
    (void)str_copy(ret, size, problem ? "true" : "false");
}

static void get_lock_problem(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, lock_holds(p->evse) ? "false" : "true");
}

static void get_supply_phases(const struct variable_place *p, char *ret, size_t size)
{
    int phases = p->evse ? p->evse->abilities.phases : 0;
    for (size_t i = 0; !p->evse && i < p->station->evse_count; i++)
        if (p->station->evses[i].abilities.phases > phases)
            phases = p->station->evses[i].abilities.phases;
    snprintf(ret, size, "%d", phases);
}

static void get_allow_reset(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, p->evse->abilities.reset ? "true" : "false"); /* B11.FR.10 */
}

static void get_power(const struct variable_place *p, char *ret, size_t size)
{
    const struct evse_signals *signals = &p->evse->signals;
    if (evse_has(signals, MEASURE_POWER_IMPORT))
        snprintf(ret, size, "%.1f", signals->value[MEASURE_POWER_IMPORT]);
    else
        *ret = '\0'; /* only maxLimit is required */
}

static double max_power_W(const struct variable_place *p)
{
    const struct evse_abilities *a = &p->evse->abilities;
    return a->max_current_A * a->voltage_V * (a->phases > 0 ? a->phases : 1);
}

static void get_connector_type(const struct variable_place *p, char *ret, size_t size)
{
    (void)str_copy(ret, size, p->evse->abilities.connector_type);
}

/* ---- conditions ---- */

static bool has_serial_number(const struct variable_place *p)
{
    return p->station->serial_number != NULL;
}

static bool can_update_firmware(const struct variable_place *p)
{
    return p->station->firmware.settings.is_possible;
}

static bool has_firmware_version(const struct variable_place *p)
{
    return p->station->firmware_version != NULL;
}

static bool has_basic_auth(const struct variable_place *p)
{
    int profile = p->station->security_profile; /* at 3 for the way back, where there is one */
    return profile == 1 || profile == 2 ||
           (profile == 3 && variable_bool(p->station, VAR_SECURITY_ALLOW_SECURITY_PROFILE_DOWNGRADE));
}

static bool has_token_reader(const struct variable_place *p)
{
    return p->evse->abilities.reads_id_token;
}

/* The signals are those of the connector in use, the first. */
static bool has_lock_failure(const struct variable_place *p)
{
    return p->evse->abilities.lock_failure && p->connector == 1;
}

static bool can_unlock(const struct variable_place *p)
{
    for (size_t i = 0; i < p->station->evse_count; i++)
        if (p->station->evses[i].abilities.unlock)
            return true;
    return false;
}

static bool cannot_unlock(const struct variable_place *p)
{
    return !can_unlock(p);
}

static bool switches_phases(const struct variable_place *p)
{
    for (size_t i = 0; i < p->station->evse_count; i++)
        if (p->station->evses[i].abilities.switches_phases)
            return true;
    return false;
}

static bool has_limit(const struct variable_place *p)
{
    for (size_t i = 0; i < p->station->evse_count; i++)
        if (p->station->evses[i].abilities.limit)
            return true;
    return false;
}

static bool has_display(const struct variable_place *p)
{
    return display_is_available(p->station);
}

static bool has_text_display(const struct variable_place *p)
{
    return display_has_text(p->station);
}

static bool evse_has_display(const struct variable_place *p)
{
    return p->evse->abilities.display;
}

static bool evse_has_text_display(const struct variable_place *p)
{
    return p->evse->abilities.display && p->evse->abilities.display_length > 0;
}

static bool is_currency(const char *value)
{
    return strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3 && !value[3]; /* ISO 4217 */
}

/* Part 2, 2.2.1: a passwordString of 16 to 40 characters. */
static bool is_password(const char *value)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-_=:+|@.";
    size_t len = strlen(value);
    return len >= 16 && len <= 40 && strspn(value, allowed) == len;
}

/* "+05:30" */
static bool is_time_offset(const char *value)
{
    static const char digits[] = "0123456789";
    return strlen(value) == 6 && strchr("+-", value[0]) && strspn(value + 1, digits) == 2 &&
           value[3] == ':' && strspn(value + 4, digits) == 2 && value[4] <= '5' &&
           strcmp(value + 1, "14:00") <= 0; /* no place on earth is further away */
}

static bool is_next_time_offset(const char *value)
{
    return !*value || is_time_offset(value);
}

/* ---- what follows a change ---- */

static void password_changed(struct station *s)
{
    security_event(s, "ReconfigurationOfSecurityParameters", "BasicAuthPassword"); /* A01.FR.11, .12 */
    s->network.refusals = 0;
    network_reconnect(s, 0); /* A01, step 3 and 4 */
}

static void limits_changed(struct station *s)
{
    smart_charging_update(s);
}

#define AVAILABILITY_STATES "Available,Occupied,Reserved,Unavailable,Faulted"
#define ID_TOKEN_TYPES      "Central,eMAID,ISO14443,ISO15693,KeyCode,Local,MacAddress,NoAuthorization"
#define TX_POINTS           "ParkingBayOccupancy,EVConnected,Authorized,PowerPathClosed,EnergyTransfer"
#define MEASURANDS                                                                                           \
    "Current.Import,Current.Offered,Energy.Active.Export.Register,Energy.Active.Import.Register,Frequency,"  \
    "Power.Active.Export,Power.Active.Import,Power.Factor,Power.Offered,SoC,Voltage"
#define ENERGY "Energy.Active.Import.Register"
#define LIVE   "Current.Import,Energy.Active.Import.Register,Power.Active.Import,SoC,Voltage"

#define DAY_S 86400

/* Monitors that are there from the beginning. */
static const struct device_monitor station_problem = { MONITOR_DELTA, 1, 4, false };
static const struct device_monitor evse_problem = { MONITOR_DELTA, 1, 3, true };

/* What a row leaves out is 0 on purpose. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
/* clang-format off */
const struct variable_row variable_table[] = {
    /* rows that code asks for, in the order of enum variable_id */
    [VAR_ALIGNED_DATA_ENABLED] = { "AlignedDataCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true", .changed = metering_settings_changed },
    [VAR_ALIGNED_DATA_INTERVAL] = { "AlignedDataCtrlr", "Interval", NULL, TYPE_INTEGER, READ_WRITE, "900", 0, DAY_S, "s", .changed = metering_settings_changed },
    [VAR_ALIGNED_DATA_MEASURANDS] = { "AlignedDataCtrlr", "Measurands", NULL, TYPE_MEMBER_LIST, READ_WRITE, LIVE, 0, 1000, NULL, MEASURANDS, .supported = measurands_supported, .changed = metering_settings_changed },
    [VAR_ALIGNED_DATA_SEND_DURING_IDLE] = { "AlignedDataCtrlr", "SendDuringIdle", NULL, TYPE_BOOLEAN, READ_WRITE, "false", .changed = metering_settings_changed },
    [VAR_ALIGNED_DATA_SEND_DURING_IDLE_EVSE] = { "AlignedDataCtrlr", "SendDuringIdle", NULL, TYPE_BOOLEAN, READ_WRITE, "false", .tier = TIER_EVSE, .changed = metering_settings_changed },
    [VAR_ALIGNED_DATA_TX_ENDED_INTERVAL] = { "AlignedDataCtrlr", "TxEndedInterval", NULL, TYPE_INTEGER, READ_WRITE, "900", 0, DAY_S, "s", .changed = metering_settings_changed },
    [VAR_ALIGNED_DATA_TX_ENDED_MEASURANDS] = { "AlignedDataCtrlr", "TxEndedMeasurands", NULL, TYPE_MEMBER_LIST, READ_WRITE, "", 0, 1000, NULL, MEASURANDS, .supported = measurands_supported, .changed = metering_settings_changed },
    [VAR_AUTH_CACHE_DISABLE_POST_AUTHORIZE] = { "AuthCacheCtrlr", "DisablePostAuthorize", NULL, TYPE_BOOLEAN, READ_WRITE, "false" },
    [VAR_AUTH_CACHE_ENABLED] = { "AuthCacheCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true" },
    [VAR_AUTH_CACHE_LIFE_TIME] = { "AuthCacheCtrlr", "LifeTime", NULL, TYPE_INTEGER, READ_WRITE, "2592000", 1, 3650.0 * DAY_S, "s" },
    [VAR_AUTH_CACHE_POLICY] = { "AuthCacheCtrlr", "Policy", NULL, TYPE_OPTION_LIST, READ_WRITE, "LRU", 1, 1000, NULL, "LRU,LFU,FIFO" },
    [VAR_AUTH_ENABLED] = { "AuthCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true" },
    [VAR_AUTH_AUTHORIZE_REMOTE_START] = { "AuthCtrlr", "AuthorizeRemoteStart", NULL, TYPE_BOOLEAN, READ_WRITE, "false" },
    [VAR_AUTH_LOCAL_AUTHORIZE_OFFLINE] = { "AuthCtrlr", "LocalAuthorizeOffline", NULL, TYPE_BOOLEAN, READ_WRITE, "true" },
    [VAR_AUTH_LOCAL_PRE_AUTHORIZE] = { "AuthCtrlr", "LocalPreAuthorize", NULL, TYPE_BOOLEAN, READ_WRITE, "false" },
    [VAR_AUTH_OFFLINE_TX_FOR_UNKNOWN_ID] = { "AuthCtrlr", "OfflineTxForUnknownIdEnabled", NULL, TYPE_BOOLEAN, READ_WRITE, "false" },
    [VAR_AUTH_DISABLE_REMOTE_AUTHORIZATION] = { "AuthCtrlr", "DisableRemoteAuthorization", NULL, TYPE_BOOLEAN, READ_WRITE, "false" },
    [VAR_AUTH_MASTER_PASS_GROUP_ID] = { "AuthCtrlr", "MasterPassGroupId", NULL, TYPE_STRING, READ_WRITE, "", 0, 36 },
    [VAR_CLOCK_NEXT_TIME_OFFSET_TRANSITION_DATE_TIME] = { "ClockCtrlr", "NextTimeOffsetTransitionDateTime", NULL, TYPE_DATE_TIME, READ_WRITE, "" },
    [VAR_CLOCK_TIME_ADJUSTMENT_REPORTING_THRESHOLD] = { "ClockCtrlr", "TimeAdjustmentReportingThreshold", NULL, TYPE_INTEGER, READ_WRITE, "20", 0, DAY_S, "s" },
    [VAR_CLOCK_TIME_OFFSET] = { "ClockCtrlr", "TimeOffset", NULL, TYPE_STRING, READ_WRITE, "+00:00", 6, 6, .get = get_time_offset, .is_valid = is_time_offset, .changed = provisioning_time_offset_changed },
    [VAR_CLOCK_TIME_OFFSET_NEXT_TRANSITION] = { "ClockCtrlr", "TimeOffset", "NextTransition", TYPE_STRING, READ_WRITE, "", 0, 6, .is_valid = is_next_time_offset },
    [VAR_CLOCK_TIME_SOURCE] = { "ClockCtrlr", "TimeSource", NULL, TYPE_SEQUENCE_LIST, READ_WRITE, "Heartbeat", 1, 100, NULL, "Heartbeat,RealTimeClock", .changed = provisioning_time_source_changed },
    [VAR_DEVICE_DATA_BYTES_GET_REPORT] = { "DeviceDataCtrlr", "BytesPerMessage", "GetReport", TYPE_INTEGER, READ_ONLY, .get = get_request_bytes },
    [VAR_DEVICE_DATA_BYTES_GET_VARIABLES] = { "DeviceDataCtrlr", "BytesPerMessage", "GetVariables", TYPE_INTEGER, READ_ONLY, .get = get_request_bytes },
    [VAR_DEVICE_DATA_BYTES_SET_VARIABLES] = { "DeviceDataCtrlr", "BytesPerMessage", "SetVariables", TYPE_INTEGER, READ_ONLY, .get = get_request_bytes },
    [VAR_DEVICE_DATA_ITEMS_GET_REPORT] = { "DeviceDataCtrlr", "ItemsPerMessage", "GetReport", TYPE_INTEGER, READ_ONLY, "100", 1, ITEMS_PER_MESSAGE },
    [VAR_DEVICE_DATA_ITEMS_GET_VARIABLES] = { "DeviceDataCtrlr", "ItemsPerMessage", "GetVariables", TYPE_INTEGER, READ_ONLY, "100", 1, ITEMS_PER_MESSAGE },
    [VAR_DEVICE_DATA_ITEMS_SET_VARIABLES] = { "DeviceDataCtrlr", "ItemsPerMessage", "SetVariables", TYPE_INTEGER, READ_ONLY, "100", 1, ITEMS_PER_MESSAGE },
    [VAR_MONITORING_ACTIVE_BASE] = { "MonitoringCtrlr", "ActiveMonitoringBase", NULL, TYPE_OPTION_LIST, READ_ONLY, "All", 1, 20, NULL, "All,FactoryDefault,HardWiredOnly" },
    [VAR_MONITORING_ACTIVE_LEVEL] = { "MonitoringCtrlr", "ActiveMonitoringLevel", NULL, TYPE_INTEGER, READ_ONLY, "9", 0, SEVERITY_MAX },
    [VAR_MONITORING_BYTES_CLEAR] = { "MonitoringCtrlr", "BytesPerMessage", "ClearVariableMonitoring", TYPE_INTEGER, READ_ONLY, .get = get_request_bytes },
    [VAR_MONITORING_BYTES_SET] = { "MonitoringCtrlr", "BytesPerMessage", "SetVariableMonitoring", TYPE_INTEGER, READ_ONLY, .get = get_request_bytes },
    [VAR_MONITORING_ENABLED] = { "MonitoringCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true", .changed = monitoring_update },
    [VAR_MONITORING_ITEMS_CLEAR] = { "MonitoringCtrlr", "ItemsPerMessage", "ClearVariableMonitoring", TYPE_INTEGER, READ_ONLY, "100", 1, ITEMS_PER_MESSAGE },
    [VAR_MONITORING_ITEMS_SET] = { "MonitoringCtrlr", "ItemsPerMessage", "SetVariableMonitoring", TYPE_INTEGER, READ_ONLY, "100", 1, ITEMS_PER_MESSAGE },
    [VAR_MONITORING_OFFLINE_QUEUING_SEVERITY] = { "MonitoringCtrlr", "OfflineQueuingSeverity", NULL, TYPE_INTEGER, READ_WRITE, "4", 0, SEVERITY_MAX, .changed = monitoring_update },
    [VAR_DISPLAY_ENABLED] = { "DisplayMessageCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true", .exists = has_display, .changed = display_changed },
    [VAR_DISPLAY_PERSONAL_MESSAGE_SIZE] = { "DisplayMessageCtrlr", "PersonalMessageSize", NULL, TYPE_INTEGER, READ_ONLY, "512", 0, 512, .exists = has_text_display },
    [VAR_DISPLAY_SUPPORTED_FORMATS] = { "DisplayMessageCtrlr", "SupportedFormats", NULL, TYPE_MEMBER_LIST, READ_ONLY, "ASCII,UTF8", 1, 1000, NULL, "ASCII,UTF8", .exists = has_display, .supported = display_supported_formats },
    [VAR_DISPLAY_SUPPORTED_PRIORITIES] = { "DisplayMessageCtrlr", "SupportedPriorities", NULL, TYPE_MEMBER_LIST, READ_ONLY, "AlwaysFront,InFront,NormalCycle", 1, 1000, NULL, "AlwaysFront,InFront,NormalCycle", .exists = has_display },
    [VAR_COMM_FILE_TRANSFER_PROTOCOLS] = { "OCPPCommCtrlr", "FileTransferProtocols", NULL, TYPE_MEMBER_LIST, READ_ONLY, "FTP,FTPS,HTTP,HTTPS,SFTP", 0, 1000, NULL, "FTP,FTPS,HTTP,HTTPS,SFTP" },
    [VAR_COMM_HEARTBEAT_INTERVAL] = { "OCPPCommCtrlr", "HeartbeatInterval", NULL, TYPE_INTEGER, READ_WRITE, "300", 1, INT32_MAX, "s", .changed = provisioning_heartbeat_changed },
    [VAR_COMM_MESSAGE_ATTEMPT_INTERVAL] = { "OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent", TYPE_INTEGER, READ_WRITE, "10", 1, DAY_S, "s" },
    [VAR_COMM_MESSAGE_ATTEMPTS] = { "OCPPCommCtrlr", "MessageAttempts", "TransactionEvent", TYPE_INTEGER, READ_WRITE, "5", 1, 1000 },
    [VAR_COMM_MESSAGE_TIMEOUT] = { "OCPPCommCtrlr", "MessageTimeout", "Default", TYPE_INTEGER, READ_ONLY, "35", 1, 3600, "s", .get = get_message_timeout },
    [VAR_COMM_MINIMUM_STATUS_DURATION] = { "OCPPCommCtrlr", "MinimumStatusDuration", NULL, TYPE_INTEGER, READ_WRITE, "0", 0, DAY_S, "s", .changed = availability_settings_changed },
    [VAR_COMM_NETWORK_CONFIGURATION_PRIORITY] = { "OCPPCommCtrlr", "NetworkConfigurationPriority", NULL, TYPE_SEQUENCE_LIST, READ_WRITE, "1", 1, 100, NULL, NETWORK_SLOTS_LIST, .refuse = network_profiles_refuse_priority },
    [VAR_COMM_NETWORK_PROFILE_CONNECTION_ATTEMPTS] = { "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", NULL, TYPE_INTEGER, READ_WRITE, "3", 1, 1000 },
    [VAR_COMM_OFFLINE_THRESHOLD] = { "OCPPCommCtrlr", "OfflineThreshold", NULL, TYPE_INTEGER, READ_WRITE, "60", 0, 30 * DAY_S, "s" },
    [VAR_COMM_QUEUE_ALL_MESSAGES] = { "OCPPCommCtrlr", "QueueAllMessages", NULL, TYPE_BOOLEAN, READ_WRITE, "false" },
    [VAR_COMM_RESET_RETRIES] = { "OCPPCommCtrlr", "ResetRetries", NULL, TYPE_INTEGER, READ_WRITE, "1", 0, 10 },
    [VAR_COMM_RETRY_BACK_OFF_RANDOM_RANGE] = { "OCPPCommCtrlr", "RetryBackOffRandomRange", NULL, TYPE_INTEGER, READ_WRITE, "5", 0, 3600, "s" },
    [VAR_COMM_RETRY_BACK_OFF_REPEAT_TIMES] = { "OCPPCommCtrlr", "RetryBackOffRepeatTimes", NULL, TYPE_INTEGER, READ_WRITE, "4", 0, 10 },
    [VAR_COMM_RETRY_BACK_OFF_WAIT_MINIMUM] = { "OCPPCommCtrlr", "RetryBackOffWaitMinimum", NULL, TYPE_INTEGER, READ_WRITE, "3", 1, 3600, "s" },
    [VAR_COMM_UNLOCK_ON_EV_SIDE_DISCONNECT] = { "OCPPCommCtrlr", "UnlockOnEVSideDisconnect", NULL, TYPE_BOOLEAN, READ_WRITE, "true", .exists = can_unlock },
    [VAR_COMM_WEB_SOCKET_PING_INTERVAL] = { "OCPPCommCtrlr", "WebSocketPingInterval", NULL, TYPE_INTEGER, READ_WRITE, "30", 0, DAY_S, "s", .changed = network_ping_interval_changed },
    [VAR_LOCAL_LIST_DISABLE_POST_AUTHORIZE] = { "LocalAuthListCtrlr", "DisablePostAuthorize", NULL, TYPE_BOOLEAN, READ_WRITE, "false" },
    [VAR_LOCAL_LIST_ENABLED] = { "LocalAuthListCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true" },
    [VAR_LOCAL_LIST_ITEMS_PER_MESSAGE] = { "LocalAuthListCtrlr", "ItemsPerMessage", NULL, TYPE_INTEGER, READ_ONLY, "1000" },
    [VAR_RESERVATION_ENABLED] = { "ReservationCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true", .changed = reservations_enabled_changed },
    [VAR_RESERVATION_NON_EVSE_SPECIFIC] = { "ReservationCtrlr", "NonEvseSpecific", NULL, TYPE_BOOLEAN, READ_ONLY, "true" },
    [VAR_SAMPLED_DATA_ENABLED] = { "SampledDataCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true", .changed = metering_settings_changed },
    [VAR_SAMPLED_DATA_TX_STARTED_MEASURANDS] = { "SampledDataCtrlr", "TxStartedMeasurands", NULL, TYPE_MEMBER_LIST, READ_WRITE, ENERGY, 0, 1000, NULL, MEASURANDS, .supported = measurands_supported, .changed = metering_settings_changed },
    [VAR_SAMPLED_DATA_TX_UPDATED_INTERVAL] = { "SampledDataCtrlr", "TxUpdatedInterval", NULL, TYPE_INTEGER, READ_WRITE, "60", 0, DAY_S, "s", .changed = metering_settings_changed },
    [VAR_SAMPLED_DATA_TX_UPDATED_MEASURANDS] = { "SampledDataCtrlr", "TxUpdatedMeasurands", NULL, TYPE_MEMBER_LIST, READ_WRITE, LIVE, 0, 1000, NULL, MEASURANDS, .supported = measurands_supported, .changed = metering_settings_changed },
    [VAR_SAMPLED_DATA_TX_ENDED_INTERVAL] = { "SampledDataCtrlr", "TxEndedInterval", NULL, TYPE_INTEGER, READ_WRITE, "0", 0, DAY_S, "s", .changed = metering_settings_changed },
    [VAR_SAMPLED_DATA_TX_ENDED_MEASURANDS] = { "SampledDataCtrlr", "TxEndedMeasurands", NULL, TYPE_MEMBER_LIST, READ_WRITE, ENERGY, 0, 1000, NULL, MEASURANDS, .supported = measurands_supported, .changed = metering_settings_changed },
    [VAR_SECURITY_ADDITIONAL_ROOT_CERTIFICATE_CHECK] = { "SecurityCtrlr", "AdditionalRootCertificateCheck", NULL, TYPE_BOOLEAN, READ_ONLY, "false" },
    [VAR_SECURITY_ALLOW_CSMS_TLS_WILDCARDS] = { "SecurityCtrlr", "AllowCSMSTLSWildcards", NULL, TYPE_BOOLEAN, READ_WRITE, "false" },
    [VAR_SECURITY_ALLOW_SECURITY_PROFILE_DOWNGRADE] = { "SecurityCtrlr", "AllowSecurityProfileDowngrade", NULL, TYPE_BOOLEAN, READ_ONLY, "false" },
    [VAR_SECURITY_BASIC_AUTH_PASSWORD] = { "SecurityCtrlr", "BasicAuthPassword", NULL, TYPE_STRING, WRITE_ONLY, "", 16, 40, .exists = has_basic_auth, .is_valid = is_password, .changed = password_changed },
    [VAR_SECURITY_CERT_SIGNING_REPEAT_TIMES] = { "SecurityCtrlr", "CertSigningRepeatTimes", NULL, TYPE_INTEGER, READ_WRITE, "3", 0, 100 },
    [VAR_SECURITY_CERT_SIGNING_WAIT_MINIMUM] = { "SecurityCtrlr", "CertSigningWaitMinimum", NULL, TYPE_INTEGER, READ_WRITE, "60", 1, DAY_S, "s" },
    [VAR_SECURITY_MAX_CERTIFICATE_CHAIN_SIZE] = { "SecurityCtrlr", "MaxCertificateChainSize", NULL, TYPE_INTEGER, READ_ONLY, "10000", 1, 10000 },
    [VAR_SECURITY_ORGANIZATION_NAME] = { "SecurityCtrlr", "OrganizationName", NULL, TYPE_STRING, READ_WRITE, "", 0, 64 },
    [VAR_SMART_CHARGING_ENABLED] = { "SmartChargingCtrlr", "Enabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true", .exists = has_limit, .changed = limits_changed },
    [VAR_SMART_CHARGING_ENTRIES] = { "SmartChargingCtrlr", "Entries", "ChargingProfiles", TYPE_INTEGER, READ_ONLY, NULL, .get_max = get_profile_max, .exists = has_limit, .get = get_profile_count },
    [VAR_SMART_CHARGING_EXTERNAL_CONTROL_SIGNALS] = { "SmartChargingCtrlr", "ExternalControlSignalsEnabled", NULL, TYPE_BOOLEAN, READ_ONLY, "true", .exists = has_limit },
    [VAR_SMART_CHARGING_LIMIT_CHANGE_SIGNIFICANCE] = { "SmartChargingCtrlr", "LimitChangeSignificance", NULL, TYPE_DECIMAL, READ_WRITE, "1.0", 0, 1000, "Percent", .exists = has_limit },
    [VAR_SMART_CHARGING_NOTIFY_WITH_SCHEDULES] = { "SmartChargingCtrlr", "NotifyChargingLimitWithSchedules", NULL, TYPE_BOOLEAN, READ_WRITE, "false", .exists = has_limit },
    [VAR_SMART_CHARGING_PERIODS_PER_SCHEDULE] = { "SmartChargingCtrlr", "PeriodsPerSchedule", NULL, TYPE_INTEGER, READ_ONLY, "100", 1, 1024, .exists = has_limit },
    [VAR_SMART_CHARGING_PROFILE_STACK_LEVEL] = { "SmartChargingCtrlr", "ProfileStackLevel", NULL, TYPE_INTEGER, READ_ONLY, "20", 0, 100, .exists = has_limit },
    [VAR_SMART_CHARGING_RATE_UNIT] = { "SmartChargingCtrlr", "RateUnit", NULL, TYPE_MEMBER_LIST, READ_ONLY, "A,W", 0, 1000, NULL, "A,W", .exists = has_limit },
    [VAR_STATION_ALLOW_NEW_SESSIONS] = { "ChargingStation", "AllowNewSessionsPendingFirmwareUpdate", NULL, TYPE_BOOLEAN, READ_WRITE, "false", .exists = can_update_firmware, .changed = firmware_settings_changed },
    [VAR_TARIFF_COST_ENABLED] = { "TariffCostCtrlr", "Enabled", "Cost", TYPE_BOOLEAN, READ_WRITE, "true", .exists = has_text_display, .changed = tariff_settings_changed },
    [VAR_TARIFF_CURRENCY] = { "TariffCostCtrlr", "Currency", NULL, TYPE_STRING, READ_WRITE, "EUR", 3, 3, .exists = has_text_display, .is_valid = is_currency },
    [VAR_TARIFF_ENABLED] = { "TariffCostCtrlr", "Enabled", "Tariff", TYPE_BOOLEAN, READ_WRITE, "true", .exists = has_text_display, .changed = tariff_settings_changed },
    [VAR_TARIFF_FALLBACK_MESSAGE] = { "TariffCostCtrlr", "TariffFallbackMessage", NULL, TYPE_STRING, READ_WRITE, "", 0, 255, .exists = has_text_display, .changed = tariff_settings_changed },
    [VAR_TARIFF_TOTAL_COST_FALLBACK_MESSAGE] = { "TariffCostCtrlr", "TotalCostFallbackMessage", NULL, TYPE_STRING, READ_WRITE, "", 0, 255, .exists = has_text_display },
    [VAR_TX_EV_CONNECTION_TIME_OUT] = { "TxCtrlr", "EVConnectionTimeOut", NULL, TYPE_INTEGER, READ_WRITE, "60", 1, DAY_S, "s" },
    [VAR_TX_MAX_ENERGY] = { "TxCtrlr", "MaxEnergy", NULL, TYPE_INTEGER, READ_WRITE, "0", 0, 10000000, "Wh", .changed = transaction_limits_changed },
    [VAR_TX_MAX_ENERGY_ON_INVALID_ID] = { "TxCtrlr", "MaxEnergyOnInvalidId", NULL, TYPE_INTEGER, READ_WRITE, "0", 0, 1000000, "Wh" },
    [VAR_TX_MAX_TIME] = { "TxCtrlr", "MaxTime", NULL, TYPE_INTEGER, READ_WRITE, "0", 0, 7 * DAY_S, "s", .changed = transaction_limits_changed },
    [VAR_TX_STOP_TX_ON_EV_SIDE_DISCONNECT] = { "TxCtrlr", "StopTxOnEVSideDisconnect", NULL, TYPE_BOOLEAN, READ_WRITE, "true" },
    [VAR_TX_STOP_TX_ON_INVALID_ID] = { "TxCtrlr", "StopTxOnInvalidId", NULL, TYPE_BOOLEAN, READ_WRITE, "true" },
    [VAR_TX_TX_BEFORE_ACCEPTED_ENABLED] = { "TxCtrlr", "TxBeforeAcceptedEnabled", NULL, TYPE_BOOLEAN, READ_WRITE, "true" },
    [VAR_TX_TX_START_POINT] = { "TxCtrlr", "TxStartPoint", NULL, TYPE_MEMBER_LIST, READ_WRITE, "PowerPathClosed", 1, 1000, NULL, TX_POINTS, .supported = tx_points_supported },
    [VAR_TX_TX_STOP_POINT] = { "TxCtrlr", "TxStopPoint", NULL, TYPE_MEMBER_LIST, READ_WRITE, "EVConnected,Authorized", 1, 1000, NULL, TX_POINTS, .supported = tx_points_supported },

    /* rows that are there to be read */
    [VARIABLE_IDS] =
    { "AlignedDataCtrlr", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, "true" },
    { "AuthCtrlr", "SupportedIdTokenTypes", NULL, TYPE_MEMBER_LIST, READ_ONLY, NULL, 0, 1000, NULL, ID_TOKEN_TYPES, .get = get_id_token_types },
    { "AuthCacheCtrlr", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, "true" },
    { "ReservationCtrlr", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, .get = get_true },
    { "ReservationCtrlr", "Entries", NULL, TYPE_INTEGER, READ_ONLY, .get = get_reservations, .get_max = max_reservations },
    { "LocalAuthListCtrlr", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, .get = get_true },
    { "LocalAuthListCtrlr", "BytesPerMessage", NULL, TYPE_INTEGER, READ_ONLY, .unit = "B", .get = get_max_message },
    { "LocalAuthListCtrlr", "Entries", NULL, TYPE_INTEGER, READ_ONLY, .get = get_list_entries, .get_max = max_list_entries },
    { "LocalAuthListCtrlr", "Storage", NULL, TYPE_INTEGER, READ_ONLY, .unit = "B", .get = get_list_bytes, .get_max = max_list_bytes },
    { "LocalAuthListCtrlr", "SupportsExpiryDateTime", NULL, TYPE_BOOLEAN, READ_ONLY, "true" },
    { "AuthCacheCtrlr", "Storage", NULL, TYPE_INTEGER, READ_ONLY, .unit = "B", .get = get_auth_cache_bytes, .get_max = max_auth_cache_bytes },
    { "ClockCtrlr", "DateTime", NULL, TYPE_DATE_TIME, READ_ONLY, .get = get_date_time },
    { "DeviceDataCtrlr", "ConfigurationValueSize", NULL, TYPE_INTEGER, READ_ONLY, "1000", 1, 1000 },
    { "DeviceDataCtrlr", "ReportingValueSize", NULL, TYPE_INTEGER, READ_ONLY, "1000", 1, 2500 },
    { "DeviceDataCtrlr", "ValueSize", NULL, TYPE_INTEGER, READ_ONLY, "1000", 1, 2500 },
    { "MonitoringCtrlr", "Entries", "CustomMonitors", TYPE_INTEGER, READ_ONLY, .get = get_monitor_count, .get_max = max_monitors },
    { "MonitoringCtrlr", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, "true" },
    { "DisplayMessageCtrlr", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, "true", .exists = has_display },
    { "DisplayMessageCtrlr", "DisplayMessages", NULL, TYPE_INTEGER, READ_ONLY, .exists = has_display, .get = get_display_message_count, .get_max = max_display_messages },
    { "OCPPCommCtrlr", "ActiveNetworkProfile", NULL, TYPE_INTEGER, READ_ONLY, NULL, 1, NETWORK_SLOTS, .get = get_active_network_profile },
    { "OCPPCommCtrlr", "UnlockOnEVSideDisconnect", NULL, TYPE_BOOLEAN, READ_ONLY, "false", .exists = cannot_unlock }, /* 2.1.12: fixed cables */
    { "SampledDataCtrlr", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, "true" },
    { "SecurityCtrlr", "CertificateEntries", NULL, TYPE_INTEGER, READ_ONLY, NULL, 0, CERTIFICATES_MAX, .get = get_certificate_entries },
    { "SecurityCtrlr", "Identity", NULL, TYPE_STRING, READ_ONLY, NULL, 0, 48, .get = get_identity },
    { "SecurityCtrlr", "SecurityProfile", NULL, TYPE_INTEGER, READ_ONLY, NULL, 0, 3, .get = get_security_profile },
    { "SmartChargingCtrlr", "Phases3to1", NULL, TYPE_BOOLEAN, READ_ONLY, "true", .exists = switches_phases },
    { "SmartChargingCtrlr", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, "true", .exists = has_limit },

    { "TariffCostCtrlr", "Available", "Cost", TYPE_BOOLEAN, READ_ONLY, "true", .exists = has_text_display },
    { "TariffCostCtrlr", "Available", "Tariff", TYPE_BOOLEAN, READ_ONLY, "true", .exists = has_text_display },

    { "ChargingStation", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, .get = get_true },
    { "ChargingStation", "AvailabilityState", NULL, TYPE_OPTION_LIST, READ_ONLY, .get = get_availability_state, .values_list = AVAILABILITY_STATES },
    { "ChargingStation", "FirmwareVersion", NULL, TYPE_STRING, READ_ONLY, NULL, 0, 50, .exists = has_firmware_version, .get = get_firmware_version },
    { "ChargingStation", "Model", NULL, TYPE_STRING, READ_ONLY, NULL, 0, 20, .get = get_model },
    { "ChargingStation", "Problem", NULL, TYPE_BOOLEAN, READ_ONLY, .get = get_problem, .monitors = &station_problem, .monitor_count = 1 },
    { "ChargingStation", "SerialNumber", NULL, TYPE_STRING, READ_ONLY, NULL, 0, 25, .exists = has_serial_number, .get = get_serial_number },
    { "ChargingStation", "SupplyPhases", NULL, TYPE_INTEGER, READ_ONLY, .get = get_supply_phases },
    { "ChargingStation", "VendorName", NULL, TYPE_STRING, READ_ONLY, NULL, 0, 50, .get = get_vendor },

    { "EVSE", "AllowReset", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_EVSE, .get = get_allow_reset },
    { "EVSE", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_EVSE, .get = get_true },
    { "EVSE", "AvailabilityState", NULL, TYPE_OPTION_LIST, READ_ONLY, .tier = TIER_EVSE, .get = get_availability_state, .values_list = AVAILABILITY_STATES },
    { "EVSE", "Power", NULL, TYPE_DECIMAL, READ_ONLY, .unit = "W", .tier = TIER_EVSE, .get = get_power, .get_max = max_power_W },
    { "EVSE", "Problem", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_EVSE, .get = get_problem, .monitors = &evse_problem, .monitor_count = 1 },
    { "EVSE", "SupplyPhases", NULL, TYPE_INTEGER, READ_ONLY, .tier = TIER_EVSE, .get = get_supply_phases },

    { "Connector", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_CONNECTOR, .get = get_true },
    { "Connector", "AvailabilityState", NULL, TYPE_OPTION_LIST, READ_ONLY, .tier = TIER_CONNECTOR, .get = get_availability_state, .values_list = AVAILABILITY_STATES },
    { "Connector", "ConnectorType", NULL, TYPE_STRING, READ_ONLY, .tier = TIER_CONNECTOR, .get = get_connector_type },
    { "Connector", "SupplyPhases", NULL, TYPE_INTEGER, READ_ONLY, .tier = TIER_CONNECTOR, .get = get_supply_phases },

    { "ConnectorPlugRetentionLock", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_CONNECTOR, .exists = has_lock_failure, .get = get_true },
    { "ConnectorPlugRetentionLock", "Problem", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_CONNECTOR, .exists = has_lock_failure, .get = get_lock_problem },

    /* the device behind an EVSE and the way to it, whatever its profile says */
    { "FieldDevice", "AnswerAge", NULL, TYPE_DECIMAL, READ_ONLY, .unit = "s", .tier = TIER_EVSE, .exists = has_device_health, .get = get_device_answer_age },
    { "FieldDevice", "Count", "Answers", TYPE_INTEGER, READ_ONLY, .tier = TIER_EVSE, .exists = has_device_health, .get = get_device_count },
    { "FieldDevice", "Count", "BadFrames", TYPE_INTEGER, READ_ONLY, .tier = TIER_EVSE, .exists = has_device_health, .get = get_device_count },
    { "FieldDevice", "Count", "Exceptions", TYPE_INTEGER, READ_ONLY, .tier = TIER_EVSE, .exists = has_device_health, .get = get_device_count },
    { "FieldDevice", "Count", "Losses", TYPE_INTEGER, READ_ONLY, .tier = TIER_EVSE, .exists = has_device_health, .get = get_device_count },
    { "FieldDevice", "Count", "Requests", TYPE_INTEGER, READ_ONLY, .tier = TIER_EVSE, .exists = has_device_health, .get = get_device_count },
    { "FieldDevice", "Count", "Timeouts", TYPE_INTEGER, READ_ONLY, .tier = TIER_EVSE, .exists = has_device_health, .get = get_device_count },
    { "FieldDevice", "Problem", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_EVSE, .exists = has_device_health, .get = get_device_problem },

    { "Display", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_EVSE, .exists = evse_has_display, .get = get_true },
    { "Display", "Count", "WidthInChars", TYPE_INTEGER, READ_ONLY, .tier = TIER_EVSE, .exists = evse_has_text_display, .get = get_display_width },
    { "Display", "DataText", "Visible", TYPE_STRING, READ_ONLY, .tier = TIER_EVSE, .exists = evse_has_text_display, .get = get_display_text },

    { "TokenReader", "Available", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_EVSE, .exists = has_token_reader, .get = get_true },
    { "TokenReader", "Enabled", NULL, TYPE_BOOLEAN, READ_ONLY, .tier = TIER_EVSE, .exists = has_token_reader, .get = get_true },
};
/* clang-format on */
const size_t variable_table_size = ARRAY_SIZE(variable_table);

/* ---- measurands ---- */

#define BIT(measure) (1u << (measure))

/* In the order of MEASURANDS. */
static const uint32_t measures_of_measurand[] = {
    BIT(MEASURE_CURRENT_IMPORT) | BIT(MEASURE_CURRENT_IMPORT_L1) | BIT(MEASURE_CURRENT_IMPORT_L2) |
        BIT(MEASURE_CURRENT_IMPORT_L3),
    BIT(MEASURE_CURRENT_OFFERED),
    BIT(MEASURE_ENERGY_EXPORT),
    BIT(MEASURE_ENERGY_IMPORT),
    BIT(MEASURE_FREQUENCY),
    BIT(MEASURE_POWER_EXPORT),
    BIT(MEASURE_POWER_IMPORT) | BIT(MEASURE_POWER_IMPORT_L1) | BIT(MEASURE_POWER_IMPORT_L2) |
        BIT(MEASURE_POWER_IMPORT_L3),
    BIT(MEASURE_POWER_FACTOR),
    BIT(MEASURE_POWER_OFFERED),
    BIT(MEASURE_SOC),
    BIT(MEASURE_VOLTAGE) | BIT(MEASURE_VOLTAGE_L1) | BIT(MEASURE_VOLTAGE_L2) | BIT(MEASURE_VOLTAGE_L3),
};

void measurands_supported(const struct station *s, char *ret, size_t size)
{
    uint32_t measures = 0;
    for (size_t i = 0; i < s->evse_count; i++)
        measures |= s->evses[i].abilities.measures;

    const char *name = MEASURANDS;
    size_t used = 0;
    *ret = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(measures_of_measurand); i++) {
        int len = (int)strcspn(name, ",");
        if (measures & measures_of_measurand[i] && used + (size_t)len + 2 < size)
            used += (size_t)snprintf(ret + used, size - used, "%s%.*s", used ? "," : "", len, name);
        name += len + 1;
    }
}
