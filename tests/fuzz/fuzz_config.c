/* gateway.yaml from any bytes: a configuration in which every reference leads somewhere, or problems in order. There are no profiles
 * to be found, so what is behind a profile's name belongs to fuzz_profile. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gateway/config.h"

static void check(const struct config *c)
{
    assert(c->general.state_directory && c->general.control_socket && c->general.profiles);
    for (size_t i = 0; i < c->csms_count; i++)
        assert(c->csms[i].url && c->csms[i].name[0] != '\0');
    for (size_t i = 0; i < c->bus_count; i++)
        assert(c->buses[i].fingerprint);
    for (size_t i = 0; i < c->station_count; i++) {
        const struct station_config *s = &c->stations[i];
        assert(s->id[0] && s->fingerprint && s->csms >= 0 && (size_t)s->csms < c->csms_count);
        assert(s->charger_count > 0 && s->evse_count > 0);
    }
    for (size_t i = 0; i < c->limit_count; i++)
        assert(c->limits[i].meter >= 0 && (size_t)c->limits[i].meter < c->meter_count && c->limits[i].value &&
               c->limits[i].station_count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    int r = config_parse("/nowhere/gateway.yaml", (const char *)data, size, &problems, &config);
    assert((r == 0) == (config != NULL) && (r == 0) == (problems.total == 0));
    if (config)
        check(config);
    for (size_t i = 1; i < problems.count; i++) /* by line; all are of this file */
        assert(problems.list[i - 1].line <= problems.list[i].line);
    config_free(config);
    problems_done(&problems);
    return 0;
}
