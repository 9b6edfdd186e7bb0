#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names: one prefix a room for what others may call, and no name twice: a backtrace, a search and a reader find one thing.

    tests/lint/names.py FILE...     prints what is wrong, a line each
"""
import collections
import re
import sys

PREFIX = {"api": "kn_api_", "compute": "kn_compute_", "identity": "kn_identity_", "image": "kn_image_", "network": "kn_network_", "volume": "kn_volume_",
          "scheduler": "kn_scheduler_", "conductor": "kn_conductor_", "compute-agent": "kn_agent_", "cli": "kn_cli_", "lab": "kn_lab_", "lib/rest": "kn_rest_",
          "lib": "kn_"}
TAG = re.compile(r"^(?:static |typedef )?(?:const )?(?:struct|enum|union) ([a-z_0-9]+) \{", re.M)
STATIC = re.compile(r"^static (?!const\b[^(]*=|inline)[^;={}\n]*?\b([a-z_][a-z0-9_]*)\((?=[^;]*?\)\s*\{)", re.M)
PUBLIC = re.compile(r"^(?!static |typedef |extern |return |struct [a-z_0-9]+ \{|enum )[a-z][^;={}()\n]*?[ *]([a-z_][a-z0-9_]*)\((?=[^;{]*?\)[\s\w()]*[;{])", re.M)


def room_of(path):
    for room in sorted(PREFIX, key=len, reverse=True):
        if path.startswith(room + "/"):
            return room
    return None


def bare(text):
    """Without comments, strings and what is continued by a backslash."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def main():
    tags, statics = collections.defaultdict(list), collections.defaultdict(list)
    for path in sys.argv[1:]:
        room = room_of(path)
        with open(path, encoding="utf-8") as file:
            text = bare(file.read())
        if room is None:
            continue
        for name in TAG.findall(text):
            tags[name].append(path)
        for name in STATIC.findall(text) if path.endswith(".c") else ():
            statics[name].append(path)
        if path.endswith(".h"):
            for name in PUBLIC.findall(text):
                if not (name + "_").startswith(PREFIX[room]):
                    print(f"{path}: {name}() is of {room}/: begin it with {PREFIX[room]}")
            for name in TAG.findall(text):
                if not (name + "_").startswith(PREFIX[room]):
                    print(f"{path}: {name} is a type of {room}/: begin it with {PREFIX[room]}")
    for kind, found in (("type", tags), ("static function", statics)):
        for name, paths in sorted(found.items()):
            if len(paths) > 1:
                print(f"{paths[1]}: the {kind} {name} has its name twice, here and in {paths[0]}: say whose it is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
