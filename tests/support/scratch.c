#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/scratch.h"

#include <dirent.h>
#include <unistd.h>

void scratch_remove(const char *directory)
{
    DIR *files = opendir(directory);
    assert_non_null(files);
    for (struct dirent *each; (each = readdir(files));)
        (void)unlinkat(dirfd(files), each->d_name, 0);
    (void)closedir(files);
    assert_int_equal(rmdir(directory), 0);
}
