/* Changes of stations, buses and CSMS connections in the text of gateway.yaml. Comments, order and formatting of all else stay; an entry that is replaced keeps
 * them too, where its keys stay.
 *
 * What comes out was parsed again and compared: the entry says what was asked for, everything else what it said. Where the text is written in a
 * way that no such change could be made of, it is refused, with what to do by hand. Whether the configuration is good is config_parse()'s to say.
 *
 * Each 0 and the new text, the caller's; else a problem was added for file "gateway.yaml": -EINVAL, -ENOENT (no such entry), -EEXIST (there
 * is one); or -ENOMEM. */
#ifndef GATEWAY_CONFIG_EDIT_H
#define GATEWAY_CONFIG_EDIT_H

#include <jansson.h>

#include "base/problems.h"

/* Entries are objects with the keys of the file; members that are null are none. The new one is the last. */
int config_edit_add_station(const char *text, const json_t *entry, struct problems *problems, char **ret);
/* A password "***" in the entry is the one that it had. The id may change. */
int config_edit_replace_station(const char *text, const char *id, const json_t *entry,
                                struct problems *problems, char **ret);
int config_edit_remove_station(const char *text, const char *id, struct problems *problems, char **ret);
/* The entry of this name in a section that is a map, such as "buses" or "csms": added, replaced, or removed (NULL). A text is a setting of its own, such as
 * "listen" of "ocpp16". */
int config_edit_named(const char *text, const char *section, const char *name, const json_t *entry,
                      struct problems *problems, char **ret);

/* The same of one that there is not yet. */
int config_edit_add_named(const char *text, const char *section, const char *name, const json_t *entry,
                          struct problems *problems, char **ret);

/* The entry as JSON, passwords in it as "***": what may be given to config_edit_replace_station(). New reference. */
int config_edit_station(const char *text, const char *id, struct problems *problems, json_t **ret);
/* The same of all: {id: the JSON as text}; null where two have the id. */
int config_edit_entries(const char *text, struct problems *problems, json_t **ret);
/* The same of an entry of "buses" or "csms". */
int config_edit_entry(const char *text, const char *section, const char *name, struct problems *problems,
                      json_t **ret);

#endif
