/* What the gateway does for the station, on the bench: it stores, makes keys, uploads logs and installs firmware. */
#include "tests/support/bench_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/record.h"
#include "base/str.h"
#include "tests/support/authority.h"

/* ---- the store ---- */

int bench_on_persist(void *ctx, const struct record *records, size_t count, uint32_t ticket)
{
    struct bench *b = ctx;
    if (b->store_refuses)
        return -28; /* ENOSPC */
    json_t *group = json_array();
    for (size_t i = 0; i < count; i++) {
        char name[300];
        snprintf(name, sizeof(name), "%s/%s", record_kind_names[records[i].kind], records[i].key);
        json_array_append_new(group, json_pack("[s, s?]", name, records[i].value));
    }
    json_array_append_new(b->commits, json_pack("[I, o]", (json_int_t)ticket, group));
    return 0;
}

bool bench_do_commit(struct bench *b)
{
    if (b->hold_commits || json_array_size(b->commits) == 0)
        return false;
    json_t *commit = json_incref(json_array_get(b->commits, 0));
    json_array_remove(b->commits, 0);
    if (b->hold_after > 0)
        b->hold_commits = --b->hold_after == 0;

    size_t i;
    json_t *record;
    json_array_foreach(json_array_get(commit, 1), i, record)
    {
        const char *name = json_string_value(json_array_get(record, 0));
        json_t *value = json_array_get(record, 1);
        if (json_is_null(value))
            json_object_del(b->records, name);
        else
            json_object_set(b->records, name, value);
    }
    uint32_t ticket = (uint32_t)json_integer_value(json_array_get(commit, 0));
    json_decref(commit);
    if (ticket)
        station_on_persisted(b->station, ticket, 0);
    return true;
}

const char *bench_record(struct bench *b, const char *kind, const char *key)
{
    char name[300];
    bench_settle(b);
    snprintf(name, sizeof(name), "%s/%s", kind, key);
    return json_string_value(json_object_get(b->records, name));
}

/* ---- keys ---- */

void bench_on_make_csr(void *ctx, const struct csr_request *request, uint32_t ticket)
{
    struct bench *b = ctx;
    assert_int_equal(b->csr_ticket, 0);
    b->csr_ticket = ticket;
    b->requests++;
    (void)str_copy(b->csr_common_name, sizeof(b->csr_common_name), request->common_name);
    (void)str_copy(b->csr_organization, sizeof(b->csr_organization), request->organization);
}

bool bench_do_csr(struct bench *b)
{
    uint32_t ticket = b->csr_ticket;
    if (ticket == 0)
        return false;
    b->csr_ticket = 0;
    bench_keep_text(&b->csr, NULL);
    bench_keep_text(&b->csr_key, NULL);
    if (b->csr_error == 0)
        authority_request(b->csr_common_name, b->csr_organization, &b->csr, &b->csr_key);
    station_on_csr(b->station, ticket, b->csr, b->csr_key, b->csr_error);
    return true;
}

/* ---- logs ---- */

int bench_on_upload_log(void *ctx, const struct log_request *request)
{
    struct bench *b = ctx;
    assert_null(b->log_request);
    b->log_uploads++;
    if (b->log_refusal < 0)
        return b->log_refusal;
    b->log_request = json_pack("{s:i, s:s, s:s}", "kind", request->kind, "url", request->url, "fileName",
                               request->file_name);
    if (request->trusted_pem)
        json_object_set_new(b->log_request, "trusted", json_string(request->trusted_pem));
    if (request->oldest_ms != INT64_MIN)
        json_object_set_new(b->log_request, "oldest", json_integer(request->oldest_ms));
    if (request->latest_ms != INT64_MAX)
        json_object_set_new(b->log_request, "latest", json_integer(request->latest_ms));
    return 0;
}

static void drop_log_request(struct bench *b)
{
    json_decref(b->log_request);
    b->log_request = NULL;
}

bool bench_on_has_log(void *ctx, const struct log_request *request)
{
    const struct bench *b = ctx;
    return request->latest_ms >= b->log_begins_ms && request->oldest_ms <= b->log_ends_ms;
}

void bench_on_cancel_log(void *ctx)
{
    struct bench *b = ctx;
    b->log_cancels++;
    drop_log_request(b);
}

void bench_log_uploaded(struct bench *b, int err)
{
    assert_non_null(b->log_request);
    drop_log_request(b);
    station_on_log_uploaded(b->station, err);
    bench_settle(b);
}

/* ---- firmware ---- */

int bench_on_firmware(void *ctx, const struct firmware_job *job)
{
    struct bench *b = ctx;
    if (job->step == FIRMWARE_CLAIM && b->firmware_claim < 0)
        return b->firmware_claim;
    json_array_append_new(b->firmware_jobs, json_pack("[i, s?]", job->step, job->location));
    bool is_answered =
        job->step != FIRMWARE_CLAIM && job->step != FIRMWARE_RELEASE && job->step != FIRMWARE_ACTIVATE;
    b->firmware_ticket = is_answered ? job->ticket : 0;
    b->firmware_step = job->step;
    return 0;
}

void bench_firmware_done(struct bench *b, enum firmware_outcome outcome)
{
    uint32_t ticket = b->firmware_ticket;
    assert_int_not_equal(ticket, 0);
    if (outcome != FIRMWARE_STARTED)
        b->firmware_ticket = 0;
    station_on_firmware_done(b->station, ticket, outcome);
    if (b->hold_firmware)
        bench_settle(b);
}

bool bench_do_firmware(struct bench *b)
{
    if (b->hold_firmware || b->firmware_ticket == 0)
        return false;
    if (b->firmware_step == FIRMWARE_INSTALL)
        bench_firmware_done(b, FIRMWARE_STARTED);
    bench_firmware_done(b, b->firmware_outcomes[b->firmware_step]);
    return true;
}

void bench_expect_firmware(struct bench *b, enum firmware_step step)
{
    bench_settle(b);
    const json_t *job = json_array_get(b->firmware_jobs, 0);
    assert_non_null(job);
    assert_int_equal(json_integer_value(json_array_get(job, 0)), step);
    json_array_remove(b->firmware_jobs, 0);
}
