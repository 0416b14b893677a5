/* YAML from any bytes: a tree in which every node knows its place, or problems. Every getter meets every node. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

static const char *const names[] = { "available", "charging", "faulted", NULL };

static void use(const struct yaml *y, const struct yaml_node *n, struct problems *problems)
{
    int64_t number;
    double real;
    bool truth;
    int index;
    char path[40];
    yaml_path(n, path, sizeof(path));
    assert(strlen(path) < sizeof(path) && n->line > 0);
    (void)yaml_to_int(y, n, -100, 100, problems, &number);
    (void)yaml_to_double(y, n, -1, 1, problems, &real);
    (void)yaml_to_bool(y, n, problems, &truth);
    (void)yaml_to_duration_ms(y, n, 0, 1000, problems, &number);
    (void)yaml_to_enum(y, n, names, problems, &index);
    yaml_check_keys(y, n, names, problems);
    size_t count = 0;
    for (const struct yaml_node *child = n->children; child; child = child->next, count++) {
        assert(child->parent == n && (child->key != NULL) == (n->kind == YAML_MAP));
        assert(!child->key || yaml_get(n, child->key) == child);
        use(y, child, problems);
    }
    assert(count == n->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    problems_init(&problems);
    AUTO(yaml) *y = NULL;
    int r = yaml_parse("fuzz.yaml", (const char *)data, size, &problems, &y);
    assert((r == 0) == (y != NULL) && (r == 0) == (problems.total == 0));
    if (y)
        use(y, y->root, &problems);
    problems_done(&problems);
    return 0;
}
