/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a spec: what the form takes becomes a domain and its XML, with all its disks and NICs, each text within its quotes; what is merged from it,
 * plugged in and out again fits the form, too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/domain_xml.h"
#include "lib/base/strbuf.h"
#include "lib/domain/form.h"

#define SERVER "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good) {
        abort();
    }
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

static void render(const json_t *spec)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf xml = KN_STRBUF_INIT;
    struct kn_agent_spec_domain d;

    kn_agent_spec_domain(spec, SERVER, 7, "/disk", "/rescue", &d);
    d.domain.type = "qemu";
    d.domain.serial_socket = "/serial";
    d.domain.console_log = "/log";
    kn_agent_domain_xml(&d.domain, &xml);
    must(occurrences(xml.buf, "<interface ") == json_array_size(json_object_get(spec, "nics")));
    must(json_object_get(spec, "rescue") != NULL ||
         occurrences(xml.buf, "<disk ") ==
             json_array_size(json_object_get(spec, "volumes")) + (json_object_get(spec, "image") != NULL ? 1 : 0) +
                 json_array_size(json_object_get(spec, "disks")) - (kn_spec_root(spec) != NULL ? 1 : 0));
}

static void change(const json_t *spec)
{
    json_t *connection = kn_form_write_connection("file", "/v", "raw", SERVER);
    json_t *merged = kn_agent_spec_merge(spec, spec), *described = kn_agent_spec_describe(spec, spec, INT64_MAX >> 12);
    json_t *without = kn_agent_spec_without_volume(spec, SERVER);

    must(kn_form_check(&kn_form_spec, merged, "spec", NULL) == 0 &&
         kn_form_check(&kn_form_spec, described, "spec", NULL) == 0 &&
         kn_form_check(&kn_form_spec, without, "spec", NULL) == 0);
    if ((kn_agent_spec_devices(without) >> 25 & 1) == 0 &&
        json_array_size(json_object_get(without, "volumes")) < KN_MAX_DISKS) {
        json_t *with = kn_agent_spec_with_volume(without, SERVER, "vdz", connection);

        must(kn_form_check(&kn_form_spec, with, "spec", NULL) == 0 && kn_agent_spec_volume(with, SERVER) != NULL);
        json_decref(with);
    }
    json_decref(without);
    json_decref(described);
    json_decref(merged);
    json_decref(connection);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *spec = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    struct kn_error err = { 0 };

    if (spec == NULL) {
        return 0;
    }
    if (kn_form_check(&kn_form_spec, spec, "spec", &err) < 0) {
        must(err.code == KN_BAD_REQUEST && err.message[0] != '\0');
    } else {
        render(spec);
        change(spec);
    }
    json_decref(spec);
    return 0;
}
