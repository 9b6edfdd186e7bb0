/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry itself: every message type, its topic, its fields, its result. Data only; message.c reads it.
 * Every command is an *ensure*: doing it twice is the same as doing it once.
 */
#include "lib/domain/form.h"
#include "lib/domain/message.h"

#define STR(name, limit, doc) KN_MUST(name, KN_STR, limit, doc)
#define STR_OPT(name, limit, doc) KN_MAY(name, KN_STR, limit, doc)
#define UUID(name, doc) KN_MUST(name, KN_UUID, NONE, doc)
#define UUID_OPT(name, doc) KN_MAY(name, KN_UUID, NONE, doc)
#define BOOL_OPT(name, doc) KN_MAY(name, KN_BOOL, NONE, doc)
#define INT(name, limit, doc) KN_MUST(name, KN_INT, limit, doc)
#define INT_OPT(name, limit, doc) KN_MAY(name, KN_INT, limit, doc)
#define OBJ(name, its, doc) KN_MUST(name, KN_OBJ, NONE, doc, .form = &kn_form_##its)
#define OBJ_OPT(name, its, doc) KN_MAY(name, KN_OBJ, NONE, doc, .form = &kn_form_##its)
#define LIST(name, limit, its, doc) KN_MUST(name, KN_ARR, limit, doc, .form = &kn_form_##its)
#define LIST_OPT(name, its, doc) KN_MAY(name, KN_ARR, NONE, doc, .form = &kn_form_##its, .apart = true)
#define LIST_APART(name, its, doc) KN_MUST(name, KN_ARR, NONE, doc, .form = &kn_form_##its, .apart = true)
#define WORDS(name, doc) KN_MUST(name, KN_ARR, NONE, doc, .items = KN_STR)
#define WORDS_OPT(name, doc) KN_MAY(name, KN_ARR, NONE, doc, .items = KN_STR)

