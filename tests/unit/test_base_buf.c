/* Buffers, readers, lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/reader.h"

static void what_is_appended_stands_in_order(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_string_equal(buf_string(&b), "");
    buf_text(&b, "ab");
    buf_u8(&b, 'c');
    buf_u16be(&b, 0x6465);
    buf_u32be(&b, 0x66676869);
    buf_printf(&b, "%d-%s", 42, "x");
    assert_int_equal(b.err, 0);
    assert_string_equal(buf_string(&b), "abcdefghi42-x");
    buf_consume(&b, 9);
    assert_string_equal(buf_string(&b), "42-x");
    buf_consume(&b, 4);
    assert_string_equal(buf_string(&b), "");
    buf_done(&b);
}

static void the_maximum_holds_and_the_error_sticks(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    assert_int_equal(buf_text(&b, "12345"), 0);
    assert_int_equal(buf_u8(&b, '6'), -EMSGSIZE);
    assert_int_equal(buf_append(&b, "", 0), -EMSGSIZE);
    assert_int_equal(buf_printf(&b, "x"), -EMSGSIZE);
    assert_string_equal(buf_string(&b), "12345");
    assert_null(buf_steal(&b));
    buf_clear(&b);
    assert_int_equal(buf_text(&b, "new"), 0);
    assert_string_equal(buf_string(&b), "new");
    buf_done(&b);
}

static void a_stolen_text_belongs_to_the_thief(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    AUTO_FREE char *empty = buf_steal(&b);
    assert_string_equal(empty, "");
    buf_text(&b, "text");
    AUTO_FREE char *text = buf_steal(&b);
    assert_string_equal(text, "text");
    assert_int_equal(b.len, 0);
    buf_text(&b, "again");
    assert_string_equal(buf_string(&b), "again");
    buf_done(&b);
}

static void a_reader_never_reads_past_the_end(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    struct reader r = reader_of(bytes, sizeof(bytes));
    assert_int_equal(get_u8(&r), 1);
    assert_int_equal(get_u16be(&r), 0x0203);
    assert_int_equal(get_u32be(&r), 0x04050607);
    assert_int_equal(reader_left(&r), 1);
    assert_int_equal(get_u16be(&r), 0);
    assert_int_equal(get_u8(&r), 0); /* the first error sticks, though a byte is left */
    assert_int_equal(reader_finish(&r), -EBADMSG);

    r = reader_of(bytes, 3);
    assert_ptr_equal(get_bytes(&r, 2), bytes);
    assert_int_equal(r.err, 0);
    assert_int_equal(reader_finish(&r), -EBADMSG); /* one is left over */

    r = reader_of(bytes, 3);
    assert_null(get_bytes(&r, SIZE_MAX));
    r = reader_of(bytes, 2);
    (void)get_u16be(&r);
    assert_int_equal(reader_finish(&r), 0);
}

struct item {
    int number;
    struct list link;
};

static void a_list_keeps_order_and_loses_what_is_removed(void **state)
{
    (void)state;
    struct list head;
    struct item items[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 }, { .number = 3 } };
    list_init(&head);
    assert_true(list_is_empty(&head));
    for (int i = 1; i < 4; i++)
        list_append(&head, &items[i].link);
    list_prepend(&head, &items[0].link);
    list_remove(&items[2].link);
    list_remove(&items[2].link);
    int sum = 0;
    LIST_FOREACH(link, next, &head)
    {
        sum = sum * 10 + LIST_ITEM(link, struct item, link)->number;
        list_remove(link);
    }
    assert_int_equal(sum, 13); /* 0, 1, 3 */
    assert_true(list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_stands_in_order),
        cmocka_unit_test(the_maximum_holds_and_the_error_sticks),
        cmocka_unit_test(a_stolen_text_belongs_to_the_thief),
        cmocka_unit_test(a_reader_never_reads_past_the_end),
        cmocka_unit_test(a_list_keeps_order_and_loses_what_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
