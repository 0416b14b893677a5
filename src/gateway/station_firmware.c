/* Slots as the configuration has them. */
#include "gateway/station_firmware.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define IDLE_TIMEOUT_MS 60000 /* of a server that says nothing */

struct station_firmware {
    struct firmware_slot *own; /* of the devices; NULL: the gateway's */
    struct firmware_member *member;
    char **places; /* address and unit of each device with a hook, for the runs of `own` */
    size_t place_count;
};

static void restart(void *ctx)
{
    loop_stop(&((struct gateway *)ctx)->loop);
}

/* All but path and runs. */
static struct firmware_slot_settings usual_settings(struct gateway *gateway)
{
    const struct firmware_config *f = &gateway->config->firmware;
    return (struct firmware_slot_settings){
        .loop = &gateway->loop,
        .transfers = gateway->transfers,
        .hook_timeout_ms = f->timeout_ms,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .max_bytes = f->max_bytes,
        .ca_pem = f->ca_pem,
        .crl_pem = f->crl_pem,
        .restart = restart,
        .ctx = gateway,
    };
}

/* What the first update would stumble over is told at the start. */
static void warn_if_no_program(const char *program)
{
    if (access(program, X_OK) < 0)
        log_warn(LOG_GATEWAY, "the hook that installs firmware cannot be run: program=%s error=\"%s\"",
                 program, err_text(-errno));
}

static void warn_if_useless(const struct firmware_config *f)
{
    AUTO_FREE char *copy = strdup(f->slot);
    const char *directory = copy ? dirname(copy) : "/";
    struct stat status;
    if (stat(f->slot, &status) == 0 && !S_ISREG(status.st_mode))
        log_warn(LOG_GATEWAY, "firmware could not be put there, it is no plain file: slot=%s", f->slot);
    if (access(directory, W_OK | X_OK) < 0)
        log_warn(LOG_GATEWAY, "firmware could not be put there: slot=%s error=\"%s\"", f->slot,
                 err_text(-errno));
    warn_if_no_program(f->hook[0]);
}

int gateway_firmware_new(struct gateway *gateway, struct firmware_slot **ret)
{
    const struct firmware_config *f = &gateway->config->firmware;
    if (!f->slot)
        return 0;
    warn_if_useless(f);
    struct firmware_slot_settings settings = usual_settings(gateway);
    settings.path = f->slot;
    settings.runs[0] = (struct firmware_run){ .hook = (const char *const *)f->hook };
    settings.run_count = 1;
    *ret = firmware_slot_new(&settings);
    return *ret ? 0 : -ENOMEM;
}

/* Where the hook finds the device: host:port, serial port, IPv4 address, ECHONET Lite node id or identity of OCPP 1.6; and the number there. */
static int name_device(const struct config *config, const struct charger_config *charger, char **ret_address,
                       char **ret_unit)
{
    const char *address = charger->tcp        ? charger->tcp
                          : charger->host     ? charger->host
                          : charger->node_id  ? charger->node_id
                          : charger->identity ? charger->identity
                                              : "";
    if (charger->bus >= 0 && !charger->tcp) {
        const struct bus_config *bus = &config->buses[charger->bus];
        address = bus->tcp ? bus->tcp : bus->settings.line.path;
    }
    *ret_address = strdup(address);
    int n = asprintf(ret_unit, "%d", charger->bus >= 0 ? charger->unit : charger->instance);
    if (n < 0)
        *ret_unit = NULL;
    return *ret_address && n >= 0 ? 0 : -ENOMEM;
}

/* A slot of its own, in the state directory; stays NULL if no device has a hook. */
static int make_own(struct station_firmware *f, struct gateway *gateway, const struct station_config *config)
{
    struct firmware_slot_settings settings = usual_settings(gateway);
    size_t count = 0;
    for (size_t i = 0; i < config->charger_count; i++)
        count += config->chargers[i].profile->firmware_hook != NULL;
    if (count == 0)
        return 0;
    f->places = calloc(2 * count, sizeof(*f->places));
    if (!f->places)
        return -ENOMEM;
    for (size_t i = 0; i < config->charger_count && settings.run_count < FIRMWARE_MAX_RUNS; i++) {
        const struct charger_config *charger = &config->chargers[i];
        char **place = &f->places[f->place_count];
        if (!charger->profile->firmware_hook)
            continue;
        f->place_count += 2;
        warn_if_no_program(charger->profile->firmware_hook[0]);
        if (name_device(gateway->config, charger, &place[0], &place[1]) < 0)
            return -ENOMEM;
        settings.runs[settings.run_count++] = (struct firmware_run){
            .hook = (const char *const *)charger->profile->firmware_hook,
            .more = { place[0], place[1] },
        };
    }
    char path[512];
    if (snprintf(path, sizeof(path), "%s/firmware-%s.image", gateway->config->general.state_directory,
                 config->id) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    settings.path = path;
    f->own = firmware_slot_new(&settings);
    return f->own ? 0 : -ENOMEM;
}

int station_firmware_new(struct gateway *gateway, const struct station_config *config, firmware_done done,
                         void *ctx, struct station_firmware **ret)
{
    struct station_firmware *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    int r = make_own(f, gateway, config);
    struct firmware_slot *slot = f->own ? f->own : gateway->firmware;
    if (r == 0 && slot) {
        f->member = firmware_member_new(slot, done, ctx);
        r = f->member ? 0 : -ENOMEM;
    }
    if (r < 0 || !slot) {
        station_firmware_free(f);
        return r;
    }
    *ret = f;
    return 0;
}

void station_firmware_free(struct station_firmware *f)
{
    if (!f)
        return;
    firmware_member_free(f->member);
    firmware_slot_free(f->own);
    for (size_t i = 0; i < f->place_count; i++)
        free(f->places[i]);
    free(f->places);
    free(f);
}

struct firmware_settings station_firmware_settings(const struct station_firmware *f,
                                                   const struct gateway *gateway)
{
    const struct firmware_config *config = &gateway->config->firmware;
    return (struct firmware_settings){
        .is_possible = f != NULL,
        .takes_unsigned = config->takes_unsigned,
        .transactions = (enum firmware_meanwhile)config->transactions,
        .roots_pem = config->roots_pem,
    };
}

bool station_firmware_has_hook(const struct station_firmware *f)
{
    return f && firmware_member_has_hook(f->member);
}

int station_firmware_ask(struct station_firmware *f, const struct firmware_job *job)
{
    return f ? firmware_member_ask(f->member, job) : -ENOSYS;
}
