#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clients.sh against a cloud of simulated hosts that lives as long as the test: python3 tests/e2e/clients.py PROGRAM…"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from cloud import PASSWORD, Cloud  # noqa: E402

DEMO_PASSWORD = "also-only-for-this-test"


def add_tenant(cloud):
    """The project and the member of "kilonova-demo"."""
    project = cloud.call("POST", "/identity/v3/projects", {"project": {"name": "demo"}}, want=201)["project"]["id"]
    user = cloud.call("POST", "/identity/v3/users", {"user": {"name": "demo", "password": DEMO_PASSWORD}}, want=201)["user"]["id"]
    roles = cloud.call("GET", "/identity/v3/roles?name=member", want=200)["roles"]
    cloud.call("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{roles[0]['id']}", want=204)


def cloud_entry(cloud, name, password):
    return f"""\
    auth:
      auth_url: http://127.0.0.1:{cloud.api_port}/identity/v3
      username: {name}
      password: {password}
      project_name: {name}
      user_domain_id: default
      project_domain_id: default
    region_name: RegionOne
"""


def main(programs):
    with Cloud(hosts=3) as cloud:
        add_tenant(cloud)
        clouds = cloud.dir / "clouds.yaml"
        clouds.write_text("clouds:\n  kilonova:\n" + cloud_entry(cloud, "admin", PASSWORD) +
                          "  kilonova-demo:\n" + cloud_entry(cloud, "demo", DEMO_PASSWORD))
        env = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(clouds)}
        code = subprocess.run([HERE / "clients.sh", *programs], env=env).returncode
        cloud.audit()
        return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
