# SPDX-License-Identifier: Apache-2.0
"""Tempest's workspace and its tempest.conf. README.md says of each option why it is set; whatever is not here is as Tempest has it."""
import configparser
import os
import shutil
import subprocess
import sys

import clouds
import contents


def workspace(work):
    """An empty workspace."""
    shutil.rmtree(work / ".stestr", ignore_errors=True)
    (work / ".stestr.conf").unlink(missing_ok=True)
    save(work, {})
    subprocess.run([sys.executable, "-m", "stestr.cli", "init"], cwd=work, check=True)


def save(work, options):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict(options)
    with open(work / "tempest.conf", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        parser.write(file)


def access(work, target):
    return {
        "DEFAULT": {"log_dir": work, "log_file": "tempest.log"},
        "oslo_concurrency": {"lock_path": work / "locks"},
        "auth": {"admin_username": target.username, "admin_password": target.password, "admin_project_name": target.project,
                 "admin_domain_name": target.domain},
        "identity": {"uri_v3": target.auth_url, "region": target.region, "user_lockout_failure_attempts": 2,
                     "user_lockout_duration": 5, "user_unique_last_password_count": 2},
        "identity-feature-enabled": {"security_compliance": True},
        "service_available": {"swift": False},
        "compute-feature-enabled": {"vnc_console": True, "stable_rescue": True, "ide_bus": False, "scheduler_enabled_filters": "all",
                                    "hostname_fqdn_sanitization": True, "dhcp_domain": "", "personality": not target.guests,
                                    "change_password": not target.guests},
        "validation": {"run_validation": target.guests},
        "network-feature-enabled": {"ipv6_subnet_attributes": True},
    }


def images(target):
    options = {"disk_formats": "raw,ami,ari,aki,raw,ami,qcow2,iso,vhd,vhdx,vmdk,vdi"}
    if target.site:
        options.update({"http_image": target.site.raw, "http_qcow2_image": target.site.qcow2})
    if clouds.REMOTE in target.catalog:
        options["alternate_image_endpoint"] = clouds.REMOTE
    return {"image": options, "image-feature-enabled": {"image_format_enforcement": False}}


def machines(target):
    """What tests of servers need; also some of images and volumes do."""
    options = {"compute": contents.microversions(target, "compute"), "network": {}}
    for noun, found in (("image_ref", contents.two_images(target)), ("flavor_ref", contents.two_flavors(target))):
        if found:
            options["compute"].update({noun: found[0], f"{noun}_alt": found[-1]})
    for network, name in contents.external_network(target):
        options["network"].update({"public_network_id": network, "floating_network_name": name})
    options["compute"]["min_compute_nodes"] = len(target.call("compute", "GET", "/os-hypervisors")["hypervisors"])
    return options


def extensions(target):
    """Those that the cloud lists: neutron-tempest-plugin skips what needs others."""
    return ",".join(found["alias"] for found in target.call("network", "GET", "/v2.0/extensions")["extensions"])


def write(work, target, is_neutron=False):
    """tempest.conf for this cloud; INTEROP_CONF names a file whose options win."""
    options = {**access(work, target), **images(target), **machines(target),
               "volume": {**contents.microversions(target, "block-storage"), "storage_protocol": "file"}}
    if is_neutron:
        options["network-feature-enabled"]["api_extensions"] = extensions(target)
    save(work, options)
    override = os.environ.get("INTEROP_CONF")
    if override:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read([work / "tempest.conf", override])
        save(work, parser)
