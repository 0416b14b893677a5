/* The keyed hash, against the vectors of its authors (key and input count up from 0). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/siphash.h"
#include "base/str.h"

static void the_hash_is_that_of_its_authors(void **state)
{
    static const struct {
        size_t len;
        const char *hash;
    } rows[] = {
        { 0, "A3817F04BA25A8E66DF67214C7550293" },  { 1, "DA87C1D86B99AF44347659119B22FC45" },
        { 7, "A1F1EBBED8DBC153C0B84AA61FF08239" },  { 8, "3B62A9BA6258F5610F83E264F31497B4" },
        { 15, "5493E99933B0A8117E08EC0F97CFC3D9" }, { 63, "5150D1772F50834A503E069A973FBD7C" },
    };
    (void)state;
    uint8_t bytes[64], hash[SIPHASH_SIZE];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[2 * SIPHASH_SIZE + 1];
        siphash(bytes, bytes, rows[i].len, hash);
        hex_encode(hash, sizeof(hash), text, sizeof(text));
        assert_string_equal(text, rows[i].hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_that_of_its_authors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
