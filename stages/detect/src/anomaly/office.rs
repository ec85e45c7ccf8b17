//! An office that works for weeks, with attacks planted in it: what detectors are tried on.
//!
//! Seeded, and built so that ordinary life is messy: people work at their own hours, install things, are new, travel; programs
//! update and call home; administrators do rare things. Nothing here is taken from recorded data.

use shieldwall_learn::Random;
use shieldwall_schema::observation::learned_path;
use shieldwall_schema::{Observation, Observed, Place, Timestamp};

/// Hours since 1970 at which the office opens: Monday 2024-01-08 00:00 UTC.
pub const START: i64 = 1_704_672_000;

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    pub at_ms: i64,
    pub observation: Observation,
    /// The planted attack it belongs to.
    pub attack: Option<usize>,
}

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// A document starts a shell.
    Macro,
    /// A service is installed.
    Service,
    /// A user logs on by night from a strange address on a server.
    Logon,
    /// An account is put into a powerful group by who never does that.
    Group,
    /// A program calls a rare host every ten minutes with jitter.
    Beacon,
    /// One source tries many accounts, twice each, over a day.
    Spray,
    /// One source tries one account a hundred times.
    Brute,
    /// One host asks many others.
    Scan,
    /// Gigabytes leave in an hour.
    Exfiltration,
    /// What leaves grows a little each day.
    SlowBoil,
    /// One process opens another that holds secrets.
    Dump,
    /// A Run key is written by a shell.
    RunKey,
    /// One source tries one account four times a day, for ten days.
    SlowGuessing,
}

pub const ATTACKS: &[Attack] = &[
    Attack::Macro,
    Attack::Service,
    Attack::Logon,
    Attack::Group,
    Attack::Beacon,
    Attack::Spray,
    Attack::Brute,
    Attack::Scan,
    Attack::Exfiltration,
    Attack::SlowBoil,
    Attack::Dump,
    Attack::RunKey,
    Attack::SlowGuessing,
];

pub struct Office {
    pub hosts: usize,
    pub days: i64,
    pub records: Vec<Record>,
    random: Random,
}

fn record(at_ms: i64, class: u32, activity: u32, host: &str, fields: &[(&str, &str)]) -> Record {
    let mut fields: Vec<(u16, String)> =
        fields.iter().map(|(path, value)| (learned_path(path).unwrap(), (*value).to_owned())).collect();
    fields.push((learned_path("device.hostname").unwrap(), host.to_owned()));
    fields.sort();
    let observation = Observation {
        class,
        activity,
        product: "windows".into(),
        service: if class == 4001 { "zeek" } else { "security" }.into(),
        host: Some(host.to_owned()),
        fields,
        count: 1,
    };
    Record { at_ms, observation, attack: None }
}

impl Office {
    /// Weeks of ordinary life.
    pub fn new(hosts: usize, days: i64, seed: u64) -> Self {
        let mut office = Self { hosts, days, records: Vec::new(), random: Random::new(seed) };
        for day in 0..days {
            for host in 0..hosts {
                office.host_day(host, day);
            }
            office.domain_controller(day);
        }
        office
    }

    fn at(&mut self, day: i64, from_hour: f64, to_hour: f64) -> i64 {
        let hour = from_hour + (to_hour - from_hour) * self.random.unit();
        (START + day * 86_400) * 1000 + (hour * 3_600_000.0) as i64
    }

    fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    fn zipf(&mut self, n: usize) -> usize {
        ((n as f64 + 1.0).powf(self.random.unit()) - 1.0) as usize % n.max(1)
    }

