/* Every key of gateway.yaml, one row each: see settings.h. The order is the order in the reference. */
#include "gateway/config_tables.h"

#include "gateway/config.h"

#define AT(type, member) offsetof(struct type, member)

static const char *const key_type_list[] = { "ec", "rsa2048", "rsa3072", NULL }; /* enum key_type */
static const char *const meanwhile_names[] = { "nothing", "download", "install", NULL };
static const char *const limit_units[] = { "A", "W", NULL };
static const char *const limit_sources[] = { "EMS", "Other", "SO", NULL }; /* enum limit_source */
static const char *const metrics_names[] = { "viewer", "open", NULL };
static const char *const framing_names[] = { "tcp", "rtu", "ascii", NULL };

/* clang-format off */
const struct setting file_settings[] = {
    { "gateway",  SETTING_OTHER, .help = "where things are on this machine" },
    { "log",      SETTING_OTHER, .help = "format, level, and levels of single areas" },
    { "csms",     SETTING_OTHER, .help = "a map of names to CSMS connections; required where `management` is not" },
    { "buses",    SETTING_OTHER, .help = "a map of names to buses that several chargers share" },
    { "echonet",  SETTING_OTHER, .help = "the gateway's own ECHONET Lite node" },
    { "ocpp16",   SETTING_OTHER, .help = "where chargers that speak OCPP 1.6J connect to" },
    { "management", SETTING_OTHER, .help = "where people and programs manage the gateway (docs/management.md)" },
    { "stations", SETTING_OTHER, .help = "a list of OCPP identities; required where `management` is not" },
    { "meters",   SETTING_OTHER, .help = "a map of names to devices that are no chargers" },
    { "external_limits", SETTING_OTHER, .help = "a list of limits that meters set to stations" },
    { 0 },
};

const struct setting general_settings[] = {
    { "state", SETTING_TEXT, AT(general_config, state_directory), .fallback = "/var/lib/ocpp-gateway",
      .help = "directory of the database" },
    { "control", SETTING_TEXT, AT(general_config, control_socket), .fallback = "/run/ocpp-gateway/control.sock",
      .help = "Unix socket for `ocpp-cli` (mode 0660)" },
    { "profiles", SETTING_TEXT, AT(general_config, profiles),
      .fallback = "/etc/ocpp-gateway/profiles:/usr/local/share/ocpp-gateway/profiles:/usr/share/ocpp-gateway/profiles",
      .help = "directories of device profiles, separated by colons, searched in this order; relative ones start at this file" },
    { "firmware", SETTING_OTHER, .help = "updates of the gateway itself, and what holds for all updates" },
    { "known_hosts", SETTING_TEXT, AT(general_config, known_hosts),
      .help = "file of known sftp servers (OpenSSH's format), others are refused; absent: any is taken, its key is logged" },
    { "pacing", SETTING_DURATION, AT(general_config, pacing_ms), 0, 60e3, .fallback = "20ms",
      .help = "time between the first connections of two stations at start, so that many do not storm the CSMS" },
    { 0 },
};

const struct setting firmware_config_settings[] = {
    { "slot", SETTING_TEXT, AT(firmware_config, slot), .help = "file that an image for the gateway itself is loaded to; absent: the gateway is not updated" },
    { "install_hook", SETTING_OTHER, .help = "`[program, argument...]` that installs the image; needed with `slot`" },
    { "timeout", SETTING_DURATION, AT(firmware_config, timeout_ms), 1000, 86400e3, .fallback = "15min",
      .help = "a hook that takes longer is killed" },
    { "max_size", SETTING_INT64, AT(firmware_config, max_bytes), 1, 1e12, .fallback = "268435456", .help = "longest image in bytes" },
    { "transactions", SETTING_ENUM, AT(firmware_config, transactions), .fallback = "download", .names = meanwhile_names,
      .help = "what may be done while a vehicle charges: `nothing`, `download`, or `install` (also the installation)" },
    { "unsigned", SETTING_BOOL, AT(firmware_config, takes_unsigned), .fallback = "false",
      .help = "take images without certificate and signature, too" },
    { "roots", SETTING_TEXT, AT(firmware_config, roots),
      .help = "PEM file of manufacturer roots, besides those that the CSMS installs; a relative path starts at this file" },
    { "crl", SETTING_TEXT, AT(firmware_config, crl), .help = "PEM file of revocation lists: signing certificates in it are refused" },
    { "ca_file", SETTING_TEXT, AT(firmware_config, ca_file), .help = "PEM file of roots for https and ftps servers, besides the system's" },
    { 0 },
};

