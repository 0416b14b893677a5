/* What stands in cells of tables: values as people read them (table.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "table.h"

/* Three digits that count, and the prefix that goes with them. */
static void scaled_text(double value, const char *unit, char *ret, size_t size)
{
    static const char *const prefixes[] = { "", "k", "M", "G" };
    size_t i = 0;
    for (; fabs(value) >= 999.5 && i + 1 < ARRAY_SIZE(prefixes); i++)
        value /= 1000;
    int decimals = i == 0 || fabs(value) >= 99.95 ? 0 : fabs(value) >= 9.995 ? 1 : 2;
    (void)snprintf(ret, size, "%.*f %s%s", decimals, value, prefixes[i], unit);
}

void power_text(double power_W, char *ret, size_t size)
{
    scaled_text(power_W, "W", ret, size);
}

void energy_text(double energy_Wh, char *ret, size_t size)
{
    scaled_text(energy_Wh, "Wh", ret, size);
}

void duration_text(long long seconds, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

void cell_text(const json_t *value, char *ret, size_t size)
{
    if (json_is_string(value))
        (void)str_copy(ret, size, json_string_value(value));
    else if (json_is_integer(value))
        (void)snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        (void)snprintf(ret, size, "%.6g", json_real_value(value));
    else if (json_is_boolean(value))
        (void)str_copy(ret, size, json_is_true(value) ? "yes" : "no");
    else if (json_is_object(value)) {
        AUTO_FREE char *text = json_to_text(value);
        (void)str_copy(ret, size, text ? text : "");
    }
}

void cell_list(const json_t *value, char *ret, size_t size)
{
    const json_t *item;
    size_t index;
    json_array_foreach(value, index, item)
    {
        char text[100] = "";
        cell_text(item, text, sizeof(text));
        (void)snprintf(ret + strlen(ret), size - strlen(ret), "%s%s", index ? ", " : "", text);
    }
}

void cell_power(const json_t *value, char *ret, size_t size)
{
    if (json_is_number(value))
        power_text(json_number_value(value), ret, size);
}

void cell_energy(const json_t *value, char *ret, size_t size)
{
    if (json_is_number(value))
        energy_text(json_number_value(value), ret, size);
}

void cell_current(const json_t *value, char *ret, size_t size)
{
    if (json_is_number(value))
        (void)snprintf(ret, size, "%.1f A", json_number_value(value));
}

void cell_time(const json_t *value, char *ret, size_t size)
{
    int64_t wall_ms = 0;
    struct tm parts;
    if (!json_is_string(value) || timestamp_parse(json_string_value(value), &wall_ms) < 0) {
        cell_text(value, ret, size);
        return;
    }
    time_t seconds = (time_t)(wall_ms / 1000);
    if (localtime_r(&seconds, &parts))
        (void)strftime(ret, size, "%Y-%m-%d %H:%M:%S", &parts);
}

void cell_duration(const json_t *value, char *ret, size_t size)
{
    if (json_is_number(value))
        duration_text((long long)json_number_value(value), ret, size);
}

void cell_yes(const json_t *value, char *ret, size_t size)
{
    (void)str_copy(ret, size, json_is_true(value) ? "yes" : "");
}
