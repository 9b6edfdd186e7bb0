# SPDX-License-Identifier: Apache-2.0
"""Runs Tempest in its workspace and reads its subunit stream: what passed, what failed, what was skipped, and why."""
import re
import subprocess
import sys

import subunit
import testtools

TEMPEST = [sys.executable, "-m", "tempest.cmd.main"]
FIXTURE = re.compile(r"^(setUpClass|tearDownClass) \((?P<name>[\w.]+)\)$")  # what Tempest says of a whole class


def plain(test):
    """Without Tempest's attributes: module.Class.test[id-…,smoke] -> module.Class.test"""
    return test.split("[")[0]


def listed(workspace):
    """Every test that this Tempest has."""
    done = subprocess.run([*TEMPEST, "run", "--config-file", "tempest.conf", "--list-tests"], cwd=workspace,
                          stdout=subprocess.PIPE, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line.startswith(("tempest.", "neutron_tempest_plugin."))]


class Judged:
    """The verdict on each test. One that never ran shares the fate of its class, and has failed if nothing is known."""

    def __init__(self):
        self.verdicts, self.classes, self.texts = {}, {}, {}

    def hear(self, test):
        """One finished test, as testtools.StreamToDict tells it."""
        if test["status"] == "exists":
            return
        verdict = {"success": "passed", "skip": "skipped"}.get(test["status"], "failed")
        fixture = FIXTURE.match(test["id"])
        if fixture and verdict != "passed":
            self.classes[fixture["name"]] = verdict
        elif not fixture:
            self.verdicts[plain(test["id"])] = verdict
        print(f"{verdict:<8}{plain(test['id'])}", flush=True)
        if verdict != "passed":
            texts = ((name, content) for name, content in sorted(test["details"].items()) if content.content_type.type == "text")
            self.texts[test["id"]] = verdict + "\n" + "".join(f"  {name}:\n{content.as_text()}\n" for name, content in texts)

    def verdict(self, test):
        name = plain(test)
        return self.verdicts.get(name) or self.classes.get(name.rpartition(".")[0]) or "failed"

    def reasons(self):
        return "".join(f"=== {name}: {text}\n" for name, text in sorted(self.texts.items()))


def run(workspace, tests, concurrency, enter):
    """Runs the tests, behind the command `enter`; prints a line a test."""
    (workspace / "tests.txt").write_text("\n".join(tests) + "\n")
    judged = Judged()
    with open(workspace / "tempest.err", "wb") as complaints:
        tempest = subprocess.Popen([*enter, *TEMPEST, "run", "--config-file", "tempest.conf", "--load-list", "tests.txt", "--subunit",
                                    "--concurrency", str(concurrency)], cwd=workspace, stdout=subprocess.PIPE, stderr=complaints)
        result = testtools.StreamToDict(judged.hear)
        result.startTestRun()
        subunit.ByteStreamToStreamResult(tempest.stdout, non_subunit_name="stdout").run(result)
        result.stopTestRun()
        tempest.wait()
    return judged
