//! A small table of our own: for a technique, a countermeasure of D3FEND that a small team can take beforehand, and what that means
//! in a sentence. A sub-technique without a row has its parent's. What is not in it is unknown, and said so.
//!
//! Sources: MITRE D3FEND, https://d3fend.mitre.org/ (ids, names; each row's page is linked); the sentences are ours.

use shieldwall_schema::outlook::Countermeasure;

/// D3FEND's id, name, and page.
type Defence = (&'static str, &'static str, &'static str);

const ACH: Defence = ("D3-ACH", "Application Configuration Hardening", "ApplicationConfigurationHardening");
const AL: Defence = ("D3-AL", "Account Locking", "AccountLocking");
const CAA: Defence = ("D3-CAA", "Connection Attempt Analysis", "ConnectionAttemptAnalysis");
const CRO: Defence = ("D3-CRO", "Credential Rotation", "CredentialRotation");
const CSPP: Defence = ("D3-CSPP", "Client-server Payload Profiling", "Client-serverPayloadProfiling");
const DAM: Defence = ("D3-DAM", "Domain Account Monitoring", "DomainAccountMonitoring");
const DNSDL: Defence = ("D3-DNSDL", "DNS Denylisting", "DNSDenylisting");
const DNSTA: Defence = ("D3-DNSTA", "DNS Traffic Analysis", "DNSTrafficAnalysis");
const EAL: Defence = ("D3-EAL", "Executable Allowlisting", "ExecutableAllowlisting");
const EDL: Defence = ("D3-EDL", "Executable Denylisting", "ExecutableDenylisting");
const FA: Defence = ("D3-FA", "File Analysis", "FileAnalysis");
const ITF: Defence = ("D3-ITF", "Inbound Traffic Filtering", "InboundTrafficFiltering");
const LAM: Defence = ("D3-LAM", "Local Account Monitoring", "LocalAccountMonitoring");
const LFP: Defence = ("D3-LFP", "Local File Permissions", "LocalFilePermissions");
const MFA: Defence = ("D3-MFA", "Multi-factor Authentication", "MultifactorAuthentication");
const NI: Defence = ("D3-NI", "Network Isolation", "NetworkIsolation");
const OTF: Defence = ("D3-OTF", "Outbound Traffic Filtering", "OutboundTrafficFiltering");
const PSA: Defence = ("D3-PSA", "Process Spawn Analysis", "ProcessSpawnAnalysis");
const RF: Defence = ("D3-RF", "Restore File", "RestoreFile");
const SCP: Defence = ("D3-SCP", "System Configuration Permissions", "SystemConfigurationPermissions");
const SDM: Defence = ("D3-SDM", "System Daemon Monitoring", "SystemDaemonMonitoring");
const SEA: Defence = ("D3-SEA", "Script Execution Analysis", "ScriptExecutionAnalysis");
const SICA: Defence = ("D3-SICA", "System Init Config Analysis", "SystemInitConfigAnalysis");
const SJA: Defence = ("D3-SJA", "Scheduled Job Analysis", "ScheduledJobAnalysis");
const SPP: Defence = ("D3-SPP", "Strong Password Policy", "StrongPasswordPolicy");
const SRA: Defence = ("D3-SRA", "Sender Reputation Analysis", "SenderReputationAnalysis");
const SU: Defence = ("D3-SU", "Software Update", "SoftwareUpdate");
const UAP: Defence = ("D3-UAP", "User Account Permissions", "UserAccountPermissions");
const UDTA: Defence = ("D3-UDTA", "User Data Transfer Analysis", "UserDataTransferAnalysis");

/// Technique, countermeasure, what to do; sorted.
const TABLE: &[(&str, Defence, &str)] = &[
    (
        "T1003",
        UAP,
        "take debug rights and local administrator rights from whoever does not need them, and turn on credential protection",
    ),
    ("T1003.001", UAP, "turn on protection of LSASS and take debug rights from users"),
    ("T1003.003", UAP, "watch and limit who may log on to domain controllers"),
    ("T1003.006", DAM, "check which accounts may replicate the directory, and alarm on any other that does"),
    ("T1005", LFP, "take read rights on files that a service account does not need"),
    ("T1007", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1012", PSA, "little can be prevented; watch for registry tools started by services and documents"),
    ("T1016", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1018", CAA, "filter traffic between workstations, and watch for one host asking many"),
    ("T1021", NI, "allow remote administration from administration hosts only"),
    ("T1021.001", ITF, "allow RDP only from a gateway with a second factor"),
    ("T1021.002", ITF, "block SMB between workstations"),
    ("T1021.004", ITF, "allow SSH only from an administration host, with keys"),
    ("T1021.006", ITF, "allow WinRM only from administration hosts"),
    ("T1027", SEA, "log script blocks, and block macros and script hosts for users"),
    ("T1033", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1036", EAL, "let only signed or listed programs run from user folders"),
    ("T1040", ACH, "use encrypted protocols only; whoever listens then hears nothing"),
    ("T1041", OTF, "let servers connect only to destinations that they need"),
    ("T1046", CAA, "filter traffic between segments, and watch for one host asking many ports"),
    ("T1047", ITF, "block remote WMI except from administration hosts"),
    ("T1048", OTF, "let servers connect only to destinations and ports that they need"),
    ("T1049", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1053", SJA, "list scheduled jobs now, and alarm on new ones"),
    ("T1053.003", SJA, "list the crontabs now, and alarm on changes"),
    ("T1053.005", SJA, "list scheduled tasks now, and alarm on new ones"),
    ("T1055", EAL, "block untrusted programs, and watch for one program opening another with write rights"),
    ("T1057", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1059", EAL, "let scripts run only where they are needed, and log what they do"),
    ("T1059.001", SEA, "log script blocks, and constrain PowerShell for users"),
    ("T1059.003", PSA, "watch for shells started by documents, browsers and servers"),
    ("T1059.004", PSA, "watch for shells started by network services"),
    ("T1059.005", ACH, "block macros in documents from the Internet"),
    ("T1059.007", ACH, "open script files with an editor instead of the script host"),
    ("T1068", SU, "install the outstanding updates of this host now"),
    ("T1069", DAM, "little can be prevented; watch for queries of powerful groups"),
    ("T1070", LFP, "send logs to another machine now, before they are deleted here"),
    ("T1070.001", LFP, "send the event logs to another machine now"),
    ("T1070.004", RF, "check that a backup exists that this host cannot reach"),
    ("T1071", OTF, "let hosts reach the Web only through a proxy"),
    ("T1071.001", OTF, "let hosts reach the Web only through a proxy that logs"),
    ("T1071.004", DNSTA, "let hosts ask only your own resolver, and watch for many long names"),
    ("T1074", UDTA, "watch for large archives in temporary folders"),
    ("T1078", CRO, "change the passwords of the accounts involved and end their sessions"),
    ("T1082", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1083", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1087", DAM, "little can be prevented; watch for queries of many accounts"),
    ("T1090", OTF, "let hosts connect outward only through your own proxy"),
    ("T1095", OTF, "block outward traffic that is neither the Web nor names"),
    ("T1098", DAM, "alarm on every change of powerful groups and of keys"),
    ("T1102", OTF, "block Web services that nobody here uses, such as paste sites"),
    ("T1105", OTF, "let servers download only from the repositories that they need"),
    ("T1110", AL, "lock or slow accounts after a few failures, and ask for a second factor"),
    ("T1112", SCP, "take write rights on policy keys from users"),
    ("T1113", EAL, "block untrusted programs from running"),
    ("T1114", MFA, "ask for a second factor at the mail server, and look for forwarding rules"),
    ("T1115", EAL, "block untrusted programs from running"),
    ("T1124", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1132", CSPP, "watch for encoded payloads to rare destinations"),
    ("T1133", MFA, "ask for a second factor at every remote entrance"),
    ("T1135", CAA, "filter traffic between workstations"),
    ("T1136", LAM, "alarm on every new account"),
    ("T1140", SEA, "watch for decoding tools started by scripts"),
    ("T1176", ACH, "allow listed browser extensions only"),
    ("T1189", SU, "update browsers now"),
    ("T1190", SU, "update or shield what faces the Internet now"),
    ("T1195", SU, "pin and verify what is installed from outside"),
    ("T1197", PSA, "watch for transfer jobs created by programs other than updaters"),
    ("T1199", UAP, "limit what partners' accounts may do and from where"),
    ("T1202", EAL, "block script hosts and other proxies of execution for users"),
    ("T1203", SU, "update office programs and browsers now"),
    ("T1204", EAL, "let nothing run from download folders and mail"),
    ("T1210", SU, "update services that other hosts can reach now"),
    ("T1218", EDL, "block the system's own tools that nobody here uses to run code"),
    ("T1219", EDL, "block remote-control programs that you do not use"),
    ("T1482", DAM, "little can be prevented; watch for queries of domain trusts"),
    ("T1484", DAM, "alarm on changes of group policy"),
    ("T1485", RF, "check that a backup exists that this host cannot reach"),
    ("T1486", RF, "check now that a backup exists that this host cannot reach"),
    ("T1489", SDM, "alarm when backup, database or protection services stop"),
    ("T1490", RF, "keep backups where the host cannot delete them"),
    ("T1496", OTF, "block connections to mining pools, and watch the load"),
    ("T1497", FA, "examine files in an environment that looks like a used machine"),
    ("T1505", LFP, "let the web server's account write to upload folders only, and let nothing run there"),
    ("T1505.003", LFP, "let the web server's account write to upload folders only, and let nothing run there"),
    ("T1518", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
    ("T1539", MFA, "end browser sessions of the users involved, and shorten their life"),
    ("T1543", SICA, "list services now, and alarm on new ones"),
    ("T1543.002", SICA, "list systemd units now, and alarm on new ones"),
    ("T1543.003", SICA, "list services now, and alarm on new ones"),
    ("T1546", SICA, "list what is started by events now, and alarm on changes"),
    ("T1547", SICA, "list autostart entries now, and alarm on new ones"),
    ("T1547.001", SICA, "list autostart entries now, and alarm on new ones"),
    ("T1548", UAP, "limit who may raise privileges, and keep the prompt on"),
    ("T1552", CRO, "change secrets that lie in files on this host"),
    ("T1553", EAL, "let only programs of listed signers run"),
    ("T1555", CRO, "change passwords that were kept on this host"),
    ("T1556", SCP, "check what takes part in logons (PAM, providers) against a clean host"),
    ("T1557", ACH, "require signing of SMB and LDAP, and turn off name resolution by broadcast"),
    ("T1558", SPP, "give service accounts long random passwords"),
    ("T1560", UDTA, "watch for archive tools started by scripts"),
    ("T1562", SCP, "protect the protection: lock its settings, and alarm when it stops"),
    ("T1562.001", SCP, "turn on tamper protection, and alarm when protection stops"),
    ("T1564", FA, "look for hidden files and accounts with a tool that is not the host's own"),
    ("T1566", SRA, "block attachments that can run, and mark mail from outside"),
    ("T1567", OTF, "block storage services that nobody here uses"),
    ("T1568", DNSDL, "block new and generated domains at the resolver"),
    ("T1569", PSA, "watch for services that are created, started once and removed"),
    ("T1570", ITF, "block file sharing between workstations"),
    ("T1571", OTF, "let hosts connect outward only to the ports that they need"),
    ("T1572", OTF, "let hosts connect outward only through a proxy that looks inside"),
    ("T1573", CSPP, "watch for rare TLS clients and certificates"),
    ("T1574", EAL, "let libraries load only from system and program folders"),
    ("T1583", DNSDL, "block the domains and addresses of this incident at the resolver and gateway"),
    ("T1588", FA, "keep the files of this incident, and search for them elsewhere"),
    ("T1595", ITF, "block the sources of this incident at the edge"),
    ("T1614", PSA, "little can be prevented; watch for runs of discovery commands from services and documents"),
];

/// The countermeasure against a technique.
pub fn of(technique: &str) -> Option<Countermeasure> {
    let row = |id: &str| TABLE.binary_search_by(|(own, ..)| (*own).cmp(id)).ok().and_then(|at| TABLE.get(at));
    let parent = technique.split_once('.').map_or(technique, |(parent, _)| parent);
    let (_, (id, name, page), advice) = row(technique).or_else(|| row(parent))?;
    Some(Countermeasure {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        url: format!("https://d3fend.mitre.org/technique/d3f:{page}/"),
        advice: (*advice).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_parents_stand_in() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        assert!(TABLE.iter().all(|(id, ..)| crate::techniques::is_id(id)));
        assert_eq!(of("T1021.003").map(|one| one.id), of("T1021").map(|one| one.id));
        assert!(of("T1053.003").is_some_and(|one| one.url.ends_with("d3f:ScheduledJobAnalysis/")));
        assert_eq!(of("T9999"), None);
    }
}
