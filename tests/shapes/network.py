# SPDX-License-Identifier: Apache-2.0
"""Neutron by neutron-lib's API definitions: the attributes of every resource of the core and of each extension that the cloud claims; who may write them, with
which default they are shown, what lists filter and sort by, and for values at their borders whether they are taken. What Neutron would say of a value is asked of
neutron-lib itself (its converters and validators), so no border stands here."""
import copy
import importlib
import itertools
import pkgutil

import neutron_lib.api.definitions
from neutron_lib import constants
from neutron_lib.api import attributes, converters
from webob import exc

CORE = ("network", "subnet", "port", "subnetpool")
NOBODY = "99999999-9999-4999-8999-999999999999"
# As they are where they are no plain plural with its s cut off, or no path of that name.
ONE = {"policies": "policy", "address_scopes": "address_scope", "network_ip_availabilities": "network_ip_availability"}
PATHS = {"policies": "qos/policies", "rule_types": "qos/rule-types", "network_ip_availabilities": "network-ip-availabilities"}
WITHOUT_DASH = ("availability_zones",)
NO_LIST = ("minimum_bandwidth_rules", "auto_allocated_topologies")  # refused in words of its own; only one, of a project
TEXTS = [None, "", "a", " a ", "a\n", True, 5, -1, 1.5, [], {}, ["a"], {"a": 1}, "true", "False", "5", "-1", "99999999999999999999"]
ADDRESSES = ["10.0.0.5", "10.0.0.0/24", "10.0.0.5/24", "10.0.0.300", "fd00::5", "fd00::/64", "fa:16:3e:00:00:01", "01:00:5e:00:00:01",
             "fa:16:3e:00:00:0g", NOBODY, NOBODY.upper(), NOBODY + "0"]


def definitions(aliases):
    """The modules of the core and of those aliases, each behind what it requires."""
    modules = [importlib.import_module(f"neutron_lib.api.definitions.{m.name}") for m in pkgutil.iter_modules(neutron_lib.api.definitions.__path__)]
    wanted = {m.ALIAS: m for m in modules if getattr(m, "ALIAS", None) in (*CORE, *aliases)}
    ordered = []

    def add(alias):
        if alias in wanted and wanted[alias] not in ordered:
            for other in getattr(wanted[alias], "REQUIRED_EXTENSIONS", None) or []:
                add(other)
            if wanted[alias] not in ordered:
                ordered.append(wanted[alias])
    for alias in (*CORE, *sorted(aliases)):
        add(alias)
    return ordered


def gather(modules):
    """{collection: {attribute: spec}} and {collection below another: its parent's}"""
    maps, parents = {}, {}
    for module in modules:
        for many, specs in (module.RESOURCE_ATTRIBUTE_MAP or {}).items():
            for name, spec in specs.items():
                maps.setdefault(many, {}).setdefault(name, {}).update(spec)
        for many, sub in (getattr(module, "SUB_RESOURCE_ATTRIBUTE_MAP", None) or {}).items():
            if sub.get("parent"):
                parents[many] = sub["parent"]["collection_name"]
            for name, spec in sub["parameters"].items():
                maps.setdefault(many, {}).setdefault(name, {}).update(spec)
    return maps, parents


def borders(spec, short):
    """Values around what the validators of an attribute name, and some of every type."""
    values = [] if short else TEXTS + ADDRESSES
    for rule, bound in (spec.get("validate") or {}).items():
        if "string" in rule and isinstance(bound, int):
            values += ["x" * bound, "x" * (bound + 1), "\U0001F600" * bound]
        if "range" in rule and isinstance(bound, (list, tuple)):
            values += [int(bound[0]) - 1, int(bound[0]), int(bound[1]), int(bound[1]) + 1]
        if rule == "type:values":
            values += [*bound, "bogus", None]
        if rule == "type:non_negative":
            values += [-1, 0]
        if "dns" in rule:
            values += ["a.", "example.org.", "example.org", "-a.", "a..", "a.5.", "a" * 63 + ".", "a" * 64 + ".", "A.Org."]
        if "list" in rule or "ip_pools" in rule or "fixed_ips" in rule or "nameservers" in rule or "hostroutes" in rule:
            values += [[], None, ["a", "a"], [{}], [[]], [5], [None], "a"]
        if "key_specs" in rule:
            option = {"opt_name": "bootfile-name", "opt_value": "x"}
            values += [[{**option, **more}] for more in ({}, {"opt_value": None}, {"opt_value": ""}, {"opt_value": "x" * 255}, {"opt_value": "x" * 256},
                                                         {"opt_name": "x" * 65}, {"ip_version": 6, "opt_name": "59"}, {"ip_version": 5}, {"x": 1})]
            values += [[{"opt_name": "router", "opt_value": ""}], [{"opt_name": "mtu"}]]
    if spec.get("convert_to") is converters.convert_to_boolean:
        values += [True, False, "true", "FALSE", "0", 1, "yes", 2, None]
    unique = {repr(value): value for value in values}
    return list(unique.values())


