/* Classes and properties by name (echonet_words.h). */
#include "gateway/echonet_words.h"

#include "base/cleanup.h"

struct name {
    uint8_t epc;
    const char *name;
};

static const struct name common_names[] = {
    { 0x80, "operation status" },
    { 0x81, "installation location" },
    { 0x82, "standard version" },
    { 0x83, "identification number" },
    { 0x84, "power consumption" },
    { 0x85, "energy consumption" },
    { 0x86, "manufacturer fault code" },
    { 0x87, "current limit" },
    { 0x88, "fault status" },
    { 0x89, "fault description" },
    { 0x8A, "manufacturer code" },
    { 0x8B, "business facility code" },
    { 0x8C, "product code" },
    { 0x8D, "serial number" },
    { 0x8E, "production date" },
    { 0x8F, "power saving" },
    { 0x93, "remote control" },
    { 0x97, "current time" },
    { 0x98, "current date" },
    { 0x99, "power limit" },
    { 0x9A, "operating time" },
    { 0x9D, "inf map" },
    { 0x9E, "set map" },
    { 0x9F, "get map" },
};

static const struct name charger_names[] = {
    /* 0x02A1 */
    { 0xC5, "rated charge power" },
    { 0xC7, "vehicle charge status" },
    { 0xC8, "min max charge power" },
    { 0xCA, "min max charge current" },
    { 0xCC, "charger type" },
    { 0xCD, "confirm vehicle connection" },
    { 0xCE, "battery chargeable capacity" },
    { 0xCF, "battery remaining chargeable" },
    { 0xD0, "battery used capacity 1" },
    { 0xD2, "rated voltage" },
    { 0xD3, "charge power" },
    { 0xD8, "charge energy total" },
    { 0xD9, "reset charge energy" },
    { 0xDA, "operation mode" },
    { 0xE2, "battery energy 1" },
    { 0xE4, "battery soc" },
    { 0xE6, "vehicle id" },
    { 0xE7, "charge energy target" },
    { 0xEB, "charge power setpoint" },
    { 0xED, "charge current setpoint" },
};

static const struct name v2h_names[] = {
    /* 0x027E */
    { 0x89, "fault description" },
    { 0x8C, "product code" },
    { 0xC0, "battery dischargeable capacity 1" },
    { 0xC1, "battery dischargeable capacity 2" },
    { 0xC2, "battery remaining dischargeable 1" },
    { 0xC3, "battery remaining dischargeable 2" },
    { 0xC4, "battery remaining dischargeable 3" },
    { 0xC5, "rated charge power" },
    { 0xC6, "rated discharge power" },
    { 0xC7, "vehicle charge status" },
    { 0xC8, "min max charge power" },
    { 0xC9, "min max discharge power" },
    { 0xCA, "min max charge current" },
    { 0xCB, "min max discharge current" },
    { 0xCC, "equipment type" },
    { 0xCD, "confirm vehicle connection" },
    { 0xCE, "battery chargeable capacity" },
    { 0xCF, "battery remaining chargeable" },
    { 0xD0, "battery used capacity 1" },
    { 0xD1, "battery used capacity 2" },
    { 0xD2, "rated voltage" },
    { 0xD3, "power" },
    { 0xD4, "current" },
    { 0xD5, "voltage" },
    { 0xD6, "discharge energy total" },
    { 0xD7, "reset discharge energy" },
    { 0xD8, "charge energy total" },
    { 0xD9, "reset charge energy" },
    { 0xDA, "operation mode" },
    { 0xDB, "grid connection type" },
    { 0xDC, "charging method" },
    { 0xDD, "discharging method" },
    { 0xDE, "purchase power limit" },
    { 0xDF, "reinterconnection permission" },
    { 0xE0, "power setpoint signed" },
    { 0xE1, "actual operation mode" },
    { 0xE2, "battery energy 1" },
    { 0xE3, "battery energy 2" },
    { 0xE4, "battery soc" },
    { 0xE5, "maintenance status" },
    { 0xE6, "vehicle id" },
    { 0xE7, "charge energy target 1" },
    { 0xE9, "charge energy target 2" },
    { 0xEA, "discharge energy target" },
    { 0xEB, "charge power setpoint" },
    { 0xEC, "discharge power setpoint" },
    { 0xED, "charge current setpoint" },
    { 0xEE, "discharge current setpoint" },
    { 0xEF, "rated voltage islanded" },
};

static const struct echonet_class class_names[] = {
    { 0x02, 0xA1, "EV charger", "echonet-02a1" },
    { 0x02, 0x7E, "EV charger and discharger", "echonet-027e" },
    { 0x02, 0x87, "power distribution board metering", NULL },
    { 0x02, 0x88, "smart electric energy meter", NULL },
    { 0x02, 0x8D, "smart electric energy sub-meter", NULL },
    { 0x02, 0x79, "photovoltaic power generation", NULL },
    { 0x02, 0x7D, "storage battery", NULL },
    { 0x05, 0xFF, "controller", NULL },
    { 0x0E, 0xF0, "node profile", NULL },
};

static const char *find_name(const struct name *names, size_t count, uint8_t epc)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].epc == epc)
            return names[i].name;
    return NULL;
}

const char *echonet_property_name(struct echonet_object object, uint8_t epc)
{
    const char *name = NULL;
    if (object.group == 0x02 && object.code == 0xA1)
        name = find_name(charger_names, ARRAY_SIZE(charger_names), epc);
    else if (object.group == 0x02 && object.code == 0x7E)
        name = find_name(v2h_names, ARRAY_SIZE(v2h_names), epc);
    if (!name)
        name = find_name(common_names, ARRAY_SIZE(common_names), epc);
    return name ? name : epc >= 0xF0 ? "(the maker's own)" : "(not known here)";
}

const struct echonet_class *echonet_class_of(struct echonet_object object)
{
    for (size_t i = 0; i < ARRAY_SIZE(class_names); i++)
        if (class_names[i].group == object.group && class_names[i].code == object.code)
            return &class_names[i];
    return NULL;
}
