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
import urllib.request

import yaml

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "e2e")]
import cloud as simulation  # noqa: E402
import lab  # noqa: E402
import website  # noqa: E402

# Keystone has these off; two required tests want them, as Tempest's own defaults say.
COMPLIANCE = {"identity.lockout_failure_attempts": 2, "identity.lockout_duration_s": 5, "identity.unique_last_password_count": 2}
REMOTE = "image_remote"  # the type of a second image service, if there is one


class Target:
    """A cloud and its administrator, for Tempest's configuration and for what must be in the cloud before."""

    def __init__(self, auth_url, username, password, project, domain="default", region="RegionOne", ours=False, guests=True, site=None, enter=()):
        """ours: what is missing may be made; guests: its servers run them; enter: the command before those that are to reach floating IPs."""
        self.auth_url, self.username, self.password, self.project = auth_url.rstrip("/"), username, password, project
        self.region, self.ours, self.guests, self.site, self.enter = region, ours, guests, site, enter
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


def add_api(cloud, target):
    """A second copy of the API, which the catalog names as another image service: what one has staged the other imports and deletes."""
    port = simulation.free_port()
    cloud.add("api-2", "kilonova-api", "--config", cloud.dir / "kilonova.conf", "--set", "daemon.host=api-2",
              "--set", f"api.listen=127.0.0.1:{port}", "--set", "console.listen=")
    simulation.wait_until("the second API", lambda: simulation.answers(port))
    service = target.call("identity", "POST", "/v3/services", {"service": {"type": REMOTE, "name": REMOTE}})["service"]["id"]
    endpoint = {"service_id": service, "interface": "public", "region_id": target.region, "url": f"http://127.0.0.1:{port}/image"}
    target.call("identity", "POST", "/v3/endpoints", {"endpoint": endpoint})
    target.catalog[REMOTE] = endpoint["url"]


@contextlib.contextmanager
def simulated(site):
    with simulation.Cloud(hosts=2, settings={**COMPLIANCE, **site.settings}) as cloud:
        target = Target(f"http://127.0.0.1:{cloud.api_port}/identity/v3", "admin", simulation.PASSWORD, "admin", ours=True, guests=False, site=site)
        add_api(cloud, target)
        yield target
        cloud.audit()


@contextlib.contextmanager
def in_lab(site):
    """A lab that runs already is used and left alone."""
    found = (lab.DIR / "up").exists()
    lab.Lab.up(**{"KILONOVA_" + key.replace(".", "_").upper(): str(value) for key, value in {**COMPLIANCE, **site.settings}.items()})
    try:
        outside = ("nsenter", f"--net={lab.DIR}/ns/underlay")
        yield named("kilonova", lab.DIR / "clouds.yaml", ours=True, site=None if found else site, enter=outside)
        lab.Lab.audit()
    finally:
        if not found:
            lab.Lab.down()


@contextlib.contextmanager
def choose(name, guests, directory):
    with contextlib.ExitStack() as stack:
        if name:
            yield stack.enter_context(existing(name))
        else:
            site = stack.enter_context(website.serve(directory))
            yield stack.enter_context(in_lab(site) if guests else simulated(site))
