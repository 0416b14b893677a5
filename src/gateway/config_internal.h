/* What the readers of gateway.yaml share: config.c (the file, CSMSs, stations) and config_devices.c (buses, chargers). */
#ifndef GATEWAY_CONFIG_INTERNAL_H
#define GATEWAY_CONFIG_INTERNAL_H

#include "base/yaml.h"
#include "gateway/config.h"

struct parse {
    const struct yaml *y;
    struct problems *problems;
    struct config *config;
    size_t problems_before; /* that were not ours */
};

/* Appends the subtree (NULL: nothing) as text: what fingerprints are made of. */
void config_dump(const struct yaml_node *node, struct buf *out);

/* A relative path starts at the configuration file, not where the program happens to run. Takes `*path`, gives it back whole. */
int config_resolve_path(const struct parse *p, char **path);
/* Of gateway.firmware; NULL node: its defaults. 0, -EINVAL (told) or -ENOMEM. */
int config_read_firmware(struct parse *p, const struct yaml_node *node);
void config_free_firmware(struct firmware_config *firmware);

/* Each 0, -EINVAL (told) or -ENOMEM. A bus or charger that was told wrong stays in the list, so that what names it is not
 * wrong, too. */
int config_read_bus(struct parse *p, const struct yaml_node *node, struct bus_config *bus);
/* After the stations: lines get what neither their entry nor a profile said, and are checked. 0 or -ENOMEM. */
int config_finish_buses(struct parse *p);
int config_read_echonet(struct parse *p, const struct yaml_node *node);
int config_read_ocpp16(struct parse *p, const struct yaml_node *node);
void config_free_ocpp16(struct ocpp16_config *ocpp16);
int config_read_management(struct parse *p, const struct yaml_node *node);
void config_free_management(struct management_config *management);
/* Reads a PEM file by the path as written, which is resolved; it is put into `ret`, the caller's. 0, -EINVAL (told) or -ENOMEM. */
int config_read_pem(struct parse *p, const struct yaml_node *node, char **path, char **ret);
/* An OCPP 1.6 charger under `chargers`. */
int config_read_ocpp16_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger);
/* host[:port] into its parts; an IPv6 literal stands in brackets. 0 or -EINVAL. */
int config_split_host(const char *text, uint16_t default_port, char *ret_host, size_t size,
                      uint16_t *ret_port);
/* The password in the file, whole line by line: its first. 0, -EINVAL (told) or -ENOMEM. */
int config_read_password_file(struct parse *p, const struct yaml_node *node, char **path, char **ret);
/* Appends what the device's bus, node or server was made from: it changes with it. */
void config_dump_medium(const struct config *config, const struct charger_config *device, struct buf *out);
int config_read_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger);
/* A device under `meters`. */
int config_read_meter(struct parse *p, const struct yaml_node *node, struct meter_config *meter);
/* After meters and stations. */
int config_read_limit(struct parse *p, const struct yaml_node *node, struct limit_config *limit);
/* What changes with any of them. 0 or -ENOMEM. */
int config_limits_fingerprint(struct parse *p);
void config_free_limits(struct config *config);
void config_free_charger(struct charger_config *charger);
/* Devices that two entries name, and serial ports that two buses do; after all were read. */
int config_find_twins(struct parse *p);

#endif
