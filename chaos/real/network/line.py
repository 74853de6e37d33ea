#!/usr/bin/env python3
"""A line to a network of its own for a node, which is as bad as it is told to be: `line.py SEED`.

    here (clients) --TUN, this program, TUN-- a router --veth-- the node

The router and the node's network are namespaces that live as long as a process is in them, and nothing of them has a name in the
file system: when this program has ended, by whatever end, and the node too, nothing is left. It ends with its standard input.

Its first line on standard output says where what is, or why there is no such line here: {"failure"}. Then it is told by lines of
JSON, {"add": ID, ...} and {"remove": ID}, what is wrong with the line in both directions, and answers each with {"id", "effects"}:
how many packets were touched. What may be wrong:

    delayMs, jitterMs     each packet is late by the one and up to the other, so that some overtake others
    duplicate             of so many packets so many arrive twice, as [1, 20]
    reorder, holdMs       of so many packets so many are held back for so long
    bytesPerSecond        so much passes each way; what would have to wait for too long is dropped

Chance is drawn from SEED. Kernels have this as netem, where they have it.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time

# Of linux/if_tun.h and linux/sched.h.
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
CLONE_NEWNET = 0x40000000

PACKET_BYTES_MAX = 65536
# Packets under way: one more is dropped.
PACKETS_MAX = 20000
# Longest wait for a narrow line to be free, s.
QUEUE_S_MAX = 2.0
# Addresses that are for measuring networks, and on no network (RFC 2544): a block of 64 for each line of this machine.
BLOCK_FIRST = (198 << 24) | (18 << 16)
BLOCKS_MAX = 2048
GROUPS = ["operator", "a", "b", "c"]


class Trouble:
    """One thing that is wrong with the line, and how many packets it has touched."""

    def __init__(self, told):
        self.late_s = told.get("delayMs", 0) / 1000
        self.jitter_s = told.get("jitterMs", 0) / 1000
        self.duplicate = told.get("duplicate", [0, 1])
        self.reorder = told.get("reorder", [0, 1])
        self.hold_s = told.get("holdMs", 0) / 1000
        self.bytes_per_second = told.get("bytesPerSecond", 0)
        self.free_at = {}
        self.held = {}
        self.effects = 0

    def touch(self, way, size, due, chance):
        """When each copy of the packet is due; none of them where it is dropped."""
        if self.bytes_per_second > 0:
            self.effects += 1
            free_at = max(due, self.free_at.get(way, 0))
            if free_at - due > QUEUE_S_MAX:
                return []
            due = self.free_at[way] = free_at + size / self.bytes_per_second
        if self.late_s > 0 or self.jitter_s > 0:
            self.effects += 1
            due += self.late_s + chance.random() * self.jitter_s
        if drawn(self.reorder, chance):
            due += self.hold_s
            self.held.setdefault(way, []).append(due)
        elif way in self.held:
            # Those that are due later are overtaken.
            held = self.held.pop(way)
            self.effects += sum(1 for other in held if other > due)
        if drawn(self.duplicate, chance):
            self.effects += 1
            return [due, due]
        return [due]


def drawn(ratio, chance):
    count, of = ratio
    return count > 0 and chance.randrange(of) < count


class Line:
    """Packets that come in at one end leave at the other when they are due, in the order of that."""

    def __init__(self, ends, seed):
        self.across = {ends[0]: ends[1], ends[1]: ends[0]}
        # A draw more in one direction changes nothing in the other.
        self.chance = {end: random.Random(f"{seed} {at}") for at, end in enumerate(ends)}
        self.troubles = {}
        self.under_way = []
        self.number = 0

    def take(self, source):
        try:
            packet = os.read(source, PACKET_BYTES_MAX)
        except BlockingIOError:
            return
        # The kernel says things of its own in IPv6: they are no part of what is tried.
        if not packet or packet[0] >> 4 != 4:
            return
        now = time.monotonic()
        dues = [now]
        for trouble in self.troubles.values():
            dues = [late for due in dues for late in trouble.touch(source, len(packet), due, self.chance[source])]
        for due in dues:
            if due <= now and not self.under_way:
                put(self.across[source], packet)
            elif len(self.under_way) < PACKETS_MAX:
                self.number += 1
                heapq.heappush(self.under_way, (due, self.number, self.across[source], packet))

    def deliver(self):
        """Gives how long the next one has to wait, s."""
        while self.under_way:
            wait = self.under_way[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, _, target, packet = heapq.heappop(self.under_way)
            put(target, packet)
        return None

    def obey(self, told):
        if "add" in told:
            self.troubles[told["add"]] = Trouble(told)
            return {"id": told["add"], "effects": 0}
        return {"id": told["remove"], "effects": self.troubles.pop(told["remove"]).effects}


def put(target, packet):
    try:
        os.write(target, packet)
    except OSError:
        pass  # The device is full or down: packets get lost.


def open_end(name):
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    reply = fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
    return end, reply[:16].rstrip(b"\0").decode()


def enter_new_network():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "a network namespace is refused")


def ip(words, within=None):
    inside = [] if within is None else ["nsenter", f"--net=/proc/{within}/ns/net"]
    subprocess.run([*inside, "ip", *words.split()], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def start_holder(ends):
    """A process in a new network that does nothing, and ends with this one. It keeps none of the ends open. Gives its id."""
    lifeline, ours = os.pipe()
    said, saying = os.pipe()
    holder = os.fork()
    if holder == 0:
        os.close(ours)
        os.close(said)
        for other in (0, 1, *ends):
            os.close(other)
        enter_new_network()
        os.write(saying, b"in")
        os.read(lifeline, 1)
        os._exit(0)
    os.close(lifeline)
    os.close(saying)
    if os.read(said, 2) != b"in":
        raise OSError("the network of the node could not be made")
    return holder


def make_networks():
    """Both ends of the line, and what to tell of it."""
    here, device = open_end("cepa%d")
    block = int(device[len("cepa"):])
    if block >= BLOCKS_MAX:
        raise OSError(f"more than {BLOCKS_MAX} lines at once")

    def address(at):
        number = BLOCK_FIRST + 64 * block + at
        return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))

    clients = {group: address(1 + at) for at, group in enumerate(GROUPS)}
    for one in clients.values():
        ip(f"address add {one}/27 dev {device}")
    ip(f"link set {device} up")
    ip(f"route add {address(32)}/30 via {address(30)} dev {device}")

    enter_new_network()
    there, _ = open_end("line")
    holder = start_holder([here, there])
    ip(f"address add {address(30)}/27 dev line")
    ip(f"link add wire type veth peer name wire netns {holder}")
    ip(f"address add {address(33)}/30 dev wire")
    for own in ("lo", "line", "wire"):
        ip(f"link set {own} up")
    with open("/proc/sys/net/ipv4/ip_forward", "w") as forward:
        forward.write("1")
    ip(f"address add {address(34)}/30 dev wire", within=holder)
    for own in ("lo", "wire"):
        ip(f"link set {own} up", within=holder)
    ip(f"route add default via {address(33)}", within=holder)
    told = {"device": device, "router": os.getpid(), "holder": holder, "node": address(34), "clients": clients}
    return [here, there], told


def say(told):
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main():
    # Who stops everything at once stops us by the end of our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ends, told = make_networks()
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", None)
        say({"failure": f"{error}{'' if not detail else ': ' + detail.decode().strip()}"})
        return
    say(told)
    line = Line(ends, sys.argv[1])
    told_so_far = b""
    while True:
        ready, _, _ = select.select([0, *ends], [], [], line.deliver())
        for source in ready:
            if source != 0:
                line.take(source)
                continue
            piece = os.read(0, PACKET_BYTES_MAX)
            if not piece:
                return
            *lines, told_so_far = (told_so_far + piece).split(b"\n")
            for each in lines:
                say(line.obey(json.loads(each)))


main()
