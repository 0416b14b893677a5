/* Tables and lines for people. */
#include "display.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "ocpp/summary.h"

#define LEFT_WIDTH 92 /* of the OCPP column */

static void show_transaction(const json_t *transaction)
{
    char started[TIMESTAMP_SIZE];
    timestamp_format(json_get_int(transaction, "started_ms", 0), started);
    (void)printf("             transaction %s since %s, token %s, %s, %.0f Wh\n",
                 json_get_string(transaction, "id", "?"), started,
                 json_get_string(json_object_get(transaction, "idToken"), "idToken", "-"),
                 json_get_string(transaction, "chargingState", "?"),
                 json_get_number(transaction, "energy_Wh", 0));
}

/* A measured value, where the device gives it. */
static void show_measure(const json_t *measured, const char *name, const char *unit)
{
    if (json_object_get(measured, name))
        (void)printf("  %.6g %s", json_get_number(measured, name, 0), unit);
}

/* What the driver sees; the CSMS wrote it. */
static void show_screen(const json_t *display)
{
    char text[600];
    (void)str_copy(text, sizeof(text), json_get_string(display, "text", ""));
    str_make_harmless(text);
    if (*json_get_string(display, "priority", ""))
        (void)printf("             display \"%s\", %s\n", text, json_get_string(display, "priority", ""));
}

static void show_evse(const json_t *evse)
{
    const json_t *device = json_object_get(evse, "device"), *measured = json_object_get(device, "measured");
    (void)printf("    evse %-3lld %-12s device %s%s", (long long)json_get_int(evse, "id", 0),
                 json_get_string(evse, "status", "?"),
                 json_get_bool(device, "online", false) ? json_get_string(device, "state", "?") : "SILENT",
                 json_get_bool(device, "locked", false) ? ", locked" : "");
    if (json_get_bool(device, "lock_failed", false))
        (void)printf(", LOCK FAILED");
    if (json_object_get(device, "fault"))
        (void)printf(", fault %s", json_get_string(device, "fault", "?"));
    show_measure(measured, "power_import", "W");
    show_measure(measured, "energy_import", "Wh");
    if (json_object_get(evse, "limit_A"))
        (void)printf("  limit %g A", json_get_number(evse, "limit_A", 0));
    if (json_object_get(evse, "limit_by"))
        (void)printf(" (%s)", json_get_string(evse, "limit_by", "?"));
    (void)putchar('\n');
    if (json_is_object(json_object_get(evse, "transaction")))
        show_transaction(json_object_get(evse, "transaction"));
    show_screen(json_object_get(evse, "display"));
}

static void show_reservation(const json_t *reservation)
{
    const char *type = json_get_string(reservation, "connectorType", NULL);
    (void)printf("    reservation %lld of ", (long long)json_get_int(reservation, "id", 0));
    if (json_object_get(reservation, "evse"))
        (void)printf("evse %lld", (long long)json_get_int(reservation, "evse", 0));
    else
        (void)printf("any evse");
    (void)printf("%s%s until %s\n", type ? " with " : "", type ? type : "",
                 json_get_string(reservation, "expires", "?"));
}

static void show_security(const json_t *station)
{
    const json_t *network = json_object_get(station, "network"),
                 *own = json_object_get(station, "certificate");
    (void)printf(", security profile %lld", (long long)json_get_int(network, "security_profile", 0));
    if (json_get_int(network, "slot", 1) != 1)
        (void)printf(" at %s", json_get_string(network, "url", "?"));
    if (own)
        (void)printf(", certificate until %.10s", json_get_string(own, "valid_until", "?"));
    const char *ocsp = json_get_string(own, "ocsp", "good");
    if (strcmp(ocsp, "good") != 0)
        (void)printf(" (%s)", ocsp);
}

static void show_external_limit(const json_t *limit)
{
    char where[24] = "station";
    if (json_get_int(limit, "evse", 0))
        (void)snprintf(where, sizeof(where), "evse %lld", (long long)json_get_int(limit, "evse", 0));
    (void)printf("    %-8s limited to %g %s by %s", where, json_get_number(limit, "limit", 0),
                 json_get_string(limit, "unit", "?"), json_get_string(limit, "source", "?"));
    if (json_object_get(limit, "until"))
        (void)printf(" until %s", json_get_string(limit, "until", "?"));
    (void)putchar('\n');
}

