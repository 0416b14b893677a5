/* One transfer by libcurl's easy interface, in a thread of its own. What libcurl calls back runs in that thread, too. */
#include <curl/curl.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/transfer_internal.h"

#define MAX_REDIRECTS  5
#define CONNECT_MAX_MS 30000
#define PROTOCOLS      "ftp,ftps,http,https,sftp"

/* ---- bytes ---- */

static size_t on_download(char *bytes, size_t one, size_t len, void *ctx)
{
    (void)one;
    struct transfer *t = ctx;
    if ((int64_t)len > t->max_bytes - t->bytes) {
        t->file_err = -EFBIG;
        return 0;
    }
    for (size_t done = 0; done < len;) {
        ssize_t n = write(t->fd, bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            t->file_err = n < 0 ? -errno : -EIO;
            return 0;
        }
        done += (size_t)n;
    }
    t->bytes += (int64_t)len;
    return len;
}

static size_t on_upload(char *bytes, size_t one, size_t len, void *ctx)
{
    struct transfer *t = ctx;
    ssize_t n;
    do
        n = read(t->fd, bytes, one * len);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        t->file_err = -errno;
        return CURL_READFUNC_ABORT;
    }
    t->bytes += n;
    return (size_t)n;
}

/* An upload that is redirected or asked for a password begins anew. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct transfer *t = ctx;
    if (origin != SEEK_SET || lseek(t->fd, offset, SEEK_SET) < 0)
        return CURL_SEEKFUNC_FAIL;
    t->bytes = offset;
    return CURL_SEEKFUNC_OK;
}

/* At least once a second: whether to go on. */
static int on_progress(void *ctx, curl_off_t total, curl_off_t got, curl_off_t total_out, curl_off_t sent)
{
    (void)total;
    (void)total_out;
    struct transfer *t = ctx;
    const struct env *env = &t->all->loop->env;
    int64_t now = env->now_ms(env->ctx);

    if (t->over || atomic_load(&t->cancelled))
        return 1;
    if (t->last_bytes != got + sent) {
        t->last_bytes = got + sent;
        t->last_ms = now;
    }
    if (now - t->last_ms < t->idle_timeout_ms)
        return 0;
    t->file_err = -ETIMEDOUT;
    return 1;
}

/* ---- sockets ---- */

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && transfer_note_socket(ctx, fd) < 0) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

static int on_close_socket(void *ctx, curl_socket_t fd)
{
    transfer_forget_socket(ctx, fd);
    return close(fd);
}

static int on_host_key(void *ctx, int type, const char *key, size_t len)
{
    (void)type;
    (void)ctx;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_len = 0;
    unsigned char text[2 * EVP_MAX_MD_SIZE] = { 0 };
    if (EVP_Digest(key, len, digest, &digest_len, EVP_sha256(), NULL) != 1)
        return CURLKHMATCH_MISMATCH;
    (void)EVP_EncodeBlock(text, digest, (int)digest_len);
    log_info(LOG_NET, "an sftp server's key is taken as it is: fingerprint=SHA256:%s", (char *)text);
    return CURLKHMATCH_OK;
}

/* ---- what libcurl is told ---- */

static bool set_common(CURL *c, struct transfer *t)
{
    bool secure = strncasecmp(t->url, "https:", 6) == 0;
    return !curl_easy_setopt(c, CURLOPT_URL, t->url) &&
           !curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, PROTOCOLS) &&
           !curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https") &&
           !curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) &&
           !curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS) &&
           !curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L) && !curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(c, CURLOPT_PROXY, "") &&
           !curl_easy_setopt(c, CURLOPT_USERAGENT, "ocpp-gateway/" GATEWAY_VERSION) &&
           !curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           !curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
}

