#include "station/known_token.h"

#include "station/internal.h"

static struct known_token find(struct station *s, const struct id_token *token, bool is_presented)
{
    if (variable_bool(s, VAR_LOCAL_LIST_ENABLED)) {
        const struct list_entry *entry = local_list_find(s, token);
        if (entry)
            return (struct known_token){
                .is_known = true,
                .listed = entry,
                .is_expired = entry->expires_ms >= 0 && station_wall_ms(s) > entry->expires_ms,
                .status = (enum authorization_status)entry->status,
                .group = entry->group[0] ? entry->group : NULL,
                .evses = entry->evses,
            };
    }
    const struct cached_token *cached = NULL;
    if (variable_bool(s, VAR_AUTH_CACHE_ENABLED))
        cached = is_presented ? auth_cache_use(s, token) : auth_cache_find(s, token);
    if (!cached)
        return (struct known_token){ .is_known = false };
    return (struct known_token){
        .is_known = true,
        .status = (enum authorization_status)cached->status,
        .group = cached->group,
        .evses = cached->evses,
    };
}

struct known_token known_token_find(struct station *s, const struct id_token *token)
{
    return find(s, token, false);
}

struct known_token known_token_use(struct station *s, const struct id_token *token)
{
    return find(s, token, true);
}

bool known_token_is_good(const struct known_token *known)
{
    return known->is_known && known->status == STATUS_ACCEPTED && !known->is_expired;
}

bool known_token_is_settled(const struct evse *e, const struct known_token *known)
{
    const struct station *s = e->station;
    if (!known->is_known)
        return false;
    if (variable_bool(s, VAR_AUTH_DISABLE_REMOTE_AUTHORIZATION))
        return true;
    if (known->is_expired) /* C14.FR.05 */
        return false;
    if (known->status != STATUS_ACCEPTED) /* C10.FR.03, C12.FR.05; C14.FR.03 */
        return variable_bool(s, known->listed ? VAR_LOCAL_LIST_DISABLE_POST_AUTHORIZE
                                              : VAR_AUTH_CACHE_DISABLE_POST_AUTHORIZE);
    return variable_bool(s, VAR_AUTH_LOCAL_PRE_AUTHORIZE) && (known->evses >> (e->id - 1) & 1);
}
