//! The table of detectors: what each looks at, as findings name it.

use super::DetectorFacts;

macro_rules! detectors {
    ($($name:ident = $number:literal, $id:literal, $title:literal, $description:literal, [$($tag:literal),*], [$($fp:literal),*];)*) => {
        $(pub(super) const $name: u16 = $number;)*
        /// Every detector.
        pub const DETECTORS: &[DetectorFacts] = &[
            $(DetectorFacts {
                id: concat!("shieldwall.anomaly.", $id),
                title: $title,
                description: $description,
                tags: &[$($tag),*],
                false_positives: &[$($fp),*],
            }),*
        ];
    };
}

detectors! {
    LINEAGE = 0, "process-lineage", "Unusual program start",
        "Counts which programs start which, from where and as whom, on each host and on all. What hardly ever happens there, leaving out this very hour, is reported.",
        ["attack.execution", "attack.t1059"], ["New software", "Rare maintenance work"];
    PERSISTENCE = 1, "persistence", "Unusual service, job or autostart entry",
        "Counts what is installed to start by itself on each host and on all. What is new or rare among it is reported.",
        ["attack.persistence", "attack.t1543", "attack.t1053", "attack.t1547"], ["New software", "Updates"];
    LOGON = 2, "logon", "Unusual logon",
        "Counts from where, when, how and on which hosts each account logs on, beside what its peers do. What hardly ever happens is reported.",
        ["attack.lateral-movement", "attack.initial-access", "attack.t1078"], ["Travel", "A new device", "Duty at odd hours"];
    PRIVILEGE = 3, "administration", "Unusual administration",
        "Counts who changes accounts, groups, privileges and logs. What an account or host hardly ever sees is reported.",
        ["attack.privilege-escalation", "attack.t1098"], ["New administrators", "Planned changes"];
    DESTINATION = 4, "destination", "Unusual destination",
        "Counts to which networks, ports and domains each program of each host connects, and with which clients. First and rare ones are reported.",
        ["attack.command-and-control", "attack.t1071"], ["New services on the Internet", "Updates that moved"];
    VOLUME = 5, "volume", "Unusual amount",
        "Measures how much each entity sends, writes, asks and logs in hours and days. Amounts far above its own and its peers' history are reported.",
        ["attack.exfiltration", "attack.t1048"], ["Backups", "Installations", "Load tests"];
    BEACON = 6, "beacon", "Regular contact with a rare destination",
        "Looks for connections at regular intervals, whatever their jitter and missing beats. Regular contact with a destination that few others have is reported.",
        ["attack.command-and-control", "attack.t1071", "attack.t1029"], ["Monitoring", "Updaters of rare software"];
    SCAN = 7, "scan", "Many destinations or ports",
        "Counts different destinations, ports and refusals of each source. Far more than its own and its peers' history is reported.",
        ["attack.discovery", "attack.t1046"], ["Inventory and vulnerability scanners"];
    GUESSING = 8, "password-guessing", "Many failed logons",
        "Counts failed logons and the accounts they concern by source and account, in hours, days and over many days. Far more than usual is reported.",
        ["attack.credential-access", "attack.t1110"], ["Changed passwords in use by services"];
    DOMAIN = 9, "domain-name", "Name that looks generated",
        "A model of names scores every domain asked for. Names that hardly any harmless name is like are reported.",
        ["attack.command-and-control", "attack.t1568.002"], ["Names of content networks"];
    REQUEST = 10, "web-request", "Web request that looks hostile",
        "A model of requests scores paths and parameters. What hardly any harmless request is like is reported.",
        ["attack.initial-access", "attack.t1190"], ["Security scanners"];
    COMMAND = 11, "command-line", "Unusual command line",
        "Counts the switches each program is run with, and a model scores the whole line. Rare and hostile-looking ones are reported.",
        ["attack.execution", "attack.t1059"], ["Administration scripts"];
    SCRIPT = 12, "script", "Script that looks hostile",
        "A model scores scripts after undoing encodings. What hardly any harmless script is like is reported.",
        ["attack.execution", "attack.t1059.001"], ["Packed installers"];
    ORDER = 13, "event-order", "Unusual events or their order",
        "Counts which events a host's logs hold and which follows which. What hardly ever happens is reported.",
        ["attack.defense-evasion"], ["Updates", "Rare faults"];
    CLOUD = 14, "cloud-use", "Unusual use of a cloud interface",
        "Counts which operations each identity uses, from where and in which regions. First and rare ones are reported.",
        ["attack.persistence", "attack.t1078.004"], ["New tasks of an identity"];
    INJECTION = 15, "process-access", "Unusual reach into another process",
        "Counts which programs open or inject into which, and which pipes they use. What hardly ever happens is reported.",
        ["attack.privilege-escalation", "attack.t1055"], ["Debuggers", "Security products"];
    FILES = 16, "written-file", "Unusual written file",
        "Counts which programs write which kinds of files where. What hardly ever happens is reported.",
        ["attack.persistence", "attack.t1105"], ["Installers"];
    MODULES = 17, "loaded-module", "Unusual loaded module",
        "Counts which programs load which libraries from where. What hardly ever happens is reported.",
        ["attack.defense-evasion", "attack.t1574"], ["New versions of software"];
    LATERAL = 18, "lateral-movement", "Logons on many hosts",
        "Counts the hosts each account logs on to and the accounts of each source. Far more than usual is reported.",
        ["attack.lateral-movement", "attack.t1021"], ["Administrators", "Terminal servers"];
    SLOW_BOIL = 19, "slow-rise", "Level that creeps up",
        "Compares what each entity sends now with its oldest days and with how its peers changed meanwhile. A rise that stays under every daily threshold is reported.",
        ["attack.exfiltration", "attack.t1030"], ["Growth of a service"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_has_an_id_of_its_own() {
        let mut ids: Vec<&str> = DETECTORS.iter().map(|one| one.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), DETECTORS.len());
        assert_eq!(DETECTORS.len(), usize::from(SLOW_BOIL) + 1);
    }
}
