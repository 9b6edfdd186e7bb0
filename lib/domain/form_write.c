/* SPDX-License-Identifier: Apache-2.0 */
/* The writers of forms that more than one room writes. They check nothing: whoever sends what they wrote does (message.c). */
#include "lib/domain/form.h"

json_t *kn_form_write_disk(const char *volume, const char *device, json_t *connection)
{
    return json_pack("{s:s, s:s, s:O}", "volume", volume, "device", device, "connection", connection);
}

json_t *kn_form_write_connection(const char *driver, const char *path, const char *format, const char *serial)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "driver", driver, "path", path, "format", format, "serial", serial);
}

json_t *kn_form_write_nbd_connection(const struct kn_nbd_said *said, const char *serial)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "driver", "nbd", "address", said->address, "port",
                     said->port, "export", said->export, "identity", said->identity, "key", said->key, "format", "raw",
                     "serial", serial);
}

json_t *kn_form_write_plug(const json_t *nic)
{
    json_t *plug = json_object();

    for (const struct kn_field *field = kn_form_plug.fields; field->kind != KN_FIELD_END; field++) {
        json_t *value = json_object_get(nic, field->name);

        if (value != NULL) {
            json_object_set(plug, field->name, value);
        }
    }
    return plug;
}

json_t *kn_form_write_guest(const char *server, int64_t generation, int power_state)
{
    return json_pack("{s:s, s:I, s:i}", "server", server, "generation", (json_int_t)generation, "power_state",
                     power_state);
}

json_t *kn_form_write_seen(const char *server, int64_t generation, int power_state, json_t *volumes, json_t *taps)
{
    return json_pack("{s:s, s:I, s:i, s:o, s:o}", "server", server, "generation", (json_int_t)generation, "power_state",
                     power_state, "volumes", volumes, "taps", taps);
}

json_t *kn_form_write_firewall(const char *wanted, const char *kernel)
{
    return json_pack("{s:s, s:s}", "wanted", wanted, "kernel", kernel);
}

json_t *kn_form_write_host(const struct kn_host_said *said, json_t *cpu_info)
{
    json_t *host = json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:o}", "host", said->host, "vcpus",
                             (json_int_t)said->vcpus, "memory_mib", (json_int_t)said->memory_mib, "reserved_memory_mib",
                             (json_int_t)said->reserved_memory_mib, "disk_gib", (json_int_t)said->disk_gib, "zone",
                             said->zone, "hypervisor_type", said->hypervisor_type, "hypervisor_version",
                             (json_int_t)said->hypervisor_version, "cpu_info", cpu_info);

    if (host != NULL && said->underlay[0] != '\0') {
        json_object_set_new(host, "underlay", json_string(said->underlay));
    }
    if (host != NULL && json_array_size(said->physical) > 0) {
        json_object_set_new(host, "physical", json_deep_copy(said->physical));
    }
    if (host != NULL && json_array_size(said->cannot) > 0) {
        json_object_set_new(host, "cannot", json_deep_copy(said->cannot));
    }
    return host;
}
