/* By libarchive, into a file of its own name, so that nothing of an earlier one is seen. */
#include "gateway/log_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define PREFIX "upload-"
#define SUFFIX ".tar.gz"

static int error_of(struct archive *archive)
{
    int err = archive_errno(archive);
    return err > 0 ? -err : -EIO;
}

static int write_member(struct archive *archive, const struct log_member *member, int64_t wall_ms)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return -ENOMEM;
    archive_entry_set_pathname(entry, member->name);
    archive_entry_set_size(entry, (la_int64_t)member->len);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_mtime(entry, (time_t)(wall_ms / 1000), 0);
    int r = archive_write_header(archive, entry) == ARCHIVE_OK ? 0 : error_of(archive);
    archive_entry_free(entry);
    if (r == 0 && archive_write_data(archive, member->text, member->len) != (la_ssize_t)member->len)
        r = error_of(archive);
    return r;
}

static int write_all(int fd, const struct log_member *members, size_t count, int64_t wall_ms)
{
    struct archive *archive = archive_write_new();
    if (!archive)
        return -ENOMEM;
    int r = 0;
    if (archive_write_add_filter_gzip(archive) != ARCHIVE_OK ||
        archive_write_set_format_ustar(archive) != ARCHIVE_OK ||
        archive_write_open_fd(archive, fd) != ARCHIVE_OK)
        r = error_of(archive);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = write_member(archive, &members[i], wall_ms);
    if (r == 0 && archive_write_close(archive) != ARCHIVE_OK)
        r = error_of(archive);
    (void)archive_write_free(archive);
    return r;
}

int log_archive_write(const char *directory, const struct log_member *members, size_t count, int64_t wall_ms,
                      char *ret_path, size_t size)
{
    if (snprintf(ret_path, size, "%s/" PREFIX "XXXXXX" SUFFIX, directory) >= (int)size)
        return -ENAMETOOLONG;
    int fd = mkostemps(ret_path, sizeof(SUFFIX) - 1, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return -errno;
    int r = write_all(fd, members, count, wall_ms);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r < 0)
        (void)unlink(ret_path);
    return r;
}

void log_archive_clean(const char *directory)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (str_starts(entry->d_name, PREFIX))
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)closedir(dir);
}
