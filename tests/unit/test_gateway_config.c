/* gateway.yaml: what is wrong is told with its line and what would be right; what is good comes out as meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "gateway/config.h"
#include "tests/support/authority.h"

/* Line 1 of every text below; so theirs begin with line 2. */
#define FIRST_LINE "gateway: { profiles: \"%s:" SOURCE_DIR "/profiles\" }\n"

#define PROFILE_3 "csms: { a: { url: \"wss://csms/\", security_profile: 3 } }\n"
#define CSMS      "csms: { a: { url: \"ws://csms/ocpp\", security_profile: 0 } }\n"
#define STATION(id)                                                                                          \
    "  - { id: " id ", csms: a, chargers: [{ profile: demo-modbus-ac22, tcp: 10.0.0.1, unit: 9 }] }\n"
#define CHARGER(rest) "stations:\n  - { id: CS1, csms: a, chargers: [{ " rest " }] }\n"
#define OCPP16(rest)  "ocpp16: { listen: \"0.0.0.0:8887\"" rest " }\n"
#define SERIAL_STATION(id)                                                                                   \
    "  - { id: " id ", csms: a, chargers: [{ profile: demo-modbus-rtu, bus: line, unit: 3 }] }\n"

#define METER "meters: { grid: { profile: demo-modbus-meter, tcp: h } }\n"
#define LIMIT(rest)                                                                                          \
    CSMS METER "stations:\n" STATION("CS1") "external_limits:\n  - { meter: grid, " rest " }\n"

