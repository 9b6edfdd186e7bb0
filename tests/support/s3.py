#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What of S3 a store of backups needs, in a directory: s3.py DIRECTORY PORT

A bucket is a directory below it, an object a file. Every request has to be signed (AWS Signature Version 4) by "key" with "secret"; names are listed five at a
time. The file `trouble` beside the buckets makes it: `busy N`: of every N requests all but the last are 503; `full`: no more is taken; `silent`: connections end
without an answer.
"""
import hashlib
import hmac
import pathlib
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT, PORT = pathlib.Path(sys.argv[1]), int(sys.argv[2])
KEY, SECRET, PAGE = "key", "secret", 5


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def sign(method, path, query, headers, names, payload, scope, moment):
    canonical = "\n".join([method, path, query, *(f"{n}:{headers[n].strip()}" for n in names), "", ";".join(names), payload])
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, sha256(canonical.encode())])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def log_message(self, *said):
        pass

    def answer(self, status, body=b"", length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code):
        self.answer(status, f"<Error><Code>{code}</Code></Error>".encode())

    def is_signed(self, payload):
        said = dict(part.strip().split("=", 1) for part in self.headers.get("Authorization", "").removeprefix("AWS4-HMAC-SHA256 ").split(",") if "=" in part)
        key, _, scope = said.get("Credential", "").partition("/")
        names = said.get("SignedHeaders", "").split(";")
        path, _, query = self.path.partition("?")
        hash_said = self.headers.get("x-amz-content-sha256", "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        if key != KEY or hash_said != sha256(payload) or not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
            return False
        return hmac.compare_digest(said.get("Signature", ""), sign(self.command, path, query, headers, names, hash_said, scope, headers["x-amz-date"]))

    def is_in_trouble(self):
        try:
            trouble = (ROOT / "trouble").read_text().split()
        except FileNotFoundError:
            return False
        Store.asked += 1
        if trouble[0] == "silent":
            self.close_connection = True
        elif trouble[0] == "full" and self.command == "PUT":
            self.refuse(507, "QuotaExceeded")
        elif trouble[0] == "busy" and Store.asked % int(trouble[1]) != 0:
            self.refuse(503, "SlowDown")
        else:
            return False
        return True

    def list(self, bucket, query):
        asked = urllib.parse.parse_qs(query)
        prefix, after = asked["prefix"][0], asked.get("start-after", [""])[0]
        keys = sorted(str(p.relative_to(bucket)) for p in bucket.rglob("*") if p.is_file())
        keys = [k for k in keys if k.startswith(prefix) and k > after]
        page = "".join(f"<Contents><Key>{urllib.parse.quote(k, safe='')}</Key></Contents>" for k in keys[:PAGE])
        more = "true" if len(keys) > PAGE else "false"
        self.answer(200, f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{page}</ListBucketResult>".encode())

    def do_any(self):
        payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.is_in_trouble():
            return
        if not self.is_signed(payload):
            self.refuse(403, "SignatureDoesNotMatch")
            return
        path, _, query = self.path.partition("?")
        bucket, _, key = path.lstrip("/").partition("/")
        file = ROOT / bucket / key
        if not (ROOT / bucket).is_dir() or ".." in path:
            self.refuse(404, "NoSuchBucket")
        elif self.command == "GET" and not key:
            self.list(ROOT / bucket, query)
        elif self.command == "PUT":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(payload)
            self.answer(200)
        elif self.command == "DELETE":
            file.unlink(missing_ok=True)
            self.answer(204)
        elif not file.is_file():
            self.refuse(404, "NoSuchKey")
        else:
            self.answer(200, file.read_bytes())

    do_GET = do_PUT = do_DELETE = do_HEAD = do_any  # noqa: N815


ThreadingHTTPServer(("127.0.0.1", PORT), Store).serve_forever()
