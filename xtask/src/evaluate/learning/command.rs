//! Command lines: techniques that the model has not seen, against shell lines that people asked for; plain and disguised.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use shieldwall_learn::Random;
use shieldwall_learn::metrics::Ranking;
use shieldwall_learn::text::TextModel;
use shieldwall_learn::text::command::mutate::{Mutation, mutate};

use crate::train::command::{FOLDS, Line, atomics, fit, generated, parts};
use crate::train::{Figures, SEED, scores};

/// Lines of our own generator beside the data, for throw-away models and for the shipped recipe.
const GENERATED: usize = 24_000;

/// How far a disguise may lower a score.
pub const TOLERANCE: f64 = 0.5;

/// Words that a list of suspicious words would have.
const KEYWORDS: &[&str] = &[
    "powershell",
    "-enc",
    "hidden",
    "bypass",
    "downloadstring",
    "downloadfile",
    "iex",
    "certutil",
    "bitsadmin",
    "mshta",
    "regsvr32",
    "rundll32",
    "mimikatz",
    "lsass",
    "vssadmin",
    "schtasks",
    "reg add",
    "net user",
    "whoami",
    "/dev/tcp",
    "nc ",
    "base64",
    "/etc/shadow",
    "/etc/passwd",
    "crontab",
    "authorized_keys",
    "wget",
    "curl",
    "chmod",
    "history",
    "iptables",
    "useradd",
    "/tmp/",
];

/// Writes the section.
///
/// # Errors
/// When data are missing.
pub fn section(data: &Path) -> Result<String> {
    let attacks = atomics(data)?;
    let unix: Vec<Line> = attacks.iter().filter(|line| !line.windows).cloned().collect();
    let windows: Vec<Line> = attacks.iter().filter(|line| line.windows).cloned().collect();
    let shell = shell_lines(data)?;
    let mut text = format!(
        "\n### Command lines\n\n`cargo xtask learning command`, seed {SEED}. Hostile: atomic-red-team, {} lines of Unix, {} lines and \
         blocks of Windows, grouped by technique. Benign: cmdline-slp's {} different shell lines (Unix), and for Windows, \
         where no benign lines are given, lines of our own generator: that part flatters. Split: {FOLDS} parts by technique \
         (hostile) and by template or line (benign); each is judged by a model of the other four. The systems are judged \
         apart, or telling Windows from Unix would be enough. Many attack lines are everyday lines (`whoami`, `ps aux`); \
         no scorer can tell those.\n\n",
        unix.len(),
        windows.len(),
        shell.len()
    );
    text.push_str(&Figures::head("scorer"));
    let own: Vec<Line> = generated(GENERATED, 11);
    let mut both = unix.clone();
    both.extend(shell.iter().cloned());
    baselines("Unix", &both, &mut text);
    let throw_away = judged(&both, &[], 0)?;
    text.push_str(&Figures::of("Unix: throw-away model", &throw_away, &labels(&both)).row());
    let beside = judged(&both, &[], 4000)?;
    text.push_str(
        &Figures::of("Unix: throw-away model as `model train command` makes it", &beside, &labels(&both)).row(),
    );
    let stranger = judged(&both, &own, 0)?;
    if std::env::var_os("SHOW_LINES").is_some() {
        for ((one, score), trained) in both.iter().zip(&stranger).zip(&throw_away) {
            eprintln!(
                "{score:.2}\t{trained:.2}\t{}\t{}",
                u8::from(one.hostile),
                one.text.replace(['\n', '\r', '\t'], " ")
            );
        }
        return Ok(text);
    }
    text.push_str(
        &Figures::of("Unix: shipped recipe, which never saw a shell line of these", &stranger, &labels(&both)).row(),
    );
    let mut both_windows = windows.clone();
    both_windows.extend(generated(6000, 12).into_iter().filter(|line| line.windows && !line.hostile));
    baselines("Windows", &both_windows, &mut text);
    let scored = judged(&both_windows, &[], 0)?;
    text.push_str(&Figures::of("Windows: throw-away model", &scored, &labels(&both_windows)).row());
    text.push_str(&disguised(&both, &both_windows)?);
    Ok(text)
}

fn labels(lines: &[Line]) -> Vec<bool> {
    lines.iter().map(|line| line.hostile).collect()
}

fn baselines(system: &str, lines: &[Line], text: &mut String) {
    let length: Vec<f64> = lines.iter().map(|line| line.text.len() as f64).collect();
    text.push_str(&Figures::of(format!("{system}, baseline: length"), &length, &labels(lines)).row());
    let keywords: Vec<f64> = lines
        .iter()
        .map(|line| {
            let small = line.text.to_lowercase();
            KEYWORDS.iter().filter(|word| small.contains(*word)).count() as f64
        })
        .collect();
    text.push_str(&Figures::of(format!("{system}, baseline: suspicious words"), &keywords, &labels(lines)).row());
}

