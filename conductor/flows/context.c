/* SPDX-License-Identifier: Apache-2.0 */
/* The one way to a task's input, context and object, by declared names only. Pure; it knows no flow by name. */
#include "conductor/flows/context.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/domain/wish.h"

const struct kn_conductor_finding kn_conductor_findings_engine[] = {
    { .name = "tries", .kind = KN_INT, .from = KN_BY_ENGINE, .read_by = KN_BY_ENGINE, .may_lack = true },
    { .name = "exclude", .kind = KN_ARR, .from = KN_BY_ENGINE, .read_by = "place.claim", .may_lack = true },
    { .name = "failures", .kind = KN_ARR, .from = KN_BY_ENGINE, .read_by = "failed", .may_lack = true },
    { .name = "not_undone",
      .kind = KN_ARR,
      .from = KN_BY_ENGINE,
      .read_by = KN_BY_ENGINE " row failed",
      .may_lack = true },
    { .name = NULL },
};

static const struct kn_conductor_finding *context_find(const struct kn_conductor_finding *list, const char *name)
{
    for (const struct kn_conductor_finding *f = list; f != NULL && f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

const struct kn_conductor_finding *kn_conductor_finding(const struct kn_conductor_flow *flow, const char *name)
{
    const struct kn_conductor_finding *own = context_find(flow->finds, name);

    return own != NULL ? own : context_find(kn_conductor_findings_engine, name);
}

static const struct kn_field *wish_field(const struct kn_conductor_flow *flow, const char *name)
{
    const struct kn_wish_type *type = kn_wish_type(flow->kind);

    for (const struct kn_field *field = type == NULL ? NULL : type->fields;
         field != NULL && field->kind != KN_FIELD_END; field++) {
        if (strcmp(field->name, name) == 0) {
            return field;
        }
    }
    return NULL;
}

static void context_must(bool declared, const struct kn_conductor_task *task, const char *what, const char *name)
{
    if (!declared) {
        kn_log(KN_ERROR, "a flow asks for what it does not declare", "kind", task->flow->kind, "what", what, "name",
               name, NULL);
        abort();
    }
    if (task->asked != NULL) {
        task->asked(task, what, name);
    }
}

json_t *kn_conductor_wished(const struct kn_conductor_task *task, const char *name)
{
    context_must(wish_field(task->flow, name) != NULL, task, "wish", name);
    return json_object_get(task->input, name);
}

const char *kn_conductor_wished_str(const struct kn_conductor_task *task, const char *name)
{
    const char *text = json_string_value(kn_conductor_wished(task, name));

    return text == NULL ? "" : text;
}

json_t *kn_conductor_known(const struct kn_conductor_task *task, const char *name)
{
    context_must(kn_conductor_record_knows(task->flow->object, name) != NULL, task, "row", name);
    return json_object_get(task->object, name);
}

const char *kn_conductor_known_str(const struct kn_conductor_task *task, const char *name)
{
    const char *text = json_string_value(kn_conductor_known(task, name));

    return text == NULL ? "" : text;
}

json_t *kn_conductor_found(const struct kn_conductor_task *task, const char *name)
{
    context_must(kn_conductor_finding(task->flow, name) != NULL, task, "finding", name);
    return json_object_get(task->context, name);
}

const char *kn_conductor_found_str(const struct kn_conductor_task *task, const char *name)
{
    const char *text = json_string_value(kn_conductor_found(task, name));

    return text == NULL ? "" : text;
}

int64_t kn_conductor_found_int(const struct kn_conductor_task *task, const char *name)
{
    return json_integer_value(kn_conductor_found(task, name));
}

void kn_conductor_find_answer(struct kn_conductor_task *task, const char *message, const json_t *answer)
{
    for (const struct kn_conductor_finding *f = task->flow->finds; f != NULL && f->name != NULL; f++) {
        if (strcmp(f->from, message) == 0) {
            json_t *value = f->whole ? (json_t *)(uintptr_t)answer : json_object_get(answer, f->name);

            if (value != NULL) {
                json_object_set(task->context, f->name, value);
            }
        }
    }
}

/* A message that no row has is behind every one. */
static int row_that_asks(const struct kn_conductor_flow *flow, const char *message)
{
    int row = 0;

    for (; row < flow->row_count; row++) {
        for (int i = 0; i < KN_ROW_PARTS && flow->rows[row].parts[i].message != NULL; i++) {
            if (strcmp(flow->rows[row].parts[i].message, message) == 0) {
                return row;
            }
        }
    }
    return row;
}

void kn_conductor_find_again(struct kn_conductor_task *task)
{
    for (const struct kn_conductor_finding *f = task->flow->finds; f != NULL && f->name != NULL; f++) {
        if (f->in_row && json_object_get(task->context, f->name) == NULL &&
            task->step > row_that_asks(task->flow, f->from)) {
            json_object_set(task->context, f->name, kn_conductor_known(task, f->name));
        }
    }
}

static void context_keep(json_t *kept, const struct kn_conductor_task *task, const struct kn_conductor_finding *list)
{
    for (const struct kn_conductor_finding *f = list; f != NULL && f->name != NULL; f++) {
        json_t *value = f->in_row ? NULL : json_object_get(task->context, f->name);

        if (value != NULL) {
            json_object_set(kept, f->name, value);
        }
    }
}

json_t *kn_conductor_find_kept(const struct kn_conductor_task *task, bool over)
{
    json_t *kept = json_object();

    context_keep(kept, task, kn_conductor_findings_engine);
    context_keep(kept, task, over ? NULL : task->flow->finds);
    return kept;
}

void kn_conductor_find(struct kn_conductor_task *task, const char *name, json_t *value)
{
    context_must(context_find(kn_conductor_findings_engine, name) != NULL, task, "note", name);
    json_object_set_new(task->context, name, value);
}

void kn_conductor_find_more(struct kn_conductor_task *task, const char *name, json_t *entry)
{
    if (json_object_get(task->context, name) == NULL) {
        kn_conductor_find(task, name, json_array());
    }
    json_array_append_new(json_object_get(task->context, name), entry);
}