static void show_hazard(const json_t *charger)
{
    const char *hazard = json_get_string(charger, "hazard", "");
    if (*hazard)
        (void)printf("    hazard: %s\n", hazard);
}

void display_station(const json_t *station)
{
    size_t index;
    json_t *item;
    const char *error = json_get_string(station, "link_error", NULL);
    (void)printf("%-24s csms %s: link %s%s%s%s, registration %s", json_get_string(station, "id", "?"),
                 json_get_string(station, "csms", "?"), json_get_string(station, "link", "?"),
                 error ? " (" : "", error ? error : "", error ? ")" : "",
                 json_get_string(station, "registration", "?"));
    show_security(station);
    if (json_get_int(station, "events_waiting", 0) + json_get_int(station, "messages_waiting", 0) > 0)
        (void)printf(", waiting: %lld events, %lld messages",
                     (long long)json_get_int(station, "events_waiting", 0),
                     (long long)json_get_int(station, "messages_waiting", 0));
    (void)putchar('\n');
    json_array_foreach(json_object_get(station, "external_limits"), index, item) show_external_limit(item);
    json_array_foreach(json_object_get(station, "evses"), index, item) show_evse(item);
    json_array_foreach(json_object_get(station, "reservations"), index, item) show_reservation(item);
    json_array_foreach(json_object_get(station, "chargers"), index, item) show_hazard(item);
}

void display_status(const json_t *status)
{
    size_t index;
    json_t *item;
    (void)printf("ocpp-gateway %s, up %lld s, configuration %s\n\n", json_get_string(status, "version", "?"),
                 (long long)json_get_int(status, "uptimeSeconds", 0),
                 json_get_string(status, "configuration", "?"));
    json_array_foreach(json_object_get(status, "stations"), index, item) display_station(item);
    json_array_foreach(json_object_get(status, "external_limits"), index, item)(void)
        printf("limit of meter %s: %g %s%s\n", json_get_string(item, "meter", "?"),
               json_number_value(json_object_get(item, "limit")), json_get_string(item, "unit", "?"),
               json_is_true(json_object_get(item, "silent")) ? ", as it says nothing" : "");
    (void)printf("\n%-28s %10s %10s %9s %10s %10s %6s\n", "bus", "requests", "answers", "timeouts",
                 "exceptions", "bad frames", "late");
    json_array_foreach(json_object_get(status, "buses"), index, item)(void) printf(
        "%-28s %10lld %10lld %9lld %10lld %10lld %6lld\n", json_get_string(item, "name", "?"),
        (long long)json_get_int(item, "requests", 0), (long long)json_get_int(item, "answers", 0),
        (long long)json_get_int(item, "timeouts", 0), (long long)json_get_int(item, "exceptions", 0),
        (long long)json_get_int(item, "badFrames", 0), (long long)json_get_int(item, "lateAnswers", 0));
}

void display_watch_header(void)
{
    (void)printf("%-8s %-*s | %s\n", "time", LEFT_WIDTH, "OCPP  (> to the CSMS, < from it)", "device");
}

void display_watch(const json_t *event)
{
    char clock[16] = "", text[400];
    struct tm parts;
    time_t now = time(NULL);
    if (localtime_r(&now, &parts))
        (void)strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
    const char *station = json_get_string(event, "station", "?");
    if (strcmp(json_get_string(event, "event", ""), "frame") == 0) {
        char summary[300];
        frame_summary(json_object_get(event, "frame"), summary, sizeof(summary));
        (void)snprintf(text, sizeof(text), "%s %s %s", station,
                       json_get_bool(event, "outgoing", false) ? ">" : "<", summary);
        (void)printf("%-8s %-*.*s |\n", clock, LEFT_WIDTH, LEFT_WIDTH, text);
        return;
    }
    const json_t *value = json_object_get(event, "value");
    if (json_is_string(value))
        (void)snprintf(text, sizeof(text), "\"%s\"", json_string_value(value));
    else
        (void)snprintf(text, sizeof(text), "%g", json_number_value(value));
    (void)printf("%-8s %-*s | %s.%lld %s = %s (%s)\n", clock, LEFT_WIDTH, "", station,
                 (long long)json_get_int(event, "evse", 0), json_get_string(event, "point", "?"), text,
                 json_get_string(event, "result", ""));
}
