//! What a pack would find before it may act: on the logs of the last case, or on logs that are named.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::Value;
use shieldwall_trust::pack::{Kind, Pack};

use super::compiled;
use crate::cli::Outcome;
use crate::home::Home;
use crate::line::{self, LineOptions};
use crate::output::escape::escape;
use crate::packs::{self, Choice};

/// Bytes of logs that a pack is rehearsed on without being asked: half a minute's work.
const REHEARSED_BYTES_MAX: u64 = 256 << 20;

/// Shows what the pack would find in the last case, if its logs are still there.
pub(super) fn rehearse(home: &Home, pack: &Pack, out: &mut dyn Write) -> Result<()> {
    let paths = match last_logs(home) {
        Ok(paths) => paths,
        Err(why) => {
            writeln!(out, "not rehearsed: {why} (--shadow PATH does)")?;
            return Ok(());
        }
    };
    writeln!(out, "on the logs of your last case:")?;
    shadow(home, pack, &paths, out)?;
    Ok(())
}

/// The logs of the last case, or why there are none.
fn last_logs(home: &Home) -> Result<Vec<PathBuf>, String> {
    let text =
        fs::read(home.latest_case().join("manifest.json")).map_err(|_| "there is no case of yours".to_owned())?;
    let manifest: Value = serde_json::from_slice(&text).map_err(|_| "the last case cannot be read".to_owned())?;
    let asked = manifest.pointer("/asked/paths").and_then(Value::as_array).cloned().unwrap_or_default();
    let paths: Vec<PathBuf> = asked.iter().filter_map(Value::as_str).map(PathBuf::from).collect();
    let inputs = manifest.get("inputs").and_then(Value::as_array).cloned().unwrap_or_default();
    let bytes = inputs.iter().filter_map(|input| input.get("bytes")?.as_u64()).fold(0, u64::saturating_add);
    if bytes > REHEARSED_BYTES_MAX {
        return Err(format!("the logs of the last case have {} MiB", bytes >> 20));
    }
    if paths.is_empty() || !paths.iter().all(|path| path.exists()) {
        return Err("the logs of the last case are not where they were".to_owned());
    }
    Ok(paths)
}

/// Shows what would fire on logs that did not before.
pub(super) fn shadow(home: &Home, pack: &Pack, logs: &[PathBuf], out: &mut dyn Write) -> Result<Outcome> {
    if pack.manifest().kind != Kind::Rules {
        bail!("only rules can be run in the shadow on logs; models: `shieldwall model evaluate`");
    }
    let fired = |loaded| -> Result<BTreeMap<String, u64>> {
        let options = LineOptions { threads: 1, ..LineOptions::default() };
        let mut run = line::scan(logs, loaded, packs::mappings()?, &options)?;
        let mut lines = Vec::new();
        run.write_findings(&mut lines)?;
        let mut fired = BTreeMap::new();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let finding: Value = serde_json::from_slice(line)?;
            let part = |path: &str| finding.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let rule = format!("{}  {}", part("/finding_info/analytic/uid"), part("/finding_info/analytic/name"));
            let matches = finding.pointer("/unmapped/matches").and_then(Value::as_u64).unwrap_or(1);
            *fired.entry(rule).or_default() += matches;
        }
        Ok(fired)
    };
    let before = fired(packs::load_chosen(&Choice::default(), Some(home))?)?;
    let after = fired(compiled(home, pack)?)?;
    let mut new = 0;
    for (rule, matches) in after {
        let more = matches.saturating_sub(before.get(&rule).copied().unwrap_or(0));
        if more > 0 {
            new += 1;
            writeln!(out, "would fire  {}  on {more} record(s)", escape(&rule))?;
        }
    }
    writeln!(out, "{new} rule(s) would fire that did not before")?;
    Ok(Outcome::of(new > 0, false))
}
