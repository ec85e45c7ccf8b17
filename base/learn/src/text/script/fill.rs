//! Fills templates: `‹name›` becomes one of the values of that name, drawn anew each time.

use super::parts::POWERSHELL;
use crate::random::Random;
use crate::text::command::parts::SHELL;

/// Values by name. Written by hand; nothing here names a real organisation's machine.
const VALUES: &[(&str, &[&str])] = &[
    (
        "word",
        &[
            "report",
            "backup",
            "inventory",
            "invoice",
            "archive",
            "orders",
            "metrics",
            "billing",
            "catalog",
            "gateway",
            "ledger",
            "mailer",
            "portal",
            "search",
            "stock",
            "tickets",
            "wiki",
            "audit",
            "cache",
            "export",
            "import",
            "session",
            "worker",
            "deploy",
            "monitor",
            "shipping",
            "payroll",
            "survey",
            "sensor",
            "render",
        ],
    ),
    (
        "Word",
        &[
            "Report",
            "Backup",
            "Inventory",
            "Invoice",
            "Archive",
            "Order",
            "Metric",
            "Customer",
            "Catalog",
            "Gateway",
            "Ledger",
            "Mailbox",
            "Portal",
            "Printer",
            "Stock",
            "Ticket",
            "Wiki",
            "Audit",
            "Cache",
            "Export",
            "License",
            "Session",
            "Worker",
            "Deployment",
            "Monitor",
            "Shipment",
            "Employee",
            "Survey",
            "Sensor",
            "Certificate",
        ],
    ),
    (
        "verb",
        &[
            "Get", "Set", "New", "Test", "Update", "Remove", "Export", "Import", "Invoke", "Start", "Write", "Convert",
            "Add", "Sync", "Find",
        ],
    ),
    (
        "user",
        &[
            "jane",
            "tom.weber",
            "a.silva",
            "mkim",
            "operator",
            "svc_web",
            "svc_backup",
            "builder",
            "jdoe",
            "p.novak",
            "lchen",
            "rosa",
            "administrator",
            "deploy",
            "www",
            "dba",
        ],
    ),
    (
        "host",
        &[
            "srv01", "fs02", "web-03", "db4", "dc01", "print1", "build-7", "nas", "app12", "mail2", "WS-114",
            "LAP-0231", "hv03", "sql-a", "proxy1", "jump",
        ],
    ),
    ("domain", &["corp.example", "example.test", "intern.example", "lab.test", "office.example", "ad.example"]),
    (
        "site",
        &[
            "www.example.test",
            "download.example.test",
            "repo.example",
            "packages.example.test",
            "api.example.test",
            "intranet.example",
            "artifacts.example",
            "mirror.example.test",
        ],
    ),
    ("ext", &["txt", "csv", "log", "xml", "json", "zip", "bak", "docx", "xlsx", "ini", "conf", "pdf"]),
    (
        "wdir",
        &[
            "C:\\Data",
            "D:\\Backup",
            "C:\\inetpub\\wwwroot",
            "E:\\Shares\\Public",
            "C:\\Tools",
            "C:\\Build",
            "D:\\Logs",
            "C:\\Program Files\\Vendor\\Agent",
            "C:\\ProgramData\\Vendor",
            "C:\\Temp",
            "C:\\Users\\jane\\Documents",
            "C:\\Users\\tom.weber\\Desktop",
            "C:\\Scripts",
            "\\\\fs02\\share",
            "\\\\nas\\backup",
            "C:\\Windows\\Temp",
        ],
    ),
    (
        "udir",
        &[
            "/srv/app",
            "/var/log",
            "/home/jane",
            "/opt/vendor",
            "/data",
            "/tmp",
            "/var/www/html",
            "/etc/nginx",
            "/home/builder/src",
            "/mnt/backup",
            "/usr/local/share",
            "/var/lib/app",
            "~/projects",
            "/root",
            "./build",
            "../src",
        ],
    ),
    (
        "wprog",
        &[
            "7z.exe",
            "agent.exe",
            "updater.exe",
            "sqlcmd.exe",
            "java.exe",
            "node.exe",
            "python.exe",
            "git.exe",
            "msbuild.exe",
            "dotnet.exe",
            "nuget.exe",
            "notepad.exe",
            "excel.exe",
            "winword.exe",
            "chrome.exe",
            "teams.exe",
            "code.exe",
        ],
    ),
    (
        "service",
        &[
            "Spooler",
            "W32Time",
            "BITS",
            "MSSQLSERVER",
            "W3SVC",
            "DNS",
            "DHCPServer",
            "wuauserv",
            "Netlogon",
            "LanmanServer",
            "VendorAgent",
            "Schedule",
        ],
    ),
    (
        "unit",
        &[
            "nginx",
            "postgresql",
            "redis",
            "docker",
            "ssh",
            "cron",
            "rsyslog",
            "app",
            "prometheus",
            "httpd",
            "haproxy",
            "chronyd",
        ],
    ),
    (
        "package",
        &[
            "nginx",
            "curl",
            "git",
            "python3-pip",
            "htop",
            "vim",
            "openjdk-17-jre",
            "postgresql-client",
            "jq",
            "build-essential",
            "tmux",
            "rsync",
            "docker-ce",
            "nodejs",
        ],
    ),
    ("version", &["1.0.3", "2.4.1", "0.9.12", "5.10.0", "3.2", "7.0.1", "21.4", "10.0.17763"]),
    ("letter", &["a", "b", "c", "d", "e", "f", "g", "h", "k", "m", "n", "p", "r", "s", "t", "w", "x", "y", "z"]),
    (
        "evilprog",
        &[
            "update.exe",
            "svc.exe",
            "a.exe",
            "host32.exe",
            "win.exe",
            "flash.exe",
            "setup1.exe",
            "svchosts.exe",
            "chrome_up.exe",
            "x64.exe",
            "payload.exe",
            "beacon.exe",
            "ld.exe",
            "tmp4.exe",
            "s.exe",
            "adobe.exe",
        ],
    ),
    (
        "evilscript",
        &[
            "a.ps1",
            "run.ps1",
            "x.ps1",
            "in.ps1",
            "load.ps1",
            "s.txt",
            "p.txt",
            "update.ps1",
            "1.ps1",
            "stage2",
            "c.php",
            "amsi.txt",
            "m.ps1",
            "index.php",
            "favicon.ico",
            "logo.png",
        ],
    ),
    (
        "evilhost",
        &[
            "198.51.100.7",
            "203.0.113.50",
            "192.0.2.41",
            "198.51.100.113",
            "203.0.113.9",
            "192.0.2.200",
            "10.0.0.5",
            "192.168.56.101",
            "172.16.4.20",
            "update-check.test",
            "cdn-files.test",
            "gate.invalid",
            "win-secure.test",
            "a1b2c3.invalid",
            "microsoft-telemetry.test",
            "paste.test",
        ],
    ),
    ("evilport", &["4444", "443", "8080", "80", "1337", "9001", "53", "8443", "6666", "31337", "5555"]),
    (
        "evildir",
        &[
            "C:\\Users\\Public",
            "%TEMP%",
            "%APPDATA%",
            "C:\\ProgramData",
            "C:\\Windows\\Temp",
            "C:\\Users\\jane\\AppData\\Local\\Temp",
            "C:\\PerfLogs",
            "C:\\Windows\\Tasks",
            "%PUBLIC%",
            "C:\\temp",
            "C:\\Users\\Public\\Documents",
        ],
    ),
    ("eviludir", &["/tmp", "/dev/shm", "/var/tmp", "/tmp/.x", "/dev/shm/.a", "/home/www/.cache", "/var/tmp/.k"]),
    (
        "evilname",
        &[
            "x", "kworkerd", "update", ".sysd", "xm", "a.out", "sshd2", "bot", "payload", "ld", "implant", "run",
            "kinsing1", "m",
        ],
    ),
    (
        "psenv",
        &["$env:TEMP", "$env:APPDATA", "$env:PUBLIC", "$env:LOCALAPPDATA", "$env:ProgramData", "$env:USERPROFILE"],
    ),
    (
        "task",
        &[
            "Updater",
            "OneDriveSync",
            "GoogleUpd",
            "SystemCheck",
            "WinDefUpdate",
            "Telemetry",
            "AdobeFlash",
            "MSTask",
            "SysHelper",
        ],
    ),
    ("hidden", &["-w hidden", "-W Hidden", "-WindowStyle Hidden", "-win hidden", "-w 1"]),
    (
        "nop",
        &[
            "-nop",
            "-NoProfile",
            "-NoP",
            "-nop -noni",
            "-nop -exec bypass",
            "-ExecutionPolicy Bypass",
            "-ep bypass",
            "-nop -sta",
            "",
        ],
    ),
    (
        "powershell",
        &[
            "powershell",
            "powershell.exe",
            "PowerShell.exe",
            "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
            "pwsh",
        ],
    ),
    ("iex", &["IEX", "iex", "Invoke-Expression", "& (gcm i*x)"]),
    ("webclient", &["New-Object Net.WebClient", "New-Object System.Net.WebClient", "new-object net.webclient"]),
];