/* clang-format off */
const struct kn_message_type kn_message_types[] = {
    /* --- kn.task --- */
    { "task.wake", 1, KN_TOPIC_TASK, "a task was written; the envelope's task says which", KN_NO_FIELDS, NULL, false },

    /* --- kn.place: kilonova-scheduler --- */
    { "place.claim", 1, KN_TOPIC_PLACE, "choose a host for a server at the envelope's generation and claim its resources",
      KN_FIELDS(UUID("server", "the server"), STR("project", TENANT, "its project"), INT("vcpus", FLAVOR_VCPUS, "vCPUs"),
             INT("memory_mib", FLAVOR_MEMORY_MIB, "memory"), INT("disk_gib", FLAVOR_DISK_GIB, "local disk"),
             STR_OPT("zone", HOST_ZONE, "availability zone asked for; absent = any"), STR_OPT("host", HOST, "only this host"),
             WORDS_OPT("exclude", "names of hosts that failed already"),
             STR_OPT("role", NONE, "what for: home (absent; at the generation of what is held as dest: that one), or dest, which is held beside it and is of a later generation than the server")),
      KN_FIELDS(STR("host", HOST, "the chosen host"), STR("agent", AGENT, "the agent that carries it"),
             STR("zone", HOST_ZONE, "the host's availability zone"), STR_OPT("underlay", UNDERLAY, "the host's VXLAN address")), false },
    { "place.release", 1, KN_TOPIC_PLACE, "give back what the server holds at or below the envelope's generation",
      KN_FIELDS(UUID("server", "the server"), STR_OPT("role", NONE, "only what it holds as home, or as dest; absent = all")), KN_NO_FIELDS, false },

    /* --- kn.network: kilonova-network --- */
    { "port.allocate", 1, KN_TOPIC_NETWORK, "ensure the server's ports: make those that its requests lack, take those they name",
      KN_FIELDS(UUID("server", "the server: device_id of its ports"), STR("project", TENANT, "its project"),
             STR("hostname", SERVER_HOSTNAME, "DNS name of the ports"),
             LIST("requests", NICS, wanted_nic, "in the order of the NICs")),
      KN_FIELDS(LIST("nics", NICS, nic, "in order")), false },
    { "port.bind", 1, KN_TOPIC_NETWORK, "the server's ports live on this host now; hosts that carry the networks are told",
      KN_FIELDS(UUID("server", "the server"), STR("host", HOST, "the host"),
             STR_OPT("state", NONE, "active (absent): there and nowhere else; inactive: there as well, for a move, until it is made active")), KN_NO_FIELDS, false },
    { "port.release", 1, KN_TOPIC_NETWORK, "delete the ports made for the server, unbind those it was given",
      KN_FIELDS(UUID("server", "the server"), STR_OPT("host", HOST, "only what binds them to this host; the ports stay")), KN_NO_FIELDS, false },

    { "port.attach", 1, KN_TOPIC_NETWORK, "a port that was made for the server, or given to it, lives on this host now, and the server shows it",
      KN_FIELDS(UUID("server", "the server"), STR("host", HOST, "the host"), UUID("port", "which")), KN_FIELDS(OBJ("nic", nic, "what the server shows of it")), false },
    { "port.detach", 1, KN_TOPIC_NETWORK, "port.release of one port of the server, which shows it no more",
      KN_FIELDS(UUID("server", "the server"), UUID("port", "which; one that is gone is fine")), KN_NO_FIELDS, false },

    { "net.changed", 1, KN_TOPIC_NETWORK, "rows that hosts derive something from changed: look into network_change", KN_NO_FIELDS, NULL, false },

    /* --- kn.volume: kilonova-volume --- */
    { "volume.create", 1, KN_TOPIC_VOLUME, "make the volume's disk",
      KN_FIELDS(UUID("volume", "the volume"), INT("size_gib", VOLUME_SIZE_GIB, "its size"),
             UUID_OPT("from_volume", "a copy of this one, grown"), UUID_OPT("from_snapshot", "a copy of this snapshot, grown"),
             OBJ_OPT("base", image, "what this image holds, grown; of all three none: it is empty")), KN_NO_FIELDS, false },
    { "volume.overwrite", 1, KN_TOPIC_VOLUME, "put another content in the place of the volume's: it is the old one until all of the new one is there",
      KN_FIELDS(UUID("volume", "the volume"), INT("size_gib", VOLUME_SIZE_GIB, "its size"), UUID_OPT("from_snapshot", "what this snapshot holds"),
             OBJ_OPT("base", image, "what this image holds"),
             BOOL_OPT("held", "a server has it, and is off until this is done")), KN_NO_FIELDS, false },
    { "volume.extend", 1, KN_TOPIC_VOLUME, "make the volume's disk at least so large",
      KN_FIELDS(UUID("volume", "the volume"), INT("size_gib", VOLUME_SIZE_GIB, "its new size")), KN_NO_FIELDS, false },
    { "volume.upload", 1, KN_TOPIC_VOLUME, "bring what the volume holds to where an image awaits it",
      KN_FIELDS(UUID("volume", "the volume"), STR("url", NONE, "image.receive's answer"), STR("disk_format", DISK_FORMAT, "raw or qcow2")), KN_NO_FIELDS, false },
    { "snapshot.open", 1, KN_TOPIC_VOLUME, "say where the host of a server puts what its volume holds, an empty file",
      KN_FIELDS(UUID("snapshot", "the snapshot"), UUID("volume", "of which volume")),
      KN_FIELDS(STR("path", NONE, "of the file"), STR("format", DISK_FORMAT, "that it shall have")), false },
    { "snapshot.create", 1, KN_TOPIC_VOLUME, "keep what the volume holds now",
      KN_FIELDS(UUID("snapshot", "the snapshot"), UUID("volume", "of which volume"),
             BOOL_OPT("copied", "a host has put it where snapshot.open said; absent: nobody writes it")), KN_NO_FIELDS, false },
    { "snapshot.delete", 1, KN_TOPIC_VOLUME, "remove what was kept",
      KN_FIELDS(UUID("snapshot", "the snapshot"), UUID("volume", "of which volume it was")), KN_NO_FIELDS, false },
    { "volume.delete", 1, KN_TOPIC_VOLUME, "remove the volume's disk", KN_FIELDS(UUID("volume", "the volume")), KN_NO_FIELDS, false },
    { "volume.connect", 1, KN_TOPIC_VOLUME, "make the volume reachable from a host",
      KN_FIELDS(UUID("volume", "the volume"), UUID("server", "who will use it"),
                STR_OPT("host", HOST, "from where; absent = the server is on none yet")),
      KN_FIELDS(OBJ("connection", connection, "how it is reached")), false },
    { "volume.disconnect", 1, KN_TOPIC_VOLUME, "end what volume.connect began",
      KN_FIELDS(UUID("volume", "the volume"), UUID("server", "who used it"), STR_OPT("host", HOST, "from where; absent = the server is on none")), KN_NO_FIELDS, false },

    /* --- kn.image: kilonova-image --- */
    { "image.locate", 1, KN_TOPIC_IMAGE, "where a host fetches the image's data",
      KN_FIELDS(UUID("image", "the image")),
      KN_FIELDS(STR("url", NONE, "signed, good until the envelope's deadline or an hour"), STR("sha512", NONE, "of the data"),
             INT("size", EXACT, "bytes"), STR("disk_format", DISK_FORMAT, "raw or qcow2"),
             INT("virtual_size", VIRTUAL_SIZE, "bytes of the disk inside")), false },
    { "image.receive", 1, KN_TOPIC_IMAGE, "where the host of a server puts the data of an image of it: good for this image, while the envelope's task is open",
      KN_FIELDS(UUID("image", "the image")), KN_FIELDS(STR("url", NONE, "signed")), false },
    { "image.discard", 1, KN_TOPIC_IMAGE, "delete an image that was made for the server alone; one that is gone, or that is another's, is left as it is",
      KN_FIELDS(UUID("image", "which"), UUID("server", "the server")), KN_NO_FIELDS, false },
    { "image.rotate", 1, KN_TOPIC_IMAGE, "delete the oldest backups of a server that are too many, but none that is protected",
      KN_FIELDS(UUID("server", "the server"), UUID("image", "the newest one: its owner's are meant"),
             STR("backup_type", IMAGE_TEXT, "of this type alone"), INT("rotation", EXACT, "how many stay")), KN_NO_FIELDS, false },
    { "image.import", 1, KN_TOPIC_IMAGE, "make the image's staged or downloaded data its own, converted if need be",
      KN_FIELDS(UUID("image", "the image"), UUID("import", "the row of image_task")), KN_NO_FIELDS, false },
    { "image.delete", 1, KN_TOPIC_IMAGE, "drop the data that no image refers to any more",
      KN_FIELDS(UUID("image", "the image that was deleted"), STR_OPT("sha512", NONE, "its data")), KN_NO_FIELDS, false },

    /* --- kn.agent.<id>: kilonova-agent; every body names the host, because one agent may carry many --- */
    { "server.spawn", 1, KN_TOPIC_AGENT, "ensure that the server's guest is defined and runs",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"),
             OBJ("spec", spec, "what to make")),
      KN_FIELDS(INT("power_state", POWER_STATE, "Nova's number")), false },
    { "server.destroy", 1, KN_TOPIC_AGENT,
      "ensure that no guest of the server at or below the envelope's generation is on the host, nor its disks and ports",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server")), KN_NO_FIELDS, false },
    { "server.power", 1, KN_TOPIC_AGENT, "change a guest's power state",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"),
             STR("action", NONE, "start, stop, reboot_soft, reboot_hard, pause, unpause, suspend, resume, rescue, unrescue, unrescue_off, crash_dump, rebuild or rebuild_off"),
             OBJ_OPT("spec", spec, "what to ensure first; start, reboot_hard, those of a rescue and of a rebuild, whose disk is made of its image")),
      KN_FIELDS(INT("power_state", POWER_STATE, "Nova's number")), false },
    { "server.attach_volume", 1, KN_TOPIC_AGENT, "hot-plug a volume (or put it into the spec of a stopped guest)",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), UUID("volume", "the volume"),
             OBJ("connection", connection, "from volume.connect"), STR_OPT("device", DEVICE_WISH, "wanted name, /dev/vdX; a wish"), STR_OPT("tag", SERVER_TAG, "the user's, for the guest's metadata")),
      KN_FIELDS(STR("device", DEVICE, "the name it has: /dev/vdX")), false },
    { "server.detach_volume", 1, KN_TOPIC_AGENT, "unplug a volume and wait until the guest let it go",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), UUID("volume", "the volume")), KN_NO_FIELDS, false },
    { "server.copy_volume", 1, KN_TOPIC_AGENT, "put into a file what a volume of a guest that runs holds at one moment, its file systems frozen by its agent, if it has one; the guest goes on",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), UUID("volume", "the volume"),
             STR("path", NONE, "from snapshot.open"), STR("format", DISK_FORMAT, "from snapshot.open")),
      KN_FIELDS(BOOL_OPT("copied", "false: it is off, and whoever asked can copy the volume himself")), false },
    { "server.drop_copy", 1, KN_TOPIC_AGENT, "ensure that nothing is at work on a file of server.copy_volume",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), UUID("volume", "the volume"), STR("path", NONE, "the file")), KN_NO_FIELDS, false },
    { "server.resize_volume", 1, KN_TOPIC_AGENT, "a volume grew: a guest that runs and has it is told; any other sees it when it starts",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), UUID("volume", "the volume"), INT("size_gib", VOLUME_SIZE_GIB, "its size now")), KN_NO_FIELDS, false },
    { "server.attach_interface", 1, KN_TOPIC_AGENT, "hot-plug a NIC (or put it into the spec of a stopped guest)",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), OBJ("nic", plug, "the device and its port, which the host is told of beside this")),
      KN_NO_FIELDS, false },
    { "server.detach_interface", 1, KN_TOPIC_AGENT, "unplug a NIC, wait until the guest let it go, and take its tap away",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), UUID("port", "whose device it is"),
             BOOL_OPT("force", "a guest that does not let go loses the wire all the same, and the device when it is off next")), KN_NO_FIELDS, false },
    { "server.snapshot", 1, KN_TOPIC_AGENT, "make a file of the guest's root disk as it is at one moment, whole and on its own; what runs goes on",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"),
             BOOL_OPT("quiesce", "the guest's agent must freeze its file systems at that moment")),
      KN_FIELDS(STR("sha512", NONE, "of the file"), INT("size", EXACT, "its bytes"), STR("disk_format", DISK_FORMAT, "what it is")), false },
    { "server.upload", 1, KN_TOPIC_AGENT, "put the file of server.snapshot where image.receive said",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), STR("url", NONE, "from image.receive"),
             STR("sha512", NONE, "from server.snapshot"), STR("disk_format", DISK_FORMAT, "from server.snapshot")), KN_NO_FIELDS, false },
    { "server.drop_snapshot", 1, KN_TOPIC_AGENT, "ensure that there is no file of server.snapshot, nor anything at work on it",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server")), KN_NO_FIELDS, false },
    { "server.describe", 1, KN_TOPIC_AGENT, "what users wrote on the server, for the guest's metadata; the newest task's holds",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), OBJ("description", description, "as it is now")), KN_NO_FIELDS, false },
    { "image.cache", 1, KN_TOPIC_AGENT, "fetch the image's data ahead of time: a base that is in the host's cache",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("image", "which"), OBJ("base", image, "where it comes from")), KN_NO_FIELDS, false },
    { "server.console_log", 1, KN_TOPIC_AGENT, "the end of the guest's serial log",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), INT_OPT("lines", CONSOLE_LINES, "absent = all kept")),
      KN_FIELDS(STR("output", CONSOLE_OUTPUT, "text, at most 100 KiB; bytes that are not UTF-8 are replaced")), true },
    { "server.console", 1, KN_TOPIC_AGENT, "whether the guest has such a console now; with an address: dial it, say the secret, and carry the console until one side ends it",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), STR("type", CONSOLE_TYPE, "serial or novnc"),
             STR_OPT("address", CONSOLE_ADDRESS, "of the API that asks"), STR_OPT("secret", CONSOLE_SECRET, "names the console to it, once")), KN_NO_FIELDS, true },
    { "server.look", 1, KN_TOPIC_AGENT, "whether the guest is there, and its power",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server")),
      KN_FIELDS(INT("power_state", POWER_STATE, "Nova's number")), false },
    { "server.set_password", 1, KN_TOPIC_AGENT, "ask the guest's agent to give a user this password",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), STR("user", META_VALUE, "of the guest"),
             STR("password", ADMIN_PASS, "kept nowhere")), KN_NO_FIELDS, true },
    { "server.diagnose", 1, KN_TOPIC_AGENT, "what the guest uses; of one that does not run: nothing but that",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server")),
      KN_FIELDS(INT("power_state", POWER_STATE, "Nova's number"), STR("hypervisor", HYPERVISOR_TYPE, "kvm, qemu or sim"),
             INT("maximum_kib", NONE, "memory that it may have"), INT("used_kib", NONE, "that it has"),
             LIST("cpus", NONE, diagnosed_cpu, "its virtual CPUs"), LIST("disks", NONE, diagnosed_disk, "its disks"),
             LIST("nics", NONE, diagnosed_nic, "its NICs"), LIST("memory", NONE, diagnosed_memory, "what the balloon says")), true },
    { "server.password", 1, KN_TOPIC_AGENT, "what the guest posted to its metadata service as its password",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server")),
      KN_FIELDS(STR("host", HOST, "on which"), STR_OPT("password", GUEST_PASSWORD, "absent = none was"), UUID_OPT("posted", "names this posting")), true },
    { "server.forget_password", 1, KN_TOPIC_AGENT, "drop the password that the guest posted; said again, it drops no other",
      KN_FIELDS(STR("host", HOST, "on which"), UUID("server", "the server"), UUID("posted", "which posting: another one stays")), KN_NO_FIELDS, true },
    { "net.state", 1, KN_TOPIC_AGENT, "what a host must know of its networks: all of it, or what changed since a version; whoever knows another one asks",
      KN_FIELDS(STR("host", HOST, "on which"), INT("from", STATE_FROM, "the version that it begins at; -1: this is all there is"),
             INT("version", EXACT, "that it leads to"), INT("piece", STATE_PIECES, "which of the messages of this version it is, from 1 on"),
             INT("pieces", STATE_PIECES, "how many there are: they are taken together"),
             UUID_OPT("answers", "of all there is: the newest question of this host; absent: none is known"),
             LIST("put", NONE, state_object, "things that are so now"), LIST("drop", NONE, state_drop, "things that concern the host no more")),
      NULL, false },
    { "net.trace", 1, KN_TOPIC_AGENT, "whether a packet would pass here, by what the host was told and by what its kernel has, and what stops it",
      KN_FIELDS(STR("host", HOST, "on which"), LIST("pieces", STATE_LIST, trace_piece, "of its way, as they come")),
      KN_FIELDS(LIST("hops", STATE_ITEMS, trace_hop, "what was looked at, piece by piece"),
             INT("version", STATE_FROM, "of what the host was told of networks")), true },
    { "agent.introduce", 1, KN_TOPIC_AGENT, "say hello: the scheduler heard you and does not know you",
      KN_FIELDS(INT_OPT("after", SEQ, "with a higher \"seq\" than this: what you said seemed old")), NULL, false },
    { "agent.refused", 1, KN_TOPIC_AGENT, "stop: another agent with your id lives, and it was there first",
      KN_FIELDS(STR("boot", BOOT, "who is meant; others pass it over"), STR("living", BOOT, "the boot of the other")), NULL, false },
    { "host.observe", 1, KN_TOPIC_AGENT, "what is really there, for the audit: answered in one reply per host",
      KN_FIELDS(STR("host", HOST, "on which"), STR("audit", NONE, "whose question, repeated in the result")),
      KN_FIELDS(STR("audit", NONE, "whose question"), STR("host", HOST, "which"),
             LIST_APART("domains", seen, "its guests"),
             WORDS("taps", "names of taps that are there"), WORDS("dirs", "server directories that are there"),
             OBJ_OPT("networks", told, "what it was told of networks; absent: it hears nothing of them"),
             OBJ_OPT("firewall", firewall, "absent: it has none, or could not look")), false },

    /* --- kn.report: agents and services say what is --- */
    { "agent.hello", 1, KN_TOPIC_REPORT, "an agent starts, or the bus forgot: send again what is open for it",
      KN_FIELDS(STR("agent", AGENT, "its id"), STR("boot", BOOT, "random at each start of the agent"),
             LIST_APART("hosts", host, "that it carries"),
             UUID_OPT("question", "what is said of its networks because of this names it; absent: any will do")), NULL, false },
    { "agent.heartbeat", 1, KN_TOPIC_REPORT, "the agent lives",
      KN_FIELDS(STR("agent", AGENT, "its id"), STR("boot", BOOT, "as in its hello"),
             LIST_OPT("networks", known, "what its hosts know of networks; absent: none of them has any"),
             STR_OPT("uptime", UPTIME, "of its machine, as uptime(1) says it")), NULL, false },
    { "net.ask", 1, KN_TOPIC_REPORT, "a host's state of its networks has a gap: say all of it",
      KN_FIELDS(STR("agent", AGENT, "its id"), STR("host", HOST, "which"), INT("version", STATE_FROM, "that it has"),
             UUID_OPT("question", "the answer names it; absent: any will do")), NULL, false },
    { "net.routers", 1, KN_TOPIC_REPORT, "the routers that a host holds, all of them: when one comes, goes or changes, and now and then",
      KN_FIELDS(STR("agent", AGENT, "its id"), STR("host", HOST, "which"), LIST("routers", STATE_ITEMS, standing, "each that it was leased and has tried")), NULL, false },
    { "net.announced", 1, KN_TOPIC_REPORT, "guests of a host announced addresses of their pairs (gratuitous ARP, unsolicited neighbour advertisements) that do not lead to them yet",
      KN_FIELDS(STR("agent", AGENT, "its id"), STR("host", HOST, "which"), LIST("heard", ANNOUNCED, heard, "each once")), NULL, false },
    { "agent.domains", 1, KN_TOPIC_REPORT, "guests found on a host, in pieces of at most 500",
      KN_FIELDS(STR("agent", AGENT, "its id"), STR("host", HOST, "which"),
             LIST_APART("domains", guest, "some of its guests")), NULL, false },
    { "server.power_state", 1, KN_TOPIC_REPORT, "a guest changed by itself: stopped from inside, crashed, paused on I/O error",
      KN_FIELDS(STR("agent", AGENT, "its id"), STR("host", HOST, "where"), UUID("server", "which"), INT("power_state", POWER_STATE, "Nova's number"),
             STR("reason", NONE, "libvirt's word for it")), NULL, false },
    { "service.hello", 1, KN_TOPIC_REPORT, "a bus service starts: send again what is open on its topic",
      KN_FIELDS(STR("topic", NONE, "which it reads"), STR("boot", BOOT, "random at each start")), NULL, false },

    { "service.heartbeat", 1, KN_TOPIC_REPORT, "a conductor lives and the bus carries: only then is an agent's silence a sign",
      KN_FIELDS(STR("topic", NONE, "which it reads"), STR("boot", BOOT, "random at each start")), NULL, false },

    /* --- about work that takes long: the envelope names its command --- */
    { "working", 1, KN_TOPIC_REPLY, "the command is not done yet: it waits its turn, or is under way; its step's patience begins anew",
      KN_FIELDS(STR("command", NONE, "its type"), INT("percent", PERCENT, "how far it is"), STR("detail", WORK_DETAIL, "at what; empty = it waits")),
      NULL, false },
    { "cancel", 1, KN_TOPIC_WORK, "end the command at its next safe point: it is answered as failed; one that is over, newer or older is left alone",
      KN_NO_FIELDS, NULL, false },

    /* --- to oneself --- */
    { "service.probe", 1, KN_TOPIC_OWN, "a bus service to itself: that it hears its own topic",
      KN_FIELDS(STR("boot", BOOT, "random at each start")), NULL, false },

    { NULL, 0, NULL, NULL, NULL, NULL, false },
};
/* clang-format on */
