/* Who may charge and who may connect: a YAML file.
 *
 *     tokens:
 *       - { id: 04A2B3C4, type: ISO14443, status: Accepted, group: fleet }
 *     accept_unknown: false     # whether tokens not listed are Accepted
 *     passwords: { CS001: "..." }  # stations listed here must give it; others may connect without */
#ifndef CSMS_TOKENS_H
#define CSMS_TOKENS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/problems.h"

struct tokens;

/* path NULL: no tokens, all unknown ones Accepted. 0, -EINVAL (see problems), -ENOMEM. */
int tokens_load(const char *path, struct problems *problems, struct tokens **ret);
void tokens_free(struct tokens *tokens);

bool tokens_may_connect(const struct tokens *tokens, const char *station, const char *user,
                        const char *password);
/* idTokenInfo for an OCPP IdTokenType: new reference. */
json_t *tokens_info(const struct tokens *tokens, const json_t *id_token);

#endif
