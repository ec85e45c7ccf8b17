//! auditd: bytes a second on generated lines, by how much is wanted of them.
//!
//! `cargo bench -p shieldwall-decode --bench audit`

use std::sync::Arc;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use shieldwall_decode::format::auditd::Auditd;
use shieldwall_decode::{Clock, Context, Decoder};
use shieldwall_schema::event::SlotSpec;
use shieldwall_schema::{Chunk, Event, Flag, Place, Projection, Rejection, Sink, Tag, Timestamp, Want};

fn main() {
    divan::main();
}

/// About 16 MiB: program starts (five records each), file accesses and logins, as a busy host mixes them.
fn log() -> String {
    let mut text = String::new();
    let mut serial = 0;
    while text.len() < 16 << 20 {
        serial += 1;
        let stamp = format!("audit({}.{:03}:{serial})", 1_767_258_000 + serial / 50, serial % 50 * 20);
        let ids =
            "auid=1000 uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 egid=1000 sgid=1000 fsgid=1000 tty=pts0 ses=3";
        match serial % 4 {
            0 => text.push_str(&format!(
                "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=558e251634a0 a1=558e25162a50 \
                 a2=558e25160800 a3=8 items=2 ppid=29002 pid={serial} {ids} comm=\"tar\" exe=\"/usr/bin/tar\" key=\"exec\"\n\
                 type=EXECVE msg={stamp}: argc=4 a0=\"tar\" a1=\"-czf\" a2=\"/tmp/backup-{serial}.tgz\" a3=\"/srv/data\"\n\
                 type=CWD msg={stamp}: cwd=\"/home/carol\"\n\
                 type=PATH msg={stamp}: item=0 name=\"/usr/bin/tar\" inode=13181 dev=08:01 mode=0100755 ouid=0 ogid=0 \
                 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n\
                 type=PATH msg={stamp}: item=1 name=\"/lib64/ld-linux-x86-64.so.2\" inode=29514 dev=08:01 mode=0100755 \
                 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n\
                 type=PROCTITLE msg={stamp}: proctitle=746172002D637A66002F746D702F6261636B75702E74677A\n"
            )),
            1 | 2 => text.push_str(&format!(
                "type=SYSCALL msg={stamp}: arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=7ffd484083e0 a2=0 \
                 a3=0 items=1 ppid=1245 pid=2124 {ids} comm=\"find\" exe=\"/usr/bin/find\" key=\"access\"\n\
                 type=CWD msg={stamp}: cwd=\"/\"\n\
                 type=PATH msg={stamp}: item=0 name=\"/etc/shadow\" inode=131 dev=08:01 mode=0100640 ouid=0 ogid=42 \
                 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n\
                 type=PROCTITLE msg={stamp}: proctitle=66696E64002F\n"
            )),
            _ => text.push_str(&format!(
                "type=USER_ACCT msg={stamp}: pid=2124 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:accounting \
                 grantors=pam_unix acct=\"root\" exe=\"/usr/sbin/cron\" hostname=? addr=? terminal=cron res=success'\n"
            )),
        }
    }
    text
}

struct Wanted(Option<Arc<Want>>);

impl Projection for Wanted {
    fn want(&self, _: &Tag<'_>) -> Option<Arc<Want>> {
        self.0.clone()
    }
}

/// Counts, so that nothing is optimised away.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn event(&mut self, event: &Event<'_>) {
        self.0 += event.slots.len() as u64;
    }

    fn unwanted(&mut self, count: u64, _: Option<Timestamp>) {
        self.0 += count;
    }

    fn reject(&mut self, rejection: Rejection) {
        unreachable!("{rejection:?}")
    }

    fn flag(&mut self, flag: Flag, place: Place) {
        unreachable!("{flag:?} at {place:?}")
    }
}

const FEW: &[&str] = &["type", "exe", "comm", "argv", "name", "key", "a0", "a1"];
const MANY: &[&str] = &[
    "type",
    "exe",
    "comm",
    "argv",
    "name",
    "key",
    "a0",
    "a1",
    "a2",
    "a3",
    "syscall",
    "SYSCALL",
    "auid",
    "uid",
    "euid",
    "proctitle",
    "cwd",
    "nametype",
    "success",
    "exit",
    "pid",
    "ppid",
    "ses",
    "tty",
    "acct",
    "res",
    "op",
    "created_path",
];

#[divan::bench(args = ["nothing", "few", "many", "few and keywords"])]
fn audit(bencher: Bencher<'_, '_>, wanted: &str) {
    let text = log();
    let names = match wanted {
        "nothing" => None,
        "many" => Some((MANY, None)),
        "few" => Some((FEW, None)),
        _ => Some((FEW, Some(FEW.len() as u16))),
    };
    let want = names.map(|(names, keywords)| {
        let slots = names.iter().map(|name| SlotSpec { names: vec![(*name).into()] }).collect();
        Arc::new(Want::new(slots, keywords, 0))
    });
    let (projection, clock) = (Wanted(want), Clock::default());
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let context = Context { projection: &projection, clock: &clock, head: &[] };
        let (mut reader, mut count) = (Auditd.open(context), Count::default());
        let chunk = Chunk { offset: 0, bytes: text.as_bytes(), last: true, mid_line: false };
        reader.chunk(black_box(&chunk), &mut count);
        reader.finish(&mut count);
        count.0
    });
}