/// Benign shell lines, each once.
///
/// # Errors
/// When the file is missing.
pub fn shell_lines(data: &Path) -> Result<Vec<Line>> {
    let path = data.join("cmdline-slp/nl2bash.cm");
    let content = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let content = String::from_utf8_lossy(&content);
    let lines: BTreeSet<&str> = content.lines().map(str::trim).filter(|line| line.len() >= 8).collect();
    // Lines that differ in letters and numbers only share a group.
    let group = |line: &str| -> String {
        let words: Vec<&str> = line.split_whitespace().take(3).collect();
        words.join(" ").chars().filter(|next| !next.is_ascii_digit()).collect()
    };
    Ok(lines
        .into_iter()
        .map(|line| Line { text: line.to_owned(), hostile: false, group: group(line), windows: false })
        .collect())
}

/// The model that judges each part.
fn models(lines: &[Line], own: &[Line], generated: usize) -> Result<(Vec<usize>, Vec<TextModel>)> {
    let parts = parts(lines, SEED);
    let mut models = Vec::new();
    for fold in 0..FOLDS {
        // The shipped recipe sees hostile lines of other techniques and generated lines, none of the benign ones.
        let mut train: Vec<&Line> = lines
            .iter()
            .zip(&parts)
            .filter(|(line, part)| **part != fold && (own.is_empty() || line.hostile))
            .map(|one| one.0)
            .collect();
        train.extend(own);
        models.push(fit(&train, generated, SEED)?);
    }
    Ok((parts, models))
}

fn judged(lines: &[Line], own: &[Line], generated: usize) -> Result<Vec<f64>> {
    let (parts, models) = models(lines, own, generated)?;
    let mut out = vec![0.0; lines.len()];
    for (fold, model) in models.iter().enumerate() {
        let held = || lines.iter().zip(&parts).enumerate().filter(|(_, (_, part))| **part == fold);
        for ((at, _), value) in held().zip(scores(model, held().map(|(_, (line, _))| line.text.as_str()))) {
            *out.get_mut(at).context("as many scores as lines")? = value;
        }
    }
    Ok(out)
}

/// What disguises do to scores and to recall at the threshold of 1 % false alarms on plain lines.
fn disguised(unix: &[Line], windows: &[Line]) -> Result<String> {
    let mut text = format!(
        "\nHostile lines disguised by our own mutations; the model and the threshold (1 % false alarms on plain lines) are those \
         of the throw-away models above. *Held*: the score fell by no more than {TOLERANCE} against the plain line.\n\n| disguise | changed | \
         recall plain | recall disguised | held |\n|---|---|---|---|---|\n"
    );
    let mut sums = vec![[0u64; 4]; Mutation::ALL.len()];
    for lines in [unix, windows] {
        let (parts, models) = models(lines, &[], 0)?;
        for (fold, model) in models.iter().enumerate() {
            let held: Vec<&Line> =
                lines.iter().zip(&parts).filter(|(_, part)| **part == fold).map(|one| one.0).collect();
            let plain = scores(model, held.iter().map(|line| line.text.as_str()));
            let labels: Vec<bool> = held.iter().map(|line| line.hostile).collect();
            let (_, _, threshold) = Ranking::new(&plain, &labels).recall_at(0.01);
            for (sum, how) in sums.iter_mut().zip(Mutation::ALL) {
                for (line, plain) in held.iter().zip(&plain).filter(|(line, _)| line.hostile) {
                    let mutated = mutate(&line.text, how, &mut Random::new(SEED));
                    if mutated == line.text {
                        continue;
                    }
                    let score = scores(model, std::iter::once(mutated.as_str())).first().copied().unwrap_or(0.0);
                    let [changed, before, after, kept] = sum;
                    *changed += 1;
                    *before += u64::from(*plain >= threshold);
                    *after += u64::from(score >= threshold);
                    *kept += u64::from(score >= plain - TOLERANCE);
                    if std::env::var_os("SHOW").is_some_and(|show| show.to_string_lossy() == how.name())
                        && score < plain - TOLERANCE
                    {
                        eprintln!("{plain:.2} {score:.2} {}\n   {mutated}", line.text);
                    }
                }
            }
        }
    }
    for ([changed, before, after, kept], how) in sums.into_iter().zip(Mutation::ALL) {
        let share = |part: u64| part as f64 / changed.max(1) as f64;
        text.push_str(&format!(
            "| {} | {changed} | {:.3} | {:.3} | {:.3} |\n",
            how.name(),
            share(before),
            share(after),
            share(kept)
        ));
    }
    Ok(text)
}
