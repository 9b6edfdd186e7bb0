# SPDX-License-Identifier: Apache-2.0
"""Every action that a server's owner knows, done to servers that live through a fault.

An actor is one server and who acts on it: it is looked at, and what its status allows is drawn by lot and asked for. What was accepted must come to its end;
what was refused (409), or whose answer was lost, leaves a server that is still in a state that the action could have left it in: never in ERROR, never on its way for ever.
"""
import random

from cloud import CloudError, wait_until  # noqa: E402

NEWEST = {"X-OpenStack-Nova-API-Version": "2.96"}
SERVERS = "/compute/v2.1/servers"
AWAY = (500, 502, 503, 504)


def action(name, args=None):
    return lambda actor: actor.post({name: args})


def create_image(actor):
    actor.post({"createImage": {"name": f"image-of-{actor.server}"}})


def create_backup(actor):
    actor.post({"createBackup": {"name": f"backup-of-{actor.server}", "backup_type": "daily", "rotation": 1}})


def rebuild(actor):
    actor.post({"rebuild": {"imageRef": actor.cloud.image, "name": f"rebuilt-{actor.n}"}})


def lock(actor):
    """Nobody but an administrator acts on it now: and he is one, so that its lock only comes and goes."""
    actor.post({"lock": {"locked_reason": "chaos"}})
    actor.post({"unlock": None})


def interface(actor):
    """One more NIC, or one less."""
    ports = actor.get("/os-interface").get("interfaceAttachments", [])
    if len(ports) > 1:
        actor.ask("DELETE", f"/os-interface/{random.choice(ports)['port_id']}")
    else:
        actor.ask("POST", "/os-interface", {"interfaceAttachment": {"net_id": actor.cloud.network}})


def group(actor):
    """Another security group, and back. A server's groups are those of its NICs: the last one that has it may be on its way out (404)."""
    groups = actor.get("/os-security-groups").get("security_groups", [])
    there = any(found["name"] == actor.group for found in groups)
    actor.post({"removeSecurityGroup" if there else "addSecurityGroup": {"name": actor.group}}, refusals=(400, 404, 409))


def volume(actor):
    attached = actor.get("/os-volume_attachments").get("volumeAttachments", [])
    if attached:
        actor.ask("DELETE", f"/os-volume_attachments/{actor.volume}")
    else:
        actor.ask("POST", "/os-volume_attachments", {"volumeAttachment": {"volumeId": actor.volume}})


def words(actor):
    """What is written on it: each is at once, and its guest is told."""
    actor.ask("PUT", "/metadata/word", {"meta": {"word": str(random.random())}})
    actor.ask("PUT", f"/tags/t{random.randrange(5)}")
    actor.ask("PUT", "", {"server": {"name": f"named-{actor.n}", "description": "chaos"}})
    actor.post({"os-getConsoleOutput": {"length": 5}})
    actor.get("/diagnostics")
    actor.get("/os-instance-actions")


RUNNING = [volume, interface, group, lock, words, create_image, create_backup, rebuild]
# What may be asked for, by the status that the server is seen in.
DEEDS = {
    "ACTIVE": [*RUNNING, action("os-stop"), action("reboot", {"type": "SOFT"}), action("reboot", {"type": "HARD"}), action("pause"),
               action("suspend"), action("rescue", {}), action("shelve"), action("trigger_crash_dump"),
               action("changePassword", {"adminPass": "chaos"}), action("os-resetState", {"state": "active"})],
    "SHUTOFF": [*RUNNING, action("os-start"), action("reboot", {"type": "HARD"}), action("rescue", {}), action("shelve")],
    "PAUSED": [create_image, volume, interface, action("unpause"), action("reboot", {"type": "HARD"}), action("shelve")],
    "SUSPENDED": [create_image, action("resume"), action("reboot", {"type": "HARD"}), action("shelve")],
    "RESCUE": [words, action("unrescue")],
    "SHELVED": [action("unshelve"), action("shelveOffload")],
    "SHELVED_OFFLOADED": [action("unshelve")],
}


class Actor:
    def __init__(self, cloud, n, group):
        self.cloud, self.n, self.group, self.volume = cloud, n, group, None
        self.server = cloud.create_server(f"actor-{n}")
        self.accepted = self.refused = self.lost = 0

    def settle_in(self, volumes):
        self.cloud.wait_status(self.server, "ACTIVE")
        self.volume = self.cloud.call("POST", volumes, {"volume": {"size": 1}}, want=202)["volume"]["id"]

    def ask(self, method, rest, body=None, refusals=(400, 409)):
        """An answer that says neither yes nor a reason is a fault of the API."""
        path = f"{SERVERS}/{self.server}{rest}"
        try:
            status, answer = self.cloud.call(method, path, body, headers=NEWEST)
        except ConnectionError:
            self.lost += 1
            return {}
        if status in AWAY:
            self.lost += 1
        elif status in refusals:
            self.refused += 1
        elif status >= 300 and not (status == 404 and method != "POST"):
            raise CloudError(f"{method} {path} {body}: {status} {answer}")
        else:
            self.accepted += status < 300
            return answer if isinstance(answer, dict) and status < 300 else {}
        return {}

    def post(self, body, refusals=(400, 409)):
        return self.ask("POST", "/action", body, refusals)

    def get(self, rest):
        return self.ask("GET", rest)

    def status(self):
        """Of a server that is on no way: an action that was begun is waited for, as a client does."""
        def still():
            try:
                code, answer = self.cloud.call("GET", f"{SERVERS}/{self.server}", headers=NEWEST)
            except ConnectionError:
                return None
            if code in AWAY:
                return None
            if code != 200:
                raise CloudError(f"actor {self.server}: {code} {answer}")
            server = answer["server"]
            return server["status"] if server["OS-EXT-STS:task_state"] is None else None
        return wait_until(f"actor {self.server} at rest", still)

    def act(self, times):
        for _ in range(times):
            status = self.status()
            if status not in DEEDS:
                raise CloudError(f"actor {self.server} is {status}: {self.cloud.sql(self.story())}")
            random.choice(DEEDS[status])(self)

    def story(self):
        return ("SELECT kind, state, error FROM task WHERE object_id = "
                f"'{self.server}' ORDER BY id DESC LIMIT 4")

    def check(self):
        status = self.status()
        if status not in DEEDS:
            raise CloudError(f"actor {self.server} is {status}: {self.cloud.sql(self.story())}")


def troupe(cloud, count):
    """Servers that live through all faults, each with a volume and a security group to come and go."""
    project = cloud.sql("SELECT id FROM project WHERE name = 'admin'")[0][0]
    cloud.call("PUT", f"/volume/v3/os-quota-sets/{project}", {"quota_set": {"volumes": -1, "gigabytes": -1}}, want=200)
    cloud.call("POST", "/network/v2.0/security-groups", {"security_group": {"name": "chaos"}}, want=201)
    actors = [Actor(cloud, n, "chaos") for n in range(count)]
    for actor in actors:
        actor.settle_in(f"/volume/v3/{project}/volumes")
    return actors


def sweep(cloud):
    """Images of actors are taken away when nobody makes one: an image a deed would fill a disk."""
    for image in cloud.call_surely("GET", "/image/v2/images?limit=500", want=200)["images"]:
        if "-of-" in image["name"] and image["status"] in ("active", "killed"):
            cloud.call_surely("DELETE", f"/image/v2/images/{image['id']}")