struct bench {
    char directory[64]; /* for files that a configuration names */
    struct problems problems;
    struct config *config;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    (void)str_copy(b->directory, sizeof(b->directory), "/tmp/test_config.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    problems_init(&b->problems);
    *state = b;
    return 0;
}

static const char *const files[] = { "password",    "roots.pem",      "rubbish.pem",
                                     "broken.yaml", "unlimited.yaml", "empty" };

static int tear_down(void **state)
{
    struct bench *b = *state;
    char path[128];
    config_free(b->config);
    problems_done(&b->problems);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", b->directory, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(b->directory);
    free(b);
    return 0;
}

static void write_file(const struct bench *b, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", b->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int parse(struct bench *b, const char *rest)
{
    struct buf text;
    char name[128];
    buf_init(&text, 1 << 20);
    buf_printf(&text, FIRST_LINE, b->directory);
    buf_text(&text, rest);
    (void)snprintf(name, sizeof(name), "%s/gateway.yaml", b->directory);
    config_free(b->config);
    b->config = NULL;
    problems_done(&b->problems);
    int r = config_parse(name, buf_string(&text), text.len, &b->problems, &b->config);
    buf_done(&text);
    return r;
}

static const char *problem(const struct bench *b, size_t index)
{
    return index < b->problems.count ? b->problems.list[index].text : "(none)";
}

static bool has_problem(const struct bench *b, int line, const char *words)
{
    char place[40];
    (void)snprintf(place, sizeof(place), "gateway.yaml:%d: ", line);
    for (size_t i = 0; i < b->problems.count; i++)
        if (strstr(problem(b, i), place) && strstr(problem(b, i), words))
            return true;
    return false;
}

/* clang-format off */
static const struct {
    const char *name, *text;
    int line;
    const char *words;
} bad[] = {
    { "nothing at all", "", 1, "csms is missing" },
    { "no server for OCPP 1.6", CSMS CHARGER("profile: ocpp16, ocpp16: CP1"), 4, "nothing listens for it" },
    { "a server without address", CSMS "ocpp16: { cert: x }\n" CHARGER("profile: ocpp16, ocpp16: CP1"), 3, "listen is missing" },
    { "a certificate without key", CSMS "ocpp16: { listen: \"::\", cert: x }\n" CHARGER("profile: ocpp16, ocpp16: CP1"), 3, "expected both cert and key" },
    { "a certificate that is not there", CSMS OCPP16(", cert: nowhere.pem, key: nowhere.pem") CHARGER("profile: ocpp16, ocpp16: CP1"), 3, "cannot be read" },
    { "a wrong port", CSMS "ocpp16: { listen: \"h:99999\" }\n" CHARGER("profile: ocpp16, ocpp16: CP1"), 3, "expected address" },
    { "no identity", CSMS OCPP16("") CHARGER("profile: ocpp16"), 5, "expected ocpp16: the identity" },
    { "an identity of another kind", CSMS OCPP16("") CHARGER("profile: ocpp16, ocpp16: \"a/b\""), 5, "expected 1 to 48" },
    { "OCPP 1.6 at an address", CSMS OCPP16("") CHARGER("profile: ocpp16, ocpp16: CP1, tcp: h"), 5, "expected ocpp16: the identity" },
    { "an identity at Modbus", CSMS OCPP16("") CHARGER("profile: demo-modbus-ac22, ocpp16: CP1"), 5, "is Modbus" },
    { "a short password", CSMS OCPP16("") CHARGER("profile: ocpp16, ocpp16: CP1, password: short"), 5, "8 to 64 characters" },
    { "two passwords", CSMS OCPP16("") CHARGER("profile: ocpp16, ocpp16: CP1, password: 01234567, password_file: password"), 5, "either password" },
    { "an identity twice", CSMS OCPP16("") "stations:\n  - { id: CS1, csms: a, chargers: [{ profile: ocpp16, ocpp16: CP1 }, { profile: ocpp16-2, ocpp16: CP1 }] }\n", 5, "has the same device" },
    { "proxies as a text", "management: { listen: \"::\", trusted_proxy: 10.0.0.1 }\n", 2, "expected a list of at most 16 addresses" },
    { "a proxy's name", "management: { listen: \"::\", trusted_proxy: [ 10.0.0.1, proxy ] }\n", 2, "expected an address" },
    { "a network of proxies", "management: { listen: \"::\", trusted_proxy: [ 10.0.0.0/8 ] }\n", 2, "expected an address" },
    { "a map among proxies", "management: { listen: \"::\", trusted_proxy: [ { a: b } ] }\n", 2, "expected an address" },
    { "no stations", CSMS, 1, "stations is missing" },
    { "an unknown section", CSMS "station: []\n", 3, "did you mean \"stations\"" },
    { "stations as a map", CSMS "stations: { a: 1 }\n", 3, "expected a list" },
    { "a station as a text", CSMS "stations: [ CS1 ]\n", 3, "expected a map of settings" },
    { "csms as a list", "csms: [ a ]\n", 2, "expected a map of names" },
    { "a csms as a text", "csms: { a: ws://b }\n", 2, "expected a map of settings" },
    { "a csms without url", "csms: { a: { security_profile: 0 } }\n", 2, "url is missing" },
    { "a url of http", "csms: { a: { url: http://csms } }\n", 2, "ws://" },
    { "a url with a query", "csms: { a: { url: \"ws://csms/a?b=c\" } }\n", 2, "url" },
    { "a url with a wrong port", "csms: { a: { url: \"ws://csms:99999/\" } }\n", 2, "url" },
    { "profile 2 without TLS", "csms: { a: { url: \"ws://csms/\", security_profile: 2 } }\n", 2, "needs a wss:// url" },
    { "profile 1 with TLS", "csms: { a: { url: \"wss://csms/\", security_profile: 1 } }\n", 2, "is security_profile 2" },
    { "a security profile too high", "csms: { a: { url: \"wss://csms/\", security_profile: 4 } }\n", 2, "no whole number from 0 to 3" },
    { "profile 3 without TLS", "csms: { a: { url: \"ws://csms/\", security_profile: 3 } }\n", 2, "needs a wss:// url" },
    { "profile 3 without a certificate", PROFILE_3 "stations:\n  - { id: CS1, csms: a, chargers: [] }\n", 4, "expected certificate_file and key" },
    { "profile 3 with a password", PROFILE_3 "stations:\n  - { id: CS1, csms: a, password: aaaaaaaaaaaaaaaaaaaa, chargers: [] }\n", 4, "is not used" },
    { "a certificate without key", CSMS "stations:\n  - { id: CS1, csms: a, certificate_file: password, chargers: [] }\n", 4, "expected both certificate_file and key" },
    { "a certificate that is none", CSMS "stations:\n  - { id: CS1, csms: a, certificate_file: password, key: password, chargers: [] }\n", 4, "holds no certificate" },
    { "a key that is none", CSMS "stations:\n  - { id: CS1, csms: a, certificate_file: password, key: password, chargers: [] }\n", 4, "holds no PEM private key" },
    { "a key that is not there", CSMS "stations:\n  - { id: CS1, csms: a, key: nowhere, chargers: [] }\n", 4, "cannot be read" },
    { "a PIN of a file", CSMS "stations:\n  - { id: CS1, csms: a, key: password, key_pin_file: password, chargers: [] }\n", 4, "only a key in a token" },
    { "a PIN that is not there", CSMS "stations:\n  - { id: CS1, csms: a, key: \"pkcs11:object=a\", key_pin_file: nowhere, chargers: [] }\n", 4, "cannot be read" },
    { "a key of no kind", CSMS "stations:\n  - { id: CS1, csms: a, key_type: dsa, chargers: [] }\n", 4, "\"dsa\" is unknown" },
    { "roots that are not there", "csms: { a: { url: \"wss://csms/\", security_profile: 2, ca_file: /nowhere.pem } }\n", 2, "cannot be read" },
    { "roots that are none", "csms: { a: { url: \"wss://csms/\", security_profile: 2, ca_file: password } }\n", 2, "no PEM certificate" },
    { "roots that only look like some", "csms: { a: { url: \"wss://csms/\", security_profile: 2, ca_file: rubbish.pem } }\n", 2, "no PEM certificate" },
    { "a max_message too small", "csms: { a: { url: \"ws://csms/\", max_message: 10 } }\n", 2, "from 4096" },
    { "a name of a csms too long", "csms: { aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: { url: \"ws://csms/\" } }\n", 2, "longer than 63" },
    { "a name of a csms over two lines", "csms: { \"a\\nb\": { url: \"ws://csms/\" } }\n", 2, "control characters" },
    { "a name of a bus that colours", "buses: { \"a\\e[31m\": { tcp: h } }\n", 2, "control characters" },
    { "a level of no kind", CSMS "log: { level: loud }\n", 3, "\"loud\" is unknown" },
    { "an unknown area of the log", "log: { areas: { modbas: debug } }\n", 2, "did you mean \"modbus\"" },
    { "log as a list", "log: [ debug ]\n", 2, "expected a map" },
    { "a bus that is both", "buses: { b: { tcp: h, serial: /dev/ttyS0 } }\n", 2, "either tcp" },
    { "a bus that is neither", "buses: { b: {} }\n", 2, "either tcp" },
    { "a bus as a text", "buses: { b: /dev/ttyS0 }\n", 2, "expected a map of settings" },
    { "a bus with a wrong port", "buses: { b: { tcp: \"h:0\" } }\n", 2, "expected host or host:port" },
    { "Modbus TCP on a serial line", "buses: { b: { serial: /dev/ttyS0, framing: tcp } }\n", 2, "not for a serial port" },
    { "an odd rate", "buses: { b: { serial: /dev/ttyS0, line: { baud: 9601 } } }\n", 2, "standard rate" },
    { "seven bits of RTU", "buses: { b: { serial: /dev/ttyS0, line: { data_bits: 7 } } }\n", 2, "8 data bits" },
    { "a parity of no kind", "buses: { b: { serial: /dev/ttyS0, line: { parity: mark } } }\n", 2, "none, even, odd" },
    { "one port on two buses", "buses:\n  b: { serial: /dev/ttyS0 }\n  c: { serial: /dev/ttyS0 }\n", 4, "the same serial port" },
    { "an address to bind that is none", "echonet: { bind: eth0 }\n", 2, "expected an IPv4 address" },
    { "an interface that can be none", "echonet: { multicast_interface: 10.0.0.300 }\n", 2, "expected the name of an interface" },
    { "an interface with a name too long", "echonet: { multicast_interface: enp0s31f6.4000000 }\n", 2, "expected the name of an interface" },
    { "IPv6 at an IPv4 address", "echonet: { ipv6: 10.0.0.1 }\n", 2, "expected yes, no, or an IPv6 address" },
    { "IPv6 perhaps", "echonet: { ipv6: maybe }\n", 2, "expected yes, no, or an IPv6 address" },
    { "a node id too short", "echonet: { node_id: FE00 }\n", 2, "34 hex digits" },
    { "an id with a blank", CSMS "stations:\n" STATION("CS 1"), 4, "letters, digits" },
    { "the same id twice", CSMS "stations:\n" STATION("CS1") STATION("CS1"), 5, "another station" },
    { "an unknown csms", "csms: {}\nstations:\n" STATION("CS1"), 4, "no CSMS of the name" },
    { "no chargers", CSMS "stations:\n  - { id: CS1, csms: a, chargers: [] }\n", 4, "at least one charger" },
    { "chargers as a map", CSMS "stations:\n  - { id: CS1, csms: a, chargers: {} }\n", 4, "at least one charger" },
    { "a charger as a text", CSMS "stations:\n  - { id: CS1, csms: a, chargers: [ a ] }\n", 4, "expected a map of settings" },
    { "a charger without profile", CSMS CHARGER("tcp: h"), 4, "profile is missing" },
    { "an unknown profile", CSMS CHARGER("profile: no-such, tcp: h"), 4, "no file no-such.yaml" },
    { "a profile outside of its directory", CSMS CHARGER("profile: ../gateway, tcp: h"), 4, "no file" },
    { "a charger of Modbus at an IPv4 address", CSMS CHARGER("profile: demo-modbus-ac22, echonet: 10.0.0.1"), 4, "either tcp" },
    { "a charger with tcp and bus", CSMS CHARGER("profile: demo-modbus-ac22, tcp: h, bus: b"), 4, "either tcp" },
    { "an unknown bus", CSMS CHARGER("profile: demo-modbus-ac22, bus: b"), 4, "no bus of the name" },
    { "a point at a unit too high", CSMS CHARGER("profile: unlimited, tcp: h, unit: 249"), 4, "points up to unit 256; expected at most 248" },
    { "a unit too high", CSMS CHARGER("profile: demo-modbus-ac22, tcp: h, unit: 256"), 4, "from 0 to 255" },
    { "ECHONET by name", CSMS CHARGER("profile: echonet-02a1, echonet: charger"), 4, "expected an IPv4 or IPv6 address" },
    { "ECHONET by IPv6 that is off", CSMS CHARGER("profile: echonet-02a1, echonet: 'fd00::1'"), 4, "expected ipv6: yes under echonet:" },
    { "ECHONET by IPv6 of one link, but which", "echonet: { ipv6: yes }\n" CSMS CHARGER("profile: echonet-02a1, echonet: 'fe80::1'"), 5, "expected fe80::1%interface, or multicast_interface:" },
    { "an interface of what is of all links", "echonet: { ipv6: yes }\n" CSMS CHARGER("profile: echonet-02a1, echonet: 'fd00::1%eth0'"), 5, "expected an IPv4 or IPv6 address" },
    { "ECHONET over tcp", CSMS CHARGER("profile: echonet-02a1, tcp: h"), 4, "is ECHONET Lite" },
    { "a number that is none", CSMS CHARGER("profile: demo-modbus-ac22, tcp: h, max_current: nan"), 4, "no number" },
    { "an override of no kind", CSMS CHARGER("profile: demo-modbus-ac22, tcp: h, modbus: { timeuot: 1s }"), 4, "did you mean \"timeout\"" },
    { "overrides of the other protocol", CSMS CHARGER("profile: demo-modbus-ac22, tcp: h, echonet_options: { retries: 1 }"), 4, "is Modbus" },
    { "one device twice", CSMS "stations:\n" STATION("CS1") STATION("CS2"), 5, "the same device" },
    { "one unit on a line twice", CSMS "buses: { line: { serial: /dev/ttyS0 } }\nstations:\n" SERIAL_STATION("CS1") SERIAL_STATION("CS2"), 6, "the same device" },
    { "one node twice", CSMS "stations:\n  - id: CS1\n    csms: a\n    chargers:\n      - { profile: echonet-02a1, echonet: 10.0.0.1 }\n"
      "      - { profile: echonet-02a1, echonet: 10.0.0.1 }\n", 8, "the same device" },
    { "one IPv6 node twice", "echonet: { ipv6: yes }\n" CSMS "stations:\n  - id: CS1\n    csms: a\n    chargers:\n      - { profile: echonet-02a1, echonet: 'fd00::1' }\n"
      "      - { profile: echonet-02a1, echonet: 'fd00:0::01' }\n", 9, "the same device" },
    { "unit 0 on a line", CSMS "buses: { line: { serial: /dev/ttyS0 } }\n" CHARGER("profile: demo-modbus-rtu, bus: line, unit: 0"), 5, "1 to 255" },
    { "no password", "csms: { a: { url: \"ws://csms/\" } }\nstations:\n" STATION("CS1"), 4, "password of 16 to 40" },
    { "a password too short", "csms: { a: { url: \"ws://csms/\" } }\nstations:\n  - { id: CS1, csms: a, password: short, chargers: [] }\n", 4, "password of 16 to 40" },
    { "a password for nothing", CSMS "stations:\n  - { id: CS1, csms: a, password: aaaaaaaaaaaaaaaaaaaa, chargers: [] }\n", 4, "is not used" },
    { "a file of a password that is not there", CSMS "stations:\n  - { id: CS1, csms: a, password_file: nowhere, chargers: [] }\n", 4, "cannot be read" },
    { "a preset without component", CSMS "stations:\n  - { id: CS1, csms: a, chargers: [], variables: { HeartbeatInterval: 1 } }\n", 4, "Component.Variable" },
    { "a preset of a list", CSMS "stations:\n  - { id: CS1, csms: a, chargers: [], variables: { A.B: [ 1 ] } }\n", 4, "single value" },
    { "a preset that does not fit", CSMS "stations:\n  - { id: CS1, csms: a, chargers: [], variables: { OCPPCommCtrlr.HeartbeatInterval: x } }\n", 4, "not possible" },
    /* meters and limits */
    { "meters as a list", CSMS "meters: [ a ]\n", 3, "expected a map" },
    { "a meter as a text", CSMS "meters: { a: b }\n", 3, "expected a map of settings" },
    { "a meter with a bound", CSMS "meters: { a: { profile: demo-modbus-meter, tcp: h, max_current: 5 } }\nstations:\n" STATION("CS1"), 3, "unknown key" },
    { "a charger for a meter", CSMS "meters: { a: { profile: demo-modbus-ac22, tcp: h } }\nstations:\n" STATION("CS1"), 3, "expected one of kind: meter" },
    { "a meter for a charger", CSMS CHARGER("profile: demo-modbus-meter, tcp: h"), 4, "belongs under meters" },
    { "a meter that is a charger, too", CSMS "meters:\n  a: { profile: demo-modbus-meter, tcp: h }\n  b: { profile: demo-modbus-meter, tcp: h }\nstations:\n" STATION("CS1"), 5, "the same device" },
    { "limits as a map", CSMS METER "stations:\n" STATION("CS1") "external_limits: { a: 1 }\n", 6, "expected a list" },
    { "a limit of nothing", CSMS METER "stations:\n" STATION("CS1") "external_limits: [ { limit: \"6\", unit: A, on_silence: 6, stations: all } ]\n", 6, "meter is missing" },
    { "a limit of no meter", CSMS METER "stations:\n" STATION("CS1") "external_limits: [ { meter: g, limit: \"6\", unit: A, on_silence: 6, stations: all } ]\n", 6, "no meter of the name" },
    { "a limit without a word on silence", CSMS METER "stations:\n" STATION("CS1") "external_limits: [ { meter: grid, limit: \"6\", unit: A, stations: all } ]\n", 6, "on_silence is missing" },
    { "a limit of no point", LIMIT("limit: currnt_l1, unit: A, on_silence: 6, stations: all"), 7, "column 1: \"currnt_l1\" is no point" },
    { "a limit that is a condition", LIMIT("limit: power > 5, unit: W, on_silence: 6, stations: all"), 7, "expected a number in W" },
    { "a limit of another unit", LIMIT("limit: power, unit: A, on_silence: 6, stations: all"), 7, "is in W, but unit says A" },
    { "a limit below nothing", LIMIT("limit: power, unit: W, on_silence: -1, stations: all"), 7, "no number from 0" },
    { "a source of no kind", LIMIT("limit: power, unit: W, on_silence: 1, stations: all, source: CSO"), 7, "\"CSO\" is unknown" },
    { "a limit for nobody", LIMIT("limit: power, unit: W, on_silence: 1, stations: []"), 7, "expected all, or a list" },
    { "a limit for a stranger", LIMIT("limit: power, unit: W, on_silence: 1, stations: [ CS9 ]"), 7, "no station has this id" },
    { "a limit for an EVSE that is not there", LIMIT("limit: power, unit: W, on_silence: 1, stations: [ CS1 ], evse: 2"), 7, "CS1 has 1 EVSEs, but evse is 2" },
    { "two limits for one", LIMIT("limit: power, unit: W, on_silence: 1, stations: [ CS1 ]") "  - { meter: grid, limit: current_l1, unit: A, on_silence: 1, stations: all }\n", 8, "another entry sets a limit" },
    { "a limit for what has none", CSMS METER CHARGER("profile: unlimited, tcp: h") "external_limits:\n  - { meter: grid, limit: power, unit: W, on_silence: 1, stations: all }\n", 7, "CS1 cannot be limited" },
    { "no YAML", "csms: { a: [ }\n", 2, "column" },
    { "a key twice", CSMS CSMS, 3, "csms" },
    /* a bus with a mistake is found by the station that uses it, and is not told again there */
    { "a wrong bus in use", CSMS "buses: { line: { serial: /dev/ttyS0, framing: ttcp } }\nstations:\n" SERIAL_STATION("CS1"), 3, "ttcp" },
    { "a bus that is no map in use", CSMS "buses: { line: 5 }\nstations:\n" SERIAL_STATION("CS1"), 3, "expected a map" },
};
/* clang-format on */

/* A profile of a charger without the command limit. */
static void write_unlimited(struct bench *b)
{
    write_file(b, "unlimited.yaml",
               "profile: unlimited\nvendor: V\nmodels: [M]\nprotocol: modbus\n"
               "points:\n  state: { at: input 0, type: u16 }\n"
               "  inlet: { at: input 0, type: i16, unit: Celsius, unit_offset: 7 }\n"
               "evses:\n  - connectors: [ { type: cType2, max_current: 32 } ]\n"
               "    signals: { state: [ { charging: state == 3 }, { available: otherwise } ] }\n");
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    struct bench *b = *state;
    int wrong = 0;
    write_unlimited(b);
    write_file(b, "password", "this is no certificate\n");
    write_file(b, "rubbish.pem", "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int r = parse(b, bad[i].text);
        if (r != -EINVAL || b->config || !has_problem(b, bad[i].line, bad[i].words))
            print_error("%d. %s: expected line %d: ...%s..., got %d:\n  %s\n  %s\n", ++wrong, bad[i].name,
                        bad[i].line, bad[i].words, r, problem(b, 0), problem(b, 1));
    }
    assert_int_equal(wrong, 0);
}

static void a_key_of_another_certificate_is_told(void **state)
{
    struct bench *b = *state;
    struct authority *root = authority_new(&(struct authority_options){ 0 });
    char *csr[2], *key[2];
    for (int i = 0; i < 2; i++)
        authority_request("CS1", "Test", &csr[i], &key[i]);
    char *certificate = authority_sign(root, csr[0], &(struct authority_leaf){ 0 });
    static const char *const words[] = { NULL, "is not the key of the certificate", "without a passphrase" };
    write_file(b, "rubbish.pem", certificate);
    for (int i = 0; i < 3; i++) {
        write_file(b, "password",
                   i < 2 ? key[i] : "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        int r = parse(b, PROFILE_3
                      "stations:\n  - { id: CS1, csms: a, certificate_file: rubbish.pem, key: password,\n"
                      "    chargers: [ { profile: demo-modbus-ac22, tcp: 127.0.0.1 } ] }\n");
        assert_int_equal(r, words[i] ? -EINVAL : 0);
        assert_true(!words[i] || has_problem(b, 4, words[i]));
    }
    free(certificate);
    for (int i = 0; i < 2; i++) {
        free(csr[i]);
        free(key[i]);
    }
    authority_free(root);
}

/* Of gateway.firmware, in a file that has nothing else in its gateway section. */
static int parse_firmware(struct bench *b, const char *firmware)
{
    char name[128], text[1024];
    (void)snprintf(name, sizeof(name), "%s/gateway.yaml", b->directory);
    int len = snprintf(text, sizeof(text),
                       "gateway: { profiles: \"" SOURCE_DIR "/profiles\", firmware: {%s} }\n" CSMS
                       "stations:\n" STATION("CS1"),
                       firmware);
    config_free(b->config);
    b->config = NULL;
    problems_done(&b->problems);
    return config_parse(name, text, (size_t)len, &b->problems, &b->config);
}

static void what_is_wrong_with_firmware_is_told(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        { "slot: a", "belong together" },
        { "install_hook: [ /bin/true ]", "belong together" },
        { "slot: a, install_hook: /bin/true", "expected a list" },
        { "slot: a, install_hook: []", "expected a list" },
        { "slot: a, install_hook: [ true ]", "absolute path" },
        { "slot: a, install_hook: [ [ a ] ]", "single value" },
        { "slot: a, install_hook: [ /a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q ]", "at most 16" },
        { "roots: nowhere", "cannot be read" },
        { "roots: password", "holds no PEM certificate" },
        { "ca_file: password", "holds no PEM certificate" },
        { "crl: password", "holds no PEM revocation list" },
        { "transactions: all", "nothing, download, install" },
        { "timeout: 1ms", "timeout" },
        { "max_size: 0", "max_size" },
        { "slut: a", "did you mean \"slot\"" },
    };
    write_file(b, "password", "this is no certificate\n");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (parse_firmware(b, rows[i].text) != -EINVAL || !has_problem(b, 1, rows[i].words))
            fail_msg("%s: %s", rows[i].text, problem(b, 0));
}

static void firmware_comes_out_as_meant(void **state)
{
    struct bench *b = *state;
    char slot[128];
    if (parse_firmware(
            b, "slot: image, install_hook: [ /bin/true, -x ], transactions: install, unsigned: yes") < 0)
        fail_msg("%s", problem(b, 0));
    const struct firmware_config *f = &b->config->firmware;
    (void)snprintf(slot, sizeof(slot), "%s/image", b->directory); /* beside this file */
    assert_string_equal(f->slot, slot);
    assert_string_equal(f->hook[0], "/bin/true");
    assert_string_equal(f->hook[1], "-x");
    assert_null(f->hook[2]);
    assert_int_equal(f->transactions, FIRMWARE_INSTALLS_MEANWHILE);
    assert_true(f->takes_unsigned);
    assert_int_equal(f->timeout_ms, 900000);
    assert_int_equal(parse_firmware(b, ""), 0);
    assert_null(b->config->firmware.slot);
    assert_int_equal(b->config->firmware.transactions, FIRMWARE_DOWNLOADS_MEANWHILE);
}

static void mistakes_come_in_the_order_of_the_file(void **state)
{
    struct bench *b = *state;
    write_file(b, "broken.yaml", "profile: broken\nprotocol: modbus\n");
    assert_int_equal(parse(b, "stations:\n"
                              "  - { id: CS1, csms: b, chargers: [{ profile: broken, tcp: h }] }\n"
                              "  - { id: CS1, csms: a, chargers: [{ profile: demo-modbus-ac22 }], x: 1 }\n"
                              "csms:\n"
                              "  a: { url: \"http://csms/\", y: 1 }\n"
                              "log: { level: loud }\n"),
                     -EINVAL);
    int last = 0, others = 0;
    for (size_t i = 0; i < b->problems.count; i++) {
        const char *at = strstr(problem(b, i), "gateway.yaml:");
        int64_t line = 0;
        if (at) {
            char number[8];
            (void)snprintf(number, sizeof(number), "%.*s", (int)strspn(at + 13, "0123456789"), at + 13);
            assert_int_equal(str_to_int64(number, &line), 0);
            assert_int_equal(others, 0); /* this file first */
            assert_true(line >= last);
            last = (int)line;
        } else {
            others++;
        }
    }
    assert_int_equal(last, 7);
    assert_true(others > 0);
}

static void a_broken_profile_is_told_once_however_many_use_it(void **state)
{
    struct bench *b = *state;
    struct buf text;
    write_file(b, "broken.yaml", "profile: broken\nprotocol: modbus\n");
    buf_init(&text, 1 << 20);
    buf_text(&text, CSMS "stations:\n");
    for (int i = 0; i < 50; i++)
        buf_printf(&text, "  - { id: CS%d, csms: a, chargers: [{ profile: broken, tcp: h%d }] }\n", i, i);
    buf_text(&text, "log: { level: loud }\n");
    assert_int_equal(parse(b, buf_string(&text)), -EINVAL);
    buf_done(&text);
    assert_true(has_problem(b, 54, "loud")); /* not pushed out of the list */
    size_t count = 0;
    for (size_t i = 0; i < b->problems.count; i++)
        count += strstr(problem(b, i), "broken.yaml") && strstr(problem(b, i), "evses") ? 1 : 0;
    assert_int_equal(count, 1);
}

static void a_profile_that_may_not_be_read_is_not_said_to_be_missing(void **state)
{
    struct bench *b = *state;
    char path[128];
    if (geteuid() == 0) { /* may read anything: a directory stands in */
        (void)snprintf(path, sizeof(path), "%s/broken.yaml", b->directory);
        assert_int_equal(mkdir(path, 0700), 0);
    } else {
        write_file(b, "broken.yaml", "profile: broken\n");
        (void)snprintf(path, sizeof(path), "%s/broken.yaml", b->directory);
        assert_int_equal(chmod(path, 0), 0);
    }
    assert_int_equal(parse(b, CSMS CHARGER("profile: broken, tcp: h")), -EINVAL);
    assert_true(has_problem(b, 4, "cannot be read"));
    (void)rmdir(path);
}

static void a_bound_that_the_charger_cannot_keep_is_refused(void **state)
{
    struct bench *b = *state;
    write_unlimited(b);
    assert_int_equal(parse(b, CSMS CHARGER("profile: unlimited, tcp: h, max_current: 16")), -EINVAL);
    assert_true(has_problem(b, 4, "cannot limit the current"));
    assert_int_equal(parse(b, CSMS CHARGER("profile: unlimited, tcp: h, max_current: 32")), 0);
}

static void a_good_file_comes_out_as_meant(void **state)
{
    struct bench *b = *state;
    write_file(b, "password", "0123456789abcdef\n");
    int r =
        parse(b, "log: { format: json, level: warn, areas: { modbus: debug } }\n"
                 "csms:\n"
                 "  a: { url: \"ws://csms/ocpp\" }\n"
                 "  b: { url: \"wss://other/\", security_profile: 2, compression: yes, max_message: 8192 }\n"
                 "buses:\n"
                 "  line: { serial: /dev/ttyS0, line: { baud: 19200, parity: none, stop_bits: 2 } }\n"
                 "  converter: { tcp: \"[fe80::1]:4001\", framing: rtu, turnaround: 50ms }\n"
                 "stations:\n"
                 "  - id: CS1\n"
                 "    csms: b\n"
                 "    password_file: password\n" /* beside this file */
                 "    vendor: V\n"
                 "    variables: { OCPPCommCtrlr.HeartbeatInterval: 77 }\n"
                 "    chargers:\n"
                 "      - { profile: demo-modbus-rtu, bus: line, unit: 7, max_current: 16 }\n"
                 "      - { profile: demo-modbus-rtu, bus: converter, modbus: { timeout: 2s, retries: 0 } }\n"
                 "      - { profile: echonet-02a1, echonet: 10.0.0.1, instance: 2 }\n"
                 "  - { id: CS2, csms: a, password: 0123456789abcdef0, chargers: [{ profile: "
                 "demo-modbus-ac22, tcp: h }] }\n"
                 "  - { id: CS3, csms: a, password: 0123456789abcdef0, chargers: [{ profile: "
                 "demo-modbus-ac22, tcp: \"h:502\", unit: 2 }] }\n");
    if (r < 0)
        fail_msg("%s", problem(b, 0));
    const struct config *c = b->config;
    assert_true(c->log_json);
    assert_int_equal(c->log_levels[LOG_MODBUS], LOG_DEBUG);
    assert_int_equal(c->log_levels[LOG_STORE], LOG_WARN);
    assert_string_equal(c->general.state_directory, "/var/lib/ocpp-gateway");
    assert_int_equal(c->csms_count, 2);
    assert_int_equal(c->csms[0].security_profile, 1);
    assert_int_equal(c->csms[1].max_message, 8192);
    assert_true(c->csms[1].compression);
    assert_int_equal(c->bus_count, 3);
    assert_int_equal(c->buses[0].settings.line.baud, 19200);
    assert_int_equal(c->buses[0].settings.line.parity, 'N');
    assert_int_equal(c->buses[0].settings.framing, MODBUS_RTU);
    assert_string_equal(c->buses[1].settings.host, "fe80::1");
    assert_int_equal(c->buses[1].settings.port, 4001);
    assert_int_equal(c->buses[1].settings.turnaround_ms, 50);
    const struct station_config *s = &c->stations[0];
    assert_string_equal(s->password, "0123456789abcdef");
    assert_int_equal(s->evse_count, 3);
    assert_int_equal(s->preset_count, 1);
    assert_string_equal(s->presets[0].variable, "HeartbeatInterval");
    assert_int_equal(s->chargers[0].unit, 7);
    assert_float_equal(s->chargers[0].max_current_A, 16, 0);
    assert_int_equal(s->chargers[1].modbus.timeout_ms, 2000);
    assert_true(isnan(s->chargers[1].max_current_A));
    assert_int_equal(s->chargers[2].bus, -1);
    assert_int_equal(s->chargers[2].target.instance, 2);
    assert_true(c->uses_echonet);
    assert_int_equal(c->stations[1].chargers[0].bus, c->stations[2].chargers[0].bus); /* one connection */
    assert_int_equal(c->buses[2].settings.port, 502);
    assert_int_equal(c->profile_count, 3); /* each read once */
}

static void an_ocpp16_charger_comes_out_as_meant(void **state)
{
    struct bench *b = *state;
    write_file(b, "password", "secret-of-cp1\n");
    int r = parse(
        b, CSMS "ocpp16: { listen: \"[::1]:9000\", cert: password, key: password }\n" CHARGER(
               "profile: ocpp16, ocpp16: CP1, password_file: password, ocpp16_options: { authorize: 7s }"));
    if (r < 0)
        fail_msg("%s", problem(b, 0));
    const struct charger_config *charger = &b->config->stations[0].chargers[0];
    assert_string_equal(charger->identity, "CP1");
    assert_string_equal(charger->password, "secret-of-cp1");
    assert_int_equal(charger->bus, -1);
    assert_int_equal(charger->ocpp16.authorize_ms, 7000);
    assert_int_equal(charger->ocpp16.heartbeat_ms, 60000);
    assert_string_equal(b->config->ocpp16.settings.address, "::1");
    assert_int_equal(b->config->ocpp16.settings.port, 9000);
    assert_non_null(b->config->ocpp16.settings.cert_file);
    AUTO_FREE char *before = strdup(b->config->stations[0].fingerprint);
    write_file(b, "password", "another-secret\n"); /* also the certificate that was renewed */
    assert_int_equal(
        parse(
            b,
            CSMS "ocpp16: { listen: \"[::1]:9000\", cert: password, key: password }\n" CHARGER(
                "profile: ocpp16, ocpp16: CP1, password_file: password, ocpp16_options: { authorize: 7s }")),
        0);
    assert_string_not_equal(before, b->config->stations[0].fingerprint);
    assert_null(strstr(b->config->stations[0].fingerprint, "another-secret"));
}

static void a_limit_of_a_meter_comes_out_as_meant(void **state)
{
    struct bench *b = *state;
    int r = parse(
        b, CSMS
        "buses: { line: { serial: /dev/ttyS0 } }\n"
        "meters:\n"
        "  grid: { profile: demo-modbus-meter, bus: line, unit: 20, modbus: { timeout: 2s } }\n"
        "  roof: { profile: demo-modbus-meter, tcp: 10.0.0.9 }\n"
        "stations:\n" STATION("CS1") SERIAL_STATION(
            "CS2") "external_limits:\n"
                   "  - { meter: grid, limit: \"25 - max(current_l1, current_l2, current_l3)\", unit: A,\n"
                   "      source: SO, stations: [ CS2, CS1 ], evse: 1, on_silence: 6.5, hysteresis: 0.5 }\n"
                   "  - { meter: roof, limit: power * 0.9, unit: W, stations: all, on_silence: 0 }\n");
    if (r < 0)
        fail_msg("%s", problem(b, 0));
    const struct config *c = b->config;
    assert_int_equal(c->meter_count, 2);
    assert_string_equal(c->meters[0].name, "grid");
    assert_int_equal(c->meters[0].device.unit, 20);
    assert_int_equal(c->meters[0].device.modbus.timeout_ms, 2000);
    assert_string_equal(c->meters[1].device.profile->name, "demo-modbus-meter");
    assert_int_equal(c->limit_count, 2);
    const struct limit_config *l = &c->limits[0];
    assert_int_equal(l->source, LIMIT_SOURCE_SO);
    assert_int_equal(l->evse, 1);
    assert_int_equal(l->station_count, 2);
    assert_int_equal(l->stations[0], 1);
    assert_float_equal(l->on_silence, 6.5, 0);
    assert_float_equal(l->hysteresis, 0.5, 0);
    l = &c->limits[1];
    assert_int_equal(l->meter, 1);
    assert_int_equal(l->unit, 1);
    assert_int_equal(l->source, LIMIT_SOURCE_EMS);
    assert_int_equal(l->evse, 0);
    assert_int_equal(l->station_count, 2);
    assert_float_equal(l->hysteresis, 250, 0);
    assert_non_null(strstr(c->limits_fingerprint, "on_silence"));
}

/* What decides about a restart on reload. */
static void a_fingerprint_changes_with_all_a_station_is_made_from(void **state)
{
    struct bench *b = *state;
    static const char *const variants[][4] = {
        { "csms", "9600", "info", "" },           { "csms", "9600", "debug", "" },
        { "other", "9600", "info", "" },          { "csms", "19200", "info", "" },
        { "csms", "9600", "info", ", model: M" },
    };
    char *prints[ARRAY_SIZE(variants)];
    for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
        struct buf text;
        buf_init(&text, 4096);
        const char *const *v = variants[i];
        buf_printf(&text,
                   "csms: { a: { url: \"ws://%s/\", security_profile: 0 } }\n"
                   "buses: { line: { serial: /dev/ttyS0, line: { baud: %s } } }\n"
                   "log: { level: %s }\n"
                   "stations:\n"
                   "  - { id: CS1, csms: a, chargers: [{ profile: demo-modbus-rtu, bus: line }]%s }\n",
                   v[0], v[1], v[2], v[3]);
        assert_int_equal(parse(b, buf_string(&text)), 0);
        buf_done(&text);
        prints[i] = strdup(b->config->stations[0].fingerprint);
    }
    assert_string_equal(prints[0], prints[1]);
    for (size_t i = 2; i < ARRAY_SIZE(variants); i++)
        assert_string_not_equal(prints[0], prints[i]);
    for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
        free(prints[i]);
}

