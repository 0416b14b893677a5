/* Names of the enums that base shares with every layer. */
#include "base/evse.h"
#include "base/record.h"

const char *const record_kind_names[RECORD_KINDS] = {
    [RECORD_VARIABLE] = "variable",
    [RECORD_TRANSACTION] = "transaction",
    [RECORD_EVENT] = "event",
    [RECORD_STATE] = "state",
    [RECORD_PROFILE] = "profile",
    [RECORD_TOKEN] = "token",
    [RECORD_CERTIFICATE] = "certificate",
    [RECORD_NETWORK] = "network",
    [RECORD_SECURITY_LOG] = "security_log",
    [RECORD_LOCAL_LIST] = "local_list",
    [RECORD_RESERVATION] = "reservation",
    [RECORD_MONITOR] = "monitor",
    [RECORD_DISPLAY_MESSAGE] = "display_message",
    [RECORD_DEVICE] = "device",
    [RECORD_HISTORY] = "history",
    [RECORD_USER] = "user",
    [RECORD_API_TOKEN] = "api_token",
};

const char *const evse_state_names[EVSE_STATES] = {
    [EVSE_UNKNOWN] = "unknown",           [EVSE_AVAILABLE] = "available",
    [EVSE_CONNECTED] = "connected",       [EVSE_CHARGING] = "charging",
    [EVSE_SUSPENDED_EV] = "suspended_ev", [EVSE_SUSPENDED_EVSE] = "suspended_evse",
    [EVSE_FAULTED] = "faulted",           [EVSE_UNAVAILABLE] = "unavailable",
};

const char *const evse_measure_names[MEASURES] = {
    [MEASURE_ENERGY_IMPORT] = "energy_import",
    [MEASURE_ENERGY_EXPORT] = "energy_export",
    [MEASURE_POWER_IMPORT] = "power_import",
    [MEASURE_POWER_IMPORT_L1] = "power_import_l1",
    [MEASURE_POWER_IMPORT_L2] = "power_import_l2",
    [MEASURE_POWER_IMPORT_L3] = "power_import_l3",
    [MEASURE_POWER_EXPORT] = "power_export",
    [MEASURE_POWER_OFFERED] = "power_offered",
    [MEASURE_POWER_FACTOR] = "power_factor",
    [MEASURE_CURRENT_IMPORT] = "current_import",
    [MEASURE_CURRENT_IMPORT_L1] = "current_import_l1",
    [MEASURE_CURRENT_IMPORT_L2] = "current_import_l2",
    [MEASURE_CURRENT_IMPORT_L3] = "current_import_l3",
    [MEASURE_CURRENT_OFFERED] = "current_offered",
    [MEASURE_VOLTAGE] = "voltage",
    [MEASURE_VOLTAGE_L1] = "voltage_l1",
    [MEASURE_VOLTAGE_L2] = "voltage_l2",
    [MEASURE_VOLTAGE_L3] = "voltage_l3",
    [MEASURE_FREQUENCY] = "frequency",
    [MEASURE_TEMPERATURE] = "temperature",
    [MEASURE_SOC] = "soc",
    [MEASURE_CABLE_MAX_CURRENT] = "cable_max_current",
};

const char *const evse_command_names[EVSE_COMMANDS] = {
    [EVSE_START] = "start",   [EVSE_STOP] = "stop",   [EVSE_LIMIT] = "limit",
    [EVSE_UNLOCK] = "unlock", [EVSE_RESET] = "reset",
};

const char *const device_variable_type_names[DEVICE_VARIABLE_TYPES + 1] = { "decimal", "integer", "boolean",
                                                                            "string", NULL };

const char *const device_monitor_type_names[DEVICE_MONITOR_TYPES + 1] = {
    "UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned", NULL
};