/// What administrators' and developers' scripts are about.
const NOUNS: &[&str] = &[
    "User",
    "Group",
    "Computer",
    "Server",
    "Service",
    "Process",
    "Item",
    "Content",
    "Path",
    "File",
    "Folder",
    "Share",
    "Disk",
    "Volume",
    "Registry",
    "Key",
    "Value",
    "Certificate",
    "Store",
    "Module",
    "Package",
    "Version",
    "Config",
    "Setting",
    "Policy",
    "Rule",
    "Role",
    "Site",
    "App",
    "Pool",
    "Binding",
    "Web",
    "List",
    "Field",
    "View",
    "Database",
    "Table",
    "Query",
    "Backup",
    "Job",
    "Task",
    "Event",
    "Log",
    "Report",
    "Mail",
    "Mailbox",
    "Message",
    "Queue",
    "Topic",
    "Storage",
    "Account",
    "Blob",
    "Container",
    "Network",
    "Adapter",
    "Subnet",
    "Gateway",
    "Vm",
    "Host",
    "Cluster",
    "Node",
    "Snapshot",
    "Image",
    "Template",
    "Resource",
    "Subscription",
    "Tenant",
    "Token",
    "Credential",
    "Secret",
    "Vault",
    "Session",
    "Connection",
    "Credential",
    "Profile",
    "Shortcut",
    "Printer",
    "Driver",
    "Update",
    "Hotfix",
    "Feature",
    "License",
    "Device",
    "Sensor",
    "Metric",
    "Alert",
    "Test",
    "Case",
    "Suite",
    "Build",
    "Release",
    "Artifact",
    "Pipeline",
    "Branch",
    "Commit",
    "Tag",
    "Change",
    "Ticket",
    "Order",
    "Invoice",
    "Customer",
    "Product",
    "Price",
    "Date",
    "Time",
    "Zone",
    "Culture",
    "Text",
    "String",
    "Line",
    "Word",
    "Json",
    "Xml",
    "Csv",
    "Html",
    "Markdown",
    "Hash",
    "Checksum",
    "Signature",
    "Random",
    "Number",
    "Range",
    "Color",
    "Font",
    "Window",
    "Form",
    "Button",
    "Menu",
    "Prompt",
    "Answer",
    "Choice",
    "Help",
    "Command",
    "Parameter",
    "Function",
    "Alias",
    "Variable",
    "Scope",
    "Type",
    "Assembly",
    "Object",
    "Property",
    "Method",
    "Instance",
    "Shape",
    "Spec",
    "Sp",
    "Az",
    "AD",
    "SQL",
    "IIS",
    "DSC",
    "Aws",
    "Git",
    "Docker",
    "Vmware",
    "Exchange",
    "Intune",
    "Teams",
    "Psf",
    "Dba",
];

