//! Loading SigmaHQ: from YAML on one thread and on several, and from the compiled form.
//!
//! `SHIELDWALL_DATA=… cargo bench -p shieldwall-detect --bench load`

use std::path::Path;

use shieldwall_detect::sigma::load::{Lists, Pack, compiled, load_with};

fn main() {
    divan::main();
}

fn sigma() -> Option<Pack> {
    let root = std::env::var("SHIELDWALL_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").to_owned());
    Pack::from_dir("sigma", &Path::new(&root).join("sigma")).ok()
}

#[divan::bench(args = [1, 2, 4])]
fn yaml(bencher: divan::Bencher<'_, '_>, threads: usize) {
    let Some(pack) = sigma() else { return };
    let packs = [pack];
    bencher.bench(|| load_with(&packs, &Lists::new(), threads));
}

#[divan::bench]
fn compiled_set(bencher: divan::Bencher<'_, '_>) {
    let Some(pack) = sigma() else { return };
    let bytes = compiled::write(&load_with(&[pack], &Lists::new(), 1), &[0; 32]);
    bencher.bench(|| compiled::read(&bytes));
}
