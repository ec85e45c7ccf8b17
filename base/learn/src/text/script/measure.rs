//! Features of a piece of a canonical script or command line: what kinds of deeds its words name, and its shape.
//!
//! Words are looked up whole (`invoke-webrequest`) and by their parts between dots (`system.net.webclient`). Counts are
//! ln(1 + n): the second downloader says less than the first.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::text::shape::Feature;

/// Kinds of deeds.
const DEEDS: usize = 14;

/// What is measured of a script's piece.
pub const SCRIPT: &[Feature] = &[
    Feature::rising("fetch"),
    Feature::rising("run"),
    Feature::rising("inject"),
    Feature::rising("hide"),
    Feature::rising("persist"),
    Feature::rising("steal"),
    Feature::rising("spy"),
    Feature::rising("evade"),
    Feature::rising("recon"),
    Feature::rising("connect"),
    Feature::rising("destroy"),
    Feature::rising("unpack"),
    Feature::free("living_off_the_land"),
    Feature::free("craft"),
    Feature::rising("fetch_and_run"),
    Feature::rising("unpack_and_run"),
    Feature::rising("network_literal"),
    Feature::rising("program_literal"),
    Feature::free("length"),
    Feature::free("entropy"),
    Feature::free("sign_share"),
    Feature::free("longest_word"),
    Feature::free("variable_share"),
];

