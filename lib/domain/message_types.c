/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry itself: every message type, its topic, its fields, its result. Data only; message.c reads it.
 * Every command is an *ensure*: doing it twice is the same as doing it once.
 */
#include "lib/domain/message.h"

#define STR(name, doc) { name, KN_STR, true, 0, 0, doc }
#define WORD(name, max, doc) { name, KN_STR, true, 1, max, doc }
#define STR_OPT(name, doc) { name, KN_STR, false, 0, 0, doc }
#define UUID(name, doc) { name, KN_UUID, true, 0, 0, doc }
#define UUID_OPT(name, doc) { name, KN_UUID, false, 0, 0, doc }
#define INT(name, min, max, doc) { name, KN_INT, true, min, max, doc }
#define INT_OPT(name, min, max, doc) { name, KN_INT, false, min, max, doc }
#define BOOLEAN(name, doc) { name, KN_BOOL, true, 0, 0, doc }
#define BOOLEAN_OPT(name, doc) { name, KN_BOOL, false, 0, 0, doc }
#define OBJ(name, doc) { name, KN_OBJ, true, 0, 0, doc }
#define OBJ_OPT(name, doc) { name, KN_OBJ, false, 0, 0, doc }
#define ARR(name, doc) { name, KN_ARR, true, 0, 0, doc }
#define ARR_OPT(name, doc) { name, KN_ARR, false, 0, 0, doc }
#define END { NULL, KN_FIELD_END, false, 0, 0, NULL }
#define FIELDS(...) (const struct kn_field[]){ __VA_ARGS__, END }
#define NOTHING (const struct kn_field[]){ END }

#define MAX_INT INT64_C(9007199254740991)

