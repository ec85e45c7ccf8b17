#!/usr/bin/env python3
"""Writes day.export: one invented hour of a small web host, in the journal export format.

Every name, address and message is made up. See README.md for what is made from it.
"""
import struct

BOOT = "b0070000000040008000000000000001"
START = 1767258000_000000  # 2026-01-01T09:00:00Z
out = bytearray()


def entry(number, fields):
    micros = START + number * 1_500_000
    out.extend(
        f"__CURSOR=s=5a5a0000000040008000000000000001;i={number + 1:x};b={BOOT};m={number * 1500000 + 1:x};"
        f"t={micros:x};x={number + 7:x}\n"
        f"__REALTIME_TIMESTAMP={micros}\n__MONOTONIC_TIMESTAMP={number * 1500000 + 1}\n_BOOT_ID={BOOT}\n".encode()
    )
    for name, value in fields:
        data = value if isinstance(value, bytes) else value.encode()
        if b"\n" in data or any(byte < 32 and byte != 9 for byte in data):
            out.extend(name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
        else:
            out.extend(name.encode() + b"=" + data + b"\n")
    out.extend(b"\n")


def host(program, unit, pid, uid, facility, priority, message, *more):
    return [
        ("_HOSTNAME", "web01"), ("_TRANSPORT", "syslog"), ("PRIORITY", str(priority)),
        ("SYSLOG_FACILITY", str(facility)), ("SYSLOG_IDENTIFIER", program), ("SYSLOG_PID", str(pid)),
        ("_PID", str(pid)), ("_UID", str(uid)), ("_COMM", program), ("_SYSTEMD_UNIT", unit),
        ("MESSAGE", message), *more,
    ]


number = 0
for turn in range(12):
    for fields in (
        host("sshd-session", "ssh.service", 2000 + turn, 0, 10, 6,
             f"Failed password for invalid user admin{turn} from 203.0.113.{turn + 1} port {40000 + turn} ssh2",
             ("_EXE", "/usr/sbin/sshd"), ("_CMDLINE", "sshd: [accepted]")),
        host("CRON", "cron.service", 3000 + turn, 0, 9, 6, f"(root) CMD (/usr/local/bin/rotate --turn {turn})"),
        host("kernel", "", 0, 0, 0, 4, f"usb 1-{turn}: new high-speed USB device number {turn}"),
    ):
        entry(number, fields)
        number += 1
entry(number, host("sudo", "session-4.scope", 4100, 1000, 10, 5,
                   "   carol : TTY=pts/0 ; PWD=/home/carol ; USER=root ; COMMAND=/usr/bin/id",
                   ("_SOURCE_REALTIME_TIMESTAMP", str(START + number * 1_500_000 - 250))))
entry(number + 1, host("report", "report.service", 4200, 1001, 3, 3, "first line\nsecond line\ttabbed",
                       ("REPORT_BLOB", bytes(range(64)) + b"\xff\xfe" + b"tail")))
entry(number + 2, host("report", "report.service", 4200, 1001, 3, 6,
                       "long: " + " ".join(f"item{index}=value{index}" for index in range(400))))
entry(number + 3, host("grüße", "umlaut.service", 4300, 1001, 3, 6, "schöne Grüße aus Köln ✓"))
open("day.export", "wb").write(out)
