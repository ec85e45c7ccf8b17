//! What one record says happened, by its OCSF class: `www-data ran `curl …`, started by sh`.

use shieldwall_schema::finding::Evidence;

use crate::sentence::{From, Words};

/// A record's fields by OCSF path, as a clause needs them.
struct Record<'a> {
    evidence: &'a Evidence,
    from: From,
}

impl<'a> Record<'a> {
    fn get(&self, path: &str) -> Option<&'a str> {
        let value = self.evidence.fields.iter().find(|(name, _)| name == path).map(|(_, value)| value.as_str())?;
        (!value.is_empty() && value != "-").then_some(value)
    }

    /// The first of these paths that the record has, with its value.
    fn first<'p>(&self, paths: &[&'p str]) -> Option<(&'p str, &'a str)> {
        paths.iter().find_map(|path| self.get(path).map(|value| (*path, value)))
    }

    /// Who acted: an account's name, without its domain only where that is empty.
    fn actor(&self) -> Option<(&'static str, &'a str)> {
        self.first(&["actor.user.name", "process.user.name", "user.name"])
    }

    fn add(&self, words: &mut Words, before: &str, found: Option<(&str, &str)>, after: &str) -> bool {
        let Some((path, value)) = found else { return false };
        words.say(before).fact(self.from, path, value).say(after);
        true
    }

    fn quote(&self, words: &mut Words, before: &str, found: Option<(&str, &str)>) -> bool {
        let Some((path, value)) = found else { return false };
        words.say(before).quoted(self.from, path, value);
        true
    }
}

/// Appends a clause on what the record says happened; `false` if it says nothing that can be told, and nothing is added.
pub fn happening(words: &mut Words, from: From, class: u32, evidence: &Evidence) -> bool {
    let record = Record { evidence, from };
    match class {
        1007 => process(&record, words),
        1001 | 1005 | 1008 => file(&record, words),
        1006 => job(&record, words),
        1009 => script(&record, words),
        3001 | 3006 => account(&record, words),
        3002 | 3003 => logon(&record, words),
        3004 => entity(&record, words),
        4001 | 4005..=4007 => network(&record, words),
        4002 => request(&record, words),
        4003 => name_asked(&record, words),
        6003 => call(&record, words),
        201_001 | 201_002 => registry(&record, words),
        201_004 => service(&record, words),
        2004 => alert(&record, words),
        _ => by_fields(&record, words),
    }
}

/// What can be told of a record whose class says little.
fn by_fields(record: &Record<'_>, words: &mut Words) -> bool {
    if record.get("process.cmd_line").is_some() {
        return process(record, words);
    }
    if record.get("win_service.name").is_some() {
        return service(record, words);
    }
    if record.get("api.operation").is_some() {
        return call(record, words);
    }
    let text = record.first(&["message", "status_detail"]);
    record.quote(words, "the log says ", text)
}

fn process(record: &Record<'_>, words: &mut Words) -> bool {
    let program = record.first(&["process.cmd_line", "process.file.path", "process.name"]);
    let Some(program) = program else { return by_message(record, words) };
    let parent = record.first(&[
        "process.parent_process.file.path",
        "actor.process.file.path",
        "process.parent_process.cmd_line",
        "actor.process.cmd_line",
    ]);
    // Where a log names only the process itself as the one that acts, nothing is known of its parent.
    let parent = parent.filter(|(_, parent)| *parent != program.1 && Some(*parent) != record.get("process.file.path"));
    // One process that reaches into another has an actor and no start.
    let reaches = record.get("process.cmd_line").is_none()
        && record.get("process.parent_process.file.path").is_none()
        && record.get("actor.process.file.path").is_some();
    if reaches {
        record.quote(words, "", record.first(&["actor.process.file.path"]));
        record.quote(words, " reached into ", Some(program));
        return true;
    }
    match record.actor() {
        Some(actor) => {
            record.add(words, "", Some(actor), " ran ");
            words.quoted(record.from, program.0, program.1);
        }
        None => {
            words.quoted(record.from, program.0, program.1).say(" ran");
        }
    }
    record.quote(words, ", started by ", parent);
    true
}

fn by_message(record: &Record<'_>, words: &mut Words) -> bool {
    record.quote(words, "the log says ", record.first(&["message"]))
}

fn file(record: &Record<'_>, words: &mut Words) -> bool {
    let Some(file) = record.first(&["file.path", "module.file.path", "driver.file.path", "file.name"]) else {
        return by_message(record, words);
    };
    let process = record.first(&["actor.process.file.path", "actor.process.name"]);
    if file.0.starts_with("file") {
        match (process, record.actor()) {
            (Some(process), _) => record.quote(words, "", Some(process)),
            (None, actor) => record.add(words, "", actor, ""),
        };
        words.say(if words.is_empty() { "the file is " } else { ": file " });
    } else {
        let loader = record.quote(words, "", process);
        words.say(if loader { " loaded " } else { "loaded " });
    }
    words.quoted(record.from, file.0, file.1);
    true
}