const struct kn_message_type kn_message_types[] = {
    /* --- kn.task --- */
    { "task.wake", 1, KN_TOPIC_TASK, "a task was written; the envelope's task says which", NOTHING, NULL, false },

    /* --- kn.place: kilonova-scheduler --- */
    { "place.claim", 1, KN_TOPIC_PLACE, "choose a host for a server at the envelope's generation and claim its resources",
      FIELDS(UUID("server", "the server"), STR("project", "its project"), INT("vcpus", 1, 65536, "vCPUs"),
             INT("memory_mib", 1, MAX_INT, "memory"), INT("disk_gib", 0, MAX_INT, "local disk"),
             STR_OPT("zone", "availability zone asked for; absent = any"), STR_OPT("host", "only this host"),
             ARR_OPT("exclude", "names of hosts that failed already")),
      FIELDS(STR("host", "the chosen host"), STR("agent", "the agent that carries it"),
             STR("zone", "the host's availability zone"), STR_OPT("underlay", "the host's VXLAN address")), false },
    { "place.release", 1, KN_TOPIC_PLACE, "give back what the server holds at or below the envelope's generation",
      FIELDS(UUID("server", "the server")), NOTHING, false },

    /* --- kn.network: kilonova-network --- */
    { "port.allocate", 1, KN_TOPIC_NETWORK, "ensure the server's ports: make those that its requests lack, take those they name",
      FIELDS(UUID("server", "the server: device_id of its ports"), STR("project", "its project"),
             STR("hostname", "DNS name of the ports"),
             ARR("requests", "in NIC order: {network: uuid} or {port: uuid}, with optional fixed_ip and tag")),
      FIELDS(ARR("nics", "in order: see \"A NIC\" in ARCHITECTURE.md")), false },
    { "port.bind", 1, KN_TOPIC_NETWORK, "the server's ports live on this host now; hosts that carry the networks are told",
      FIELDS(UUID("server", "the server"), STR("host", "the host")), NOTHING, false },
    { "port.release", 1, KN_TOPIC_NETWORK, "delete the ports made for the server, unbind those it was given",
      FIELDS(UUID("server", "the server")), NOTHING, false },

    /* --- kn.volume: kilonova-volume --- */
    { "volume.create", 1, KN_TOPIC_VOLUME, "make the volume's disk",
      FIELDS(UUID("volume", "the volume"), INT("size_gib", 1, 1 << 20, "its size")), NOTHING, false },
    { "volume.delete", 1, KN_TOPIC_VOLUME, "remove the volume's disk", FIELDS(UUID("volume", "the volume")), NOTHING, false },
    { "volume.connect", 1, KN_TOPIC_VOLUME, "make the volume reachable from a host",
      FIELDS(UUID("volume", "the volume"), UUID("server", "who will use it"), STR("host", "from where")),
      FIELDS(OBJ("connection", "see \"A connection\" in ARCHITECTURE.md")), false },
    { "volume.disconnect", 1, KN_TOPIC_VOLUME, "end what volume.connect began",
      FIELDS(UUID("volume", "the volume"), UUID("server", "who used it")), NOTHING, false },

    /* --- kn.image: kilonova-image --- */
    { "image.locate", 1, KN_TOPIC_IMAGE, "where a host fetches the image's data",
      FIELDS(UUID("image", "the image")),
      FIELDS(STR("url", "signed, good until the envelope's deadline or an hour"), STR("sha512", "of the data"),
             INT("size", 0, MAX_INT, "bytes"), STR("disk_format", "raw or qcow2"),
             INT("virtual_size", 0, MAX_INT, "bytes of the disk inside")), false },
    { "image.import", 1, KN_TOPIC_IMAGE, "make the image's staged or downloaded data its own, converted if need be",
      FIELDS(UUID("image", "the image"), UUID("import", "the row of image_task"), STR_OPT("project", "who waits for it")), NOTHING, false },
    { "image.delete", 1, KN_TOPIC_IMAGE, "drop the data that no image refers to any more",
      FIELDS(UUID("image", "the image that was deleted"), STR_OPT("sha512", "its data")), NOTHING, false },

    /* --- kn.agent.<id>: kilonova-agent; every body names the host, because one agent may carry many --- */
    { "server.spawn", 1, KN_TOPIC_AGENT, "ensure that the server's guest is defined and runs",
      FIELDS(STR("host", "on which"), UUID("server", "the server"),
             OBJ("spec", "see \"A spec\" in ARCHITECTURE.md")),
      FIELDS(INT("power_state", 0, 7, "Nova's number")), false },
    { "server.destroy", 1, KN_TOPIC_AGENT,
      "ensure that no guest of the server at or below the envelope's generation is on the host, nor its disks and ports",
      FIELDS(STR("host", "on which"), UUID("server", "the server")), NOTHING, false },
    { "server.power", 1, KN_TOPIC_AGENT, "change a guest's power state",
      FIELDS(STR("host", "on which"), UUID("server", "the server"),
             STR("action", "start, stop, reboot_soft, reboot_hard, pause, unpause, suspend or resume"),
             OBJ_OPT("spec", "what to ensure first; start and reboot_hard")),
      FIELDS(INT("power_state", 0, 7, "Nova's number")), false },
    { "server.attach_volume", 1, KN_TOPIC_AGENT, "hot-plug a volume (or put it into the spec of a stopped guest)",
      FIELDS(STR("host", "on which"), UUID("server", "the server"), UUID("volume", "the volume"),
             OBJ("connection", "from volume.connect"), STR_OPT("device", "wanted name, /dev/vdX; a wish")),
      FIELDS(STR("device", "the name it has: /dev/vdX")), false },
    { "server.detach_volume", 1, KN_TOPIC_AGENT, "unplug a volume and wait until the guest let it go",
      FIELDS(STR("host", "on which"), UUID("server", "the server"), UUID("volume", "the volume")), NOTHING, false },
    { "server.describe", 1, KN_TOPIC_AGENT, "what users wrote on the server, for the guest's metadata; the newest task's holds",
      FIELDS(STR("host", "on which"), UUID("server", "the server"), OBJ("description", "{name, hostname, metadata}")), NOTHING, false },
    { "server.console_log", 1, KN_TOPIC_AGENT, "the end of the guest's serial log",
      FIELDS(STR("host", "on which"), UUID("server", "the server"), INT_OPT("lines", 0, KN_CONSOLE_LINES_MAX, "absent = all kept")),
      FIELDS({ "output", KN_STR, true, 0, KN_CONSOLE_BYTES_MAX, "text, at most 100 KiB; bytes that are not UTF-8 are replaced" }), true },
    { "net.peers", 1, KN_TOPIC_AGENT, "the whole forwarding table of a network: who lives on which other host",
      FIELDS(STR("host", "on which"), UUID("network", "the network"), INT("version", 0, MAX_INT, "an older one is ignored"),
             ARR("peers", "{mac, ips:[address…], underlay} of each port bound elsewhere")),
      NULL, false },
    { "agent.introduce", 1, KN_TOPIC_AGENT, "say hello: the scheduler heard you and does not know you", NOTHING, NULL, false },
    { "agent.refused", 1, KN_TOPIC_AGENT, "stop: another agent with your id lives, and it was there first",
      FIELDS(STR("boot", "who is meant; others pass it over"), STR("living", "the boot of the other")), NULL, false },
    { "host.observe", 1, KN_TOPIC_AGENT, "what is really there, for the audit: answered in one reply per host",
      FIELDS(STR("host", "on which"), STR("audit", "whose question, repeated in the result")),
      FIELDS(STR("audit", "whose question"), STR("host", "which"),
             ARR("domains", "{server, generation, power_state, volumes:[uuid…], taps:[name…]}"),
             ARR("taps", "names of taps that are there"), ARR("dirs", "server directories that are there")), false },

    /* --- kn.report: agents and services say what is --- */
    { "agent.hello", 1, KN_TOPIC_REPORT, "an agent starts, or the bus forgot: send again what is open for it",
      FIELDS(WORD("agent", 255, "its id"), WORD("boot", 63, "random at each start of the agent"),
             ARR("hosts", "see \"A host\" in ARCHITECTURE.md")), NULL, false },
    { "agent.heartbeat", 1, KN_TOPIC_REPORT, "the agent lives",
      FIELDS(WORD("agent", 255, "its id"), WORD("boot", 63, "as in its hello")), NULL, false },
    { "agent.domains", 1, KN_TOPIC_REPORT, "guests found on a host, in pieces of at most 500",
      FIELDS(WORD("agent", 255, "its id"), STR("host", "which"),
             ARR("domains", "{server, generation, power_state}")), NULL, false },
    { "server.power_state", 1, KN_TOPIC_REPORT, "a guest changed by itself: stopped from inside, crashed, paused on I/O error",
      FIELDS(WORD("agent", 255, "its id"), STR("host", "where"), UUID("server", "which"), INT("power_state", 0, 7, "Nova's number"),
             STR("reason", "libvirt's word for it")), NULL, false },
    { "service.hello", 1, KN_TOPIC_REPORT, "a bus service starts: send again what is open on its topic",
      FIELDS(STR("topic", "which it reads"), WORD("boot", 63, "random at each start")), NULL, false },

    { "service.heartbeat", 1, KN_TOPIC_REPORT, "a conductor lives and the bus carries: only then is an agent's silence a sign",
      FIELDS(STR("topic", "which it reads"), WORD("boot", 63, "random at each start")), NULL, false },

    { NULL, 0, NULL, NULL, NULL, NULL, false },
};

