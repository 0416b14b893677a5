#include "manage/assets.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *path, const void *asset)
{
    return strcmp(path, ((const struct asset *)asset)->path);
}

const struct asset *asset_find(const char *path)
{
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    return bsearch(path, asset_table, asset_count, sizeof(*asset_table), compare);
}