/// Words by deed, in the order of [`SCRIPT`].
const WORDS: [&[&str]; DEEDS] = [
    // fetch
    &[
        "webclient",
        "downloadstring",
        "downloadfile",
        "downloaddata",
        "openread",
        "invoke-webrequest",
        "invoke-restmethod",
        "start-bitstransfer",
        "bitstransfer",
        "webrequest",
        "httpwebrequest",
        "httpclient",
        "xmlhttp",
        "serverxmlhttp",
        "winhttprequest",
        "getresponse",
        "getresponsestream",
        "urlcache",
        "-urlcache",
        "bitsadmin",
        "certutil",
        "-outfile",
        "uploadstring",
        "uploadfile",
        "uploaddata",
        "curl",
        "wget",
        "tftp",
        "ftp",
        "scp",
        "-transfer",
        "-addfile",
        "getstringasync",
        "loadstring",
    ],
    // run
    &[
        "invoke-expression",
        "start-process",
        "shellexecute",
        "invokescript",
        "newscriptblock",
        "wscript.shell",
        "shell.application",
        "processstartinfo",
        "invoke-command",
        "invoke-wmimethod",
        "win32_process",
        "mshta",
        "rundll32",
        "regsvr32",
        "wscript",
        "cscript",
        "createobject",
        "invoke-cimmethod",
        "mmc20.application",
        "execute",
        "installutil",
        "msbuild",
        "wmic",
        "eval",
        "exec",
        "xdg-open",
        "osascript",
        "scriptblock",
        "entrypoint",
        "psexec",
        "psexesvc",
        "scrcons",
        "forfiles",
        "pcalua",
        "odbcconf",
        "msxsl",
        "cmstp",
    ],
    // inject
    &[
        "virtualalloc",
        "virtualallocex",
        "virtualprotect",
        "createthread",
        "createremotethread",
        "writeprocessmemory",
        "readprocessmemory",
        "openprocess",
        "getprocaddress",
        "getmodulehandle",
        "loadlibrary",
        "queueuserapc",
        "ntcreatethreadex",
        "rtlmovememory",
        "memset",
        "getdelegateforfunctionpointer",
        "waitforsingleobject",
        "dllimport",
        "kernel32.dll",
        "kernel32",
        "ntdll.dll",
        "ntdll",
        "msvcrt.dll",
        "user32.dll",
        "definedynamicassembly",
        "definedynamicmodule",
        "definetype",
        "unsafenativemethods",
        "reflectiveloader",
        "shellcode",
        "getfield",
        "setvalue",
        "marshal",
        "copy",
        "allochglobal",
        "nonpublic",
        "ld_preload",
        "ptrace",
        "memfd_create",
    ],
    // hide
    &[
        "hidden",
        "-windowstyle",
        "-noprofile",
        "-noninteractive",
        "bypass",
        "unrestricted",
        "-executionpolicy",
        "createnowindow",
        "-encodedcommand",
        "useshellexecute",
        "redirectstandardoutput",
        "-sta",
        "nohup",
        "disown",
        "/dev/null",
        "setsid",
    ],
    // persist
    &[
        "runonce",
        "currentversion\\run",
        "run",
        "schtasks",
        "-create",
        "register-scheduledtask",
        "new-scheduledtask",
        "new-scheduledtaskaction",
        "new-scheduledtasktrigger",
        "scheduledtask",
        "new-service",
        "__eventfilter",
        "commandlineeventconsumer",
        "__filtertoconsumerbinding",
        "activescripteventconsumer",
        "startup",
        "winlogon",
        "userinit",
        "appinit_dlls",
        "inprocserver32",
        "crontab",
        "rc.local",
        "cron.d",
        "cron.daily",
        "systemctl",
        "authorized_keys",
        ".bashrc",
        ".bash_profile",
        "launchagents",
        "launchdaemons",
        "launchctl",
        "useradd",
        "adduser",
        "localgroup",
        "debugger",
        "sc",
        "binpath",
        "onlogon",
        "netsh",
        "ifeo",
        "sethc",
        "utilman",
        "init.d",
    ],
    // steal
    &[
        "mimikatz",
        "sekurlsa",
        "logonpasswords",
        "lsass",
        "lsass.exe",
        "lsass.dmp",
        "minidump",
        "minidumpwritedump",
        "comsvcs.dll",
        "comsvcs",
        "procdump",
        "procdump64",
        "sam",
        "ntds.dit",
        "ntds",
        "ntdsutil",
        "vaultcmd",
        "cmdkey",
        "dumpcreds",
        "securitypackages",
        "kerberos",
        "kerberoast",
        "invoke-mimikatz",
        "getnetworkcredential",
        "protecteddata",
        "unprotect",
        "logindata",
        "login",
        "cookies",
        "passwordvault",
        "vault",
        "hklm\\sam",
        "hklm\\security",
        "hklm\\system",
        "shadow",
        "/etc/shadow",
        "id_rsa",
        ".ssh",
        ".aws",
        "credentials",
        "passwd",
        "unattend.xml",
        "groups.xml",
        "cpassword",
        "gpp",
        "password",
        "passwords",
        "secretsdump",
        "keychain",
        "find-generic-password",
        "dcsync",
        "lsadump",
        "golden",
        "rubeus",
        "kdbx",
        "wlan",
        "key",
        "clear",
        "dpapi",
        "netlogon",
    ],
    // spy
    &[
        "getasynckeystate",
        "getkeyboardstate",
        "getforegroundwindow",
        "getwindowtext",
        "setwindowshookex",
        "mapvirtualkey",
        "tounicode",
        "copyfromscreen",
        "primaryscreen",
        "virtualscreen",
        "screenshot",
        "get-clipboard",
        "clipboard",
        "mcisendstring",
        "capture",
        "keylogger",
        "keystrokes",
        "xinput",
        "screencapture",
        "pbpaste",
        "xwd",
        "import",
        "tcpdump",
        "tshark",
        "pktmon",
        "psr",
        "arecord",
        "promptforcredential",
        "webcam",
    ],
    // evade
    &[
        "amsiutils",
        "amsiinitfailed",
        "amsicontext",
        "amsiscanbuffer",
        "amsi",
        "amsi.dll",
        "set-mppreference",
        "add-mppreference",
        "-disablerealtimemonitoring",
        "disablerealtimemonitoring",
        "-exclusionpath",
        "disableantispyware",
        "scriptblocklogging",
        "enablescriptblocklogging",
        "cachedgrouppolicysettings",
        "etweventwrite",
        "psetwlogprovider",
        "wevtutil",
        "clear-eventlog",
        "remove-eventlog",
        "cl",
        "-disableioavprotection",
        "uac",
        "fodhelper",
        "fodhelper.exe",
        "eventvwr",
        "eventvwr.exe",
        "sdclt",
        "computerdefaults",
        "delegateexecute",
        "ms-settings",
        "servercertificatevalidationcallback",
        "attrib",
        "timestomp",
        "creationtime",
        "lastwritetime",
        "advfirewall",
        "firewall",
        "histfile",
        "histsize",
        "history",
        "-w",
        "shred",
        "setenforce",
        "auditctl",
        "auditpol",
        "iptables",
        "ufw",
        "windefend",
        "defender",
        "sysmon",
        "fltmc",
        "unload",
        "mpcmdrun",
        "setfilesecurity",
        "sp_execute",
        "alternate",
        "zone.identifier",
        "usnjrnl",
        "fsutil",
        "chattr",
        "insmod",
        "touch",
    ],
    // recon
    &[
        "whoami",
        "systeminfo",
        "ipconfig",
        "ifconfig",
        "netstat",
        "tasklist",
        "quser",
        "qwinsta",
        "nltest",
        "dsquery",
        "adfind",
        "net",
        "net1",
        "arp",
        "route",
        "nbtstat",
        "get-aduser",
        "get-adcomputer",
        "get-adgroup",
        "get-addomain",
        "directorysearcher",
        "adsisearcher",
        "domain_trusts",
        "get-netuser",
        "get-netcomputer",
        "get-netgroup",
        "get-netsession",
        "invoke-userhunter",
        "find-localadminaccess",
        "invoke-sharefinder",
        "sharphound",
        "bloodhound",
        "get-gpppassword",
        "getcurrentdomain",
        "getcurrentforest",
        "antivirusproduct",
        "securitycenter2",
        "hotfix",
        "uname",
        "lsmod",
        "dmidecode",
        "getent",
        "sudoers",
        "nmap",
        "masscan",
        "group",
        "user",
        "view",
        "accounts",
        "localgroup",
        "administrators",
        "dclist",
        "share",
        "get-netlocalgroup",
        "get-localuser",
        "get-localgroupmember",
        "gpresult",
        "lsof",
        "ss",
        "last",
        "id",
        "w",
        "who",
    ],
    // connect
    &[
        "tcpclient",
        "udpclient",
        "tcplistener",
        "getstream",
        "sockets.tcpclient",
        "networkstream",
        "sslstream",
        "nc",
        "ncat",
        "netcat",
        "socat",
        "/dev/tcp",
        "dev/tcp",
        "socket",
        "connect",
        "pty",
        "pty.spawn",
        "dup2",
        "fsockopen",
        "mkfifo",
        "telnet",
        "meterpreter",
        "reverse",
        "beacon",
        "c2",
        "icmp",
        "send",
        "ping",
        "dns",
        "resolve-dnsname",
        "nslookup",
        "openssl",
        "s_client",
        "onion",
        "pastebin.com",
        "pastebin",
        "ngrok",
        "discord",
        "webhook",
        "hooks",
        "transfer.sh",
        "raw.githubusercontent.com",
        "githubusercontent.com",
        "portproxy",
        "plink",
        "ssh",
        "chisel",
        "getsystemwebproxy",
        "defaultnetworkcredentials",
    ],
    // destroy
    &[
        "vssadmin",
        "shadowcopy",
        "shadows",
        "win32_shadowcopy",
        "wbadmin",
        "bcdedit",
        "recoveryenabled",
        "rijndaelmanaged",
        "aesmanaged",
        "aescryptoserviceprovider",
        "createencryptor",
        "ransom",
        "readme_decrypt",
        "decrypt",
        "encrypted",
        "bitcoin",
        "cipher",
        "/w",
        "format",
        "diskpart",
        "dd",
        "mkfs",
        "wipe",
        "shred",
        "sdelete",
        "xmrig",
        "stratum",
        "minerd",
        "cryptonight",
        "stop-computer",
        "killall",
        "resize",
        "catalog",
        "-quiet",
        "bootstatuspolicy",
    ],
    // unpack
    &[
        "frombase64string",
        "gzipstream",
        "deflatestream",
        "memorystream",
        "streamreader",
        "readtoend",
        "base64",
        "-decode",
        "decode",
        "convertto-securestring",
        "ptrtostringauto",
        "securestringtobstr",
        "xxd",
        "gunzip",
        "openssl",
        "rev",
        "getstring",
        "assembly",
        "-bxor",
        "unhexlify",
        "fromhexstring",
        "expand",
        "decodehex",
    ],
    // living off the land
    &[
        "certutil",
        "mshta",
        "rundll32",
        "regsvr32",
        "bitsadmin",
        "wmic",
        "installutil",
        "msbuild",
        "cmstp",
        "odbcconf",
        "msxsl",
        "forfiles",
        "pcalua",
        "esentutl",
        "desktopimgdownldr",
        "regasm",
        "regsvcs",
        "hh",
        "ieexec",
        "mavinject",
        "presentationhost",
        "syncappvpublishingserver",
        "wsreset",
        "xwizard",
        "diskshadow",
        "msiexec",
        "control",
        "reg",
        "schtasks",
        "sc",
        "at",
        "cmd",
        "powershell",
        "cscript",
        "wscript",
        "vssadmin",
        "ntdsutil",
        "print",
        "replace",
        "extrac32",
        "findstr",
        "makecab",
        "finger",
    ],
    // craft: what people write who keep their scripts
    &[
        "function",
        "param",
        "cmdletbinding",
        "mandatory",
        "parameter",
        "describe",
        "should",
        "beforeall",
        "write-verbose",
        "write-host",
        "write-warning",
        "write-error",
        "write-output",
        "throw",
        "validateset",
        "configuration",
        "node",
        "ensure",
        "import-dscresource",
        "test-path",
        "join-path",
        "export-modulemember",
        "requires",
        "synopsis",
        "outputtype",
        "try",
        "catch",
        "finally",
        "foreach-object",
        "where-object",
        "select-object",
        "sort-object",
        "format-table",
        "export-csv",
        "import-csv",
        "new-azresourcegroup",
        "resourcegroupname",
        "-resourcegroupname",
        "-erroraction",
        "get-credential",
        "context",
        "it",
        "assert",
        "task",
        "grep",
        "awk",
        "sed",
        "sort",
        "uniq",
        "find",
        "xargs",
        "tar",
        "rsync",
    ],
];

