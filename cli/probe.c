/* At a station through the daemon, whose bus it is; at an address or line without one (probe.h). */
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "connection.h"
#include "modbus_line.h"

enum { EVSE, UNIT, YES, FORCE, TIMEOUT, FRAMING, BAUD, PARITY, STOP_BITS };

const struct cli_option probe_options[] = {
    [EVSE] = { "evse", "N", "of a station with several (default 1)", 0 },
    [UNIT] = { "unit", "N", "Modbus unit id (default: the charger's; without a station 1)", 0 },
    [YES] = { "yes", NULL, "write; without it is only told what would be written", 0 },
    [FORCE] = { "force", NULL,
                "write also what starts a device, what setup or keepalive write, or what is kept in flash",
                0 },
    [TIMEOUT] = { "timeout", "TIME", "without a station: of an answer (default 1s)", 0 },
    [FRAMING] = { "framing", "tcp|rtu|ascii", "without a station: of a connection", 0 },
    [BAUD] = { "baud", "RATE", "without a station: of a serial line (default 9600)", 0 },
    [PARITY] = { "parity", "none|even|odd", "without a station: of a serial line", 0 },
    [STOP_BITS] = { "stop-bits", "1|2", "without a station: of a serial line", 0 },
    { 0 },
};

/* What stands after read or write. */
struct wish {
    bool writes, is_address;
    const char *point, *kind;
    enum modbus_kind modbus_kind;
    uint16_t address, count;
    uint16_t words[MODBUS_MAX_WRITE_WORDS];
    const char *value; /* of a point */
    int64_t epc;       /* 0: none */
    const char *data;  /* to be set, hexadecimal */
};

static int complain(const char *text, const char *expected)
{
    (void)fprintf(stderr, "ocpp-cli: %s: expected %s\n", text, expected);
    return -EINVAL;
}

static int read_words(struct wish *w, int argc, char **argv)
{
    int64_t word = 0;
    if (argc < 1 || argc > MODBUS_MAX_WRITE_WORDS)
        return complain("write", "1 to 123 values");
    for (int i = 0; i < argc; i++) {
        if (str_to_int(argv[i], 0, 0xFFFF, &word) < 0)
            return complain(argv[i], "a register's value from 0 to 65535, or 0x0000 to 0xFFFF");
        w->words[i] = (uint16_t)word;
    }
    w->count = (uint16_t)argc;
    return 0;
}

static int read_epc(struct wish *w, int argc, char **argv)
{
    uint8_t data[UINT8_MAX];
    if (str_to_int(argv[0], 0x80, 0xFF, &w->epc) < 0)
        return complain(argv[0], "an EPC from 0x80 to 0xFF");
    if (argc != (w->writes ? 2 : 1))
        return complain("epc", w->writes ? "an EPC and what is to be set" : "one EPC");
    w->data = w->writes ? argv[1] : NULL;
    if (w->data && hex_decode(w->data, data, sizeof(data)) < 1)
        return complain(w->data, "1 to 255 bytes in hexadecimal digits, such as 30 or 000A");
    return 0;
}

/* read POINT | read KIND ADDRESS [COUNT] | read epc EPC | write POINT VALUE | write KIND ADDRESS WORD... | write epc EPC HEX */
static int read_wish(int argc, char **argv, struct wish *ret)
{
    int64_t count = 1;
    *ret = (struct wish){ .count = 1 };
    ret->writes = str_equal(argv[0], "write");
    if (!ret->writes && !str_equal(argv[0], "read"))
        return complain(argv[0], "read or write");
    if (argc > 2 && modbus_address_read(argv[1], argv[2], &ret->modbus_kind, &ret->address) == 0) {
        ret->is_address = true;
        ret->kind = argv[1];
        if (ret->writes)
            return read_words(ret, argc - 3, argv + 3);
        if (argc > 4 || (argc == 4 && str_to_int(argv[3], 1, 125, &count) < 0))
            return complain(argv[argc - 1], "how many, from 1 to 125");
        ret->count = (uint16_t)count;
        return 0;
    }
    if (argc > 2 && str_equal(argv[1], "epc"))
        return read_epc(ret, argc - 2, argv + 2);
    ret->point = argv[1];
    ret->value = ret->writes && argc == 3 ? argv[2] : NULL;
    if ((ret->writes && !ret->value) || (!ret->writes && argc != 2))
        return complain(argv[1], "a point of the profile (and a value), or such as holding 1000 or epc 0xDA");
    return 0;
}