static bool set_trust(CURL *c, struct transfer *t)
{
    struct curl_blob roots = { t->ca_pem, t->ca_pem ? strlen(t->ca_pem) : 0, CURL_BLOB_COPY };
    if (curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2))
        return false;
    /* The system's directory of roots counts besides. */
    if (roots.len && curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &roots))
        return false;
    if (strncasecmp(t->url, "sftp:", 5) != 0)
        return true;
    if (curl_easy_setopt(c, CURLOPT_SSH_AUTH_TYPES, (long)(CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD)))
        return false;
    return t->known_hosts ? !curl_easy_setopt(c, CURLOPT_SSH_KNOWNHOSTS, t->known_hosts)
                          : !curl_easy_setopt(c, CURLOPT_SSH_HOSTKEYFUNCTION, on_host_key);
}

static bool set_flow(CURL *c, struct transfer *t)
{
    int64_t connect_ms = t->idle_timeout_ms < CONNECT_MAX_MS ? t->idle_timeout_ms : CONNECT_MAX_MS;
    bool set = !curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) &&
               !curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) &&
               !curl_easy_setopt(c, CURLOPT_XFERINFODATA, t) &&
               !curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) &&
               !curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t) &&
               !curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket) &&
               !curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, t) &&
               !curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) &&
               !curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(t->idle_timeout_ms / 1000 + 1));
    if (!t->is_upload)
        return set && !curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_download) &&
               !curl_easy_setopt(c, CURLOPT_WRITEDATA, t) &&
               !curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max_bytes);
    return set && !curl_easy_setopt(c, CURLOPT_UPLOAD, 1L) &&
           !curl_easy_setopt(c, CURLOPT_READFUNCTION, on_upload) &&
           !curl_easy_setopt(c, CURLOPT_READDATA, t) && !curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek) &&
           !curl_easy_setopt(c, CURLOPT_SEEKDATA, t) &&
           !curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->size);
}

/* ---- what libcurl says ---- */

static int http_err(long status)
{
    static const struct {
        long status;
        int err;
    } rows[] = { { 401, -EACCES },  { 403, -EACCES },     { 404, -ENOENT },    { 408, -ETIMEDOUT },
                 { 410, -ENOENT },  { 413, -EFBIG },      { 504, -ETIMEDOUT }, { 507, -ENOSPC },
                 { 400, -EBADMSG }, { 405, -EOPNOTSUPP }, { 501, -EOPNOTSUPP } };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].status == status)
            return rows[i].err;
    return -EIO;
}

static int curl_err(CURLcode code)
{
    static const struct {
        CURLcode code;
        int err;
    } rows[] = {
        { CURLE_COULDNT_CONNECT, -ECONNREFUSED }, { CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
        { CURLE_FILESIZE_EXCEEDED, -EFBIG },      { CURLE_FTP_COULDNT_RETR_FILE, -ENOENT },
        { CURLE_GOT_NOTHING, -ECONNRESET },       { CURLE_LOGIN_DENIED, -EACCES },
        { CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT }, { CURLE_OUT_OF_MEMORY, -ENOMEM },
        { CURLE_PARTIAL_FILE, -ECONNRESET },      { CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED },
        { CURLE_RECV_ERROR, -ECONNRESET },        { CURLE_REMOTE_ACCESS_DENIED, -EACCES },
        { CURLE_REMOTE_DISK_FULL, -ENOSPC },      { CURLE_REMOTE_FILE_NOT_FOUND, -ENOENT },
        { CURLE_SEND_ERROR, -ECONNRESET },        { CURLE_SSL_ISSUER_ERROR, -EKEYREJECTED },
        { CURLE_TOO_MANY_REDIRECTS, -ELOOP },     { CURLE_UNSUPPORTED_PROTOCOL, -EPROTONOSUPPORT },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].code == code)
            return rows[i].err;
    return -EIO;
}

/* libcurl's own words are taken where they cannot repeat what stood in the URL. */
static bool is_frank(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR;
}

