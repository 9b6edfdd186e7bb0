# SPDX-License-Identifier: Apache-2.0
"""Keystone and Cinder by the schemas that they publish: each row of a table is a collection with the schemas of what makes and changes one of it and, where there is
one, of its list and of one. Bodies at the borders of each property are sent; the service's own validator says what it would take. How a body is
put together is values.py's."""
import copy
import urllib.parse
import warnings

warnings.simplefilter("ignore")

import keystone.assignment.schema as assignment
import keystone.catalog.schema as catalog
import keystone.credential.schema as credential
import keystone.identity.schema as identity
import keystone.limit.schema as limit
import keystone.resource.schema as resource
import values
from cinder import exception as cinder_exception
from cinder.api.schemas import volume_metadata, volume_types, volumes
from cinder.api.validation import validators as cinder_validators
from keystone import exception as keystone_exception
from keystone.common.validation import validators as keystone_validators


def keystone_takes(schema, body):
    try:
        keystone_validators.SchemaValidator(schema).validate(copy.deepcopy(body))
    except keystone_exception.SchemaValidationError:
        return False
    return True


def cinder_takes(schema, body):
    try:
        cinder_validators._SchemaValidator(schema).validate(copy.deepcopy(body))
    except cinder_exception.ValidationError:
        return False
    return True


class judge:
    """A service: its prefix, how it says what it takes, and its rows: (path, one, made by, changed by, what is added to make one, list's schema, one's schema, microversion)."""
    prefix, takes, change, words = None, None, "PUT", values.SCHEMA_WORDS

    def __init__(self, cloud, short):
        self.cloud, self.short, self.asked, self.number = cloud, short, 0, 0
        self.project = cloud.sql("SELECT id FROM project WHERE name = 'admin'")[0][0]

    def ask(self, method, path, body=None, minor=None):
        self.asked += 1
        headers = {"OpenStack-API-Version": f"volume 3.{minor}"} if minor is not None else None
        return self.cloud.call(method, f"{self.prefix()}{path}", body, headers=headers)

    def base(self, one, more):
        self.number += 1
        return {one: {key: f"{value}{self.number}" if value == "shaped" else value for key, value in more.items()}}

    def findings(self):
        for path, one, create, update, more, index, show, minor in self.rows():
            made = self.ask("POST", path, self.base(one, more), minor) if more is not None else (None, None)
            thing = made[1].get(one) if isinstance(made[1], dict) else None
            if more is not None and not isinstance(thing, dict):
                yield f"POST {path} create", f"{made[0]} {made[1]}"
                continue
            yield from self.answer(f"GET {path}", path, index, minor)
            if thing:
                yield from self.answer(f"GET {path}/{{id}}", f"{path}/{thing['id']}", show, minor)
            if create:
                yield from self.bodies("POST", path, path, create, self.base(one, more), minor)
            if update:
                there = f"{path}/{thing['id']}" if thing else path
                yield from self.bodies(self.change, f"{path}/{{id}}", there, update, {one: {}}, minor)
            if thing:
                self.ask("DELETE", f"{path}/{urllib.parse.quote(str(thing['id']), safe='')}", minor=minor)

    def answer(self, name, path, schema, minor):
        if schema is None:
            return
        status, answer = self.ask("GET", path, minor=minor)
        if status != 200 or not self.takes(schema, answer):
            yield f"{name} answer", f"{status} {str(answer)[:160]}"

    def bodies(self, method, name, path, schema, base, minor):
        for where, spec, _ in values.places(schema, base):
            for value in values.borders(spec, self.short):
                body = copy.deepcopy(base)
                values.put(body, where, value)
                yield from self.send(method, name, path, schema, ".".join(where), value, body, minor)
        for what, body in values.wholes(schema, base):
            yield from self.send(method, name, path, schema, what, "", body, minor)

    def send(self, method, name, path, schema, where, value, body, minor):
        expected = self.takes(schema, body)
        status, answer = self.ask(method, path, body, minor)
        if method == "POST" and status in (200, 201, 202) and isinstance(answer, dict):
            made = next(iter(answer.values()), None)
            for thing in made if isinstance(made, list) else [made]:
                if isinstance(thing, dict) and thing.get("id") is not None:
                    if thing.get("enabled") is True and path == "/v3/domains":
                        self.ask(self.change, f"{path}/{thing['id']}", {"domain": {"enabled": False}})
                    self.ask("DELETE", f"{path}/{urllib.parse.quote(str(thing['id']), safe='')}", minor=minor)
        if status in (403, 404, 405):
            return
        said = str(answer) if status >= 400 else ""
        refused = status == 400 and (not expected or any(words in said for words in self.words))
        if refused == expected or status >= 500:
            yield f"{method} {name} {where} {values.short_text(value)}", f"{status} {said[:160]}"


