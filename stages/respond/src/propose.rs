//! What could be done about an incident. Proposals only: each needs a person.
//!
//! Pure, so the same case gives the same plans: what the machine at hand needs is asked when a plan is made and again when it
//! is applied, not here.

use shieldwall_schema::Timestamp;
use shieldwall_schema::entity::{EntityKind, host_id};
use shieldwall_schema::incident::{Incident, Involved, Severity};
use shieldwall_schema::outlook::{Outlook, Prospect};
use shieldwall_schema::remedy::Remedy;
use shieldwall_schema::story::HostCoverage;

use crate::acquaintance::Acquaintances;
use crate::guard::{Protected, is_user};
use crate::net::Net;
use crate::plan::{Plan, Port, Step, Transport};

/// How long a proposed block lasts: a day.
pub const BLOCK_SECONDS: u64 = 24 * 3600;

/// How long a block ahead of what may come lasts: half an hour, time to look.
pub const AHEAD_SECONDS: u64 = 1800;

/// From which share of reports something is done ahead. Below it, five of six such blocks would answer nothing.
pub const AHEAD_MIN: f64 = 0.2;

/// Addresses that one incident's proposal names at most; the most often seen come first.
pub const PROPOSED_MAX: usize = 8;

/// Accounts that one incident's proposals name at most.
const USERS_MAX: usize = 2;

/// Remedies of one incident.
const REMEDIES_MAX: usize = 8;

/// Names that Windows and Linux give to accounts that are nobody's.
const NOBODYS: [&str; 9] =
    ["administrator", "anonymous", "guest", "local", "network", "nobody", "root", "service", "system"];

/// Techniques that come over a port of the next machine, with that port.
const PORTS: [(&str, &[u16]); 6] = [
    ("T1021.001", &[3389]),
    ("T1021.002", &[445]),
    ("T1021.004", &[22]),
    ("T1021.005", &[5900]),
    ("T1021.006", &[5985, 5986]),
    ("T1021.003", &[135]),
];

/// What could be done about an incident: block the outside addresses in it for a day, lock the accounts in it, close the ports
/// that what may come next would take.
pub fn remedies(
    incident: &Incident,
    findings: &[String],
    hosts: &[HostCoverage],
    outlook: Option<&Outlook>,
    known: &Acquaintances,
    protected: &Protected,
) -> Vec<Remedy> {
    let mut out = Vec::new();
    let mut offer = |step: Step, host: Option<String>, because: String, left_out: Vec<String>| {
        if out.len() >= REMEDIES_MAX {
            return;
        }
        let made_ms = incident.last.map_or(0, |last| last.millis());
        let plan = Plan { incident: incident.uid.clone(), host, step, findings: findings.to_vec(), made_ms };
        out.push(remedy(out.len(), &plan, because, left_out));
    };
    let addresses = of_kind(incident, EntityKind::Address);
    let (outside, left_out) = outside(&addresses, known, incident.first, hosts, protected);
    if !outside.is_empty() {
        let (them, mut because) = match outside.as_slice() {
            [one] => ("it", format!("{one} is in {} of the records", sightings(&addresses, *one))),
            more => ("them", format!("these {} addresses from outside are in the records", more.len())),
        };
        because.push_str(&match known.tells(incident.first) {
            true => format!("; none of your people signed in from {them} before, as far as these logs tell"),
            false => "; these logs do not tell where your people sign in from: rehearse it on more".to_owned(),
        });
        offer(Step::Block { targets: outside, ports: vec![], seconds: BLOCK_SECONDS }, None, because, left_out);
    }
    if incident.severity >= Severity::High {
        for (user, host) in accounts(incident, hosts) {
            let because = format!("{user} is the account in it; nobody logs in as {user} until you decide");
            offer(Step::LockUser { user }, Some(host), because, Vec::new());
        }
    }
    for prospect in outlook.iter().flat_map(|outlook| &outlook.prospects) {
        if let Some((step, because)) = ahead(prospect, &addresses, protected) {
            offer(step, None, because, Vec::new());
        }
    }
    out
}

