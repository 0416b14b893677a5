/* Tokens and passwords. */
#include "tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/file.h"
#include "gateway/settings.h"

#define MAX_FILE (4u << 20)

static const char *const status_names[] = {
    "Accepted",           "Blocked",           "ConcurrentTx",  "Expired", "Invalid", "NoCredit",
    "NotAllowedTypeEVSE", "NotAtThisLocation", "NotAtThisTime", "Unknown", NULL
};

struct token {
    char id[37], type[21], group[37];
    int status; /* of status_names */
};

struct password {
    char *station, *password;
};

struct tokens {
    struct token *tokens;
    size_t count;
    struct password *passwords;
    size_t password_count;
    bool accept_unknown;
};

/* clang-format off */
static const struct setting token_settings[] = {
    { "id", SETTING_LINE, offsetof(struct token, id), 0, 37, .required = true, .help = "the token's id" },
    { "type", SETTING_LINE, offsetof(struct token, type), 0, 21, .fallback = "", .help = "IdTokenEnumType; absent: any" },
    { "status", SETTING_ENUM, offsetof(struct token, status), .fallback = "Accepted", .names = status_names, .help = "AuthorizationStatusEnumType" },
    { "group", SETTING_LINE, offsetof(struct token, group), 0, 37, .fallback = "", .help = "group id" },
    { 0 },
};

static const struct setting file_settings[] = {
    { "tokens", SETTING_OTHER, .help = "a list of tokens" },
    { "passwords", SETTING_OTHER, .help = "station to password" },
    { "accept_unknown", SETTING_BOOL, offsetof(struct tokens, accept_unknown), .fallback = "false", .help = "whether tokens not listed are Accepted" },
    { 0 },
};
/* clang-format on */

static int read_tokens(struct tokens *t, const struct yaml *y, const struct yaml_node *list,
                       struct problems *problems)
{
    if (!list)
        return 0;
    if (list->kind != YAML_LIST) {
        yaml_problem(y, list, problems, "expected a list of tokens");
        return -EINVAL;
    }
    t->tokens = calloc(list->count + 1, sizeof(*t->tokens));
    if (!t->tokens)
        return -ENOMEM;
    for (const struct yaml_node *n = list->children; n; n = n->next)
        if (settings_read(y, n, token_settings, &t->tokens[t->count++], problems) == -ENOMEM)
            return -ENOMEM;
    return 0;
}

static int read_passwords(struct tokens *t, const struct yaml *y, const struct yaml_node *map,
                          struct problems *problems)
{
    if (!map)
        return 0;
    if (map->kind != YAML_MAP) {
        yaml_problem(y, map, problems, "expected a map of stations to passwords");
        return -EINVAL;
    }
    t->passwords = calloc(map->count + 1, sizeof(*t->passwords));
    if (!t->passwords)
        return -ENOMEM;
    for (const struct yaml_node *n = map->children; n; n = n->next) {
        struct password *p = &t->passwords[t->password_count++];
        if (n->kind != YAML_SCALAR) {
            yaml_problem(y, n, problems, "expected a password");
            continue;
        }
        p->station = strdup(n->key);
        p->password = strdup(n->text);
        if (!p->station || !p->password)
            return -ENOMEM;
    }
    return 0;
}

int tokens_load(const char *path, struct problems *problems, struct tokens **ret)
{
    struct tokens *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->accept_unknown = true;
    *ret = t;
    if (!path)
        return 0;
    AUTO_FREE char *text = NULL;
    AUTO(yaml) *y = NULL;
    size_t len = 0, total = problems->total;
    int r = file_read(path, MAX_FILE, &text, &len);
    if (r < 0) {
        problems_add(problems, path, 0, NULL, "cannot be read: %s", err_text(r));
        return -EINVAL;
    }
    r = yaml_parse(path, text, len, problems, &y);
    if (r < 0)
        return r;
    (void)settings_read(y, y->root, file_settings, t, problems);
    if (read_tokens(t, y, yaml_get(y->root, "tokens"), problems) == -ENOMEM ||
        read_passwords(t, y, yaml_get(y->root, "passwords"), problems) == -ENOMEM)
        return -ENOMEM;
    return problems->total > total ? -EINVAL : 0;
}

void tokens_free(struct tokens *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->password_count; i++) {
        free(t->passwords[i].station);
        free(t->passwords[i].password);
    }
    free(t->passwords);
    free(t->tokens);
    free(t);
}

bool tokens_may_connect(const struct tokens *t, const char *station, const char *user, const char *password)
{
    for (size_t i = 0; i < t->password_count; i++) {
        const struct password *p = &t->passwords[i];
        size_t len = strlen(p->password);
        if (str_equal(p->station, station))
            return user && password && str_equal(user, station) && strlen(password) == len &&
                   bytes_equal_constant_time(password, p->password, len);
    }
    return true;
}

json_t *tokens_info(const struct tokens *t, const json_t *id_token)
{
    const char *id = json_get_string(id_token, "idToken", ""), *type = json_get_string(id_token, "type", "");
    for (size_t i = 0; i < t->count; i++) {
        const struct token *token = &t->tokens[i];
        if (!str_equal_ci(token->id, id) || (token->type[0] && !str_equal(token->type, type)))
            continue;
        json_t *info = json_pack("{s:s}", "status", status_names[token->status]);
        if (token->group[0])
            (void)json_set_optional(info, "groupIdToken",
                                    json_pack("{s:s, s:s}", "idToken", token->group, "type", "Central"));
        return info;
    }
    return json_pack("{s:s}", "status", t->accept_unknown ? "Accepted" : "Unknown");
}