class identity_judge(judge):
    change = "PATCH"
    takes = staticmethod(keystone_takes)

    @staticmethod
    def prefix():
        return "/identity"

    def rows(self):
        r, i, c, a, m = resource, identity, catalog, assignment, limit
        service = self.ask("POST", "/v3/services", {"service": {"type": "shaped", "name": "shaped"}})[1]["service"]["id"]
        user = self.ask("GET", "/v3/users?name=admin")[1]["users"][0]["id"]
        endpoint = {"service_id": service, "interface": "public", "url": "http://a.example/"}
        return [
            ("/v3/projects", "project", r.project_create_request_body, r.project_update_request_body, {"name": "shaped"}, r.project_index_response_body,
             r.project_get_response_body, None),
            ("/v3/domains", "domain", r.domain_create_request_body, r.domain_update_request_body, {"name": "shaped", "enabled": False},
             r.domain_index_response_body, r.domain_get_response_body, None),
            ("/v3/users", "user", i.user_create_request, i.user_update_request, {"name": "shaped"}, i.user_index_response_body, i.user_get_response_body, None),
            ("/v3/groups", "group", i.group_create_request_body, i.group_update_request_body, {"name": "shaped"}, i.group_index_response_body,
             i.group_get_response_body, None),
            ("/v3/roles", "role", a.role_create_request_body, a.role_update_request_body, {"name": "shaped"}, a.roles_index_response_body,
             a.role_show_response_body, None),
            ("/v3/regions", "region", c.region_create_request_body, c.region_update_request_body, {"description": "shaped"}, c.regions_index_response_body,
             c.region_show_response_body, None),
            ("/v3/services", "service", c.service_create_request_body, c.service_update_request_body, {"type": "shaped"}, c.service_index_response_body,
             c.service_response_body, None),
            ("/v3/endpoints", "endpoint", c.endpoint_create_request_body, c.endpoint_update_request_body, endpoint, c.endpoint_index_response_body,
             c.endpoint_response_body, None),
            ("/v3/credentials", "credential", credential.create_request_body, credential.update_request_body, {"type": "cert", "blob": "x", "user_id": user},
             credential.index_response_body, credential.credential_response_body, None),
            ("/v3/role_assignments", "", None, None, None, a.role_assignments_index_response_body, None, None),
            ("/v3/registered_limits", "", None, None, None, m.registered_limits_index_response_body, None, None),
            ("/v3/limits", "", None, None, None, m.limits_index_response_body, None, None),
        ]


class volume_judge(judge):
    takes = staticmethod(cinder_takes)

    def prefix(self):
        return f"/volume/v3/{self.project}"

    def rows(self):
        self.cloud.call("PUT", f"/volume/v3/{self.project}/os-quota-sets/{self.project}", {"quota_set": {"volumes": -1, "gigabytes": -1}}, want=200)
        volume = self.ask("POST", "/volumes", {"volume": {"size": 1}})[1]["volume"]["id"]
        return [
            ("/volumes", "volume", volumes.create, volumes.update, {"size": 1}, None, None, 0),
            ("/volumes", "volume", volumes.create_volume_v313, None, {"size": 1}, None, None, 13),
            ("/volumes", "volume", volumes.create_volume_v353, volumes.update_v353, {"size": 1}, None, None, 60),
            ("/types", "volume_type", volume_types.create, volume_types.update, {"name": "shaped"}, None, None, 0),
            (f"/volumes/{volume}/metadata", "metadata", None, volume_metadata.create, None, None, None, 0),
        ]