    fn host_day(&mut self, host: usize, day: i64) {
        let weekend = matches!(day % 7, 5 | 6);
        let name = format!("ws{host}");
        let user = format!("CORP\\user{host}");
        let begin = 7.0 + (host % 4) as f64;
        let working = if weekend { self.random.unit() < 0.05 } else { self.random.unit() < 0.93 };
        // The machine itself: services run all the time.
        for hour in 0..24 {
            for (parent, child) in
                [("services.exe", "svchost.exe"), ("svchost.exe", "taskhostw.exe"), ("svchost.exe", "wmiprvse.exe")]
            {
                if self.random.unit() < 0.5 {
                    let at = self.at(day, f64::from(hour), f64::from(hour) + 1.0);
                    self.start(
                        at,
                        &name,
                        "NT AUTHORITY\\SYSTEM",
                        "C:\\Windows\\System32\\",
                        parent,
                        child,
                        "-k netsvcs",
                        None,
                    );
                }
            }
            // Updaters call home every hour, all of them.
            let at = self.at(day, f64::from(hour), f64::from(hour) + 0.1);
            self.connect(at, &name, host, "MsMpEng.exe", "203.0.113.10", "443", 4_000, None);
        }
        // Time is asked for every 17 minutes: a harmless beacon of everyone.
        for beat in 0..84 {
            let at = (START + day * 86_400 + beat * 1024) * 1000 + (self.random.unit() * 2000.0) as i64;
            self.connect(at, &name, host, "svchost.exe", "203.0.113.123", "123", 90, None);
        }
        if !working {
            return;
        }
        let sessions = 1 + self.random.below(3);
        for _ in 0..sessions {
            let at = self.at(day, begin, begin + 8.0);
            self.logon(at, &name, &user, &format!("10.0.{}.{}", host / 200, host % 200), "2", false, None);
        }
        let office =
            ["winword.exe", "excel.exe", "outlook.exe", "chrome.exe", "teams.exe", "acrord32.exe", "notepad.exe"];
        for _ in 0..40 {
            let at = self.at(day, begin, begin + 9.0);
            let child = office[self.zipf(office.len())];
            self.start(at, &name, &user, "C:\\Program Files\\Office\\", "explorer.exe", child, "/n", None);
        }
        for _ in 0..6 {
            let at = self.at(day, begin, begin + 9.0);
            self.start(at, &name, &user, "C:\\Windows\\", "winword.exe", "splwow64.exe", "8192", None);
        }
        // Everyone has habits of their own, and does something new now and then.
        for _ in 0..2 {
            let at = self.at(day, begin, begin + 9.0);
            let tool = format!("tool{}.exe", (host * 7 + self.random.below(3)) % 40);
            self.start(at, &name, &user, "C:\\Tools\\", "explorer.exe", &tool, "", None);
        }
        if self.random.unit() < 0.1 {
            let at = self.at(day, begin, begin + 9.0);
            let tool = format!("setup{}.exe", self.random.below(100_000));
            self.start(at, &name, &user, "C:\\Users\\u\\Downloads\\", "explorer.exe", &tool, "/S", None);
        }
        // A few people script.
        if host.is_multiple_of(9) {
            for _ in 0..8 {
                let at = self.at(day, begin, begin + 9.0);
                self.start(
                    at,
                    &name,
                    &user,
                    "C:\\Windows\\System32\\",
                    "cmd.exe",
                    "powershell.exe",
                    "-File x.ps1",
                    None,
                );
            }
        }
        for _ in 0..60 {
            let at = self.at(day, begin, begin + 9.0);
            let site = self.zipf(3000);
            let bytes = 2_000 + (-self.random.unit().max(1e-9).ln() * 30_000.0) as u64;
            let (a, b) = (site / 200, site % 200);
            self.connect(at, &name, host, "chrome.exe", &format!("198.{}.{a}.{b}", 18 + site % 2), "443", bytes, None);
        }
        for _ in 0..8 {
            let at = self.at(day, begin, begin + 9.0);
            let server = self.zipf(6);
            self.connect(at, &name, host, "explorer.exe", &format!("10.9.0.{server}"), "445", 50_000, None);
        }
        if self.random.unit() < 0.3 {
            let at = self.at(day, begin, begin + 9.0);
            for _ in 0..1 + self.random.below(3) {
                self.logon(at + 3000, "dc1", &user, &format!("10.0.{}.{}", host / 200, host % 200), "3", true, None);
            }
        }
    }