const struct setting csms_settings[] = {
    { "url", SETTING_TEXT, AT(csms_config, url), .required = true,
      .help = "ws:// or wss:// endpoint; the station's identity is appended as the last path segment" },
    { "security_profile", SETTING_INT, AT(csms_config, security_profile), 0, 3, .fallback = "1",
      .help = "0: no password; 1: HTTP Basic; 2: Basic over TLS; 3: TLS with certificates on both sides (2 and 3 need wss://)" },
    { "ca_file", SETTING_TEXT, AT(csms_config, ca_file), .help = "PEM file of trusted roots, a relative path starts at this file; absent: the system's. Up to 8 are installed certificates of the station" },
    { "compression", SETTING_BOOL, AT(csms_config, compression), .fallback = "false",
      .help = "offer permessage-deflate (less traffic, more CPU and memory)" },
    { "max_message", SETTING_SIZE, AT(csms_config, max_message), 4096, 1 << 20, .fallback = "65536",
      .help = "longest message in bytes, both ways; reports are split to fit" },
    { "max_charging_profiles", SETTING_INT, AT(csms_config, limits.charging_profiles), 1, 1000, .fallback = "100",
      .help = "charging profiles that a station keeps" },
    { "max_display_messages", SETTING_INT, AT(csms_config, limits.display_messages), 1, 1000, .fallback = "50",
      .help = "display messages that a station keeps" },
    { "max_local_list_entries", SETTING_INT, AT(csms_config, limits.local_list_entries), 1, 1000000, .fallback = "100000",
      .help = "tokens in the Local Authorization List of a station; each takes 512 bytes at most on average" },
    { "max_monitors", SETTING_INT, AT(csms_config, limits.monitors), 1, 10000, .fallback = "100",
      .help = "variable monitors that a CSMS can set in a station" },
    { "max_reservations", SETTING_INT, AT(csms_config, limits.reservations), 1, 1000, .fallback = "20",
      .help = "reservations that a station keeps" },
    { 0 },
};

const struct setting bus_settings[] = {
    { "tcp", SETTING_TEXT, AT(bus_config, tcp), .help = "host:port of a device or of a serial-to-Ethernet converter" },
    { "serial", SETTING_LINE, AT(bus_config, settings.line.path), 0, 256, .help = "path of a serial port, instead of `tcp`" },
    { "framing", SETTING_ENUM, AT(bus_config, settings.framing), .names = framing_names,
      .help = "absent: `tcp` for tcp, `rtu` for serial; `rtu` or `ascii` with tcp is Modbus RTU or ASCII over TCP" },
    { "connect_timeout", SETTING_DURATION, AT(bus_config, settings.connect_timeout_ms), 100, 60e3, .fallback = "5s",
      .help = "name resolution and connect together" },
    { "reconnect_after", SETTING_DURATION, AT(bus_config, settings.reconnect_after_ms), 100, 600e3, .fallback = "1s",
      .help = "first pause after a lost or refused connection; doubles up to 60 s" },
    { "turnaround", SETTING_DURATION, AT(bus_config, settings.turnaround_ms), 0, 10e3, .fallback = "0s",
      .help = "pause before another unit is addressed, and after a broadcast" },
    { "line", SETTING_OTHER, .help = "settings of the serial port" },
    { 0 },
};

const struct setting line_settings[] = {
    { "baud", SETTING_INT, AT(serial_settings, baud), 300, 460800, .help = "bits per second; absent: as the first charger's profile says" },
    { "data_bits", SETTING_INT, AT(serial_settings, data_bits), 7, 8, .help = "7 for ASCII only; absent: the profile's" },
    { "parity", SETTING_OTHER, .help = "`none`, `even` or `odd`; absent: the profile's" },
    { "stop_bits", SETTING_INT, AT(serial_settings, stop_bits), 1, 2, .help = "stop bits; absent: the profile's" },
    { "rs485", SETTING_BOOL, AT(serial_settings, rs485), .fallback = "false",
      .help = "let the port switch the direction of an RS-485 transceiver by RTS (where its driver can)" },
    { "rs485_rts_active_low", SETTING_BOOL, AT(serial_settings, rs485_rts_active_low), .fallback = "false",
      .help = "RTS is low while sending" },
    { "rs485_delay_before", SETTING_INT, AT(serial_settings, rs485_delay_before_ms), 0, 1000, .fallback = "0",
      .help = "milliseconds from RTS to the first bit" },
    { "rs485_delay_after", SETTING_INT, AT(serial_settings, rs485_delay_after_ms), 0, 1000, .fallback = "0",
      .help = "milliseconds from the last bit to RTS" },
    { 0 },
};

