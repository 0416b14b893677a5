#include "tests/support/bench.h"

static void the_first_boot_says_power_up(void **state) /* B01.FR.01, .09 */
{
    struct bench *b = *state;
    bench_start(b);
    bench_expect(b, "BootNotification",
                 "{'reason': 'PowerUp', 'chargingStation': {'model': 'AC22', 'vendorName': 'Example',"
                 " 'serialNumber': 'SN-1', 'firmwareVersion': '1.0'}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_boot_says_power_up, bench_setup_new, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
