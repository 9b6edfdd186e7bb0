# SPDX-License-Identifier: Apache-2.0
"""What Tempest wants to find in a cloud: two images, two flavors, an external network. In a cloud of ours what is missing is made; in
another one it is only looked for. And what it leaves behind."""
import re

import clouds

GUEST = clouds.lab.DIR / "guest" / "guest.qcow2"
PLAIN = b"\0" * 65536  # an image for simulated hosts, which boot nothing
FLAVORS = ({"name": "interop.tiny", "vcpus": 1, "ram": 128, "disk": 1}, {"name": "interop.small", "vcpus": 1, "ram": 256, "disk": 2})


def upload(target):
    data, disk_format = (GUEST.read_bytes(), "qcow2") if target.guests else (PLAIN, "raw")
    image = {"name": "interop", "disk_format": disk_format, "container_format": "bare", "visibility": "public"}
    made = target.call("image", "POST", "/v2/images", image)
    target.call("image", "PUT", f"/v2/images/{made['id']}/file", data, content="application/octet-stream")
    return made["id"]


def two_images(target):
    listed = target.call("image", "GET", "/v2/images?visibility=public&status=active&sort=created_at")["images"]
    found = [image["id"] for image in listed][:2]
    while target.ours and len(found) < 2:
        found.append(upload(target))
    return found


def two_flavors(target):
    """The two with the least memory."""
    found = target.call("compute", "GET", "/flavors/detail")["flavors"]
    for flavor in FLAVORS[len(found):] if target.ours else ():
        found.append(target.call("compute", "POST", "/flavors", {"flavor": flavor})["flavor"])
    return [flavor["id"] for flavor in sorted(found, key=lambda flavor: flavor["ram"])][:2]


def make_external(target):
    network = target.call("network", "POST", "/v2.0/networks", {"network": {"name": "interop-outside", "router:external": True, "is_default": True}})["network"]
    subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "172.24.9.0/24", "enable_dhcp": False}
    target.call("network", "POST", "/v2.0/subnets", {"subnet": subnet})
    return network


def external_network(target):
    """(id, name), or nothing."""
    networks = target.call("network", "GET", "/v2.0/networks")["networks"]
    found = [network for network in networks if network.get("router:external")]
    if target.ours and not found:
        found.append(make_external(target))
    return [(network["id"], network["name"]) for network in found][:1]


def forget_orphans(target):
    """Tempest deletes the project of a backup that it never waited for; of any other the audit would say so."""
    projects = {project["id"] for project in target.call("identity", "GET", "/v3/projects")["projects"]}
    for image in target.call("image", "GET", "/v2/images?limit=1000")["images"]:
        if image["owner"] not in projects:
            target.call("image", "DELETE", f"/v2/images/{image['id']}")


def microversions(target, service):
    """Options that tell Tempest which it may ask for; without them it skips what needs any."""
    address = re.match(r".*/v[0-9.]+", target.catalog[service])[0] + "/"
    entry = target.ask("GET", address)[0]
    version = entry["version"] if "version" in entry else entry["versions"][0]
    return {"min_microversion": version["min_version"], "max_microversion": version["version"]}
