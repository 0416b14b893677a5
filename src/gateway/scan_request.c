/* Reads a scan's request (scan_request.h). A member that is not known is most likely misspelt, so it is refused. */
#include "gateway/scan_request.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/config_internal.h"
#include "gateway/echonet_survey.h"
#include "net/serial.h"

struct read {
    const json_t *json;
    struct scan_request *ret;
    char *problem;
    size_t size;
};

static int fail(const struct read *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(const struct read *r, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(r->problem, r->size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static int check_members(const struct read *r, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)r->json, key, value)
    {
        size_t i = 0;
        while (known[i] && !str_equal(known[i], key))
            i++;
        if (known[i])
            continue;
        const char *near = nearest_name(key, known);
        return fail(r, "unknown member \"%.40s\"%s%s%s", key, near ? "; did you mean \"" : "",
                    near ? near : "", near ? "\"?" : "");
    }
    return 0;
}

/* Into `ret`, which is "" where the member is not there. */
static int get_text(const struct read *r, const char *member, char *ret, size_t size, const char *expected)
{
    const json_t *value = json_object_get(r->json, member);
    const char *text = json_string_value(value);
    *ret = '\0';
    if (!value)
        return 0;
    if (!text || strlen(text) != json_string_length(value) || str_copy(ret, size, text) < 0)
        return fail(r, "%s: expected %s", member, expected);
    return 0;
}

static int get_word(const struct read *r, const char *member, const char *const *words, char *ret,
                    size_t size)
{
    char expected[80] = "";
    for (size_t i = 0; words[i]; i++)
        (void)snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s%s",
                       i == 0         ? ""
                       : words[i + 1] ? ", "
                                      : " or ",
                       words[i]);
    int err = get_text(r, member, ret, size, expected);
    for (size_t i = 0; err == 0 && *ret && words[i]; i++)
        if (str_equal(words[i], ret))
            return 0;
    return err < 0 || !*ret ? err : fail(r, "%s: expected %s", member, expected);
}

/* ---- Modbus ---- */

int scan_read_units(const char *text, bool ret[static SCAN_UNITS])
{
    do {
        int64_t range[2] = { -1, -1 };
        for (int i = 0; i < 2; i++) {
            char number[4] = "";
            size_t len = strspn(text, "0123456789");
            if (len == 0 || len >= sizeof(number))
                return -EINVAL;
            memcpy(number, text, len);
            if (str_to_int64(number, &range[i]) < 0)
                return -EINVAL;
            text += len;
            if (i == 1 || *text != '-')
                break;
            text++;
        }
        range[1] = range[1] < 0 ? range[0] : range[1];
        if (range[0] > range[1] || range[1] >= SCAN_UNITS)
            return -EINVAL;
        for (int64_t u = range[0]; u <= range[1]; u++)
            ret[u] = true;
    } while (*text++ == ',');
    return text[-1] == '\0' ? 0 : -EINVAL;
}

/* A serial port by any of its names. Not each character device is one: merely opening a watchdog, say, arms it. */
static int read_serial(const struct read *r)
{
    static const char *const ports[] = { "/dev/tty", "/dev/pts/", "/dev/rfcomm" };
    struct stat status;
    AUTO_FREE char *real = realpath(r->ret->target, NULL);
    bool is_port = false;
    for (size_t i = 0; real && i < ARRAY_SIZE(ports); i++)
        is_port = is_port || str_starts(real, ports[i]);
    if (!str_starts(r->ret->target, "/dev/"))
        return fail(r, "target: expected host, host:port, or a serial port such as /dev/ttyUSB0");
    if (!real && errno != ENOMEM)
        return fail(r, "target: there is no serial port %.200s", r->ret->target);
    if (!is_port || stat(real, &status) < 0 || !S_ISCHR(status.st_mode))
        return fail(r, "target: %.200s is no serial port", r->ret->target);
    r->ret->is_serial = true;
    r->ret->serial = status.st_rdev;
    return 0;
}

static int read_host(const struct read *r)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%[]";
    struct scan_request *ret = r->ret;
    if (!*ret->target || *ret->target == '-' || ret->target[strspn(ret->target, allowed)] ||
        config_split_host(ret->target, 502, ret->host, sizeof(ret->host), &ret->port) < 0)
        return fail(r, "target: expected host, host:port, or a serial port such as /dev/ttyUSB0");
    return 0;
}

static int read_number(const struct read *r, const char *member, char *ret, size_t size,
                       bool (*is_valid)(int64_t), const char *expected)
{
    const json_t *value = json_object_get(r->json, member);
    *ret = '\0';
    if (!value)
        return 0;
    if (!json_is_integer(value) || !is_valid(json_integer_value(value)))
        return fail(r, "%s: expected %s", member, expected);
    (void)snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return 0;
}

static bool is_baud(int64_t baud)
{
    return baud > 0 && baud <= INT_MAX && serial_is_rate((int)baud);
}

static bool is_stop_bits(int64_t bits)
{
    return bits == 1 || bits == 2;
}