/// Values in values in values: a loop over a pipeline over a search.
const DEPTH_MAX: usize = 6;

/// The template with its places filled.
pub fn fill(template: &str, random: &mut Random) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    fill_to(template, random, DEPTH_MAX, &mut out);
    out
}

fn fill_to(template: &str, random: &mut Random, depth: usize, out: &mut String) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('‹') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('›') else {
            break;
        };
        rest = tail;
        value(name, random, depth, out);
    }
    out.push_str(rest);
}

fn value(name: &str, random: &mut Random, depth: usize, out: &mut String) {
    let hex = |count: usize, random: &mut Random| -> String {
        (0..count).map(|_| char::from_digit(random.below(16) as u32, 16).unwrap_or('0')).collect()
    };
    match name {
        "n" => out.push_str(&random.below(100).to_string()),
        // A name nobody has thought of.
        "name" => {
            let count = 1 + random.below(10);
            out.extend((0..count).map(|_| {
                let letters = b"eeeeaaaiiooutttnnnssrrrllddccmmppffgbhvwykjxqzABCEFGHILMNOPRSTUVX_";
                letters.get(random.below(letters.len())).map_or('e', |letter| *letter as char)
            }));
        }
        // A name in capitals of one to three words.
        "Noun" => {
            for _ in 0..1 + random.below(3) {
                out.push_str(NOUNS.get(random.below(NOUNS.len())).copied().unwrap_or(""));
            }
        }
        "d" => out.push_str(&random.below(10).to_string()),
        "n4" => out.push_str(&(1000 + random.below(9000)).to_string()),
        "hex" => out.push_str(&hex(32, random)),
        "guid" => out.push_str(&format!(
            "{}-{}-{}-{}-{}",
            hex(8, random),
            hex(4, random),
            hex(4, random),
            hex(4, random),
            hex(12, random)
        )),
        "date" => out.push_str(&format!(
            "20{:02}-{:02}-{:02}",
            19 + random.below(8),
            1 + random.below(12),
            1 + random.below(28)
        )),
        "ip" => out.push_str(&format!("10.{}.{}.{}", random.below(256), random.below(256), 1 + random.below(254))),
        "var" => {
            let count = 1 + random.below(7);
            out.extend((0..count).map(|_| (b'a' + random.below(26) as u8) as char));
        }
        "b64" => {
            let bytes: Vec<u8> = (0..90 + random.below(600)).map(|_| random.bits() as u8).collect();
            out.push_str(&super::mutate::base64(&bytes));
        }
        "bytes" => {
            let count = 40 + random.below(300);
            let all: Vec<String> = (0..count)
                .map(|at| {
                    if at == 0 {
                        "0xfc".to_owned()
                    } else if at == 1 {
                        ["0xe8", "0x48"].get(random.below(2)).copied().unwrap_or("0xe8").to_owned()
                    } else {
                        format!("0x{:02x}", random.below(256))
                    }
                })
                .collect();
            out.push_str(&all.join(","));
        }
        _ => match VALUES.iter().chain(SHELL).chain(POWERSHELL).find(|(known, _)| *known == name) {
            Some((_, values)) => {
                let chosen = values.get(random.below(values.len())).copied().unwrap_or("");
                match depth.checked_sub(1) {
                    Some(depth) => fill_to(chosen, random, depth, out),
                    None => out.push('x'),
                }
            }
            // A template's fault shows in the text, and the test below finds it.
            None => out.push_str(&format!("‹{name}?›")),
        },
    }
}

/// One of a list, filled.
pub fn one(templates: &[&str], random: &mut Random) -> String {
    fill(templates.get(random.below(templates.len())).copied().unwrap_or(""), random)
}
