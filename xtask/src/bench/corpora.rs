//! The text corpora of the benches: generated, the same bytes every time, kept in the target folder.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;

use super::CORPUS_BYTES;
use crate::built::target;

/// A corpus of the usual size.
pub fn corpus(name: &str, make: fn(u64) -> String) -> Result<PathBuf> {
    corpus_of(name, CORPUS_BYTES, make)
}

/// Writes lines until there are enough bytes; the same lines every time.
pub fn corpus_of(name: &str, bytes_min: u64, make: fn(u64) -> String) -> Result<PathBuf> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}-{bytes_min}", name.replace(' ', "-")));
    if path.exists() {
        return Ok(path);
    }
    let mut out = BufWriter::new(fs::File::create(&path)?);
    let (mut written, mut number) = (0, 0);
    while written < bytes_min {
        let line = make(number);
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
        number += 1;
    }
    out.flush()?;
    Ok(path)
}

/// A number that looks random and is the same every time (SplitMix64).
fn mixed(number: u64, salt: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt.wrapping_mul(0xbf58_476d_1ce4_e5b9));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One line of syslog: logins, jobs, services, the kernel.
pub fn syslog(number: u64) -> String {
    let (h, m, s) = (number / 3600 % 24, number / 60 % 60, number % 60);
    let (user, port) = (mixed(number, 1) % 500, 1024 + mixed(number, 2) % 60000);
    let address = format!("192.0.2.{}", mixed(number, 3) % 256);
    let words = match mixed(number, 4) % 5 {
        0 => format!(
            "sshd[{port}]: Accepted publickey for user{user} from {address} port {port} ssh2: ED25519 SHA256:Zq0x"
        ),
        1 => format!("sshd[{port}]: Failed password for user{user} from {address} port {port} ssh2"),
        2 => format!("CRON[{port}]: (user{user}) CMD (/usr/local/bin/job --number {number})"),
        3 => format!("systemd[1]: Started session-{number}.scope - Session {number} of User user{user}."),
        _ => format!("kernel: [{number}.{port:05}] usb 1-1: new high-speed USB device number {user} using xhci_hcd"),
    };
    format!(
        "2026-03-{:02}T{h:02}:{m:02}:{s:02}.{port:06}+00:00 host{:02} {words}\n",
        1 + number / 86400 % 28,
        user % 40
    )
}

/// One line of a web server's access log (combined format).
pub fn access(number: u64) -> String {
    let (h, m, s) = (number / 3600 % 24, number / 60 % 60, number % 60);
    let a = mixed(number, 5);
    format!(
        "192.0.{}.{} - - [{:02}/Mar/2026:{h:02}:{m:02}:{s:02} +0000] \"GET /shop/{}/item-{}?page={}&sort=price HTTP/1.1\" {} {} \
         \"https://shop.example.test/list?page={}\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n",
        a % 256,
        (a >> 8) % 256,
        1 + number / 86400 % 28,
        (a >> 16) % 90,
        (a >> 24) % 9999,
        (a >> 32) % 30,
        if a.is_multiple_of(17) { 404 } else { 200 },
        300 + (a >> 40) % 90000,
        (a >> 32) % 30
    )
}

/// One Sysmon event 1 (a process was started) as a line of JSON.
pub fn json(number: u64) -> String {
    let (h, m, s) = (number / 3600 % 24, number / 60 % 60, number % 60);
    let a = mixed(number, 6);
    let app = ["firefox.exe", "svchost.exe", "teams.exe", "chrome.exe", "backup.exe", "notepad.exe"];
    let app = app.get((a % 6) as usize).copied().unwrap_or("a.exe");
    format!(
        "{{\"@timestamp\":\"2026-03-{:02}T{h:02}:{m:02}:{s:02}.{:03}Z\",\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\
         \"EventID\":1,\"ProviderName\":\"Microsoft-Windows-Sysmon\",\"Hostname\":\"PC-{:03}.example.test\",\"EventRecordID\":{number},\
         \"RuleName\":\"-\",\"UtcTime\":\"2026-03-10 03:12:00.000\",\"ProcessGuid\":\"{{{:08x}-0000-0000-0000-{:012x}}}\",\
         \"ProcessId\":{},\"Image\":\"C:\\\\Program Files\\\\App{}\\\\{app}\",\"FileVersion\":\"1.2.3.4\",\"Description\":\"An application\",\
         \"Product\":\"Product {}\",\"Company\":\"Example Ltd\",\"OriginalFileName\":\"{app}\",\
         \"CommandLine\":\"\\\"C:\\\\Program Files\\\\App{}\\\\{app}\\\" --type=renderer --id={number} --flag\",\
         \"CurrentDirectory\":\"C:\\\\Users\\\\user{}\\\\\",\"User\":\"EXAMPLE\\\\user{}\",\"LogonId\":\"0x{:x}\",\"TerminalSessionId\":1,\
         \"IntegrityLevel\":\"Medium\",\"Hashes\":\"SHA256={:064x}\",\"ParentProcessId\":{},\
         \"ParentImage\":\"C:\\\\Windows\\\\explorer.exe\",\"ParentCommandLine\":\"C:\\\\Windows\\\\Explorer.EXE\"}}\n",
        1 + number / 86400 % 28,
        a % 1000,
        (a >> 8) % 200,
        a as u32,
        a >> 16,
        (a >> 12) % 30000,
        a % 50,
        a % 50,
        a % 50,
        a % 300,
        a % 300,
        a >> 40,
        a,
        (a >> 20) % 30000
    )
}