const struct setting echonet_settings_rows[] = {
    { "bind", SETTING_LINE, AT(echonet_settings, bind_address), 0, 64, .fallback = "0.0.0.0", .help = "IPv4 address the socket is bound to" },
    { "ipv6", SETTING_LINE, AT(echonet_settings, ipv6), 0, 64, .fallback = "no",
      .help = "`yes`: IPv6 beside IPv4; or the IPv6 address to bind to (`fe80::1%eth0`); `no`: IPv4 only" },
    { "multicast_interface", SETTING_LINE, AT(echonet_settings, multicast_interface), 0, 64, .fallback = "",
      .help = "name (`eth0`) or address of the interface for multicast; empty: all that are up and can multicast" },
    { "port", SETTING_OTHER, .help = "UDP port; default 3610, and real devices know no other" },
    { "node_id", SETTING_OTHER, .help = "34 hex digits: property 0x83 of the gateway's node; absent: made from the machine's identity" },
    { 0 },
};

const struct setting ocpp16_settings_rows[] = {
    { "listen", SETTING_TEXT, AT(ocpp16_config, listen), .required = true,
      .help = "address[:port] of this machine that chargers connect to, such as `0.0.0.0:8887`; port 8887 if absent" },
    { "cert", SETTING_TEXT, AT(ocpp16_config, cert_file), .help = "PEM file of the certificate and those between it and the root: chargers connect by wss://; a relative path starts at this file" },
    { "key", SETTING_TEXT, AT(ocpp16_config, key_file), .help = "PEM file of its private key" },
    { 0 },
};

const struct setting management_settings[] = {
    { "listen", SETTING_TEXT, AT(management_config, listen), .required = true,
      .help = "address[:port] of this machine, such as `0.0.0.0:8443`; port 8443 if absent" },
    { "tls", SETTING_BOOL, AT(management_config, tls), .fallback = "true", .help = "`false`: plain http, for this machine or behind a proxy only" },
    { "cert", SETTING_TEXT, AT(management_config, cert_file), .help = "PEM file of the certificate and those between it and the root; absent: the gateway makes one of its own; a relative path starts at this file" },
    { "key", SETTING_TEXT, AT(management_config, key_file), .help = "PEM file of its private key" },
    { "metrics", SETTING_ENUM, AT(management_config, metrics), .fallback = "viewer", .names = metrics_names,
      .help = "who may read /metrics: `viewer` (and those above), or `open`: everybody" },
    { "trusted_proxy", SETTING_OTHER, .help = "list of addresses of reverse proxies whose `X-Forwarded-For` says who the client is; absent: none" },
    { 0 },
};

const struct setting station_settings_rows[] = {
    { "id", SETTING_LINE, AT(station_config, id), 0, STATION_ID_SIZE, .required = true,
      .help = "OCPP identity: 1 to 48 of a-z A-Z 0-9 - _ ." },
    { "csms", SETTING_TEXT, AT(station_config, csms_name), .required = true, .help = "name of a CSMS above" },
    { "vendor", SETTING_TEXT, AT(station_config, vendor), .help = "reported at boot; absent: the profile's vendor" },
    { "model", SETTING_TEXT, AT(station_config, model), .help = "reported at boot; absent: the profile's first model" },
    { "serial_number", SETTING_TEXT, AT(station_config, serial_number), .help = "reported at boot, up to 25 characters" },
    { "password", SETTING_TEXT, AT(station_config, password), .help = "Basic auth, 16 to 40 characters, until the CSMS sets another" },
    { "password_file", SETTING_TEXT, AT(station_config, password_file), .help = "file that holds the password, instead of `password`; a relative path starts at this file" },
    { "certificate_file", SETTING_TEXT, AT(station_config, certificate_file), .help = "PEM file of the station's certificate and those between it and the root (security_profile 3), until the CSMS renews it; a relative path starts at this file" },
    { "key", SETTING_TEXT, AT(station_config, key), .help = "PEM file of the certificate's private key, or the URI of one in a token (`pkcs11:...`)" },
    { "key_pin_file", SETTING_TEXT, AT(station_config, key_pin_file), .help = "file that holds the token's PIN" },
    { "key_type", SETTING_ENUM, AT(station_config, key_type), .names = key_type_list, .help = "of new keys, made when a certificate is renewed; absent: `ec` (P-256)" },
    { "variables", SETTING_OTHER, .help = "presets of OCPP variables: `Component.Variable` or `Component.Variable.Instance` to value" },
    { "chargers", SETTING_OTHER, .required = true, .help = "a list of chargers; each adds its EVSEs in this order" },
    { 0 },
};

