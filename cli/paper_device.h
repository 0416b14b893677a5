/* A device on paper: its registers or properties hold what a file of test cases says, it answers at once, and takes every write. Registers
 * nobody gave a content are refused, as a device refuses what it does not have. */
#ifndef CLI_PAPER_DEVICE_H
#define CLI_PAPER_DEVICE_H

#include "base/buf.h"
#include "base/timer.h"
#include "base/yaml.h"
#include "charger/charger.h"

/* Whose charger hears of it; both borrowed. NULL without memory. */
struct device *paper_device_new(const struct profile *profile, struct timers *timers);
extern const struct device_ops paper_device_ops; /* with free */
void paper_device_set_charger(struct device *device, struct charger *charger);

/* Fills it from a map: a point's name and its value, or an address (`holding 300: [1, 2]`, `coil 5: 1`, `epc 0xDA: "42"`) and its raw
 * content. -EINVAL: problems appended. */
int paper_device_fill(struct device *device, const struct yaml *y, const struct yaml_node *map,
                      struct problems *problems);
/* It comes online, or: all that can be read is told anew. */
void paper_device_go_online(struct device *device);
void paper_device_tell(struct device *device);

/* What the next first write makes the device become: a map as above, or NULL. Borrowed. */
void paper_device_react(struct device *device, const struct yaml *y, const struct yaml_node *map,
                        struct problems *problems);

#endif
