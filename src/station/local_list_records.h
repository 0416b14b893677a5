/* The Local Authorization List in the store: a record of each entry, and three of the list as a whole.
 *
 *   00000002a1b2...  an entry: generation and hash of the token, in hex; its idTokenInfo as JSON
 *   generation       the one that is in force: what has another is of a list that was replaced
 *   version, key     versionNumber; what tokens are hashed with */
#ifndef STATION_LOCAL_LIST_RECORDS_H
#define STATION_LOCAL_LIST_RECORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/record.h"
#include "base/siphash.h"

struct local_list;

#define LIST_RECORD_NAME_SIZE (8 + 2 * SIPHASH_SIZE + 1)
#define LIST_HEAD_RECORDS     3

/* A group of records to be written at once. Zero: an empty one that has room for none. */
struct list_records {
    struct record *items;
    size_t count;
    char (*names)[LIST_RECORD_NAME_SIZE];
    json_t *values; /* that are borrowed by items */
    char version[24], generation[16], key[2 * SIPHASH_KEY_SIZE + 1];
};

/* Room for `most` of them. 0 or -ENOMEM; in either case list_records_done() afterwards. */
int list_records_init(struct list_records *r, size_t most);
void list_records_done(struct list_records *r);
/* An entry is to be put, or without an idTokenInfo removed; that cannot fail. 0 or -ENOMEM. */
int list_records_add(struct list_records *r, uint32_t generation, const uint8_t hash[static SIPHASH_SIZE],
                     const json_t *info);
/* LIST_HEAD_RECORDS of the list as it is to be. */
void list_records_add_head(struct list_records *r, const struct local_list *list, int64_t version,
                           uint32_t generation);

/* A record of the store: into the list (version, generation, key), or an entry's. */
enum list_record { LIST_RECORD_HEAD, LIST_RECORD_ENTRY, LIST_RECORD_UNKNOWN };
enum list_record list_record_read(struct local_list *list, const char *key, const char *value,
                                  uint32_t *ret_generation, uint8_t ret_hash[static SIPHASH_SIZE]);

#endif