    fn domain_controller(&mut self, day: i64) {
        if day % 7 < 5 {
            for _ in 0..4 {
                let at = self.at(day, 8.0, 17.0);
                let admin = format!("CORP\\admin{}", self.random.below(3));
                let user = format!("user{}", self.random.below(self.hosts));
                let group = ["Sales", "Staff", "VPN Users"][self.random.below(3)];
                self.push(record(
                    at,
                    3006,
                    3,
                    "dc1",
                    &[
                        ("actor.user.name", &admin),
                        ("user.name", &user),
                        ("group.name", group),
                        ("metadata.event_code", "4728"),
                    ],
                ));
                self.logon(at + 1000, "dc1", &admin, "10.0.9.9", "10", false, None);
            }
        }
        if self.random.unit() < 0.3 {
            let at = self.at(day, 2.0, 4.0);
            let host = format!("ws{}", self.random.below(self.hosts));
            let version = self.random.below(30);
            self.service(at, &host, &format!("C:\\Program Files\\Updater\\{version}\\update.exe /svc"), None);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn start(
        &mut self,
        at: i64,
        host: &str,
        user: &str,
        folder: &str,
        parent: &str,
        child: &str,
        args: &str,
        attack: Option<usize>,
    ) {
        let path = format!("{folder}{child}");
        let line = format!("{path} {args}");
        let mut one = record(
            at,
            1007,
            1,
            host,
            &[
                ("process.parent_process.file.path", &format!("C:\\Windows\\{parent}")),
                ("process.file.path", &path),
                ("process.cmd_line", &line),
                ("process.user.name", user),
                ("metadata.event_code", "4688"),
            ],
        );
        one.attack = attack;
        self.push(one);
    }

    #[allow(clippy::too_many_arguments)]
    fn connect(
        &mut self,
        at: i64,
        host: &str,
        number: usize,
        process: &str,
        to: &str,
        port: &str,
        bytes: u64,
        attack: Option<usize>,
    ) {
        let source = format!("10.0.{}.{}", number / 200, number % 200);
        let mut one = record(
            at,
            4001,
            1,
            host,
            &[
                ("actor.process.file.path", &format!("C:\\x\\{process}")),
                ("src_endpoint.ip", &source),
                ("dst_endpoint.ip", to),
                ("dst_endpoint.port", port),
                ("traffic.bytes_out", &bytes.to_string()),
                ("metadata.event_code", "3"),
            ],
        );
        one.attack = attack;
        self.push(one);
    }

    #[allow(clippy::too_many_arguments)]
    fn logon(&mut self, at: i64, host: &str, user: &str, from: &str, kind: &str, failed: bool, attack: Option<usize>) {
        let code = if failed { "4625" } else { "4624" };
        let mut one = record(
            at,
            3002,
            1,
            host,
            &[("user.name", user), ("src_endpoint.ip", from), ("logon_type_id", kind), ("metadata.event_code", code)],
        );
        one.attack = attack;
        self.push(one);
    }

    fn service(&mut self, at: i64, host: &str, command: &str, attack: Option<usize>) {
        let mut one = record(
            at,
            201_004,
            1,
            host,
            &[("win_service.cmd_line", command), ("win_service.name", "x"), ("metadata.event_code", "7045")],
        );
        one.attack = attack;
        self.push(one);
    }

    /// Plants an attack; `number` marks its records.
    pub fn plant(&mut self, attack: Attack, number: usize, day: i64) {
        let host_number = (number * 13 + 5) % self.hosts;
        let host = format!("ws{host_number}");
        let user = format!("CORP\\user{host_number}");
        let mark = Some(number);
        let at = self.at(day, 10.0, 15.0);
        match attack {
            Attack::Macro => {
                self.start(
                    at,
                    &host,
                    &user,
                    "C:\\Windows\\System32\\",
                    "winword.exe",
                    "powershell.exe",
                    "-nop -w hidden -enc JABz",
                    mark,
                );
                self.start(
                    at + 5000,
                    &host,
                    &user,
                    "C:\\Users\\u\\AppData\\Local\\Temp\\",
                    "powershell.exe",
                    "stage2.exe",
                    "-q",
                    mark,
                );
            }
            Attack::Service => self.service(at, &host, "%COMSPEC% /C echo x ^> \\\\127.0.0.1\\pipe\\y", mark),
            Attack::Logon => {
                let night = self.at(day, 2.0, 4.0);
                self.logon(night, "server5", &user, "192.0.2.66", "10", false, mark);
            }
            Attack::Group => {
                let mut one = record(
                    at,
                    3006,
                    3,
                    "dc1",
                    &[
                        ("actor.user.name", &user),
                        ("user.name", "user1"),
                        ("group.name", "Domain Admins"),
                        ("metadata.event_code", "4728"),
                    ],
                );
                one.attack = mark;
                self.push(one);
            }
            Attack::Beacon => {
                for beat in 0..60 {
                    let jitter = (self.random.unit() - 0.5) * 240_000.0;
                    if self.random.unit() < 0.9 {
                        self.connect(
                            at + beat * 600_000 + jitter as i64,
                            &host,
                            host_number,
                            "chrome.exe",
                            &format!("192.0.2.{number}"),
                            "443",
                            700,
                            mark,
                        );
                    }
                }
            }
            Attack::Spray => {
                for account in 0..40 {
                    for _ in 0..2 {
                        let at = self.at(day, 0.0, 24.0);
                        self.logon(at, "dc1", &format!("CORP\\user{account}"), "192.0.2.99", "3", true, mark);
                    }
                }
            }
            Attack::Brute => {
                for _ in 0..100 {
                    let later = at + (self.random.unit() * 3_000_000.0) as i64;
                    self.logon(later, "dc1", "CORP\\admin1", &format!("10.0.0.{host_number}"), "3", true, mark);
                }
            }
            Attack::SlowGuessing => {
                for day in 0..10.min(self.days) {
                    for _ in 0..4 {
                        let at = self.at(day, 0.0, 24.0);
                        self.logon(at, "dc1", "CORP\\admin2", "198.51.100.44", "3", true, mark);
                    }
                }
            }
            Attack::Scan => {
                for target in 0..200 {
                    self.connect(
                        at + target * 500,
                        &host,
                        host_number,
                        "x.exe",
                        &format!("10.9.1.{target}"),
                        "445",
                        60,
                        mark,
                    );
                }
            }
            Attack::Exfiltration => {
                for part in 0..20 {
                    self.connect(
                        at + part * 60_000,
                        &host,
                        host_number,
                        "chrome.exe",
                        "198.18.0.1",
                        "443",
                        150_000_000,
                        mark,
                    );
                }
            }
            Attack::SlowBoil => {
                for (step, day) in (0..self.days).enumerate() {
                    let at = self.at(day, 10.0, 15.0);
                    let bytes = (2_000_000.0 * 1.25f64.powi(step as i32)).min(400_000_000.0) as u64;
                    self.connect(at, &host, host_number, "chrome.exe", "198.18.0.1", "443", bytes, mark);
                }
            }
            Attack::Dump => {
                let mut one = record(
                    at,
                    1007,
                    3,
                    &host,
                    &[
                        ("actor.process.file.path", "C:\\Users\\u\\AppData\\m.exe"),
                        ("process.file.path", "C:\\Windows\\System32\\lsass.exe"),
                        ("metadata.event_code", "10"),
                    ],
                );
                one.attack = mark;
                self.push(one);
            }
            Attack::RunKey => {
                let mut one = record(
                    at,
                    201_002,
                    2,
                    &host,
                    &[
                        ("actor.process.file.path", "C:\\Windows\\System32\\reg.exe"),
                        ("reg_value.path", "HKU\\S-1\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\Updater"),
                        ("reg_value.data", "C:\\Users\\u\\AppData\\m.exe"),
                        ("metadata.event_code", "13"),
                    ],
                );
                one.attack = mark;
                self.push(one);
            }
        }
    }

    /// A strange start of a program that is no attack: noise to hide behind.
    pub fn decoy(&mut self, number: usize, day: i64) {
        let at = self.at(day, 9.0, 17.0);
        let host = number % self.hosts;
        let parent = format!("decoy{number}.exe");
        self.start(
            at,
            &format!("ws{host}"),
            &format!("CORP\\user{host}"),
            "C:\\Decoy\\",
            &parent,
            &format!("noise{number}.exe"),
            "-x",
            None,
        );
    }

    /// In the order that the line gives them.
    pub fn sort(&mut self) {
        self.records.sort_by_key(|record| record.at_ms);
    }

    /// Hands every record to `see`.
    pub fn each(&self, mut see: impl FnMut(&Observed<'_>)) {
        for (offset, record) in self.records.iter().enumerate() {
            see(&Observed {
                time: Some(Timestamp::from_nanos(record.at_ms * 1_000_000)),
                source: 0,
                place: Place::offset(offset as u64),
                observation: &record.observation,
            });
        }
    }
}