/* ---- through the daemon ---- */

static json_t *request_of(const struct cli *cli, const struct wish *w)
{
    int64_t evse = 1, unit = 0;
    double number = 0;
    json_t *request = json_pack("{s:b, s:b, s:b}", "write", w->writes, "confirmed", cli->values[YES] != NULL,
                                "force", cli->values[FORCE] != NULL);
    if (cli->values[EVSE] && str_to_int(cli->values[EVSE], 1, 1000, &evse) == 0)
        (void)json_set_optional(request, "evse", json_integer(evse));
    if (cli->values[UNIT] && str_to_int(cli->values[UNIT], 0, 255, &unit) == 0)
        (void)json_set_optional(request, "unit", json_integer(unit));
    if (w->point)
        (void)json_set_text(request, "point", w->point);
    if (w->value)
        (void)json_set_optional(request, "value",
                                str_to_double(w->value, &number) == 0 ? json_real(number)
                                                                      : json_string(w->value));
    if (w->epc)
        (void)json_set_optional(request, "epc", json_integer(w->epc));
    if (w->data)
        (void)json_set_text(request, "data", w->data);
    if (!w->is_address)
        return request;
    json_t *words = json_array();
    for (size_t i = 0; i < w->count && w->writes; i++)
        (void)json_array_append_new(words, json_integer(w->words[i]));
    (void)json_set_text(request, "kind", w->kind);
    (void)json_set_optional(request, "address", json_integer(w->address));
    (void)json_set_optional(request, "count", json_integer(w->count));
    (void)json_set_optional(request, "words", words);
    return request;
}

static void show_raw(const char *what, const char *hex, bool is_bits)
{
    uint8_t data[MODBUS_MAX_PDU];
    int len = hex_decode(hex, data, sizeof(data));
    (void)printf("%s: %s\n", what, *hex ? hex : "not known");
    if (len > 0 && len % 2 == 0 && !is_bits)
        modbus_print_words(data, (size_t)len / 2);
}

static void show_answer(const json_t *answer, const struct wish *w)
{
    bool is_bits = w->epc || (w->is_address && w->modbus_kind <= MODBUS_DISCRETE); /* no words */
    const json_t *value = json_object_get(answer, "value");
    if (json_object_get(answer, "point"))
        (void)printf("%s (%s)\n", json_get_string(answer, "point", ""), json_get_string(answer, "at", "?"));
    else if (w->epc)
        (void)printf("%s\n", json_get_string(answer, "at", "?"));
    if (json_is_number(value))
        (void)printf("value: %.10g %s\n", json_number_value(value),
                     json_get_string(answer, "unit_of_value", ""));
    else if (json_is_string(value))
        (void)printf("value: \"%s\"\n", json_string_value(value));
    if (json_get_bool(answer, "written", false))
        show_raw("before", json_get_string(answer, "before", ""), is_bits);
    if (json_object_get(answer, "raw") || !value)
        show_raw(json_get_bool(answer, "written", false) ? "now" : "raw", json_get_string(answer, "raw", ""),
                 is_bits);
}

static int probe_station(const struct cli *cli, const char *station, const struct wish *w)
{
    AUTO_FREE char *path = api_path("/stations/%s/probe", station);
    AUTO(json_t) *answer = api_ask(cli, "POST", path, request_of(cli, w));
    if (!answer)
        return EXIT_FAILURE;
    if (cli->json)
        cli_print_json(answer);
    else
        show_answer(answer, w);
    if (!w->writes || cli->values[YES])
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "ocpp-cli: nothing was written; that is what it holds now. --yes writes\n");
    return EXIT_FAILURE;
}

/* ---- without a daemon ---- */

static struct modbus_request modbus_of(const struct wish *w, bool writes, uint8_t *data)
{
    static const uint8_t reads[] = { MODBUS_READ_COILS, MODBUS_READ_DISCRETE, MODBUS_READ_INPUT,
                                     MODBUS_READ_HOLDING };
    struct modbus_request request = { .function = reads[w->modbus_kind],
                                      .address = w->address,
                                      .count = w->count };
    if (!writes)
        return request;
    bool is_coil = w->modbus_kind == MODBUS_COIL;
    request.function = is_coil ? (w->count > 1 ? MODBUS_WRITE_COILS : MODBUS_WRITE_COIL)
                               : (w->count > 1 ? MODBUS_WRITE_REGISTERS : MODBUS_WRITE_REGISTER);
    memset(data, 0, MODBUS_MAX_PDU);
    for (size_t i = 0; i < w->count; i++) {
        if (is_coil)
            data[i / 8] |= (uint8_t)((w->words[i] & 1) << i % 8);
        else {
            data[2 * i] = (uint8_t)(w->words[i] >> 8);
            data[2 * i + 1] = (uint8_t)w->words[i];
        }
    }
    request.data = data;
    request.data_len = is_coil ? (w->count + 7u) / 8u : 2u * w->count;
    return request;
}

