/* Checks a row of first-match rules: can a rule ever be reached, is every case covered? It knows as much
 * as follows from conditions on single integral points (state == 7, state in 1..2, flag, and their
 * and/or/not); of others it assumes nothing. */
#ifndef CHARGER_COVERAGE_H
#define CHARGER_COVERAGE_H

#include <stdbool.h>

#include "charger/expression.h"

#define COVERAGE_MAX_SPANS  16
#define COVERAGE_MAX_POINTS 8

struct span {
    double low, high; /* whole numbers, both included */
};
struct spans {
    int count; /* ascending, with gaps between */
    struct span list[COVERAGE_MAX_SPANS];
};

struct coverage {
    const struct point *points;
    int count;
    struct {
        int point;
        struct spans caught; /* values which the rules so far surely catch */
    } list[COVERAGE_MAX_POINTS];
};

enum coverage_verdict {
    COVERAGE_OK,
    COVERAGE_NEVER,  /* the condition cannot be true */
    COVERAGE_CAUGHT, /* rules before it catch every case in which it is true */
};

void coverage_init(struct coverage *c, const struct point *points);
/* Judges the next rule's condition and adds it to what is caught. */
enum coverage_verdict coverage_add(struct coverage *c, const struct expression *when);
/* The rules so far catch every value of some point. */
bool coverage_is_total(const struct coverage *c);

#endif
