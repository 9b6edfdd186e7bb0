#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What logging in, checking tokens and moving images cost.

    tests/bench/access.py [--mib N] [--seconds N]      the same alone, on a small cloud of its own

measure_access() gives figures by name: token_checks_per_s (an authenticated GET that asks no database), logins_per_s (POST
/auth/tokens through the queue of the hashing threads) and what it leaves the others (token_checks_per_s_beside_logins),
image_upload_mib_per_s and image_download_mib_per_s, each with what cp of the same file reaches on the same disk
(with its fsync, as the store syncs what it keeps), image_served_mib_per_s to a client that throws all away, and
image_memory_growth_mib of the API meanwhile.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cloud import BIN, PASSWORD, ROOT, Cloud, CloudError  # noqa: E402

LOAD = ROOT / "build" / "plain" / "tests" / "bench" / "load"
MIB = 1 << 20


def load(cloud, *words, clients=8):
    command = [LOAD, "--port", cloud.api_port, "--token", cloud.token, "--clients", clients, *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if not done.stdout:
        raise CloudError(f"load: {done.stderr}")
    return json.loads(done.stdout)


# --- tokens ------------------------------------------------------------------------------------------------------------

def check_tokens(cloud, seconds):
    return load(cloud, "--seconds", seconds, "GET", "/image/v2/info/import")


def log_in(cloud, seconds):
    body = cloud.dir / "login.json"
    user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
    body.write_text(json.dumps({"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
                                         "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}))
    return load(cloud, "--seconds", seconds, "--body", body, "POST", "/identity/v3/auth/tokens", clients=4)


def measure_tokens(cloud, seconds):
    alone = check_tokens(cloud, seconds)
    logins = {}
    beside = threading.Thread(target=lambda: logins.update(log_in(cloud, seconds + 1)))
    beside.start()
    time.sleep(0.5)  # the queue is full then
    busy = check_tokens(cloud, seconds)
    beside.join()
    done = logins["requests"] - logins["failed"]
    return {
        "token_checks_per_s": round(alone["per_s"]), "token_check_p99_ms": round(alone["p99_ms"], 2),
        "logins_per_s": round(done / logins["seconds"], 1), "login_p99_ms": round(logins["p99_ms"], 1),
        "token_checks_per_s_beside_logins": round(busy["per_s"]),
        "token_check_p99_ms_beside_logins": round(busy["p99_ms"], 2),
    }


# --- images ------------------------------------------------------------------------------------------------------------

def memory_kib(pid, field):
    for row in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith(field + ":"):
            return int(row.split()[1])
    raise CloudError(f"/proc/{pid}/status has no {field}")


def timed(command, **more):
    begun = time.monotonic()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise CloudError(f"{command[0]}: {done.stderr or done.stdout}")
    return time.monotonic() - begun, done.stdout.strip()


def make_file(path, mib):
    """Data that neither compresses nor has holes."""
    with open(path, "wb") as out:
        for _ in range(mib):
            out.write(os.urandom(MIB))
        os.fsync(out.fileno())


def measure_images(cloud, mib):
    source, copy = cloud.dir / "bench.raw", cloud.dir / "bench.copy"
    api = cloud.pids()["api"]
    base = f"http://127.0.0.1:{cloud.api_port}/image"
    make_file(source, mib)
    pathlib.Path(f"/proc/{api}/clear_refs").write_text("5")  # the high-water mark begins here
    before = memory_kib(api, "VmRSS")
    cp, _ = timed(["sh", "-c", f"cp {source} {copy} && sync {copy}"])
    up, image = timed([BIN / "kilonova", "image", "import", "--disk", source, "--name", "bench"],
                      env={**os.environ, "OS_TOKEN": cloud.token, "OS_ENDPOINT": base})
    cp_warm, _ = timed(["cp", source, copy])
    down, _ = timed(["curl", "-sSf", "-H", f"X-Auth-Token: {cloud.token}", "-o", copy, f"{base}/v2/images/{image}/file"])
    served, _ = timed(["curl", "-sSf", "-H", f"X-Auth-Token: {cloud.token}", "-o", "/dev/null", f"{base}/v2/images/{image}/file"])
    growth = memory_kib(api, "VmHWM") - before
    if source.read_bytes()[:MIB] != copy.read_bytes()[:MIB] or copy.stat().st_size != source.stat().st_size:
        raise CloudError("what was downloaded is not what was uploaded")
    source.unlink()
    copy.unlink()
    cloud.call_surely("DELETE", f"/image/v2/images/{image}")  # the connection may have been idle for too long
    return {
        "image_mib": mib, "image_upload_mib_per_s": round(mib / up), "cp_and_sync_mib_per_s": round(mib / cp),
        "image_download_mib_per_s": round(mib / down), "cp_mib_per_s": round(mib / cp_warm),
        "image_served_mib_per_s": round(mib / served),
        "image_memory_growth_mib": round(max(growth, 0) / 1024, 1),
    }


def measure_access(cloud, seconds, mib):
    return measure_tokens(cloud, seconds) | measure_images(cloud, mib)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    with Cloud(bus="embedded", hosts=1, conductors=1) as cloud:
        cloud.prepare()
        for name, value in measure_access(cloud, options.seconds, options.mib).items():
            print(f"{name:34} {value:>10}")
        cloud.audit()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CloudError as error:
        sys.exit(f"access: {error}")