const struct setting charger_settings[] = {
    { "profile", SETTING_TEXT, AT(charger_config, profile_name), .required = true, .help = "name of a device profile" },
    { "tcp", SETTING_TEXT, AT(charger_config, tcp), .help = "host or host:port of a Modbus TCP charger" },
    { "bus", SETTING_TEXT, AT(charger_config, bus_name), .help = "name of a bus above, instead of `tcp`" },
    { "unit", SETTING_INT, AT(charger_config, unit), 0, 255, .help = "Modbus unit id; absent: the profile's" },
    { "echonet", SETTING_TEXT, AT(charger_config, host), .help = "IPv4 or IPv6 address of an ECHONET Lite charger; link-local: `fe80::1%eth0`" },
    { "node_id", SETTING_TEXT, AT(charger_config, node_id), .help = "34 hex digits (property 0x83): finds the ECHONET Lite charger at any address" },
    { "instance", SETTING_INT, AT(charger_config, instance), 1, 127, .fallback = "1", .help = "ECHONET Lite instance" },
    { "ocpp16", SETTING_TEXT, AT(charger_config, identity), .help = "identity with which an OCPP 1.6 charger connects: the last segment of its URL" },
    { "password", SETTING_TEXT, AT(charger_config, password), .help = "HTTP Basic password of an OCPP 1.6 charger, whose user name is its identity; absent: none is asked for" },
    { "password_file", SETTING_TEXT, AT(charger_config, password_file), .help = "file that holds it, instead of `password`; a relative path starts at this file" },
    { "max_current", SETTING_NUMBER, AT(charger_config, max_current_A), 0, 1000, .help = "A per phase that the installation bears; never exceeded" },
    { "modbus", SETTING_OTHER, .help = "overrides of the profile's `modbus` options" },
    { "echonet_options", SETTING_OTHER, .help = "overrides of the profile's `echonet` options" },
    { "ocpp16_options", SETTING_OTHER, .help = "overrides of the profile's `ocpp16` options" },
    { 0 },
};

const struct setting meter_settings[] = {
    { "profile", SETTING_TEXT, AT(charger_config, profile_name), .required = true, .help = "name of a device profile of `kind: meter`" },
    { "tcp", SETTING_TEXT, AT(charger_config, tcp), .help = "host or host:port of a Modbus TCP meter" },
    { "bus", SETTING_TEXT, AT(charger_config, bus_name), .help = "name of a bus above, instead of `tcp`" },
    { "unit", SETTING_INT, AT(charger_config, unit), 0, 255, .help = "Modbus unit id; absent: the profile's" },
    { "echonet", SETTING_TEXT, AT(charger_config, host), .help = "IPv4 or IPv6 address of an ECHONET Lite node; link-local: `fe80::1%eth0`" },
    { "node_id", SETTING_TEXT, AT(charger_config, node_id), .help = "34 hex digits (property 0x83): finds the node at any address" },
    { "instance", SETTING_INT, AT(charger_config, instance), 1, 127, .fallback = "1", .help = "ECHONET Lite instance" },
    { "modbus", SETTING_OTHER, .help = "overrides of the profile's `modbus` options" },
    { "echonet_options", SETTING_OTHER, .help = "overrides of the profile's `echonet` options" },
    { 0 },
};

const struct setting limit_settings[] = {
    { "meter", SETTING_TEXT, AT(limit_config, meter_name), .required = true, .help = "name of a meter above" },
    { "limit", SETTING_TEXT, AT(limit_config, text), .required = true,
      .help = "[expression](profiles.md#expressions) over the meter's points; below 0 counts as 0" },
    { "unit", SETTING_ENUM, AT(limit_config, unit), .required = true, .names = limit_units,
      .help = "of all numbers here: `A` per phase, or `W` of all phases together" },
    { "source", SETTING_ENUM, AT(limit_config, source), .fallback = "EMS", .names = limit_sources,
      .help = "what the CSMS is told: `EMS`, `Other`, or `SO` (system operator)" },
    { "stations", SETTING_OTHER, .required = true, .help = "`all`, or a list of the stations' ids; each gets the whole limit" },
    { "evse", SETTING_INT, AT(limit_config, evse), 1, STATION_MAX_EVSES, .help = "of each of the stations; absent: the station as a whole" },
    { "on_silence", SETTING_NUMBER, AT(limit_config, on_silence), 0, 1e9, .required = true,
      .help = "holds from the start until the meter has answered, and whenever it is silent or a value is bad" },
    { "hysteresis", SETTING_NUMBER, AT(limit_config, hysteresis), 0, 1e9,
      .help = "the limit is rounded down to a multiple of it, falls at once, and rises only when twice as much more is free; absent: 1 A or 250 W" },
    { 0 },
};

