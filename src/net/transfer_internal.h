/* Shared by transfer.c (objects, files, threads) and transfer_curl.c (what libcurl is told and says). */
#ifndef NET_TRANSFER_INTERNAL_H
#define NET_TRANSFER_INTERNAL_H

#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"
#include "net/transfer.h"

#define TRANSFER_SOCKETS 8 /* of one transfer at a time: ftp has two, happy eyeballs tries two more */

struct transfers {
    struct loop *loop;
    uv_async_t async;
    uv_mutex_t mutex; /* guards `over` and the sockets of every transfer */
    struct list over; /* whose thread has done its work */
    struct list waiting, running;
    int running_count;
    char *known_hosts;
    bool freeing;
};

/* The thread owns the fields of the second part while it runs; the loop's side looks at them after it was joined. */
struct transfer {
    struct list link, over_link;
    struct transfers *all;
    enum { TRANSFER_WAITS, TRANSFER_RUNS, TRANSFER_OVER } state;
    uv_thread_t thread;
    transfer_ended ended;
    void *ctx;
    char *path;
    bool freed, started;
    atomic_bool cancelled;
    int sockets[TRANSFER_SOCKETS]; /* -1: none; shut down to wake the thread */

    char *url, *ca_pem, *known_hosts;
    char *form_url, *name; /* of an upload, for servers that take forms only */
    bool is_upload;
    int fd;
    int64_t size; /* of the file to send */
    int64_t max_bytes, idle_timeout_ms;
    int64_t last_bytes, last_ms; /* progress, for the idle time */
    int64_t bytes;
    int file_err; /* of reading or writing: says more than libcurl's code */
    bool over;    /* all is done but the goodbye */
    int err;
    char text[256];
};

/* Does it, in the calling thread; fills bytes, err and text. */
void transfer_perform(struct transfer *t);
/* For the thread: 0, or -ECANCELED if the transfer was broken off meanwhile. */
int transfer_note_socket(struct transfer *t, int fd);
void transfer_forget_socket(struct transfer *t, int fd);

#endif
