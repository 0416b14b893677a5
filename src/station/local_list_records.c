#include "station/local_list_records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "station/local_list.h"

#define KEY_RECORD        "key"
#define VERSION_RECORD    "version"
#define GENERATION_RECORD "generation"

int list_records_init(struct list_records *r, size_t most)
{
    r->items = calloc(most, sizeof(*r->items));
    r->names = calloc(most, sizeof(*r->names));
    r->values = json_array();
    return r->items && r->names && r->values ? 0 : -ENOMEM;
}

void list_records_done(struct list_records *r)
{
    free(r->items);
    free(r->names);
    json_decref(r->values);
}

static void add(struct list_records *r, const char *key, const char *value)
{
    r->items[r->count++] = (struct record){ RECORD_LOCAL_LIST, key, value };
}

int list_records_add(struct list_records *r, uint32_t generation, const uint8_t hash[static SIPHASH_SIZE],
                     const json_t *info)
{
    const char *value = NULL;
    if (info) {
        AUTO_FREE char *text = json_to_text(info);
        json_t *kept = text ? json_string(text) : NULL;
        value = json_string_value(kept);
        if (!kept || json_array_append_new(r->values, kept) < 0)
            return -ENOMEM;
    }
    char *name = r->names[r->count];
    (void)snprintf(name, LIST_RECORD_NAME_SIZE, "%08x", (unsigned)generation);
    hex_encode(hash, SIPHASH_SIZE, name + 8, LIST_RECORD_NAME_SIZE - 8);
    add(r, name, value);
    return 0;
}

void list_records_add_head(struct list_records *r, const struct local_list *list, int64_t version,
                           uint32_t generation)
{
    (void)snprintf(r->version, sizeof(r->version), "%lld", (long long)version);
    (void)snprintf(r->generation, sizeof(r->generation), "%lu", (unsigned long)generation);
    hex_encode(list->key, SIPHASH_KEY_SIZE, r->key, sizeof(r->key));
    add(r, VERSION_RECORD, r->version);
    add(r, GENERATION_RECORD, r->generation);
    add(r, KEY_RECORD, r->key);
}

enum list_record list_record_read(struct local_list *list, const char *key, const char *value,
                                  uint32_t *ret_generation, uint8_t ret_hash[static SIPHASH_SIZE])
{
    uint8_t bytes[4 + SIPHASH_SIZE];
    int64_t number = 0;
    if (str_equal(key, KEY_RECORD)) {
        list->has_key = hex_decode(value, list->key, sizeof(list->key)) == SIPHASH_KEY_SIZE;
        return LIST_RECORD_HEAD;
    }
    if (str_equal(key, VERSION_RECORD)) {
        (void)str_to_int64(value, &list->version);
        return LIST_RECORD_HEAD;
    }
    if (str_equal(key, GENERATION_RECORD)) {
        (void)str_to_int64(value, &number);
        list->generation = (uint32_t)number;
        return LIST_RECORD_HEAD;
    }
    if (hex_decode(key, bytes, sizeof(bytes)) != (int)sizeof(bytes))
        return LIST_RECORD_UNKNOWN;
    *ret_generation =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    memcpy(ret_hash, bytes + 4, SIPHASH_SIZE);
    return LIST_RECORD_ENTRY;
}
