//! Scripts: PowerShell whose near-copies the model has not seen, plain and disguised.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use rustc_hash::FxHashMap;
use shieldwall_learn::Random;
use shieldwall_learn::metrics::Ranking;
use shieldwall_learn::text::script::mutate::{Mutation, mutate};
use shieldwall_learn::text::{Form, TextKind, TextModel};

use crate::train::script::{FOLDS, Script, fit, generated};
use crate::train::{Figures, SEED, scores};

/// How far a disguise may lower a score.
pub const TOLERANCE: f64 = 0.5;

/// Words of each run that is compared to find near-copies.
const SHINGLE: usize = 4;

/// Smallest hashes that are kept of each script; two scripts that share this many ([`SHARED`]) are near-copies.
const HASHES: usize = 32;
const SHARED: usize = 14;

/// Hostile scripts that are disguised in each part.
const DISGUISED: usize = 150;

const KEYWORDS: &[&str] = &[
    "iex",
    "invoke-expression",
    "downloadstring",
    "downloadfile",
    "webclient",
    "frombase64string",
    "hidden",
    "bypass",
    "-enc",
    "virtualalloc",
    "createthread",
    "dllimport",
    "memorystream",
    "gzipstream",
    "reflection.assembly",
    "amsi",
    "mimikatz",
    "-nop",
    "start-process",
    "net.sockets",
    "shellcode",
    "getdelegateforfunctionpointer",
];

/// Writes the section.
///
/// # Errors
/// When data are missing.
pub fn section(data: &Path) -> Result<String> {
    let all = scripts(data)?;
    let hostile: Vec<&Script> = all.iter().filter(|one| one.hostile).collect();
    let groups = |hostile: bool| {
        all.iter()
            .filter(|one| one.hostile == hostile)
            .map(|one| one.group)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    let mut text = format!(
        "\n### Scripts\n\n`cargo xtask learning script`, seed {SEED}. Data: mpsd-powershell, {} hostile scripts in {} groups, {} benign in {} \
         groups; scripts that share {SHARED} of their {HASHES} smallest hashes of {SHINGLE} words each, after disguises are undone, are one group. Split: \
         {FOLDS} parts by group. *Once a group*: one script of each group is judged, so that a family of hundreds of copies counts once.\n\n",
        hostile.len(),
        groups(true),
        all.len() - hostile.len(),
        groups(false)
    );
    let labels: Vec<bool> = all.iter().map(|one| one.hostile).collect();
    let once = once(&all);
    let mut rows = |name: &str, values: &[f64]| {
        text.push_str(&Figures::of(name, values, &labels).row());
        let pick = |at: &usize| values.get(*at).copied().unwrap_or(0.0);
        let values: Vec<f64> = once.iter().map(pick).collect();
        let labels: Vec<bool> = once.iter().map(|at| labels.get(*at).copied().unwrap_or(false)).collect();
        text.push_str(&Figures::of(format!("{name}, once a group"), &values, &labels).row());
    };
    let length: Vec<f64> = all.iter().map(|one| -(one.text.len() as f64)).collect();
    let keywords: Vec<f64> = all.iter().map(|one| keywords(&one.text)).collect();
    let (parts, models) = models(&all, 0)?;
    let judged = judge(&all, &parts, &models)?;
    let (parts_beside, models_beside) = self::models(&all, 4000)?;
    let beside = judge(&all, &parts_beside, &models_beside)?;
    let own = generated(4000, SEED);
    let shipped = fit(&own.iter().collect::<Vec<_>>(), 0, SEED)?;
    let stranger = scores(&shipped, all.iter().map(|one| one.text.as_str()));
    rows("baseline: shortness", &length);
    rows("baseline: suspicious words", &keywords);
    rows("throw-away model", &judged);
    rows("throw-away model as `model train script` makes it", &beside);
    rows("shipped model, which saw generated scripts alone", &stranger);
    if std::env::var_os("SHOW_SCRIPTS").is_some() {
        for ((one, score), trained) in all.iter().zip(&stranger).zip(&judged) {
            eprint!("{trained:.2}\t");
            eprintln!(
                "{score:.2}\t{}\t{}\t{}",
                u8::from(one.hostile),
                one.group,
                one.text.chars().take(160).collect::<String>().replace(['\n', '\r', '\t'], " ")
            );
        }
    }
    if std::env::var_os("SHOW_SCRIPTS").is_some() {
        return Ok(text);
    }
    let head = Figures::head("scorer");
    text = text.replacen("| baseline: shortness |", &format!("{head}| baseline: shortness |"), 1);
    text.push_str(&disguised(&all, &parts, &models)?);
    Ok(text)
}

fn keywords(text: &str) -> f64 {
    let small = text.to_lowercase();
    KEYWORDS.iter().filter(|word| small.contains(*word)).count() as f64
}

/// The scripts of mpsd, near-copies in one group.
///
/// # Errors
/// When the folder is missing.
fn scripts(data: &Path) -> Result<Vec<Script>> {
    let mut all = Vec::new();
    for (folder, hostile) in [("malicious_pure", true), ("powershell_benign_dataset", false)] {
        let root = data.join("mpsd-powershell").join(folder);
        let entries = std::fs::read_dir(&root).with_context(|| format!("cannot read `{}`", root.display()))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            all.push(Script { text, hostile, group: 0 });
        }
    }
    group(&mut all);
    Ok(all)
}