def short_text(value):
    text = repr(value)
    return text if len(text) <= 48 else f"{text[:20]}…({len(value)})"


class judge:
    def __init__(self, cloud, short):
        self.cloud, self.short, self.asked = cloud, short, 0
        self.numbers = itertools.count(1)
        self.project = cloud.sql("SELECT id FROM project WHERE name = 'admin'")[0][0]
        quotas = self.call("GET", f"quotas/{self.project}", want=200)["quota"]
        self.call("PUT", f"quotas/{self.project}", {"quota": {name: -1 for name in quotas}}, want=200)
        self.aliases = {e["alias"] for e in self.call("GET", "extensions", want=200)["extensions"]}
        self.maps, self.parents = gather(definitions(self.aliases))
        self.outside = self.call("POST", "networks", {"network": {"router:external": True}}, want=201)["network"]["id"]
        self.call("POST", "subnets", {"subnet": {"network_id": self.outside, "ip_version": 4, "cidr": "172.24.0.0/16"}}, want=201)
        self.inside = self.call("POST", "networks", {"network": {}}, want=201)["network"]["id"]
        self.subnet = self.call("POST", "subnets", {"subnet": {"network_id": self.inside, "ip_version": 4, "cidr": "10.200.0.0/16"}}, want=201)["subnet"]["id"]
        self.router = self.call("POST", "routers", {"router": {"external_gateway_info": {"network_id": self.outside}}}, want=201)["router"]["id"]
        self.call("PUT", f"routers/{self.router}/add_router_interface", {"subnet_id": self.subnet}, want=200)
        self.port = self.call("POST", "ports", {"port": {"network_id": self.inside}}, want=201)["port"]
        self.group = self.call("POST", "security-groups", {"security_group": {"name": "g"}}, want=201)["security_group"]["id"]
        self.policy = self.call("POST", "qos/policies", {"policy": {"name": "p"}}, want=201)["policy"]["id"]
        self.floating = self.call("POST", "floatingips", {"floatingip": {"floating_network_id": self.outside}}, want=201)["floatingip"]["id"]

    def call(self, method, path, body=None, want=None):
        self.asked += 1
        return self.cloud.call(method, f"/network/v2.0/{path}", body, want=want)

    # --- things -----------------------------------------------------------------------------------------------------

    def base(self, many):
        """A body that makes one, another each time."""
        n = next(self.numbers)
        return {
            "subnets": {"network_id": self.inside, "ip_version": 4, "cidr": f"10.{n // 250 % 150}.{n % 250}.0/24"},
            "ports": {"network_id": self.inside},
            "subnetpools": {"name": f"p{n}", "prefixes": [f"11.{n // 250 % 250}.{n % 250}.0/24"]},
            "address_scopes": {"name": f"s{n}", "ip_version": 4},
            "floatingips": {"floating_network_id": self.outside},
            "policies": {"name": f"q{n}"},
            "security_groups": {"name": f"g{n}"},
            "security_group_rules": {"security_group_id": self.group, "direction": "ingress", "protocol": "tcp", "port_range_min": n, "port_range_max": n},
            "bandwidth_limit_rules": {"max_kbps": 1000},
            "dscp_marking_rules": {"dscp_mark": 10},
            "port_forwardings": {"internal_port_id": self.port["id"], "internal_ip_address": self.port["fixed_ips"][0]["ip_address"],
                                 "internal_port": n, "external_port": n, "protocol": "tcp"},
        }.get(many, {})

    def path(self, many):
        if many in self.parents:
            parent = {"policies": f"qos/policies/{self.policy}", "floatingips": f"floatingips/{self.floating}"}[self.parents[many]]
            return f"{parent}/{many}"
        return PATHS.get(many, many if many in WITHOUT_DASH else many.replace("_", "-"))

    @staticmethod
    def one(many):
        return ONE.get(many, many[:-1])

    def make(self, many, more=None, without=()):
        body = {k: v for k, v in {**self.base(many), **(more or {})}.items() if k not in without}
        return self.call("POST", self.path(many), {self.one(many): body})

    def drop(self, many, thing):
        self.call("DELETE", f"{self.path(many)}/{thing['id']}")

    # --- what Neutron says --------------------------------------------------------------------------------------------

    def takes(self, many, name, value):
        """Would Neutron take the value? None: it cannot be asked here."""
        spec = dict(self.maps[many][name])
        body = {name: copy.deepcopy(value)}
        try:
            attributes.AttributeInfo({name: spec}).convert_values(body, exc.HTTPBadRequest)
        except exc.HTTPBadRequest:
            return False
        except Exception as error:  # noqa: BLE001 what it raises beside that becomes 400 in Neutron as well, if it is an error of a value
            return False if type(error).__name__ in ("InvalidInput", "TypeError", "ValueError", "AttributeError") else None
        return True

    # --- differences --------------------------------------------------------------------------------------------------

    def findings(self):
        for many in sorted(self.maps):
            if many in NO_LIST:
                continue
            if not any(spec.get("allow_post") for spec in self.maps[many].values()):
                yield from self.read_only(many)
            else:
                yield from self.resource(many)

    def read_only(self, many):
        status, answer = self.call("GET", self.path(many))
        things = answer.get(many) if status == 200 else None
        for name, spec in self.maps[many].items() if things else []:
            if spec.get("is_visible") != (name in things[0]):
                yield f"{many}.{name} visible", f"shown: {name in things[0]}"
        if things is None:
            yield f"{many} list", f"{status} {answer}"

    def resource(self, many):
        status, answer = self.make(many)
        if status != 201:
            yield f"{many} create", f"{status} {answer}"
            return
        thing = answer[self.one(many)]
        for name, spec in self.maps[many].items():
            yield from self.shown(many, name, spec, thing)
            yield from self.listed(many, name, spec, thing)
        self.drop(many, thing)
        for name, spec in self.maps[many].items():
            yield from self.written(many, name, spec, "POST")
            yield from self.written(many, name, spec, "PUT")

    def shown(self, many, name, spec, thing):
        if bool(spec.get("is_visible")) != (name in thing):
            yield f"{many}.{name} visible", f"shown: {name in thing}"
        default = spec.get("default", constants.ATTR_NOT_SPECIFIED)
        if name not in thing or name in self.base(many) or default is constants.ATTR_NOT_SPECIFIED or not spec.get("allow_post"):
            return
        if "convert_to" in spec and default is not None:
            default = spec["convert_to"](default)
        if thing[name] != default:
            yield f"{many}.{name} default", f"{thing[name]!r} instead of {default!r}"

    def listed(self, many, name, spec, thing):
        value = thing.get(name)
        text = "ip_address=10.0.0.1" if name == "fixed_ips" else "true" if spec.get("convert_to") is converters.convert_to_boolean else "a" if value is None or isinstance(value, (list, dict)) else str(value)
        status, answer = self.call("GET", f"{self.path(many)}?{name}={text}")
        if (status == 200) != bool(spec.get("is_filter")):
            yield f"{many}.{name} filter", f"{status} {answer if status != 200 else ''}"
        elif status == 200 and name in thing and text == str(value) and not any(t["id"] == thing["id"] for t in answer[many]):
            yield f"{many}.{name} filter finds", f"?{name}={text} finds {len(answer[many])} others"
        if spec.get("is_sort_key"):
            status, answer = self.call("GET", f"{self.path(many)}?sort_key={name}&sort_dir=asc")
            if status != 200:
                yield f"{many}.{name} sort", f"{status} {answer}"

    def written(self, many, name, spec, method):
        """Whether it may be written, and which values of it."""
        allowed = spec.get("allow_post" if method == "POST" else "allow_put")
        judged = spec.get("validate") or spec.get("convert_to")
        values = borders(spec, self.short) if allowed and judged else [] if allowed else [self.base(many).get(name, "a")]
        for value in values:
            if allowed and (expected := self.takes(many, name, value)) is None:
                continue
            expected = allowed and expected
            status, answer = self.write(many, name, value, method)
            said = answer.get("NeutronError", {}).get("message", "") if isinstance(answer, dict) and status >= 400 else ""
            refused = status in (400, 405) and (not expected or said.startswith(self.refusals(name)))
            if refused == bool(expected) or status >= 500:
                word = f"value {short_text(value)}" if allowed else "read-only"
                yield f"{many}.{name} {method} {word}", f"{status} {said}"
        if method == "POST" and allowed and "default" not in spec and not spec.get("required_by_policy"):
            status, answer = self.make(many, without=(name,))
            if status == 201:
                self.drop(many, answer[self.one(many)])
                yield f"{many}.{name} required", f"{status}"

    @staticmethod
    def refusals(name):
        """How a message begins that refuses the value itself; others say that it does not go with something."""
        return f"Invalid input for {name}.", f"Attribute '{name}' not allowed", f"Cannot update read-only attribute {name}"

    def write(self, many, name, value, method):
        if method == "POST":
            status, answer = self.make(many, {name: value}, without=(name.removesuffix("_range"),) if name.endswith("_range") else ())
            if status == 201:
                self.drop(many, answer[self.one(many)])
            return status, answer
        status, answer = self.make(many)
        if status != 201:
            return status, answer
        thing = answer[self.one(many)]
        status, answer = self.call("PUT", f"{self.path(many)}/{thing['id']}", {self.one(many): {name: value}})
        self.drop(many, thing)
        return status, answer



