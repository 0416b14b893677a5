/* gateway.firmware in gateway.yaml. */
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "gateway/config_internal.h"
#include "gateway/config_tables.h"
#include "gateway/file.h"
#include "gateway/firmware_slot.h"
#include "pki/pki.h"

static int read_hook(struct parse *p, const struct yaml_node *node, struct firmware_config *f)
{
    const struct yaml_node *program = node->children;
    if (node->kind != YAML_LIST || !program || node->count > FIRMWARE_HOOK_MAX_ARGS) {
        yaml_problem(p->y, node, p->problems, "expected a list of the program and its arguments, at most %d",
                     FIRMWARE_HOOK_MAX_ARGS);
        return -EINVAL;
    }
    f->hook = calloc(node->count + 1, sizeof(*f->hook));
    if (!f->hook)
        return -ENOMEM;
    char **at = f->hook;
    for (const struct yaml_node *n = node->children; n; n = n->next) {
        if (n->kind != YAML_SCALAR) {
            yaml_problem(p->y, n, p->problems, "expected a single value");
            return -EINVAL;
        }
        if (!(*at++ = strdup(n->text)))
            return -ENOMEM;
    }
    if (program->text[0] != '/')
        yaml_problem(p->y, program, p->problems, "expected the absolute path of a program");
    return 0;
}

/* The content of the PEM file `*path`, if it is given. */
static int read_pem(struct parse *p, const struct yaml_node *node, char **path, char **ret)
{
    size_t len = 0;
    if (!*path)
        return 0;
    if (config_resolve_path(p, path) < 0)
        return -ENOMEM;
    int r = file_read(*path, CONFIG_MAX_BYTES, ret, &len);
    if (r < 0)
        yaml_problem(p->y, node, p->problems, "cannot be read: %s", err_text(r));
    return r;
}

static int read_pems(struct parse *p, const struct yaml_node *node, struct firmware_config *f)
{
    const struct yaml_node *roots = yaml_get(node, "roots"), *crl = yaml_get(node, "crl"),
                           *ca_file = yaml_get(node, "ca_file");
    if (read_pem(p, roots, &f->roots, &f->roots_pem) == -ENOMEM ||
        read_pem(p, crl, &f->crl, &f->crl_pem) == -ENOMEM ||
        read_pem(p, ca_file, &f->ca_file, &f->ca_pem) == -ENOMEM)
        return -ENOMEM;
    if (f->roots_pem && !pki_count(f->roots_pem))
        yaml_problem(p->y, roots, p->problems, "holds no PEM certificate that can be read");
    if (f->ca_pem && !pki_count(f->ca_pem))
        yaml_problem(p->y, ca_file, p->problems, "holds no PEM certificate that can be read");
    if (f->crl_pem && !pki_count_crls(f->crl_pem))
        yaml_problem(p->y, crl, p->problems, "holds no PEM revocation list that can be read");
    return 0;
}

static int read_fingerprint(const struct yaml_node *node, struct firmware_config *f)
{
    struct buf out;
    buf_init(&out, 4 * (size_t)CONFIG_MAX_BYTES);
    config_dump(node, &out);
    buf_printf(&out, "%s%s%s", f->roots_pem ? f->roots_pem : "", f->crl_pem ? f->crl_pem : "",
               f->ca_pem ? f->ca_pem : "");
    f->fingerprint = buf_steal(&out);
    buf_done(&out);
    return f->fingerprint ? 0 : -ENOMEM;
}

int config_read_firmware(struct parse *p, const struct yaml_node *node)
{
    struct firmware_config *f = &p->config->firmware;
    const struct yaml_node *hook = yaml_get(node, "install_hook");
    int r = settings_read(p->y, node, firmware_config_settings, f, p->problems);
    if (r == 0 && hook)
        r = read_hook(p, hook, f);
    if (r == -ENOMEM || read_pems(p, node, f) < 0 || (f->slot && config_resolve_path(p, &f->slot) < 0) ||
        (p->config->general.known_hosts && config_resolve_path(p, &p->config->general.known_hosts) < 0))
        return -ENOMEM;
    if (!f->slot != !hook)
        yaml_problem(p->y, node, p->problems, "slot and install_hook belong together");
    return read_fingerprint(node, f);
}

void config_free_firmware(struct firmware_config *f)
{
    for (char **arg = f->hook; arg && *arg; arg++)
        free(*arg);
    free(f->hook);
    free(f->slot);
    free(f->roots);
    free(f->crl);
    free(f->ca_file);
    free(f->roots_pem);
    free(f->crl_pem);
    free(f->ca_pem);
    free(f->fingerprint);
}