const struct setting modbus_override_settings[] = {
    { "timeout", SETTING_DURATION, AT(modbus_options, timeout_ms), 20, 60e3, .help = "wait for an answer" },
    { "retries", SETTING_INT, AT(modbus_options, retries), 0, 10, .help = "repetitions before a request has failed" },
    { "pause", SETTING_DURATION, AT(modbus_options, pause_ms), 0, 10e3, .help = "between two requests to the charger" },
    { "max_words", SETTING_INT, AT(modbus_options, max_words), 1, 125, .help = "registers per request" },
    { "max_gap", SETTING_INT, AT(modbus_options, max_gap), 0, 124, .help = "registers read for nothing to merge two points" },
    { 0 },
};

const struct setting echonet_override_settings[] = {
    { "timeout", SETTING_DURATION, AT(echonet_options, timeout_ms), 100, 120e3, .help = "first wait for an answer; doubles" },
    { "retries", SETTING_INT, AT(echonet_options, retries), 0, 10, .help = "repetitions of a Get" },
    { "pause", SETTING_DURATION, AT(echonet_options, pause_ms), 0, 10e3, .help = "between two requests to the node" },
    { "batch", SETTING_INT, AT(echonet_options, batch), 1, 60, .help = "properties per Get" },
    { 0 },
};

const struct setting ocpp16_override_settings[] = {
    { "timeout", SETTING_DURATION, AT(ocpp16_options, timeout_ms), 1000, 120e3, .help = "wait for an answer of the charger" },
    { "heartbeat", SETTING_DURATION, AT(ocpp16_options, heartbeat_ms), 10e3, 3600e3, .help = "interval that the charger is told" },
    { "authorize", SETTING_DURATION, AT(ocpp16_options, authorize_ms), 1000, 120e3, .help = "so long a token waits for the CSMS, and a transaction for its start" },
    { "lenient", SETTING_BOOL, AT(ocpp16_options, is_lenient), .help = "take messages that do not conform in a small way (an unknown property, a text too long, an unknown value)" },
    { 0 },
};
/* clang-format on */

static const struct settings_section sections[] = {
    { "file", file_settings, "The whole file." },
    { "gateway", general_settings, "Where things are on this machine." },
    { "gateway.firmware", firmware_config_settings, "Firmware updates (docs/firmware.md)." },
    { "csms.NAME", csms_settings, "One connection to a CSMS, shared by any number of stations." },
    { "buses.NAME", bus_settings,
      "A medium that several chargers share. A charger with `tcp` of its own needs none." },
    { "buses.NAME.line", line_settings, "The serial port of a bus." },
    { "echonet", echonet_settings_rows,
      "The gateway's own ECHONET Lite node: one UDP socket for all chargers." },
    { "ocpp16", ocpp16_settings_rows, "A server for chargers that speak OCPP 1.6J." },
    { "management", management_settings, "API and pages for people and programs." },
    { "stations[]", station_settings_rows, "One OCPP identity." },
    { "stations[].chargers[]", charger_settings,
      "A charger behind the station: exactly one of `tcp`, `bus`, `echonet`, `node_id` or `ocpp16`." },
    { "meters.NAME", meter_settings,
      "A device that is no charger: exactly one of `tcp`, `bus`, `echonet` or `node_id`." },
    { "external_limits[]", limit_settings, "A limit that a meter sets to stations." },
    { "stations[].chargers[].modbus", modbus_override_settings,
      "Overrides for this charger; the profile's otherwise." },
    { "stations[].chargers[].echonet_options", echonet_override_settings,
      "Overrides for this charger; the profile's otherwise." },
    { "stations[].chargers[].ocpp16_options", ocpp16_override_settings,
      "Overrides for this charger; the profile's otherwise." },
};

void config_reference(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
        settings_reference(&sections[i], out);
}
