/* An ECHONET Lite object answering: a request in, its answer out. */
#include <errno.h>

#include "base/str.h"
#include "sim/echonet_map.h"

#define VALUE_SIZE (2 * ECHONET_EDT_MAX + 3)

/* A request being answered. */
struct reply {
    struct echonet_node *node;
    const struct echonet_class *class;
    struct echonet_writer writer;
    bool accepted; /* all of it, so far */
};

static struct echonet_object object_of(const struct echonet_class *c)
{
    return (struct echonet_object){ c->group, c->code, 1 };
}

/* Codes in hex, numbers as numbers. */
static void print_value(const struct echonet_property *p, const struct echonet_entry *e,
                        char ret[static VALUE_SIZE])
{
    uint32_t raw = 0;
    for (int i = 0; i < e->pdc && i < 4; i++)
        raw = raw << 8 | e->edt[i];
    if (e->pdc == 2 || e->pdc == 4) {
        (void)snprintf(ret, VALUE_SIZE, "%.10g", raw * (p->field[0].scale > 0 ? p->field[0].scale : 1));
        return;
    }
    ret[0] = '0';
    ret[1] = 'x';
    hex_encode(e->edt, e->pdc, ret + 2, VALUE_SIZE - 2);
}

static int write_property(struct reply *r, const struct echonet_entry *e)
{
    const struct echonet_property *p = echonet_property_find(r->class, e->epc);
    if (!p || !(p->access & ECHONET_SET))
        return -ENOENT;
    char value[VALUE_SIZE];
    print_value(p, e, value);
    r->node->on_write(r->node->ctx, p->name, value);
    int err = echonet_set(r->node, r->class, e->epc, e->edt, e->pdc);
    if (err < 0)
        r->node->on_write(r->node->ctx, p->name, "refused");
    return err;
}

/* What was accepted is named without its data, what was refused comes back as it came. */
static void set_all(struct reply *r, struct echonet_list list)
{
    struct echonet_entry e;
    while (echonet_next(&list, &e)) {
        bool refused = write_property(r, &e) < 0;
        r->accepted = r->accepted && !refused;
        echonet_add(&r->writer, e.epc, e.edt, refused ? e.pdc : 0);
    }
}

/* What can be read comes with its data, what cannot is named without. */
static void get_all(struct reply *r, struct echonet_list list, uint8_t access)
{
    struct echonet_entry e;
    while (echonet_next(&list, &e)) {
        uint8_t edt[ECHONET_EDT_MAX];
        const struct echonet_property *p = echonet_property_find(r->class, e.epc);
        int len = p && p->access & access ? echonet_get(r->node, r->class, e.epc, edt) : -ENOENT;
        r->accepted = r->accepted && len > 0;
        echonet_add(&r->writer, e.epc, edt, len > 0 ? (uint8_t)len : 0);
    }
}

static void name_all(struct reply *r, struct echonet_list list)
{
    struct echonet_entry e;
    while (echonet_next(&list, &e))
        echonet_add(&r->writer, e.epc, NULL, 0);
}

int echonet_reply(struct echonet_node *node, const struct echonet_class *c,
                  const struct echonet_frame *request, uint8_t *ret, bool *ret_multicast)
{
    struct reply r = { .node = node, .class = c, .accepted = true };
    struct echonet_frame header = {
        .tid = request->tid, .seoj = object_of(c), .deoj = request->seoj, .esv = request->esv
    };
    if (!esv_answer(request->esv, true) && !esv_answer(request->esv, false))
        return 0;

    model_update(node->model);
    echonet_begin(&r.writer, ret, ECHONET_MAX_FRAME, &header);
    switch (request->esv) {
    case ESV_SETI:
    case ESV_SETC:
        set_all(&r, request->list);
        break;
    case ESV_GET:
        get_all(&r, request->list, ECHONET_GET);
        break;
    case ESV_INF_REQ:
        get_all(&r, request->list, ECHONET_GET | ECHONET_INF);
        break;
    case ESV_SETGET:
        set_all(&r, request->list);
        echonet_next_list(&r.writer);
        get_all(&r, request->get, ECHONET_GET);
        break;
    default: /* INFC */
        name_all(&r, request->list);
        break;
    }
    uint8_t esv = esv_answer(request->esv, r.accepted);
    echonet_set_esv(&r.writer, esv);
    *ret_multicast = esv == ESV_INF;
    return esv ? echonet_end(&r.writer) : 0;
}

int echonet_notify(const struct echonet_node *node, const struct echonet_class *c, uint8_t epc, uint16_t tid,
                   uint8_t *ret)
{
    struct echonet_writer w;
    struct echonet_frame header = {
        .tid = tid, .seoj = object_of(c), .deoj = object_of(&echonet_node_profile), .esv = ESV_INF
    };
    uint8_t edt[ECHONET_EDT_MAX];
    int len = echonet_get(node, c, epc, edt);
    if (len <= 0)
        return len;
    echonet_begin(&w, ret, ECHONET_MAX_FRAME, &header);
    echonet_add(&w, epc, edt, (uint8_t)len);
    return echonet_end(&w);
}