fn job(record: &Record<'_>, words: &mut Words) -> bool {
    let job = record.first(&["job.name", "job.cmd_line", "job.file.path", "job.desc"]);
    let Some(job) = job else { return by_message(record, words) };
    let actor = record.add(words, "", record.actor(), ": ");
    let _ = actor;
    words.say("job ").quoted(record.from, job.0, job.1);
    if job.0 != "job.cmd_line" {
        record.quote(words, " runs ", record.first(&["job.cmd_line"]));
    }
    true
}

fn script(record: &Record<'_>, words: &mut Words) -> bool {
    let text = record.first(&["script.script_content.value", "script.script_content", "process.cmd_line", "message"]);
    if text.is_none() {
        return false;
    }
    let actor = record.add(words, "", record.actor(), " ran ");
    record.quote(words, if actor { "" } else { "the script is " }, text)
}

fn account(record: &Record<'_>, words: &mut Words) -> bool {
    let target = record.first(&["user.name", "group.name", "user.uid"]);
    let Some(target) = target else { return by_message(record, words) };
    let actor = record.first(&["actor.user.name"]);
    words.say("account ").fact(record.from, target.0, target.1);
    if target.0 != "group.name" {
        record.add(words, ", group ", record.first(&["group.name"]), "");
    }
    record.add(words, ", by ", actor, "");
    true
}

fn logon(record: &Record<'_>, words: &mut Words) -> bool {
    let Some(user) = record.first(&["user.name", "actor.user.name"]) else { return by_message(record, words) };
    words.say("user ").fact(record.from, user.0, user.1);
    record.add(words, " from ", record.first(&["src_endpoint.ip", "src_endpoint.hostname"]), "");
    record.add(words, " by ", record.first(&["auth_protocol"]), "");
    if user.0 == "user.name" {
        record.add(words, ", asked by ", record.first(&["actor.user.name"]).filter(|actor| actor.1 != user.1), "");
    }
    true
}

fn entity(record: &Record<'_>, words: &mut Words) -> bool {
    let Some(entity) = record.first(&["entity.name", "entity.uid"]) else { return by_message(record, words) };
    record.add(words, "", record.actor(), " changed ");
    if words.is_empty() {
        words.say("changed ");
    }
    words.quoted(record.from, entity.0, entity.1);
    true
}

fn network(record: &Record<'_>, words: &mut Words) -> bool {
    let source = record.first(&["src_endpoint.ip", "src_endpoint.hostname"]);
    let target = record.first(&["dst_endpoint.hostname", "dst_endpoint.ip", "share"]);
    if source.is_none() && target.is_none() {
        return by_message(record, words);
    }
    let process = record.quote(words, "", record.first(&["actor.process.file.path", "process.file.path"]));
    if !process {
        record.add(words, "", source, "");
    }
    record.add(words, if process || source.is_some() { " reached " } else { "reached " }, target, "");
    if target.is_some() {
        record.add(words, ":", record.first(&["dst_endpoint.port"]), "");
    }
    true
}

fn request(record: &Record<'_>, words: &mut Words) -> bool {
    let url = record.first(&["http_request.url.url_string", "http_request.url.path", "http_request.url.hostname"]);
    let Some(url) = url else { return by_message(record, words) };
    record.add(words, "", record.first(&["src_endpoint.ip", "src_endpoint.hostname"]), " asked for ");
    if words.is_empty() {
        words.say("somebody asked for ");
    }
    words.quoted(record.from, url.0, url.1);
    record.add(words, ", answered ", record.first(&["http_response.code"]), "");
    true
}

fn name_asked(record: &Record<'_>, words: &mut Words) -> bool {
    let Some(name) = record.first(&["query.hostname"]) else { return by_message(record, words) };
    let who = record.first(&["actor.process.file.path", "process.file.path", "src_endpoint.ip"]);
    record.add(words, "", who, " asked for the name ");
    if words.is_empty() {
        words.say("somebody asked for the name ");
    }
    words.fact(record.from, name.0, name.1);
    true
}

fn call(record: &Record<'_>, words: &mut Words) -> bool {
    let Some(operation) = record.first(&["api.operation"]) else { return by_message(record, words) };
    let who = record.first(&["actor.user.name", "actor.session.issuer", "actor.user.uid", "actor.user.type"]);
    record.add(words, "", who, " called ");
    if words.is_empty() {
        words.say("somebody called ");
    }
    words.fact(record.from, operation.0, operation.1);
    record.add(words, " of ", record.first(&["api.service.name"]), "");
    record.add(words, " from ", record.first(&["src_endpoint.ip"]), "");
    record.add(words, ", refused: ", record.first(&["api.response.error"]), "");
    true
}

