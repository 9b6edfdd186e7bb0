#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# config_drive.py CLOUD_INIT DRIVE SERVICE: Debian's cloud-init, unpacked in CLOUD_INIT, reads the files of a config drive in DRIVE as its DataSourceConfigDrive does,
# and what the metadata service answered, a file a path in SERVICE, as its DataSourceOpenStack does. Prints what differs; nothing, if both say the same.
import json
import os
import sys
import tempfile
from unittest import mock

sys.path.insert(0, os.path.join(sys.argv[1], "usr/lib/python3/dist-packages"))
drive, service = sys.argv[2:4]

from cloudinit import helpers  # noqa: E402
from cloudinit.sources import DataSourceConfigDrive as by_drive  # noqa: E402
from cloudinit.sources import DataSourceOpenStack as by_service  # noqa: E402
from cloudinit.sources.helpers import openstack  # noqa: E402

MACS = {"fa:16:3e:00:00:01": "eth0", "fa:16:3e:00:00:02": "eth1"}


class Service(openstack.MetadataReader):
    """The service's answers, out of files."""

    def _path_read(self, path, decode=False):
        with open(service + path[len("http://service"):], "rb") as f:
            text = f.read()
        return text.decode() if decode else text

    def _path_exists(self, path):
        return os.path.exists(service + path[len("http://service"):])

    def _fetch_available_versions(self):
        return sorted(os.listdir(os.path.join(service, "openstack")))

    def _read_ec2_metadata(self):
        return {}


def network(ds):
    with mock.patch("cloudinit.net.get_interfaces_by_mac", return_value=MACS), mock.patch("cloudinit.net.find_fallback_nic", return_value="eth0"):
        return ds.network_config


def told(ds):
    """What cloud-init makes of it."""
    meta = dict(ds.metadata)
    meta.pop("random_seed", None)  # another one each time
    return {
        "id": ds.get_instance_id(),
        "hostname": str(ds.get_hostname()),
        "keys": ds.get_public_ssh_keys(),
        "meta": meta,
        "network": network(ds),
        "user_data": (ds.get_userdata_raw() or b"").decode(),
        "vendor_data": ds.get_vendordata_raw(),
        "vendor_data2": ds.get_vendordata2_raw(),
    }


with tempfile.TemporaryDirectory() as work:
    paths = helpers.Paths({"cloud_dir": work, "run_dir": work})
    os.makedirs(os.path.join(work, "seed"), exist_ok=True)
    os.symlink(os.path.abspath(drive), os.path.join(work, "seed", "config_drive"))
    one = by_drive.DataSourceConfigDrive({}, None, paths)
    with mock.patch("cloudinit.net.get_interfaces_by_mac", return_value=MACS):
        assert one._get_data(), "no config drive"
    two = by_service.DataSourceOpenStack({}, None, paths)
    reader = Service("http://service")
    results = reader.read_v2()
    two.metadata = results.get("metadata", {})
    two.ec2_metadata = results.get("ec2-metadata")
    two.network_json = results.get("networkdata")
    two.userdata_raw = results.get("userdata")
    two.version = results["version"]
    assert results["files"] == {"/etc/motd": b"hello\n", "/empty": b""}, results["files"]
    assert one.files == results["files"], one.files
    two.vendordata_raw = by_service.sources.convert_vendordata(results.get("vendordata"))
    two.vendordata2_raw = by_service.sources.convert_vendordata(results.get("vendordata2"))
    drive_says, service_says = told(one), told(two)

for key in drive_says:
    if drive_says[key] != service_says[key]:
        print(f"{key}: the drive says {drive_says[key]!r}, the service {service_says[key]!r}")
with open(os.path.join(drive, "ec2/latest/meta-data.json")) as f:
    ec2 = json.load(f)
if ec2["public-keys"]["0"]["openssh-key"] not in drive_says["keys"]:
    print("EC2's keys are others")
print(json.dumps(drive_says, default=str), file=sys.stderr)
