# SPDX-License-Identifier: Apache-2.0
"""Nova by its own schemas: every route that Nova has, at each microversion at which one of its schemas changes. Answers are held against the schema of the answer; of each
request's schema the borders of its properties (lengths, ranges, words, types, what must be there, what may not) are sent, and Nova's own validator says
whether it would take them. A property is taken if the answer is not 400, or 400 in words that no schema says (it does not go with something)."""
import copy
import os
import re
import warnings

import jsonschema

os.environ["EVENTLET_NO_GREENDNS"] = "yes"
warnings.simplefilter("ignore")
from nova import exception  # noqa: E402
from nova.api.openstack import api_version_request as versions  # noqa: E402
from nova.api.openstack.compute import routes  # noqa: E402
from nova.api.validation import validators  # noqa: E402
from values import NOBODY, SCHEMA_WORDS, borders, example, parts, places, put, short_text, wholes  # noqa: E402

NEWEST = 104


def number(version, otherwise):
    return otherwise if version.is_null() else version.ver_minor


class Call:
    """A method of a route or an action, with its schemas: [(first, last, schema)]."""

    def __init__(self, newest, method, path, name, function, action=None):
        self.newest, self.method, self.path, self.name, self.action = newest, method, path, name, action
        for kind in ("request_body", "request_query", "response_body"):
            found = getattr(function, f"{kind}_schemas", None)
            setattr(self, kind, [(number(first, 1), number(last, NEWEST), schema) for schema, first, last in found._schemas] if found else [])
        self.removed = getattr(function, "removed", False)

    def schema(self, kind, minor):
        return next((schema for first, last, schema in getattr(self, kind) if first <= minor <= last), None)

    def minors(self, *kinds):
        """Where one of those schemas changes, from each side."""
        edges = {max(1, edge) for kind in kinds for first, last, _ in getattr(self, kind) for edge in (first, last)}
        return sorted({edge for edge in edges if edge <= self.newest} | {1, self.newest})

    def __str__(self):
        return f"{self.method} {self.path}" + (f" {self.action}" if self.action else "")


def calls(newest):
    for path, methods in routes.ROUTE_LIST:
        if isinstance(methods, str):
            continue
        for method, (maker, name) in methods.items():
            classes = [maker.args[0], *maker.args[1]]
            if name != "action":
                yield Call(newest, method, path, name, getattr(classes[0], name))
                continue
            for cls in classes:
                for action, function in (getattr(cls, "wsgi_actions", None) or {}).items():
                    yield Call(newest, method, path, function, getattr(cls, function), action)


def accepts(schema, body, is_body=True):
    try:
        validators._SchemaValidator(schema, is_body=is_body).validate(copy.deepcopy(body))
    except exception.ValidationError:
        return False
    except jsonschema.exceptions.SchemaError:
        return None
    return True


