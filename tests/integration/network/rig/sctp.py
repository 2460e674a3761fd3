"""The first two packets of an SCTP association, by raw sockets: kernels without SCTP carry it all the same.

answer PORT        answers each INIT to PORT with INIT ACK
ask ADDRESS PORT   sends INIT and prints who answers it with INIT ACK, or `none`
"""

import socket
import struct
import sys

PROTOCOL = 132
INIT, INIT_ACK = 1, 2
OWN_PORT, OWN_TAG, STATE_COOKIE = 40001, 0x11223344, 7


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def packet(ports, tag, kind, parameters=b""):
    body = struct.pack(">IIHHI", OWN_TAG, 65536, 1, 1, 1) + parameters
    chunk = struct.pack(">BBH", kind, 0, 4 + len(body)) + body
    head = struct.pack(">HHI", *ports, tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk


def received(raw):
    """Sender, ports, kind and initiate tag of the next packet whose checksum is right."""
    while True:
        data, (sender, _) = raw.recvfrom(2048)
        data = data[(data[0] & 15) * 4 :]
        source, target, _, checksum = struct.unpack(">HHI4s", data[:12])
        if struct.pack("<I", crc32c(data[:8] + bytes(4) + data[12:])) != checksum:
            continue
        kind, _, _, tag = struct.unpack(">BBHI", data[12:20])
        return sender, source, target, kind, tag


raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL)
if sys.argv[1] == "answer":
    port = int(sys.argv[2])
    print("ready", flush=True)
    while True:
        sender, source, target, kind, tag = received(raw)
        if kind == INIT and target == port:
            cookie = struct.pack(">HH4s", STATE_COOKIE, 8, b"cook")
            raw.sendto(packet((port, source), tag, INIT_ACK, cookie), (sender, 0))
else:
    address, port = sys.argv[2], int(sys.argv[3])
    raw.settimeout(5)
    raw.sendto(packet((OWN_PORT, port), 0, INIT), (address, 0))
    try:
        sender, source, target, kind, _ = received(raw)
        name = "INIT ACK" if (kind, target) == (INIT_ACK, OWN_PORT) else f"chunk {kind}"
        print(f"{name} from {sender} port {source}")
    except socket.timeout:
        print("none")
