# SPDX-License-Identifier: Apache-2.0
"""Where the tests run: a cloud of simulated hosts, a lab, or one that is there already.

Each is a context that gives a Target and takes away what it started. Ours end with the audit: a cloud that passed its tests and broke a
promise has not passed.
"""
import contextlib
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

import yaml

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "e2e")]
import cloud as simulation  # noqa: E402
import lab  # noqa: E402

# Keystone has these off; two required tests want them, as Tempest's own defaults say.
COMPLIANCE = {"identity.lockout_failure_attempts": 2, "identity.lockout_duration_s": 5, "identity.unique_last_password_count": 2}
GUESTS = {"compute"}  # services that need hosts which run guests; all others a simulated cloud serves as a real one does


class Target:
    """A cloud and its administrator, for Tempest's configuration and for what must be in the cloud before."""

    def __init__(self, auth_url, username, password, project, domain="default", region="RegionOne", ours=False, guests=False):
        self.auth_url, self.username, self.password, self.project = auth_url.rstrip("/"), username, password, project
        self.region, self.ours, self.guests = region, ours, guests
        self.token = self.catalog = None
        self.login(domain)

    def login(self, domain):
        """Sets the token, the catalog, and the name of the domain."""
        user = {"name": self.username, "domain": {"id": domain}, "password": self.password}
        scope = {"project": {"name": self.project, "domain": {"id": domain}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        answer, headers = self.ask("POST", f"{self.auth_url}/auth/tokens", body)
        self.token = headers["X-Subject-Token"]
        self.domain = answer["token"]["user"]["domain"]["name"]
        self.catalog = {entry["type"]: point["url"] for entry in answer["token"]["catalog"]
                        for point in entry["endpoints"] if point["interface"] == "public" and point["region"] == self.region}

    def ask(self, method, url, body=None, content="application/json"):
        """(parsed body, headers)"""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": content, **({"X-Auth-Token": self.token} if self.token else {})}
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as response:
            text = response.read()
            return json.loads(text) if text else None, response.headers

    def call(self, service, method, path, body=None, **kwargs):
        return self.ask(method, self.catalog[service].rstrip("/") + path, body, **kwargs)[0]


def named(name, path=None, **more):
    """A cloud of clouds.yaml, which is looked for where every OpenStack client looks."""
    places = [path or os.environ.get("OS_CLIENT_CONFIG_FILE"), "clouds.yaml", pathlib.Path.home() / ".config/openstack/clouds.yaml",
              "/etc/openstack/clouds.yaml"]
    for place in filter(None, places):
        if pathlib.Path(place).is_file():
            entry = yaml.safe_load(pathlib.Path(place).read_text()).get("clouds", {}).get(name)
            if entry:
                auth = entry["auth"]
                return Target(auth["auth_url"], auth["username"], auth["password"], auth["project_name"],
                              auth.get("user_domain_id", "default"), entry.get("region_name", "RegionOne"), **more)
    sys.exit(f"interop: no clouds.yaml knows \"{name}\"")


@contextlib.contextmanager
def existing(name):
    yield named(name)


@contextlib.contextmanager
def simulated():
    with simulation.Cloud(hosts=2, settings=COMPLIANCE) as cloud:
        yield Target(f"http://127.0.0.1:{cloud.api_port}/identity/v3", "admin", simulation.PASSWORD, "admin", ours=True)
        cloud.audit()


@contextlib.contextmanager
def in_lab():
    """A lab that runs already is used and left alone."""
    found = (lab.DIR / "up").exists()
    lab.Lab.up()
    try:
        yield named("kilonova", lab.DIR / "clouds.yaml", ours=True, guests=True)
        lab.Lab.audit()
    finally:
        if not found:
            lab.Lab.down()


def choose(services, name):
    if name:
        return existing(name)
    return in_lab() if GUESTS & set(services) else simulated()