class judge:
    def __init__(self, cloud, short):
        self.cloud, self.short, self.asked = cloud, short, 0
        cloud.prepare()
        self.project = cloud.sql("SELECT id FROM project WHERE name = 'admin'")[0][0]
        version = cloud.call("GET", "/compute/v2.1/", want=200)["version"]
        self.newest = int(version["version"].split(".")[1])
        self.server = cloud.create_server("shaped")
        cloud.wait_status(self.server, "ACTIVE")
        self.ids = self.things()

    def ask(self, method, path, body=None, minor=1):
        self.asked += 1
        return self.cloud.call(method, f"/compute/v2.1{path}", body, headers={"OpenStack-API-Version": f"compute 2.{minor}"})

    def things(self):
        """Ids for the placeholders of paths, by what stands before them."""
        keypair = self.ask("POST", "/os-keypairs", {"keypair": {"name": "shaped"}})[1]["keypair"]["name"]
        group = self.ask("POST", "/os-server-groups", {"server_group": {"name": "g", "policy": "affinity"}}, self.newest)[1]["server_group"]["id"]
        port = self.ask("GET", f"/servers/{self.server}/os-interface")[1]["interfaceAttachments"][0]["port_id"]
        action = self.ask("GET", f"/servers/{self.server}/os-instance-actions")[1]["instanceActions"][0]["request_id"]
        host = self.ask("GET", "/os-hypervisors")[1]["hypervisors"][0]
        service = self.ask("GET", "/os-services")[1]["services"][0]["id"]
        self.ask("POST", f"/servers/{self.server}/metadata", {"metadata": {"key": "value"}})
        self.ask("PUT", f"/servers/{self.server}/tags/tag", None, self.newest)
        self.ask("POST", f"/flavors/{self.cloud.flavor}/os-extra_specs", {"extra_specs": {"key": "value"}})
        return {"servers": self.server, "server_id": self.server, "flavors": self.cloud.flavor, "flavor_id": self.cloud.flavor, "images": self.cloud.image,
                "image_id": self.cloud.image, "os-keypairs": keypair, "os-server-groups": group, "os-interface": port, "os-instance-actions": action,
                "os-hypervisors": host["id"], "os-services": service, "metadata": "key", "tags": "tag", "os-extra_specs": "key", "ips": "test",
                "os-quota-sets": self.project, "os-quota-class-sets": "default", "os-simple-tenant-usage": self.project}

    def path(self, call, nobody=False):
        """nobody: where nothing is, so that nothing is done."""
        path = call.path
        while (found := re.search(r"([^/{]*)/\{(\w+)\}", path)) is not None:
            before, name = found.groups()
            path = path[:found.start(2) - 1] + str(NOBODY if nobody else self.ids.get(before, self.ids.get(name, NOBODY))) + path[found.end(2) + 1:]
        return path

    # --- differences --------------------------------------------------------------------------------------------------

    def findings(self):
        if self.newest < NEWEST:
            yield "newest", f"2.{self.newest} of 2.{NEWEST}"
        for call in calls(self.newest):
            yield from self.answers(call)
            yield from self.requests(call)

    def answers(self, call):
        if call.method != "GET":
            return
        for minor in call.minors("response_body"):
            status, answer = self.ask("GET", self.path(call), minor=minor)
            if status == 200:
                yield from self.held(call, minor, answer)
            elif status in (404, 501) and "not built here" in str(answer) and not call.removed:
                yield f"{call} absent", f"2.{minor}: {status}"
            elif status >= 500:
                yield f"{call} answer", f"2.{minor}: {status} {answer}"

    def held(self, call, minor, answer):
        schema = call.schema("response_body", minor)
        if schema is None:
            return
        try:
            validators._SchemaValidator(schema).validate(copy.deepcopy(answer))
        except exception.ValidationError as error:
            yield f"{call} answer", f"2.{minor}: {str(error)[:200]}"

    def requests(self, call):
        for minor in call.minors("request_query") if call.method == "GET" else ():
            if (query := call.schema("request_query", minor)) is not None:
                yield from self.queries(call, minor, query)
        first = [max(1, first) for first, last, _ in call.request_body if first <= self.newest and last >= 1]
        for minor in first[-1:] if self.short else first:
            yield from self.bodies(call, minor, call.schema("request_body", minor))

    def queries(self, call, minor, schema):
        tried = []
        for name, spec in schema.get("properties", {}).items():
            words = [word for part in parts(spec.get("items", spec)) for word in part.get("enum", [])]
            tried += [(name, value) for value in sorted(words, key=str) or [example(spec.get("items", spec))] if isinstance(value, (str, int))]
        for name, value in [*tried, ("no_such_parameter", "a")]:
            expected = accepts(schema, {name: [str(value)]}, is_body=False)
            status, answer = self.ask("GET", f"{self.path(call)}?{name}={value}", minor=minor)
            yield from self.compare(call, minor, f"?{name}", value, expected, status, answer)

    def bodies(self, call, minor, schema):
        base = example(schema)
        if not isinstance(base, dict):
            return
        for where, spec, holder in places(schema, base):
            for value in borders(spec, self.short):
                body = copy.deepcopy(base)
                put(body, where, value)
                yield from self.send(call, minor, schema, ".".join(where), value, body)
        for name, body in wholes(schema, base):
            yield from self.send(call, minor, schema, name, "", body)

    def send(self, call, minor, schema, where, value, body):
        expected = accepts(schema, body)
        path = self.path(call, nobody=call.method == "POST" and expected)
        status, answer = self.ask(call.method, path, body, minor)
        yield from self.compare(call, minor, where, value, expected, status, answer)
        if call.method == "POST" and status in (200, 201, 202) and isinstance(answer, dict):
            self.take_back(path, next(iter(answer.values()), None), minor)

    def take_back(self, path, made, minor):
        """What a POST made goes again: the next one is not to stumble over it."""
        for name in ("id", "name") if isinstance(made, dict) else ():
            if made.get(name) is not None and self.ask("DELETE", f"{path}/{made[name]}", minor=minor)[0] in (200, 202, 204):
                return

    def compare(self, call, minor, where, value, expected, status, answer):
        if status in (404, 405, 403, 501) or expected is None:
            return  # not there, or refused as a whole
        said = ""
        if isinstance(answer, dict) and status >= 400:
            said = str(next(iter(answer.values()), {}).get("message", "") if isinstance(next(iter(answer.values()), {}), dict) else answer)
        refused = status == 400 and (not expected or any(words in said for words in SCHEMA_WORDS))
        if refused == expected or status >= 500:
            yield f"{call} {where} {short_text(value)}", f"2.{minor}: {status} {said[:160]}"
