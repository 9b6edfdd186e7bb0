# SPDX-License-Identifier: Apache-2.0
"""Bodies out of JSON schemas: one that fits, as far as a schema says what, and values at the borders of each of its properties."""
NOBODY = "99999999-9999-4999-8999-999999999999"
SCHEMA_WORDS = ("Invalid input for field/attribute", "Invalid input for query parameters", "Additional properties are not allowed", "is a required property",
                "is not valid under", "Additional query parameters", "does not have enough properties", "has too many properties", "is not of type", "is too short",
                "is too long", "does not match", "is not one of", "has non-unique elements")


def example(schema, name=""):
    """Something that fits, as far as the schema says what; None: nobody knows."""
    if not isinstance(schema, dict):
        return None
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("oneOf", "anyOf"):
        if key in schema and "properties" not in schema:
            return example(schema[key][0], name)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        must = schema.get("required", [])
        return {key: example(schema.get("properties", {}).get(key, {}), key) for key in must}
    if kind == "array":
        return [example(schema.get("items", {}), name)] if schema.get("minItems") else []
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return {"uuid": NOBODY, "ipv4": "10.0.0.1", "ipv6": "fd00::1", "date-time": "2026-01-01T00:00:00Z", "uri": "http://a.example/"}.get(
        schema.get("format"), "x" * max(1, schema.get("minLength", 1)))


def parts(schema):
    """The schema itself and its alternatives."""
    yield schema
    for key in ("oneOf", "anyOf", "allOf"):
        for one in schema.get(key, []):
            if isinstance(one, dict):
                yield from parts(one)


def borders(schema, short):
    values = [None] if short else [None, True, 5, "", "a", " a", [], {}, -1, "5", 1.5]
    for part in parts(schema):
        for limit in (part.get("minLength"), part.get("maxLength")):
            if limit is not None and limit < 70000:
                values += ["x" * n for n in (limit - 1, limit, limit + 1) if n >= 0]
        for limit in (part.get("minimum"), part.get("maximum")):
            if limit is not None:
                values += [limit - 1, limit, limit + 1, str(limit)]
        values += [*part.get("enum", []), "bogus"]
        if part.get("format") in ("uuid", "ipv4", "ipv6"):
            values += [NOBODY, "10.0.0.1", "10.0.0.300", "fd00::1"]
    return list({repr(value): value for value in values}.values())


def short_text(value):
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:16]}…({len(value)})"


def places(schema, base):
    """Each property of the body's only member, and the member itself."""
    for outer, spec in schema.get("properties", {}).items():
        if not isinstance(spec, dict):  # Cinder has one that is none
            continue
        yield (outer,), spec, base
        for part in parts(spec):
            for name, inner in (part.get("properties") or {}).items():
                if isinstance(inner, dict):
                    yield (outer, name), inner, base


def put(body, where, value):
    for name in where[:-1]:
        if not isinstance(body.get(name), dict):
            body[name] = {}
        body = body[name]
    body[where[-1]] = value


def wholes(schema, base):
    """The empty one, one without each thing that must be there, one with something unknown."""
    yield "empty", {}
    for outer in schema.get("properties", {}):
        if isinstance(base.get(outer), dict):
            yield f"{outer} with no_such_thing", {**base, outer: {**base[outer], "no_such_thing": "a"}}
            for name in base[outer]:
                yield f"{outer} without {name}", {**base, outer: {k: v for k, v in base[outer].items() if k != name}}
    yield "with no_such_thing", {**base, "no_such_thing": "a"}