static void judge(CURL *c, struct transfer *t, CURLcode code, const char *words)
{
    long status = 0;
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    const char *text = is_frank(code) && words[0] ? words : curl_easy_strerror(code);

    if (atomic_load(&t->cancelled))
        t->err = -ECANCELED;
    else if (t->file_err)
        t->err = t->file_err;
    else if (code == CURLE_HTTP_RETURNED_ERROR)
        t->err = http_err(status);
    else
        t->err = code == CURLE_OK ? 0 : curl_err(code);

    if (t->file_err)
        (void)str_copy(t->text, sizeof(t->text), err_text(t->file_err));
    else if (code != CURLE_OK && status)
        (void)snprintf(t->text, sizeof(t->text), "%s (%ld)", text, status);
    else
        (void)str_copy(t->text, sizeof(t->text), code == CURLE_OK ? "complete" : text);
    str_make_harmless(t->text);
}

/* Whether a server of http has refused the upload for its method. */
static bool wants_form(CURL *c, const struct transfer *t, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    return t->is_upload && strncasecmp(t->url, "http", 4) == 0 && code != CURLE_OK && !t->file_err &&
           (status == 405 || status == 501) && !atomic_load(&t->cancelled);
}

/* Whether an upload was cut off on the way, to a server that can take it up where it stopped (N01, error handling). */
static bool can_resume(const struct transfer *t, CURLcode code)
{
    bool is_cut = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE ||
                  code == CURLE_UPLOAD_FAILED || code == CURLE_GOT_NOTHING || code == CURLE_SSH;
    return t->is_upload && strncasecmp(t->url, "http", 4) != 0 && is_cut && t->bytes > 0 && !t->file_err &&
           !atomic_load(&t->cancelled);
}

/* After what the server says it has. */
static CURLcode resume(CURL *c, struct transfer *t)
{
    log_info(LOG_NET, "an upload was cut off and is taken up again: bytes=%lld", (long long)t->bytes);
    return curl_easy_setopt(c, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)-1) ? CURLE_OUT_OF_MEMORY
                                                                          : curl_easy_perform(c);
}

/* As a browser's form would send it: POST, multipart/form-data, with the file's name in Content-Disposition [N01.FR.19]. */
static CURLcode post_form(CURL *c, struct transfer *t)
{
    curl_mime *form = curl_mime_init(c);
    curl_mimepart *file = form ? curl_mime_addpart(form) : NULL;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (file && on_seek(t, 0, SEEK_SET) == CURL_SEEKFUNC_OK && !curl_mime_name(file, "uploadfile") &&
        !curl_mime_filename(file, t->name) && !curl_mime_type(file, "application/octet-stream") &&
        !curl_mime_data_cb(file, t->size, on_upload, on_seek, NULL, t) &&
        !curl_easy_setopt(c, CURLOPT_UPLOAD, 0L) && !curl_easy_setopt(c, CURLOPT_URL, t->form_url) &&
        !curl_easy_setopt(c, CURLOPT_MIMEPOST, form))
        code = curl_easy_perform(c);
    (void)curl_easy_setopt(c, CURLOPT_MIMEPOST, NULL);
    curl_mime_free(form);
    return code;
}

void transfer_perform(struct transfer *t)
{
    char words[CURL_ERROR_SIZE] = "";
    const struct env *env = &t->all->loop->env;
    t->last_ms = env->now_ms(env->ctx);

    CURL *c = curl_easy_init();
    if (!c || !set_common(c, t) || !set_trust(c, t) || !set_flow(c, t) ||
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, words)) {
        curl_easy_cleanup(c);
        t->err = -ENOMEM;
        (void)str_copy(t->text, sizeof(t->text), "libcurl could not be set up");
        return;
    }
    CURLcode code = curl_easy_perform(c);
    if (wants_form(c, t, code))
        code = post_form(c, t);
    if (can_resume(t, code))
        code = resume(c, t);
    if (code == CURLE_OK && !t->is_upload && fsync(t->fd) < 0)
        t->file_err = -errno;
    judge(c, t, code, words);
    t->over = true; /* on_progress(): no waiting for the server's goodbye */
    curl_easy_cleanup(c);
}
