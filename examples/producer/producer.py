#!/usr/bin/env python3
"""A producer in Python, with the standard library and the command `openssl`.

    ssh-keygen -q -t ed25519 -N '' -f me                        # its key: me, me.pub
    ssh-keygen -q -s producer_ca -I me -n fdc-producer me.pub   # the operator certifies it: me-cert.pub
    vmstat-as-json | python3 producer.py redis://producer:...@127.0.0.1:7701 me hosts/mine vmstat

Each line of standard input is a JSON object, and becomes an event of one subject. At its first start the producer waits until
the operator has approved its key (`cepa auth pending`, `cepa auth approve`). On standard output comes the id of each event that
Redis has taken.
"""

import base64
import datetime
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid


class Redis:
    """One connection, and one command at a time. Whoever needs it connects again."""

    def __init__(self, url):
        self.url = urllib.parse.urlsplit(url)
        self.file = None

    def __call__(self, *words):
        if self.file is None:
            connection = socket.create_connection((self.url.hostname, self.url.port), timeout=30)
            self.file = connection.makefile("rwb")
            self("AUTH", urllib.parse.unquote(self.url.username), urllib.parse.unquote(self.url.password))
        try:
            parts = [str(word).encode() for word in words]
            self.file.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            self.file.flush()
            return self.reply()
        except OSError:
            self.file = None
            raise

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis has gone")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$" and rest != b"-1":
            return self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*" and rest != b"-1":
            return [self.reply() for _ in range(int(rest))]
        return None if rest == b"-1" else rest.decode()


class Key:
    """An unencrypted file of ssh-keygen, with a certificate beside it."""

    def __init__(self, path):
        with open(path + "-cert.pub", encoding="ascii") as file:
            self.certificate = file.read().strip()
        with open(path, encoding="ascii") as file:
            body = base64.b64decode("".join(line for line in file.read().splitlines() if not line.startswith("-----")))
        # Where the public half comes for the last time, the secret is before it.
        at = body.index(b"ssh-ed25519") + 15
        at = body.rindex(body[at : at + 32])
        self.der = bytes.fromhex("302e020100300506032b657004220420") + body[at - 32 : at]

    def sign(self, message):
        # What openssl signs in one go it wants as a file; only its owner can read these.
        with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as file:
            key.write(self.der)
            key.flush()
            file.write(message)
            file.flush()
            command = ["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", key.name, "-in", file.name]
            return subprocess.run(command, check=True, capture_output=True).stdout


class Producer:
    def __init__(self, redis, key):
        self.redis, self.key = redis, key
        self.producer_id = self.token = None
        self.renew_at = 0.0

    def send(self, stream, payload):
        """Signs the canonical payload and a nonce that is used once; answers with that."""
        # For texts like these it is RFC 8785: sorted, no spaces.
        text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        nonce = secrets.token_hex(16)
        signature = base64.b64encode(self.key.sign(f"{text}.{nonce}".encode())).decode()
        self.redis("XADD", stream, "*", "pubkey", self.key.certificate, "payload", text, "nonce", nonce, "sig", signature)
        return nonce

    def answer(self, stream, wanted, seconds=15.0):
        """The first entry that is wanted; None when none has come in time."""
        after, until = "0", time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            read = self.redis("XREAD", "BLOCK", max(1, int(left * 1000)), "STREAMS", stream, after)
            for after, fields in read[0][1] if read else []:
                fields = dict(zip(fields[::2], fields[1::2]))
                if wanted(fields):
                    return fields
        return None

    def register(self):
        """Returns when the key is approved; one that is approved already is told so at once."""
        while True:
            nonce = self.send("fdc:register", {"action": "register", "producer_hint": "producer.py"})
            answer = self.answer(f"fdc:register:resp:{nonce}", lambda fields: fields["status"] != "pending")
            if answer and answer["status"] == "approved":
                self.producer_id = answer["producer_id"]
                return
            if answer and answer["status"] != "rate_limited":
                sys.exit(f"refused: {answer}")
            print("waiting until somebody approves this key", file=sys.stderr)

    def fresh_token(self):
        """A token is good for an hour; when half of that is over the next one is had for it, without the key where it can."""
        if time.time() > self.renew_at:
            answers = f"fdc:token:resp:{self.producer_id}"
            if self.token is None:
                nonce = self.send("fdc:token:exchange", {"action": "exchange", "producer_id": self.producer_id})
            else:
                nonce = secrets.token_hex(16)
                self.redis("XADD", "fdc:token:exchange", "*", "token", self.token, "nonce", nonce)
            answer = self.answer(answers, lambda fields: fields.get("nonce") == nonce)
            if answer is None and self.token is not None:
                # It still counts: the node may be asked again.
                self.renew_at = time.time() + 60
                return self.token
            if self.token is not None and answer.get("status") == "denied":
                # Tokens are renewed for so long after an exchange: then it takes the key again.
                self.token = None
                return self.fresh_token()
            if answer is None or "token" not in answer:
                sys.exit(f"no token: {answer}")
            self.token = answer["token"]
            until = datetime.datetime.fromisoformat(answer["exp"].replace("Z", "+00:00")).timestamp()
            self.renew_at = (time.time() + until) / 2
        return self.token

    def register_subject(self, subject_key, schema_name):
        """The same again changes nothing, so this is done at every start."""
        payload = {"op": "register", "schema_body": {}, "schema_name": schema_name, "subject_key": subject_key}
        nonce = self.send("fdc:subject:register", payload)
        answer = self.answer(f"fdc:subject:resp:{self.producer_id}", lambda fields: fields.get("nonce") == nonce)
        if answer is None or answer["status"] != "ok":
            sys.exit(f"no subject: {answer}")
        return answer["subject_id"]

    def publish(self, event):
        """Sends it until Redis has taken it. What is sent twice has the same event_id, and is one row."""
        text = json.dumps(event)
        while True:
            try:
                self.redis("XADD", "events", "*", "payload", text, "token", self.fresh_token())
                return
            except (OSError, RuntimeError) as error:
                print(f"not taken yet: {error}", file=sys.stderr)
                time.sleep(1)


def object_in(line):
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def main(url, key_file, subject_key, schema_name):
    producer = Producer(Redis(url), Key(key_file))
    producer.register()
    producer.fresh_token()
    subject_id = producer.register_subject(subject_key, schema_name)
    left_out = 0
    for number, line in enumerate(sys.stdin, 1):
        payload = object_in(line)
        if payload is None:
            print(f"line {number} is no JSON object, and is left out", file=sys.stderr)
            left_out += 1
            continue
        event_id = str(uuid.uuid4())
        ts = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        producer.publish({"event_id": event_id, "ts": ts, "subject_id": subject_id, "payload": payload, "tags": []})
        print(event_id, flush=True)
    return 1 if left_out else 0


if __name__ == "__main__":
    if len(sys.argv) != 5:
        usage = "Usage: python3 producer.py URL KEY_FILE SUBJECT_KEY SCHEMA_NAME < EVENTS, a JSON object in each line"
        print(usage, file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