fn registry(record: &Record<'_>, words: &mut Words) -> bool {
    let Some(key) = record.first(&["reg_value.path", "reg_key.path"]) else { return by_message(record, words) };
    record.quote(words, "", record.first(&["actor.process.file.path"]));
    words.say(if words.is_empty() { "registry " } else { " set " });
    words.quoted(record.from, key.0, key.1);
    record.quote(words, " to ", record.first(&["reg_value.data", "unmapped.reg_value.data"]));
    true
}

fn service(record: &Record<'_>, words: &mut Words) -> bool {
    let Some(name) = record.first(&["win_service.name", "service.name"]) else { return by_message(record, words) };
    words.say("service ").quoted(record.from, name.0, name.1);
    record.quote(words, " runs ", record.first(&["win_service.cmd_line", "win_service.file.path"]));
    true
}

fn alert(record: &Record<'_>, words: &mut Words) -> bool {
    let title = record.first(&["finding_info.title", "unmapped.alert_signature", "message"]);
    if title.is_none() {
        return false;
    }
    record.quote(words, "", title);
    if record.add(words, ", ", record.first(&["src_endpoint.ip"]), "") {
        record.add(words, " to ", record.first(&["dst_endpoint.ip"]), "");
    }
    true
}

#[cfg(test)]
mod tests {
    use shieldwall_schema::Place;

    use super::*;

    fn told(class: u32, fields: &[(&str, &str)]) -> Option<String> {
        let fields = fields.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        let evidence =
            Evidence { time: None, time_text: None, place: Place::offset(0), host: None, fields, reasons: vec![] };
        let mut words = Words::default();
        let told = happening(&mut words, From { finding: 0, evidence: Some(0) }, class, &evidence);
        let sentence = words.finish();
        // Every marked fact is the value of the field that it names.
        for fact in &sentence.facts {
            let shown = sentence.text.get(fact.span.0 as usize..fact.span.1 as usize).unwrap();
            assert!(evidence.fields.iter().any(|(path, value)| *path == fact.path && value == shown), "{fact:?}");
        }
        assert_eq!(told, !sentence.text.is_empty());
        told.then_some(sentence.text)
    }

    #[test]
    fn records_tell_what_happened() {
        for (class, fields, wanted) in [
            (
                1007,
                &[
                    ("actor.user.name", "www-data"),
                    ("process.cmd_line", "sh -c id"),
                    ("process.parent_process.file.path", "/usr/sbin/nginx"),
                ][..],
                "www-data ran `sh -c id`, started by `/usr/sbin/nginx`",
            ),
            (
                1007,
                &[("actor.process.file.path", "C:\\a.exe"), ("process.file.path", "C:\\Windows\\lsass.exe")],
                "`C:\\a.exe` reached into `C:\\Windows\\lsass.exe`",
            ),
            (
                3002,
                &[("user.name", "deploy"), ("src_endpoint.ip", "203.0.113.50"), ("auth_protocol", "password")],
                "user deploy from 203.0.113.50 by password",
            ),
            (
                4002,
                &[("src_endpoint.ip", "203.0.113.50"), ("http_request.url.path", "/x"), ("http_response.code", "200")],
                "203.0.113.50 asked for `/x`, answered 200",
            ),
            (4001, &[("dst_endpoint.ip", "192.0.2.1"), ("dst_endpoint.port", "443")], "reached 192.0.2.1:443"),
            (4003, &[("query.hostname", "a.example")], "somebody asked for the name a.example"),
            (6003, &[("api.operation", "StopLogging")], "somebody called StopLogging"),
            (
                201_002,
                &[("reg_value.path", "HKLM\\Run\\x"), ("reg_value.data", "evil")],
                "registry `HKLM\\Run\\x` to `evil`",
            ),
            (201_004, &[("win_service.name", "x"), ("win_service.cmd_line", "cmd")], "service `x` runs `cmd`"),
            (0, &[("message", "hello")], "the log says `hello`"),
        ] {
            assert_eq!(told(class, fields).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn a_record_without_fields_tells_nothing() {
        for class in [0, 1001, 1005, 1006, 1007, 1009, 2004, 3001, 3002, 3004, 4001, 4002, 4003, 6003, 201_001, 201_004]
        {
            assert_eq!(told(class, &[("device.hostname", "a"), ("user.uid", "-")]), None, "{class}");
        }
    }
}