fn remedy(at: usize, plan: &Plan, because: String, left_out: Vec<String>) -> Remedy {
    let mut words = plan.words();
    let does = if words.is_empty() { String::new() } else { words.remove(0) };
    Remedy {
        letter: char::from(b'a'.saturating_add(u8::try_from(at).unwrap_or(25).min(25))).to_string(),
        does: plan.host.as_ref().map_or(does.clone(), |host| format!("{does} on {host}")),
        because,
        words,
        left_out,
        d3fend: plan.step.d3fend().map(|(id, name)| (id.to_owned(), name.to_owned())),
        claim: String::new(),
        plan: plan.to_json(),
        plan_sha256: plan.hash().to_string(),
    }
}

fn of_kind(incident: &Incident, kind: EntityKind) -> Vec<&Involved> {
    incident.involved.iter().filter(|involved| involved.entity.kind == kind).collect()
}

fn sightings(addresses: &[&Involved], net: Net) -> u64 {
    let found = addresses.iter().find(|one| one.entity.id.parse::<Net>().is_ok_and(|parsed| parsed == net));
    found.map_or(0, |one| one.count)
}

/// Addresses of the public network, and why others are not among them: an address inside is one of your own machines.
fn outside(
    addresses: &[&Involved],
    known: &Acquaintances,
    began: Option<Timestamp>,
    hosts: &[HostCoverage],
    protected: &Protected,
) -> (Vec<Net>, Vec<String>) {
    let (mut targets, mut left_out) = (Vec::new(), Vec::new());
    for involved in addresses {
        let Ok(net) = involved.entity.id.parse::<Net>() else { continue };
        if let Some(why) = protected.why(net) {
            left_out.push(format!("{net}: {why}"));
        } else if is_inside(net) {
            left_out.push(format!("{net}: inside your own network"));
        } else if let Some(one) = known.before(net, began) {
            left_out.push(format!("{net}: {} signed in from it before", one.users.join(", ")));
        } else if let Some(name) = own_name(net, known, hosts) {
            left_out.push(format!("{net}: it calls itself {name}, a machine of yours"));
        } else if targets.len() >= PROPOSED_MAX {
            left_out.push(format!("{net}: {PROPOSED_MAX} are proposed at once"));
        } else {
            targets.push(net);
        }
    }
    (targets, left_out)
}

/// The name under which an address signed in, where logs of a machine of that name are at hand.
fn own_name(net: Net, known: &Acquaintances, hosts: &[HostCoverage]) -> Option<String> {
    let own =
        |name: &String| host_id(name).filter(|id| hosts.iter().any(|host| host_id(&host.host).as_ref() == Some(id)));
    known.names(net).iter().find_map(own)
}

/// Accounts of people on the one Linux machine of an incident. On several, nobody knows which one is meant.
fn accounts(incident: &Incident, hosts: &[HostCoverage]) -> Vec<(String, String)> {
    let named = of_kind(incident, EntityKind::Host);
    let [host] = named.as_slice() else { return Vec::new() };
    let host = &host.entity.id;
    let linux = |one: &HostCoverage| {
        let id = host_id(&one.host).unwrap_or_else(|| one.host.clone());
        id == *host && one.product == "linux"
    };
    if !hosts.iter().any(linux) {
        return Vec::new();
    }
    of_kind(incident, EntityKind::User)
        .into_iter()
        .map(|one| one.entity.id.clone())
        .filter(|user| is_user(user) && !NOBODYS.contains(&user.as_str()))
        .take(USERS_MAX)
        .map(|user| (user, host.clone()))
        .collect()
}

