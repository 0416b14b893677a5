/* The files of the web UI, in the program itself: made of ui/ by the build (tools/embed_ui.py). */
#ifndef MANAGE_ASSETS_H
#define MANAGE_ASSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asset {
    const char *path; /* "/index.html" */
    const char *content_type;
    const uint8_t *gzip; /* Content-Encoding: gzip */
    size_t len;
    const char *etag; /* with its quotes */
    bool is_hashed;   /* another content would have another path: may be kept for ever */
};

/* "/" is "/index.html". NULL: there is none. */
const struct asset *asset_find(const char *path);

/* The table, sorted by path; its file is generated. */
extern const struct asset asset_table[];
extern const size_t asset_count;

/* docs/openapi.json; its file is generated, too (tools/embed_text.py). */
extern const char openapi_text[];

#endif
