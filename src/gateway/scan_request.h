/* What a scan is asked to look at: read and checked member by member, since the members become arguments of a program. And the words that scans
 * of the gateway and of ocpp-cli share. */
#ifndef GATEWAY_SCAN_REQUEST_H
#define GATEWAY_SCAN_REQUEST_H

#include <jansson.h>
#include <sys/types.h>

#include "driver/driver.h"

#define SCAN_UNITS 256

enum scan_protocol { SCAN_MODBUS, SCAN_ECHONET };

struct scan_request {
    enum scan_protocol protocol;
    /* Modbus; texts as the options of `ocpp-cli scan modbus` take them, "": not given */
    char target[270]; /* host[:port], or the path of a serial port */
    bool is_serial;
    dev_t serial;   /* its device number: one port has many names */
    char host[256]; /* else */
    uint16_t port;
    char units[120], framing[8], baud[12], parity[8], stop_bits[4];
    /* ECHONET Lite */
    char interface[64]; /* "": all */
    int64_t wait_ms;
    bool ipv6;
};

/* {protocol: "modbus", target, units?, framing?, baud?, parity?, stopBits?} or {protocol: "echonet", interface?, wait?, ipv6?}. 0, or -EINVAL with
 * what is wrong in `ret_problem`. */
int scan_request_read(const json_t *json, struct scan_request *ret, char *ret_problem, size_t size);

/* Whether a search by Modbus looks at what this bus leads to. */
bool scan_request_is_of(const struct scan_request *request, const struct modbus_bus_settings *bus);

/* "1-20,50" sets these units. 0 or -EINVAL. */
int scan_read_units(const char *text, bool ret[static SCAN_UNITS]);
/* Member `settings` of what was found by Modbus: how it is reached. New reference or NULL. */
json_t *scan_settings_json(const struct modbus_bus_settings *bus);

#endif