/// Gives near-copies one group: through hashes that they share.
fn group(all: &mut [Script]) {
    let shape = TextKind::Script.shape();
    let mut of_hash: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    let mut kept: Vec<Vec<u64>> = Vec::new();
    for (at, one) in all.iter().enumerate() {
        let mut form = Form::new(false);
        (shape.canonical)(&one.text, 0, &mut form);
        let words: Vec<&[u8]> =
            form.bytes().split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let mut hashes: Vec<u64> = words
            .windows(SHINGLE.min(words.len().max(1)))
            .map(|run| {
                run.iter().flat_map(|word| word.iter().chain(b" ")).fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
                    (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
                })
            })
            .map(|hash| (hash ^ hash >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(HASHES);
        hashes.iter().for_each(|hash| of_hash.entry(*hash).or_default().push(at));
        kept.push(hashes);
    }
    let mut parent: Vec<usize> = (0..all.len()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while let Some(up) = parent.get(at).copied().filter(|up| *up != at) {
            at = up;
        }
        at
    }
    for at in 0..kept.len() {
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for other in kept
            .get(at)
            .into_iter()
            .flatten()
            .filter_map(|hash| of_hash.get(hash))
            .flatten()
            .filter(|other| **other < at)
        {
            *shared.entry(*other).or_default() += 1;
        }
        let few = kept.get(at).map_or(0, Vec::len);
        for (other, count) in shared {
            // Short scripts have fewer hashes than are asked for.
            if count >= SHARED.min((few * SHARED).div_ceil(HASHES).max(1)) {
                let (a, b) = (root(&mut parent, at), root(&mut parent, other));
                if let Some(up) = parent.get_mut(a.max(b)) {
                    *up = a.min(b);
                }
            }
        }
    }
    for at in 0..all.len() {
        let group = root(&mut parent, at) as u32;
        if let Some(one) = all.get_mut(at) {
            one.group = group;
        }
    }
}

/// The first script of each group and class.
fn once(all: &[Script]) -> Vec<usize> {
    let mut seen = std::collections::BTreeSet::new();
    (0..all.len()).filter(|at| all.get(*at).is_some_and(|one| seen.insert((one.group, one.hostile)))).collect()
}

fn models(all: &[Script], generated: usize) -> Result<(Vec<usize>, Vec<TextModel>)> {
    let mut part_of: BTreeMap<u32, usize> = BTreeMap::new();
    let mut random = Random::new(SEED);
    let parts: Vec<usize> =
        all.iter().map(|one| *part_of.entry(one.group).or_insert_with(|| random.below(FOLDS))).collect();
    // The parts' models know nothing of each other: they are fitted side by side.
    let models = std::thread::scope(|scope| {
        let fit_part = |fold: usize| {
            let train: Vec<&Script> =
                all.iter().zip(&parts).filter(|(_, part)| **part != fold).map(|one| one.0).collect();
            scope.spawn(move || fit(&train, generated, SEED))
        };
        let running: Vec<_> = (0..FOLDS).map(fit_part).collect();
        running
            .into_iter()
            .map(|one| Ok(one.join().map_err(|_| anyhow!("a fit panicked"))??))
            .collect::<Result<Vec<_>>>()
    })?;
    Ok((parts, models))
}

fn judge(all: &[Script], parts: &[usize], models: &[TextModel]) -> Result<Vec<f64>> {
    let mut out = vec![0.0; all.len()];
    for (fold, model) in models.iter().enumerate() {
        let held = || all.iter().zip(parts).enumerate().filter(|(_, (_, part))| **part == fold);
        for ((at, _), value) in held().zip(scores(model, held().map(|(_, (one, _))| one.text.as_str()))) {
            *out.get_mut(at).context("as many scores as scripts")? = value;
        }
    }
    Ok(out)
}

/// What disguises do to scores and to recall.
fn disguised(all: &[Script], parts: &[usize], models: &[TextModel]) -> Result<String> {
    let mut text = format!(
        "\nHostile scripts disguised by our own mutations (the first {DISGUISED} of each part); model and threshold (1 % false alarms on plain \
         scripts) are those of the throw-away models. *Held*: the score fell by no more than {TOLERANCE}.\n\n| disguise | changed | recall at 1 % plain | disguised | \
         at 0.1 % plain | disguised | held |\n|---|---|---|---|---|---|---|\n"
    );
    let mut sums = vec![[0u64; 6]; Mutation::ALL.len()];
    for (fold, model) in models.iter().enumerate() {
        let held: Vec<&Script> = all.iter().zip(parts).filter(|(_, part)| **part == fold).map(|one| one.0).collect();
        let plain = scores(model, held.iter().map(|one| one.text.as_str()));
        let labels: Vec<bool> = held.iter().map(|one| one.hostile).collect();
        let ranking = Ranking::new(&plain, &labels);
        let (one, tenth) = (ranking.recall_at(0.01).2, ranking.recall_at(0.001).2);
        for (sum, how) in sums.iter_mut().zip(Mutation::ALL) {
            for (script, plain) in held.iter().zip(&plain).filter(|(script, _)| script.hostile).take(DISGUISED) {
                let mutated = mutate(&script.text, how, &mut Random::new(SEED));
                if mutated == script.text {
                    continue;
                }
                let score = scores(model, std::iter::once(mutated.as_str())).first().copied().unwrap_or(0.0);
                let marks =
                    [true, *plain >= one, score >= one, *plain >= tenth, score >= tenth, score >= plain - TOLERANCE];
                sum.iter_mut().zip(marks).for_each(|(sum, mark)| *sum += u64::from(mark));
                if std::env::var_os("SHOW").is_some_and(|show| show.to_string_lossy() == how.name())
                    && score < plain - TOLERANCE
                {
                    eprintln!(
                        "{plain:.2} {score:.2} {}\n   {}",
                        script.text.chars().take(300).collect::<String>(),
                        mutated.chars().take(500).collect::<String>()
                    );
                }
            }
        }
    }
    for ([changed, plain, after, plain_tenth, after_tenth, kept], how) in sums.into_iter().zip(Mutation::ALL) {
        let share = |part: u64| part as f64 / changed.max(1) as f64;
        text.push_str(&format!(
            "| {} | {changed} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} |\n",
            how.name(),
            share(plain),
            share(after),
            share(plain_tenth),
            share(after_tenth),
            share(kept)
        ));
    }
    Ok(text)
}
