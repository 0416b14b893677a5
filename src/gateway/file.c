/* Small files as text: configuration, profiles, passwords. Read at start and on reload, written when
 * management changes them. */
#include "gateway/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

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

/* ---- writing ---- */

static int write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR)
            return -errno;
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* Nobody may give a file to another user but root; who may read it by its group must stay the same. */
static int set_rights(int fd, const struct stat *like, unsigned mode)
{
    if (like && fchown(fd, like->st_uid, like->st_gid) < 0 && fchown(fd, (uid_t)-1, like->st_gid) < 0)
        return -errno;
    return fchmod(fd, like ? like->st_mode & 0777 : mode) < 0 ? -errno : 0;
}

/* Names of files are on the disk only then. Where it fails, a power cut brings back the file that was, which is whole, too. */
static void sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

int file_write(const char *path, const char *text, const struct stat *like, unsigned mode)
{
    AUTO_FREE char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        temporary = NULL;
        return -ENOMEM;
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return -errno;
    int r = set_rights(fd, like, mode);
    if (r == 0)
        r = write_all(fd, text);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(temporary);
    else
        sync_directory(path);
    return r;
}

int file_remove(const char *path)
{
    if (unlink(path) < 0)
        return -errno;
    sync_directory(path);
    return 0;
}
