/* A YAML file as a tree that remembers its lines, and typed reads that say what would have been right.
 *
 * Bounded: YAML_MAX_NODES nodes, YAML_MAX_DEPTH deep, YAML_MAX_KEYS in a map, no aliases, no tags, one document, no double keys.
 * Scalars stay text; the typed getters convert. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/problems.h"

#define YAML_MAX_NODES 200000
#define YAML_MAX_DEPTH 32
#define YAML_MAX_KEYS  2000 /* of one map */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_span {
    size_t begin, end; /* bytes of the text that was parsed */
};

struct yaml_node {
    enum yaml_kind kind;
    int line;         /* 1-based, of the value; in a map entry of the key */
    const char *file; /* name for messages: its struct yaml's, kept when a node is moved to another tree */
    char *key;        /* name in the map above, else NULL */
    char *text;       /* scalar */
    bool quoted;      /* scalar in quotes: a text, for who tells numbers from texts by their look */
    bool flow;        /* list or map in brackets */
    struct yaml_span key_at,
        at; /* where it stands. A list or map without brackets ends with its last descendant: `at` is empty there */
    struct yaml_node *parent;
    struct yaml_node *children, *next; /* in the file's order */
    size_t count;                      /* of children */
};

struct yaml {
    char *name; /* for messages */
    struct yaml_node *root;
};

/* Parses `len` bytes; `name` is for messages. Problems are appended. On success *ret is the caller's.
 * 0, -EINVAL (see problems), -ENOMEM. An empty document is an empty map. */
int yaml_parse(const char *name, const char *text, size_t len, struct problems *problems, struct yaml **ret);
void yaml_free(struct yaml *y);
DEFINE_AUTO(yaml, yaml_free)

/* NULL if absent or `map` is not a map (or NULL). */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* The place of a node for messages: "stations[2].charger.unit". Cut off to fit. */
void yaml_path(const struct yaml_node *node, char *ret, size_t size);
void yaml_problem(const struct yaml *y, const struct yaml_node *node, struct problems *problems,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Scalar conversions: 0, or -EINVAL with a problem appended that names kind and range expected. */
int yaml_to_int(const struct yaml *y, const struct yaml_node *n, int64_t min, int64_t max,
                struct problems *problems, int64_t *ret);
int yaml_to_double(const struct yaml *y, const struct yaml_node *n, double min, double max,
                   struct problems *problems, double *ret);
int yaml_to_bool(const struct yaml *y, const struct yaml_node *n, struct problems *problems, bool *ret);
int yaml_to_duration_ms(const struct yaml *y, const struct yaml_node *n, int64_t min_ms, int64_t max_ms,
                        struct problems *problems, int64_t *ret_ms);
/* Index of the scalar in NULL-terminated `names`; the problem lists them and suggests the nearest. */
int yaml_to_enum(const struct yaml *y, const struct yaml_node *n, const char *const *names,
                 struct problems *problems, int *ret);
/* Reports every key of `map` that is not in NULL-terminated `names`, with the nearest as suggestion. */
void yaml_check_keys(const struct yaml *y, const struct yaml_node *map, const char *const *names,
                     struct problems *problems);
/* The entry of NULL-terminated `names` most like `word`, or NULL if none is near. */
const char *nearest_name(const char *word, const char *const *names);

#endif
