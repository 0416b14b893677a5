/* Small files as text: configuration, profiles, passwords. Read at start and on reload only. */
#include "gateway/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static int read_all(int fd, struct buf *content)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode)) /* a pipe or terminal could keep the loop waiting */
        return S_ISDIR(status.st_mode) ? -EISDIR : -ENOTSUP;
    for (;;) {
        char chunk[16384];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        int r = buf_append(content, chunk, (size_t)n);
        if (r < 0)
            return r == -EMSGSIZE ? -EFBIG : r;
    }
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;

    struct buf content;
    buf_init(&content, max);
    int r = read_all(fd, &content);
    (void)close(fd);
    if (r == 0)
        r = buf_text(&content, ""); /* an empty file is an empty text */
    if (r == 0) {
        *ret_len = content.len;
        *ret_text = buf_steal(&content);
        if (!*ret_text)
            r = -ENOMEM;
    }
    buf_done(&content);
    return r;
}
