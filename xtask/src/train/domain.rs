//! The shipped model of domains: trained on generated names only, measured on real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use shieldwall_learn::text::domain::generate::{self, Generated};
use shieldwall_learn::text::{Settings, TextKind, TextModel, Texts};
use shieldwall_learn::{Model, Random};

use super::{Figures, SEED, Trained, scores};

/// Benign names that are generated; half as many hostile ones.
const BENIGN: usize = 150_000;

/// Names of one family that are measured: large families do not drown the others.
pub const FAMILY_MAX: usize = 1000;

/// Trains and measures.
///
/// # Errors
/// When the data for measuring are missing.
pub fn train(data: &Path) -> Result<Trained> {
    let model = fit(SEED, BENIGN)?;
    // The same generator with another seed, for thresholds.
    let fresh = generate::benign(50_000, 0, &mut Random::new(SEED + 2));
    let benign = scores(&model, fresh.iter().map(|one| one.name.as_str()));
    let limits = vec![
        "trained on generated names only: families whose names are words (suppobox, nymaim2, banjori, ngioweb) are hardly seen",
        "the lists of benign names that measure it hold generated names themselves, which caps recall at 0.1 %",
        "names under content networks and clouds can look generated; the suffix list is short",
        "names are read up to 512 bytes; the suffix says nothing",
    ];
    Ok(Trained {
        figures: figures(&model, data)?,
        model,
        data: Vec::new(),
        generators: vec![("domains", generate::VERSION, BENIGN + BENIGN / 2)],
        purpose: "Says how much a domain name looks made up by a program (DGA) or made to carry data (tunnel).",
        limits,
        benign,
    })
}

/// The model of generated names.
///
/// # Errors
/// When nothing can be learned, which would be a fault of the generator.
pub fn fit(seed: u64, benign: usize) -> Result<TextModel> {
    let mut random = Random::new(seed);
    let mut all = generate::benign(benign, 1000, &mut random);
    all.extend(generate::hostile(benign / 2, 0, &mut random));
    Ok(fit_to(&all, seed + 1)?)
}

fn fit_to(all: &[Generated], seed: u64) -> Result<TextModel, shieldwall_learn::FitError> {
    let texts: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let labels: Vec<bool> = all.iter().map(|one| one.hostile).collect();
    let groups: Vec<u32> = all.iter().map(|one| one.group).collect();
    let data = Texts { texts: &texts, labels: &labels, groups: &groups };
    // There is nothing but generated names already.
    let settings = Settings { generated: 0, ..Settings::of(TextKind::Domain) };
    TextModel::fit(data, &settings, &mut Random::new(seed))
}

/// Real names: by family, and benign ones.
pub struct Names {
    /// At most [`FAMILY_MAX`] different names of each family.
    pub families: BTreeMap<String, Vec<String>>,
    /// Different benign names.
    pub benign: Vec<String>,
}

/// `dga-bader` and `domains-benign-*`, chosen and ordered by a seed. They may measure and never train what is shipped.
///
/// # Errors
/// When a folder is missing.
pub fn names(data: &Path, seed: u64) -> Result<Names> {
    let root = data.join("dga-bader");
    let mut families: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name.to_string_lossy().contains("domains")) {
                let family = path.strip_prefix(&root)?.components().next();
                let family = family.map(|part| part.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
                families.entry(family).or_default().extend(lines(&path)?);
            }
        }
    }
    let mut benign = BTreeSet::new();
    for file in ["domains-benign-alexa/top-100000-domains", "domains-benign-opendns/opendns-top-domains.txt"] {
        benign.extend(lines(&data.join(file))?);
    }
    let mut random = Random::new(seed);
    let mut shuffled = |names: BTreeSet<String>| {
        let mut names: Vec<String> = names.into_iter().collect();
        random.shuffle(&mut names);
        names
    };
    let mut families: BTreeMap<String, Vec<String>> =
        families.into_iter().map(|(family, names)| (family, shuffled(names))).collect();
    families.values_mut().for_each(|names| names.truncate(FAMILY_MAX));
    Ok(Names { families, benign: shuffled(benign) })
}

fn lines(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(text.lines().map(|line| line.trim().to_ascii_lowercase()).filter(|line| !line.is_empty()).collect())
}

/// Figures on real names: the half of the families and benign names that the generator was looked at with, and the other.
///
/// # Errors
/// When data are missing.
pub fn figures(model: &TextModel, data: &Path) -> Result<Vec<Figures>> {
    let names = names(data, SEED)?;
    let mut order: Vec<&String> = names.families.keys().collect();
    // The order by which families were dealt to the halves when the generator was written.
    Random::new(1).shuffle(&mut order);
    let mut out = Vec::new();
    for (half, title) in ["looked at while the generator was written", "not looked at"].into_iter().enumerate() {
        let hostile = order.iter().skip(half).step_by(2).filter_map(|family| names.families.get(*family)).flatten();
        let mut texts: Vec<&str> = hostile.map(String::as_str).collect();
        let mut labels = vec![true; texts.len()];
        texts.extend(names.benign.iter().skip(half).step_by(2).map(String::as_str));
        labels.resize(texts.len(), false);
        let what = format!("generated names → half of dga-bader's families and benign lists, {title}");
        out.push(Figures::of(what, &scores(model, texts.iter().copied()), &labels));
    }
    Ok(out)
}
