/* The device profiles a configuration names: found in its directories, loaded once each. */
#ifndef GATEWAY_CONFIG_PROFILES_H
#define GATEWAY_CONFIG_PROFILES_H

#include "base/yaml.h"
#include "gateway/config.h"

/* The profile named by a scalar; loads it at first use. 0, -EINVAL (problems appended), -ENOMEM. */
int config_find_profile(struct config *config, const struct yaml *y, const struct yaml_node *node,
                        struct problems *problems, const struct profile **ret);
const char *config_profile_text(const struct config *config, const struct profile *profile);
void config_free_profiles(struct config *config);

#endif
