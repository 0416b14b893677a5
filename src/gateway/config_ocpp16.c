/* OCPP 1.6 chargers in gateway.yaml: where they connect to, and each one's entry. */
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "gateway/config_internal.h"
#include "gateway/config_tables.h"
#include "gateway/file.h"
#include "gateway/hash.h"

#define DEFAULT_PORT 8887

/* Certificate and key are used by their names, but a renewed one is another: their content is part of the fingerprint. */
int config_read_pem(struct parse *p, const struct yaml_node *node, char **path, char **ret)
{
    size_t len = 0;
    if (config_resolve_path(p, path) < 0)
        return -ENOMEM;
    int r = file_read(*path, CONFIG_MAX_BYTES, ret, &len);
    if (r < 0 && r != -ENOMEM)
        yaml_problem(p->y, node, p->problems, "cannot be read: %s", err_text(r));
    return r;
}

static int read_tls(struct parse *p, const struct yaml_node *node, struct ocpp16_config *c, struct buf *out)
{
    AUTO_FREE char *cert = NULL;
    AUTO_FREE char *key = NULL;
    if (!c->cert_file && !c->key_file)
        return 0;
    if (!c->cert_file || !c->key_file) {
        yaml_problem(p->y, node, p->problems, "expected both cert and key, or neither");
        return -EINVAL;
    }
    int r = config_read_pem(p, yaml_get(node, "cert"), &c->cert_file, &cert);
    if (r == 0)
        r = config_read_pem(p, yaml_get(node, "key"), &c->key_file, &key);
    const char *const texts[] = { cert, key };
    hash_texts(out, texts, ARRAY_SIZE(texts));
    if (key)
        explicit_bzero(key, strlen(key));
    return r;
}

int config_read_ocpp16(struct parse *p, const struct yaml_node *node)
{
    struct ocpp16_config *c = &p->config->ocpp16;
    if (!node)
        return 0;
    int r = settings_read(p->y, node, ocpp16_settings_rows, c, p->problems);
    if (r < 0 || !c->listen)
        return r;
    if (config_split_host(c->listen, DEFAULT_PORT, c->settings.address, sizeof(c->settings.address),
                          &c->settings.port) < 0)
        yaml_problem(p->y, yaml_get(node, "listen"), p->problems, "expected address or address:port");
    struct buf out;
    buf_init(&out, CONFIG_MAX_BYTES);
    config_dump(node, &out);
    r = read_tls(p, node, c, &out);
    c->settings.cert_file = c->cert_file;
    c->settings.key_file = c->key_file;
    c->fingerprint = buf_steal(&out);
    buf_done(&out);
    return c->fingerprint ? r : -ENOMEM;
}

void config_free_ocpp16(struct ocpp16_config *ocpp16)
{
    free(ocpp16->listen);
    free(ocpp16->cert_file);
    free(ocpp16->key_file);
    free(ocpp16->fingerprint);
}

/* Part 4 of 2.0.1 and practice: what fits into a URL's segment as it is. */
static bool is_identity(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= 48 &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*=|@")] ==
               '\0';
}

static int read_charger_password(struct parse *p, const struct yaml_node *node,
                                 struct charger_config *charger)
{
    if (charger->password && charger->password_file)
        yaml_problem(p->y, node, p->problems, "expected either password or password_file");
    else if (charger->password_file)
        return config_read_password_file(p, yaml_get(node, "password_file"), &charger->password_file,
                                         &charger->password);
    return 0;
}

int config_read_ocpp16_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger)
{
    charger->ocpp16 = charger->profile->ocpp16;
    int r = settings_read(p->y, yaml_get(node, "ocpp16_options"), ocpp16_override_settings, &charger->ocpp16,
                          p->problems);
    if (r == -ENOMEM)
        return r;
    if (!charger->identity || charger->tcp || charger->bus_name || charger->host || charger->node_id ||
        yaml_get(node, "modbus") || yaml_get(node, "echonet_options") || yaml_get(node, "unit")) {
        yaml_problem(p->y, node, p->problems,
                     "profile %s is OCPP 1.6: expected ocpp16: the identity with which the charger connects",
                     charger->profile_name);
        return -EINVAL;
    }
    if (!is_identity(charger->identity))
        yaml_problem(p->y, yaml_get(node, "ocpp16"), p->problems,
                     "expected 1 to 48 of letters, digits, - _ . * = | @");
    if (!p->config->ocpp16.listen)
        yaml_problem(
            p->y, node, p->problems,
            "nothing listens for it; expected ocpp16: { listen: address:port } at the top of the file");
    r = read_charger_password(p, node, charger);
    size_t len = charger->password ? strlen(charger->password) : 0;
    if (r == 0 && charger->password && (len < 8 || len > 64))
        yaml_problem(p->y, node, p->problems, "a password has 8 to 64 characters");
    return r == -ENOMEM ? r : 0;
}
