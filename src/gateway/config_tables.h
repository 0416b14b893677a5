/* Every key of gateway.yaml: see settings.h. */
#ifndef GATEWAY_CONFIG_TABLES_H
#define GATEWAY_CONFIG_TABLES_H

#include "gateway/settings.h"

extern const struct setting file_settings[], general_settings[], firmware_config_settings[], csms_settings[],
    bus_settings[], line_settings[], echonet_settings_rows[], station_settings_rows[], charger_settings[],
    meter_settings[], limit_settings[], modbus_override_settings[], echonet_override_settings[],
    ocpp16_settings_rows[], management_settings[], ocpp16_override_settings[];

#endif
