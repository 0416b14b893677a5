/* Settings as tables: one row holds name, type, bounds, default, place and help of a key in gateway.yaml. The parser, its messages and
 * the reference (`ocpp-gateway --settings`, docs/configuration.md) all read the same row. */
#ifndef GATEWAY_SETTINGS_H
#define GATEWAY_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/yaml.h"

enum setting_type {
    SETTING_TEXT,     /* char *, heap; NULL if absent and without default */
    SETTING_LINE,     /* char[max] inside the object */
    SETTING_INT,      /* int */
    SETTING_INT64,    /* int64_t */
    SETTING_SIZE,     /* size_t */
    SETTING_BOOL,     /* bool */
    SETTING_NUMBER,   /* double */
    SETTING_DURATION, /* int64_t, milliseconds */
    SETTING_ENUM,     /* int: index into `names` */
    SETTING_OTHER,    /* read by code of its own; the row is for the key check and the reference */
};

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;
    double min, max;      /* SETTING_LINE: max is the size */
    const char *fallback; /* default as one would write it; NULL: absent stays as the object was */
    bool required;
    const char *const *names; /* SETTING_ENUM */
    const char *help;
};

struct settings_section {
    const char *title;          /* as in the file: "csms.NAME" */
    const struct setting *rows; /* ends with a row whose name is NULL */
    const char *help;
};

/* Reads the map `node` (NULL: as if empty) into `object`; every wrong, unknown or missing key is a problem. 0, -EINVAL, -ENOMEM. */
int settings_read(const struct yaml *y, const struct yaml_node *node, const struct setting *rows,
                  void *object, struct problems *problems);
/* A Markdown table of the section. */
void settings_reference(const struct settings_section *section, struct buf *out);

#endif