static int fail(const struct modbus_line *line, int err)
{
    if (err == -ERR_DEVICE_EXCEPTION)
        (void)fprintf(stderr, "ocpp-cli: the device answers with exception %d (%s)\n", line->exception,
                      modbus_exception_name(line->exception));
    else
        (void)fprintf(stderr, "ocpp-cli: %s\n", err_text(err));
    return EXIT_FAILURE;
}

static void show_line(const struct cli *cli, const struct modbus_line *line, const struct wish *w)
{
    char hex[2 * MODBUS_MAX_PDU + 1];
    hex_encode(line->data, line->len, hex, sizeof(hex));
    if (cli->json) {
        AUTO(json_t) *json = json_pack("{s:b, s:s}", "ok", 1, "raw", hex);
        cli_print_json(json);
    } else {
        show_raw("raw", hex, w->modbus_kind <= MODBUS_DISCRETE);
    }
}

static int probe_line(const struct cli *cli, struct modbus_line *line, int unit, const struct wish *w)
{
    uint8_t data[MODBUS_MAX_PDU];
    bool is_writable = w->modbus_kind == MODBUS_COIL || w->modbus_kind == MODBUS_HOLDING;
    struct modbus_request request = modbus_of(w, false, data);
    if (w->writes && !is_writable)
        return fail(line, -EINVAL);
    int r = modbus_line_ask(line, unit, &request);
    if (r < 0 && !w->writes)
        return fail(line, r);
    if (r == 0)
        show_line(cli, line, w);
    if (!w->writes)
        return EXIT_SUCCESS;
    if (!cli->values[YES]) {
        (void)fprintf(stderr, "ocpp-cli: nothing was written; %s. --yes writes\n",
                      r == 0 ? "that is what it holds now" : "what it holds now cannot be read");
        return EXIT_FAILURE;
    }
    request = modbus_of(w, true, data);
    r = modbus_line_ask(line, unit, &request);
    if (r < 0)
        return fail(line, r);
    request = modbus_of(w, false, data);
    (void)printf("written\n");
    if (modbus_line_ask(line, unit, &request) == 0)
        show_line(cli, line, w);
    return EXIT_SUCCESS;
}

static int probe_target(const struct cli *cli, const char *text, const struct wish *w)
{
    const struct modbus_words words = { cli->values[FRAMING],   cli->values[BAUD],    cli->values[PARITY],
                                        cli->values[STOP_BITS], cli->values[TIMEOUT], NULL };
    struct modbus_target target;
    struct modbus_line line;
    int64_t unit = 1;
    if (!w->is_address)
        return complain(w->point ? w->point : "epc",
                        "an address such as holding 1000, where no station is named") < 0
                   ? EXIT_USAGE
                   : 0;
    if (cli->values[UNIT] && str_to_int(cli->values[UNIT], 0, 255, &unit) < 0)
        return complain(cli->values[UNIT], "a unit id from 0 to 255") < 0 ? EXIT_USAGE : 0;
    if (modbus_target_read(text, &words, &target) < 0)
        return EXIT_USAGE;
    int r = modbus_line_open(&line, &target);
    int result = EXIT_FAILURE;
    if (r < 0)
        (void)fprintf(stderr, "ocpp-cli: %s cannot be opened: %s%s\n", text, err_text(r),
                      r == -EBUSY ? " (is it the gateway's? then name the station)" : "");
    else
        result = probe_line(cli, &line, (int)unit, w);
    modbus_line_close(&line);
    return result;
}

/* A path, an address or a name with dots or a port is no identity that anyone would give a station. */
static bool is_target(const char *text)
{
    return text[0] == '/' || strchr(text, ':') || strchr(text, '.') || str_equal(text, "localhost");
}

int run_probe(const struct cli *cli, int argc, char **argv)
{
    struct wish wish;
    if (read_wish(argc - 1, argv + 1, &wish) < 0)
        return EXIT_USAGE;
    return is_target(argv[0]) ? probe_target(cli, argv[0], &wish) : probe_station(cli, argv[0], &wish);
}