/* "A host" of ARCHITECTURE.md. The ranges keep every sum and product of them within the database's types. */
static const struct kn_field HOST[] = {
    { "host", KN_STR, true, 1, KN_HOST_NAME_MAX, "its name" },
    { "vcpus", KN_INT, true, 1, 99999, "physical ones" },
    { "memory_mib", KN_INT, true, 0, INT64_C(1) << 40, "all of it" },
    { "reserved_memory_mib", KN_INT, false, 0, INT64_C(1) << 40, "kept from guests" },
    { "disk_gib", KN_INT, true, 0, INT64_C(1) << 40, "for guests" },
    { "zone", KN_STR, false, 0, 255, "availability zone" },
    { "underlay", KN_STR, false, 0, 64, "VXLAN address" },
    { "hypervisor_type", KN_STR, false, 0, 255, "libvirt's word" },
    { "hypervisor_version", KN_INT, false, 0, INT32_MAX, "libvirt's number" },
    { "cpu_info", KN_OBJ, false, 0, 0, "for people" },
    END,
};

int kn_message_host_check(const json_t *host, struct kn_error *err)
{
    const int64_t reserved = kn_json_int(host, "reserved_memory_mib");

    if (kn_fields_check(HOST, host, "host", err) < 0) {
        return -1;
    }
    if (reserved > kn_json_int(host, "memory_mib")) {
        return kn_fail(err, KN_BAD_REQUEST, "host: \"reserved_memory_mib\" of %lld is above \"memory_mib\" of %lld",
                       (long long)reserved, (long long)kn_json_int(host, "memory_mib"));
    }
    return 0;
}
