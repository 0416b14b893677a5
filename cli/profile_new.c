/* `ocpp-cli profile new`: a file to begin with. What only the device's manual knows stands in capitals (ADDRESS, VALUE, AMPERE), and `profile check` lists these places. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "profile_commands.h"

enum { VENDOR, MODEL, PROTOCOL, EXTENDS };

const struct cli_option profile_new_options[] = {
    [VENDOR] = { "vendor", "TEXT", "who makes it", 0 },
    [MODEL] = { "model", "TEXT", "what it is called", 0 },
    [PROTOCOL] = { "protocol", "NAME", "modbus (default) or echonet", 0 },
    [EXTENDS] = { "extends", "PROFILE", "it is like this one, but for a few things", 0 },
    { 0 },
};

static const char child[] = "extends: %s\n"
                            "models: [ \"%s\" ]\n"
                            "\n"
                            "# What differs, such as one key of a point, or an entry taken away by ~:\n"
                            "# points:\n"
                            "#   max_current: { scale: 0.1 }\n"
                            "#   id_tag: ~\n";

static const char head[] = "vendor: \"%s\"\n"
                           "models: [ \"%s\" ]\n"
                           "notes: firmware it was tried with, what has to be set at the device\n";

static const char modbus[] =
    "protocol: modbus\n"
    "modbus: { unit: 1 }              # also port, baud, parity, word_order, write_function, max_words, "
    "max_gap, pause, timeout ...\n"
    "# identify: { read: input ?, equals: ? }\n"
    "\n"
    "# What the device does when it hears nothing from the gateway; and what keeps it from that.\n"
    "on_silence: { device: WHAT }\n"
    "# keepalive: { set: { watchdog: 60 }, every: 20s }\n"
    "\n"
    "points:\n"
    "  state:       { at: input ADDRESS, type: u16, every: 1s }\n"
    "  power:       { at: input ADDRESS, type: u32, unit: W, every: 2s }\n"
    "  energy:      { at: input ADDRESS, type: u32, unit: Wh, every: 5s }\n"
    "  enable:      { at: holding ADDRESS, type: u16, access: rw, every: 5s }\n"
    "  max_current: { at: holding ADDRESS, type: u16, scale: 0.1, unit: A, access: rw, every: 10s }\n";

static const char echonet[] =
    "protocol: echonet\n"
    "echonet: { class: 0x02A1 }\n"
    "\n"
    "points:\n"
    "  state:       { at: epc CODE, type: u8, every: 5s }\n"
    "  power:       { at: epc CODE, type: u32, unit: W, every: 5s }\n"
    "  energy:      { at: epc CODE, type: u32, unit: Wh, every: 10s }\n"
    "  enable:      { at: epc CODE, type: u8, access: rw, every: 5s }\n"
    "  max_current: { at: epc CODE, type: u16, scale: 0.1, unit: A, access: rw, every: 60s }\n";

static const char tail[] =
    "\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, phases: 3, max_current: AMPERE } ]\n"
    "    signals:\n"
    "      state:\n"
    "        - faulted: state == VALUE\n"
    "        - available: state == VALUE\n"
    "        - charging: state == VALUE and power > 50\n"
    "        - suspended_ev: state == VALUE\n"
    "        - suspended_evse: state == VALUE and enable == 0\n"
    "        - connected: state == VALUE\n"
    "        - unavailable: otherwise\n"
    "      energy_import: energy\n"
    "      power_import: power\n"
    "    commands:\n"
    "      start: [ { set: { enable: 1 } }, { until: enable == 1, within: 10s } ]\n"
    "      stop: [ { set: { enable: 0 } }, { until: power < 50, within: 15s } ]\n"
    "      limit: { set: { max_current: limit_A }, min: 6, step: 0.1, below_min: pause }\n";

static void write_profile(FILE *out, const char *name, const struct cli *cli, bool is_echonet)
{
    const char *vendor = cli->values[VENDOR] ? cli->values[VENDOR] : "NAME";
    const char *model = cli->values[MODEL] ? cli->values[MODEL] : "NAME";
    (void)fprintf(out,
                  "# docs/profiles.md tells what can be written here; `ocpp-cli profile check` what is still "
                  "to be filled in.\n"
                  "profile: %s\n",
                  name);
    if (cli->values[EXTENDS]) {
        (void)fprintf(out, child, cli->values[EXTENDS], model);
        return;
    }
    (void)fprintf(out, head, vendor, model);
    (void)fputs(is_echonet ? echonet : modbus, out);
    (void)fputs(tail, out);
}

static bool is_name(const char *name)
{
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
    return good > 0 && name[good] == '\0' && good <= 60;
}

static bool is_plain(const char *text)
{
    return !text || (!strpbrk(text, "\"\\\n") && utf8_length(text, strlen(text)) >= 0 &&
                     utf8_length(text, strlen(text)) <= 50);
}

int run_profile_new(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    const char *protocol = cli->values[PROTOCOL] ? cli->values[PROTOCOL] : "modbus";
    char path[80];
    const char *wrong = NULL;
    if (!is_name(argv[0]))
        wrong = "a name has up to 60 of a..z, 0..9, - and _, such as acme-one";
    else if (!str_equal(protocol, "modbus") && !str_equal(protocol, "echonet"))
        wrong = "--protocol is modbus or echonet; a charger that speaks OCPP 1.6 is --extends ocpp16";
    else if (!is_plain(cli->values[VENDOR]) || !is_plain(cli->values[MODEL]))
        wrong = "vendor and model have up to 50 characters, without quotes";
    else if (cli->values[EXTENDS] && !is_name(cli->values[EXTENDS]))
        wrong = "--extends is the name of a profile, without .yaml";
    if (wrong) {
        (void)fprintf(stderr, "ocpp-cli: %s\n", wrong);
        return EXIT_USAGE;
    }
    (void)snprintf(path, sizeof(path), "%s.yaml", argv[0]);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) {
        (void)fprintf(stderr, "ocpp-cli: %s: %s\n", path,
                      errno == EEXIST ? "is there already, and stays as it is" : strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return EXIT_FAILURE;
    }
    write_profile(out, argv[0], cli, str_equal(protocol, "echonet"));
    bool written = !ferror(out);
    if (fclose(out) != 0 || !written) {
        (void)fprintf(stderr, "ocpp-cli: %s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    (void)printf("%s: written; fill in what stands in capitals, then: ocpp-cli profile check %s\n", path,
                 path);
    return EXIT_SUCCESS;
}