/// What keeps a technique out that may come next: the ports that it would take, closed for the machines of the incident.
fn ahead(prospect: &Prospect, addresses: &[&Involved], protected: &Protected) -> Option<(Step, String)> {
    if prospect.probability < AHEAD_MIN {
        return None;
    }
    let (_, ports) = PORTS.iter().find(|(technique, _)| *technique == prospect.technique)?;
    let inside = addresses.iter().filter_map(|one| one.entity.id.parse::<Net>().ok());
    let targets: Vec<Net> =
        inside.filter(|net| is_inside(*net) && protected.why(*net).is_none()).take(PROPOSED_MAX).collect();
    if targets.is_empty() {
        return None;
    }
    let ports = ports.iter().map(|port| Port { transport: Transport::Tcp, port: *port }).collect();
    let because = format!(
        "ahead of {} {}: {:.0} % of reports with these techniques also have it; run it on the machines that they could reach",
        prospect.technique,
        prospect.name,
        prospect.probability * 100.0
    );
    Some((Step::Block { targets, ports, seconds: AHEAD_SECONDS }, because))
}

/// Whether a network is private (RFC 1918, RFC 6598, RFC 4193).
pub fn is_inside(net: Net) -> bool {
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
        .iter()
        .any(|inside| inside.parse::<Net>().is_ok_and(|inside| inside.overlaps(net)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shieldwall_schema::Entity;

    fn incident(severity: Severity, entities: &[(EntityKind, &str)]) -> Incident {
        let involved = entities.iter().map(|(kind, id)| Involved {
            entity: Entity { kind: *kind, id: (*id).into() },
            count: 3,
            first: None,
            last: None,
        });
        Incident {
            uid: "f".repeat(32),
            aliases: vec![],
            key: EntityKind::Host,
            severity,
            risk: 1.0,
            first: None,
            last: None,
            members: vec![],
            members_left_out: 0,
            sightings: 3,
            involved: involved.collect(),
            involved_left_out: 0,
            tactics: vec![],
            techniques: vec![],
        }
    }

    fn all(severity: Severity, entities: &[(EntityKind, &str)], share: f64) -> Vec<Remedy> {
        let hosts =
            [HostCoverage { host: "Web-01.example.org".into(), product: "linux".into(), ..HostCoverage::default() }];
        let prospect =
            Prospect { technique: "T1021.004".into(), name: "SSH".into(), probability: share, ..Prospect::default() };
        let outlook = Outlook { prospects: vec![prospect], ..Outlook::default() };
        remedies(
            &incident(severity, entities),
            &["1".into()],
            &hosts,
            Some(&outlook),
            &Acquaintances::default(),
            &Protected::default(),
        )
    }

    #[test]
    fn what_is_proposed_fits_the_incident() {
        use EntityKind::{Address, Host, User};
        let entities = [
            (Address, "203.0.113.9"),
            (Address, "10.0.0.5"),
            (Address, "127.0.0.1"),
            (Host, "web-01"),
            (User, "deploy"),
            (User, "root"),
            (User, "a b"),
        ];
        let found = all(Severity::High, &entities, 0.41);
        let does: Vec<&str> = found.iter().map(|remedy| remedy.does.as_str()).collect();
        assert_eq!(
            does,
            ["block 203.0.113.9 for 24 h", "lock user deploy on web-01", "block 10.0.0.5 from tcp 22 for 30 min"]
        );
        assert_eq!(found[0].left_out, ["10.0.0.5: inside your own network", "127.0.0.1: reserved"]);
        assert!(found[2].because.contains("41 %"));
        for remedy in &found {
            let plan = Plan::read(remedy.plan.as_bytes()).unwrap();
            assert_eq!(plan.hash().to_string(), remedy.plan_sha256);
        }
        // Milder, less likely, or on two machines: less is proposed.
        assert_eq!(all(Severity::Medium, &entities, 0.1).len(), 1);
        assert_eq!(all(Severity::High, &[entities[4], (Host, "web-01"), (Host, "db")], 0.1).len(), 0);
        assert_eq!(all(Severity::High, &[entities[4], (Host, "db")], 0.1).len(), 0);
    }
}