fn deeds() -> &'static FxHashMap<&'static [u8], u32> {
    static DEEDS_OF: OnceLock<FxHashMap<&'static [u8], u32>> = OnceLock::new();
    DEEDS_OF.get_or_init(|| {
        let mut all: FxHashMap<&'static [u8], u32> = FxHashMap::default();
        for (deed, words) in WORDS.iter().enumerate() {
            for word in *words {
                *all.entry(word.as_bytes()).or_default() |= 1 << deed;
            }
        }
        all
    })
}

/// Longest entry of [`WORDS`]; longer words are not looked up.
const WORD_MAX: usize = 40;

/// Appends the features of a piece in the order of [`SCRIPT`].
pub fn script(piece: &[u8], out: &mut Vec<f64>) {
    let mut counts = [0u32; DEEDS];
    let mut longest = 0usize;
    let mut words = 0usize;
    let (mut networks, mut programs) = (0u32, 0u32);
    let table = deeds();
    let mut look = |word: &[u8]| -> bool {
        let Some(deeds) = Some(word).filter(|word| word.len() <= WORD_MAX).and_then(|word| table.get(word)) else {
            return false;
        };
        for (deed, count) in counts.iter_mut().enumerate() {
            *count += deeds >> deed & 1;
        }
        true
    };
    for word in piece.split(|byte| !is_word(*byte)).filter(|word| !word.is_empty()) {
        words += 1;
        longest = longest.max(word.len());
        let path = word.contains(&b'\\') || word.contains(&b'/');
        if !look(word) && (path || word.contains(&b'.')) {
            for part in word.split(|byte| matches!(byte, b'\\' | b'/')).filter(|part| !part.is_empty()) {
                if !look(part) {
                    part.split(|byte| *byte == b'.').filter(|part| part.len() > 1).for_each(|part| {
                        look(part);
                    });
                }
            }
        }
    }
    for window in piece.windows(3) {
        match window {
            b"://" | b"<i>" => networks += 1,
            b"<pr" | b"<by" => programs += 1,
            _ => {}
        }
    }
    let log = |count: u32| f64::from(count).ln_1p();
    out.extend(counts.iter().map(|count| log(*count)));
    let [fetch, run, .., unpack, _, _] = counts;
    out.push(log(fetch.min(run)));
    out.push(log(unpack.min(run)));
    out.push(log(networks));
    out.push(log(programs));
    let length = piece.len().max(1) as f64;
    out.push(length.ln());
    out.push(entropy(piece));
    let share = |test: fn(u8) -> bool| piece.iter().filter(|byte| test(**byte)).count() as f64 / length;
    out.push(share(|byte| byte.is_ascii_punctuation()));
    out.push((longest as f64).ln_1p());
    out.push(share(|byte| byte == b'$') * length / words.max(1) as f64);
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'\\' | b'/') || byte >= 0x80
}

/// Bits per byte.
pub(crate) fn entropy(piece: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in piece {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = piece.len().max(1) as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_named() {
        let mut out = Vec::new();
        script(b"invoke-expression ( new-object system.net.webclient ) . downloadstring ( http://<i>/a )", &mut out);
        assert_eq!(out.len(), SCRIPT.len());
        let value = |name: &str| out[SCRIPT.iter().position(|feature| feature.name == name).unwrap()];
        assert!(
            value("fetch") > 1.0
                && value("run") > 0.5
                && value("fetch_and_run") > 0.5
                && value("network_literal") > 1.0
        );
        assert_eq!(value("steal"), 0.0);
        for piece in [&b""[..], b"\xff\xff", b"....", b"\\\\\\"] {
            let mut out = Vec::new();
            script(piece, &mut out);
            assert!(out.iter().all(|value| value.is_finite()) && out.len() == SCRIPT.len());
        }
    }
}
