/* The reserve: real blocks (posix_fallocate), not a hole. */
#include "store/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool reserve_make(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && status.st_size >= RESERVE_BYTES)
        return true;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool made = posix_fallocate(fd, 0, RESERVE_BYTES) == 0;
    (void)close(fd);
    if (!made)
        (void)unlink(path);
    return made;
}

bool reserve_release(const char *path)
{
    return unlink(path) == 0;
}