static void a_line_runs_as_its_entry_says_else_as_the_profile_says(void **state)
{
    struct bench *b = *state;
    const char *stations =
        "stations:\n  - { id: CS1, csms: a, chargers: [{ profile: demo-modbus-rtu, bus: line }] }\n";
    const char *lines[] = { "", ", line: { baud: 19200, parity: none, stop_bits: 2 }" };
    static const struct serial_settings expected[] = {
        { .baud = 9600, .parity = 'E', .data_bits = 8, .stop_bits = 1 },
        { .baud = 19200, .parity = 'N', .data_bits = 8, .stop_bits = 2 }
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        char text[600];
        (void)snprintf(text, sizeof(text),
                       "csms:\n  a: { url: \"ws://h/ocpp\", security_profile: 0 }\nbuses: { line: { serial: "
                       "/dev/ttyS0%s } }\n%s",
                       lines[i], stations);
        assert_int_equal(parse(b, text), 0);
        const struct serial_settings *line = &b->config->buses[0].settings.line;
        assert_int_equal(line->baud, expected[i].baud);
        assert_int_equal(line->parity, expected[i].parity);
        assert_int_equal(line->data_bits, expected[i].data_bits);
        assert_int_equal(line->stop_bits, expected[i].stop_bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_wrong_is_told_with_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_of_another_certificate_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_with_firmware_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(firmware_comes_out_as_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_come_in_the_order_of_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_profile_is_told_once_however_many_use_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_profile_that_may_not_be_read_is_not_said_to_be_missing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_line_runs_as_its_entry_says_else_as_the_profile_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_bound_that_the_charger_cannot_keep_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_good_file_comes_out_as_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ocpp16_charger_comes_out_as_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_limit_of_a_meter_comes_out_as_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fingerprint_changes_with_all_a_station_is_made_from, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
