/* Columns of the lists (list.c), each ends with a title of NULL. */
#ifndef CLI_LIST_COLUMNS_H
#define CLI_LIST_COLUMNS_H

#include "table.h"

extern const struct column station_columns[], limit_columns[], csms_columns[], bus_columns[],
    certificate_columns[], profile_columns[], transaction_columns[], event_columns[], user_columns[],
    token_columns[], audit_columns[];
/* Of GET /overview. */
extern const struct column attention_columns[];

#endif