static int read_units(const struct read *r)
{
    static const char expected[] = "unit ids from 0 to 255, such as \"1-20,50\"";
    bool units[SCAN_UNITS] = { false };
    int err = get_text(r, "units", r->ret->units, sizeof(r->ret->units), expected);
    if (err == 0 && json_object_get(r->json, "units") && scan_read_units(r->ret->units, units) < 0)
        return fail(r, "units: expected %s", expected);
    return err;
}

static int read_line(const struct read *r)
{
    static const char *const parities[] = { "none", "even", "odd", NULL };
    static const char *const of_line[] = { "baud", "parity", "stopBits" };
    struct scan_request *ret = r->ret;
    for (size_t i = 0; !ret->is_serial && i < ARRAY_SIZE(of_line); i++)
        if (json_object_get(r->json, of_line[i]))
            return fail(r, "%s: is for serial ports", of_line[i]);
    int err = read_number(r, "baud", ret->baud, sizeof(ret->baud), is_baud, "a standard rate, such as 9600");
    if (err == 0)
        err = get_word(r, "parity", parities, ret->parity, sizeof(ret->parity));
    if (err == 0)
        err = read_number(r, "stopBits", ret->stop_bits, sizeof(ret->stop_bits), is_stop_bits, "1 or 2");
    return err;
}

static int read_modbus(const struct read *r)
{
    static const char *const members[] = { "protocol", "target", "units",    "framing",
                                           "baud",     "parity", "stopBits", NULL };
    static const char *const framings[] = { "tcp", "rtu", "ascii", NULL };
    struct scan_request *ret = r->ret;
    int err = check_members(r, members);
    if (err == 0)
        err = get_text(r, "target", ret->target, sizeof(ret->target), "a text of at most 269 characters");
    if (err == 0)
        err = strchr(ret->target, '/') ? read_serial(r) : read_host(r);
    if (err == 0)
        err = read_units(r);
    if (err == 0)
        err = get_word(r, "framing", framings + ret->is_serial, ret->framing, sizeof(ret->framing));
    return err < 0 ? err : read_line(r);
}

/* ---- ECHONET Lite ---- */

static bool is_interface(const char *text)
{
    struct in_addr address;
    return uv_inet_pton(AF_INET, text, &address) == 0 ||
           (strlen(text) < IF_NAMESIZE && !text[strcspn(text, " /:%.")] && *text != '-');
}

static int read_echonet(const struct read *r)
{
    static const char *const members[] = { "protocol", "interface", "wait", "ipv6", NULL };
    static const char interface[] = "the name of a network interface, such as eth0, or its IPv4 address",
                      wait[] = "a time such as \"5s\", at most \"2min\"";
    struct scan_request *ret = r->ret;
    const json_t *ipv6 = json_object_get(r->json, "ipv6");
    char text[20];
    ret->wait_ms = ECHONET_SURVEY_WAIT_MS;
    int err = check_members(r, members);
    if (err == 0)
        err = get_text(r, "interface", ret->interface, sizeof(ret->interface), interface);
    if (err == 0 && *ret->interface && !is_interface(ret->interface))
        err = fail(r, "interface: expected %s", interface);
    if (err == 0)
        err = get_text(r, "wait", text, sizeof(text), wait);
    if (err == 0 && json_object_get(r->json, "wait") &&
        (str_to_duration_ms(text, &ret->wait_ms) < 0 || ret->wait_ms > ECHONET_SURVEY_MAX_WAIT_MS))
        err = fail(r, "wait: expected %s", wait);
    if (err == 0 && ipv6 && !json_is_boolean(ipv6))
        err = fail(r, "ipv6: expected true or false");
    ret->ipv6 = json_is_true(ipv6);
    return err;
}

int scan_request_read(const json_t *json, struct scan_request *ret, char *ret_problem, size_t size)
{
    const struct read r = { json, ret, ret_problem, size };
    const char *protocol = json_get_string(json, "protocol", "");
    *ret = (struct scan_request){ .protocol = SCAN_MODBUS };
    if (str_equal(protocol, "modbus"))
        return read_modbus(&r);
    ret->protocol = SCAN_ECHONET;
    if (str_equal(protocol, "echonet"))
        return read_echonet(&r);
    return fail(&r, "protocol: expected modbus or echonet");
}

bool scan_request_is_of(const struct scan_request *request, const struct modbus_bus_settings *bus)
{
    struct stat status;
    if (request->is_serial != bus->serial)
        return false;
    if (!bus->serial)
        return str_equal_ci(request->host, bus->host) && request->port == bus->port;
    return stat(bus->line.path, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == request->serial;
}

json_t *scan_settings_json(const struct modbus_bus_settings *bus)
{
    const char parity[2] = { bus->line.parity, '\0' };
    if (bus->serial)
        return json_pack("{s:s, s:i, s:s, s:i, s:i, s:s}", "serial", bus->line.path, "baud", bus->line.baud,
                         "parity", parity, "stop_bits", bus->line.stop_bits, "data_bits", bus->line.data_bits,
                         "framing", bus->framing == MODBUS_ASCII ? "ascii" : "rtu");
    return json_pack("{s:s, s:i, s:s}", "host", bus->host, "port", (int)bus->port, "framing",
                     bus->framing == MODBUS_TCP   ? "tcp"
                     : bus->framing == MODBUS_RTU ? "rtu"
                                                  : "ascii");
}
