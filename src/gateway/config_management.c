/* `management` in gateway.yaml: where people and programs manage the gateway. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gateway/config_internal.h"
#include "gateway/config_tables.h"
#include "gateway/hash.h"
#include "pki/key.h"

#define DEFAULT_PORT 8443

static int read_certificate(struct parse *p, const struct yaml_node *node, struct management_config *c)
{
    if (!c->cert_file && !c->key_file)
        return 0;
    if (!c->cert_file || !c->key_file || !c->tls) {
        yaml_problem(p->y, node, p->problems,
                     c->tls ? "expected both cert and key, or neither"
                            : "without tls there is no cert and no key");
        return -EINVAL;
    }
    int r = config_read_pem(p, yaml_get(node, "cert"), &c->cert_file, &c->cert_pem);
    if (r == 0)
        r = config_read_pem(p, yaml_get(node, "key"), &c->key_file, &c->key_pem);
    if (r == 0 && key_is_of(c->key_pem, c->cert_pem) < 0) {
        yaml_problem(p->y, yaml_get(node, "key"), p->problems,
                     "is not the key of the certificate, or cannot be read");
        return -EINVAL;
    }
    return r;
}

static void read_proxies(struct parse *p, const struct yaml_node *list, struct http_proxies *ret)
{
    if (list && (list->kind != YAML_LIST || list->count > HTTP_MAX_PROXIES)) {
        yaml_problem(p->y, list, p->problems, "expected a list of at most %d addresses", HTTP_MAX_PROXIES);
        return;
    }
    for (const struct yaml_node *n = list ? list->children : NULL; n; n = n->next)
        if (n->kind != YAML_SCALAR || http_proxies_add(ret, n->text) < 0)
            yaml_problem(p->y, n, p->problems, "expected an address, such as 127.0.0.1 or ::1");
}

int config_read_management(struct parse *p, const struct yaml_node *node)
{
    struct management_config *c = &p->config->management;
    struct buf out;
    if (!node)
        return 0;
    int r = settings_read(p->y, node, management_settings, c, p->problems);
    if (r < 0 || !c->listen)
        return r;
    if (config_split_host(c->listen, DEFAULT_PORT, c->address, sizeof(c->address), &c->port) < 0)
        yaml_problem(p->y, yaml_get(node, "listen"), p->problems, "expected address or address:port");
    read_proxies(p, yaml_get(node, "trusted_proxy"), &c->trusted_proxy);
    r = read_certificate(p, node, c);
    buf_init(&out, CONFIG_MAX_BYTES);
    config_dump(node, &out);
    const char *const texts[] = { c->cert_pem, c->key_pem };
    hash_texts(&out, texts, ARRAY_SIZE(texts));
    c->fingerprint = buf_steal(&out);
    buf_done(&out);
    return c->fingerprint ? r : -ENOMEM;
}

void config_free_management(struct management_config *management)
{
    free(management->listen);
    free(management->cert_file);
    free(management->key_file);
    free(management->cert_pem);
    key_text_free(management->key_pem);
    free(management->fingerprint);
}
