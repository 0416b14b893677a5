/* Profiles: those we ship are sound, and what is wrong in one is said with its place and its remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "charger/expression.h"
#include "charger/profile.h"

static char *read_file(const char *path)
{
    struct buf b;
    char chunk[4096];
    size_t n = 0;
    FILE *f = fopen(path, "rbe");
    if (!f)
        return NULL;
    buf_init(&b, 1 << 20);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_append(&b, chunk, n);
    (void)fclose(f);
    return buf_steal(&b);
}

static char *from_directory(void *ctx, const char *name)
{
    char path[512];
    (void)ctx;
    (void)snprintf(path, sizeof(path), SOURCE_DIR "/profiles/%s.yaml", name);
    return read_file(path);
}

static void print(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        print_message("%s\n", problems->list[i].text);
}

static struct profile *load(const char *name)
{
    AUTO_FREE char *text = from_directory(NULL, name);
    char file[128];
    struct problems problems;
    struct profile *profile = NULL;
    const struct profile_source source = { from_directory, NULL };
    assert_non_null(text);
    (void)snprintf(file, sizeof(file), "profiles/%s.yaml", name);
    problems_init(&problems);
    int r = profile_parse(file, text, strlen(text), &source, &problems, &profile);
    print(&problems);
    problems_done(&problems);
    assert_int_equal(r, 0);
    return profile;
}

static void every_profile_we_ship_is_sound(void **state)
{
    static const char *const names[] = {
        "demo-modbus-ac22",           "demo-modbus-rtu",      "echonet-02a1", "echonet-027e", "keba-p30",
        "mennekes-amtron-compact-2s", "phoenix-ev-cc-ac1-ser"
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct profile *profile = load(names[i]);
        assert_string_equal(profile->name, names[i]);
        profile_free(profile);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_we_ship_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
