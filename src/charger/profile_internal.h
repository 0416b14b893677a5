/* Reading a profile, shared by the files that read its parts.
 *
 *     profile.c         the whole, protocol options, identify, keepalive
 *     profile_merge.c   extends
 *     profile_point.c   points
 *     profile_evse.c    signals and commands of an EVSE
 *     profile_display.c the command display of an EVSE
 *     profile_step.c    steps and expressions
 *     profile_variable.c  what is shown in the device model
 *     protocol_NAME.c   what a protocol has of its own: options, addresses */
#ifndef CHARGER_PROFILE_INTERNAL_H
#define CHARGER_PROFILE_INTERNAL_H

#include "base/yaml.h"
#include "charger/expression.h"
#include "charger/profile.h"

#define MAX_STEPS     32
#define MAX_RULES     64
#define MAX_EVSES     64
#define MAX_MODELS    32
#define MAX_VARIABLES 64           /* of the charger, and of an EVSE */
#define MAX_PROFILE   (256 * 1024) /* bytes of text */
#define MAX_CURRENT_A 1000.0
#define MAX_INTERVAL  (24 * 3600 * 1000LL)

struct protocol;

struct reading {
    const struct yaml *yaml;
    struct problems *problems;
    struct profile *profile;
    const struct profile_source *source; /* or NULL */
    const struct protocol *protocol;     /* once it was read */
    int read_function, write_function;   /* the file's, for points; 0: by kind */
    bool no_memory;
};

/* Without memory things are missing that the file does name: nothing is its fault then. */
#define COMPLAIN(reading, node, ...)                                                                         \
    ((reading)->no_memory ? (void)0 : yaml_problem((reading)->yaml, node, (reading)->problems, __VA_ARGS__))

/* One description of evses: and its repetitions. */
struct repetition {
    const struct yaml_node *node;
    int evse;              /* 1.. */
    char prefix[16];       /* of its points: "2.", or "" where there is but one EVSE */
    int index;             /* 0..count-1 within the description */
    int address_offset[4]; /* by enum modbus_kind */
    int unit_offset;
};

/* Heap copy of a scalar's text. NULL with a problem or no_memory. */
char *read_text(struct reading *r, const struct yaml_node *node, size_t max);
int64_t read_int(struct reading *r, const struct yaml_node *map, const char *key, int64_t fallback,
                 int64_t min, int64_t max);
double read_double(struct reading *r, const struct yaml_node *map, const char *key, double fallback,
                   double min, double max);
int64_t read_ms(struct reading *r, const struct yaml_node *map, const char *key, int64_t fallback,
                int64_t min, int64_t max);

int read_enum(struct reading *r, const struct yaml_node *map, const char *key, int fallback,
              const char *const *names);

/* ---- protocol_NAME.c: one row of `protocols` for each ---- */

struct protocol {
    const char *name;            /* as `protocol:` says, and the key of the options */
    const char *title;           /* as people say */
    const char *example_at;      /* for messages */
    const char *example_options; /* NULL: the options may be left out */
    bool counts_itself; /* a repeated EVSE has the next instance, connector ...; there are no offsets */
    bool
        tells_itself; /* values come unasked, and what a point is says type and access: there is no `type` and no `every` */
    /* Into profile->NAME, complete also where `map` is NULL. */
    void (*read_options)(struct reading *r, const struct yaml_node *map);
    /* Into p->at; where tells_itself also type and access. `text` is a copy of the node's to be taken apart; `at` NULL: not of an EVSE. */
    void (*read_at)(struct reading *r, const struct yaml_node *node, char *text, struct point *p,
                    const struct repetition *at);
    /* After type and access: p->raw_size. */
    void (*read_size)(struct reading *r, const struct yaml_node *map, struct point *p);
    /* Where the point is, as a profile says it. */
    void (*print_at)(const struct point *p, char *ret, size_t size);
};
extern const struct protocol *const protocols[PROTOCOLS];
extern const struct protocol protocol_modbus, protocol_echonet, protocol_ocpp16;

#define MAX_WORDS_OF_AT 8
/* Splits "epc 0xDA offset 2" into pairs. Returns their number, or -EINVAL. */
int profile_split_pairs(char *text, const char *names[], int64_t numbers[]);
/* Complains of a key that does not belong to this protocol. */
void profile_unwanted(struct reading *r, const struct yaml_node *map, const char *key, const char *why);

/* ---- profile_merge.c ---- */

/* Parses the text and the profiles it extends into one tree, trees[0]. All of `trees`, NULL before, are the
 * caller's to free together. 0, -EINVAL, -ENOMEM. */
int profile_merge(const struct profile_source *source, const char *name, const char *text, size_t len,
                  struct problems *problems, struct yaml *trees[PROFILE_MAX_EXTENDS + 1]);

/* ---- profile_point.c ---- */

/* Adds one point with this full name; its scale may name a point that comes later: profile_read_scales(). */
void profile_read_point(struct reading *r, const struct yaml_node *node, const char *name,
                        const struct repetition *at, bool is_identify);
void profile_read_points(struct reading *r, const struct yaml_node *map, const struct repetition *at);
void profile_read_scales(struct reading *r, const struct yaml_node *map, const struct repetition *at);
void profile_check_overlaps(struct reading *r, const struct yaml_node *node);
/* Whether the number can be written to the point, rounded if need be; complains if not. */
bool profile_check_number(struct reading *r, const struct yaml_node *node, const struct point *point,
                          double number);
/* As above, and as it is: what stands in the file is not rounded in silence. */
bool profile_check_constant(struct reading *r, const struct yaml_node *node, const struct point *point,
                            double number);

/* ---- profile_step.c ---- */

struct expression_scope profile_scope(const struct reading *r, const char *prefix, bool arguments);
/* NULL with a problem or no_memory. */
struct expression *profile_read_expression(struct reading *r, const struct yaml_node *node,
                                           const struct expression_scope *scope);
/* As above, and it must be a condition. */
struct expression *profile_read_condition(struct reading *r, const struct yaml_node *node,
                                          const struct expression_scope *scope);
/* Appends the steps of a list of maps, or of one map with set, wait, until (its other keys are the
 * caller's to check). */
void profile_read_steps(struct reading *r, const struct yaml_node *node, const struct expression_scope *scope,
                        struct steps *ret);
/* Appends a STEP_SET for each entry of a map { point: value }. */
void profile_read_sets(struct reading *r, const struct yaml_node *map, const struct expression_scope *scope,
                       struct steps *ret);
void profile_free_steps(struct steps *steps);
/* Complains of points a signal cannot live on. */
void profile_check_polled(struct reading *r, const struct yaml_node *node, const struct expression *e);

/* ---- profile_variable.c ---- */

/* Appends the variables of the charger (`evse` 0), then of each EVSE in its order. */
void profile_read_variables(struct reading *r, const struct yaml_node *map, const char *prefix, int evse);
/* When all are there: they stand still from now on. */
void profile_place_variables(struct profile *profile);

/* ---- profile_display.c ---- */

/* `prefix`: of the EVSE's points. */
void profile_read_display(struct reading *r, const struct yaml_node *node, const char *prefix,
                          struct profile_evse *evse);

/* ---- profile_evse.c ---- */

void profile_read_evse(struct reading *r, const struct repetition *at, struct profile_evse *ret);
void profile_free_evse(struct profile_evse *evse);
extern const char *const profile_evse_keys[];

#endif
