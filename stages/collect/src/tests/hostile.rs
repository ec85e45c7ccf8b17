//! The project's own samples: the handmade hostile files, and one log in five wrappings.

use std::path::PathBuf;

use shieldwall_schema::Reject;

use super::{Told, read};
use crate::{Limits, walk};

/// A file of the shared test data, if it is there.
fn data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SHIELDWALL_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: no test data at {}", path.display());
    None
}

fn scan(path: &str) -> Option<Told> {
    let (inputs, unread) = walk(&[data(path)?], &Limits::default());
    assert_eq!((inputs.len(), unread.len()), (1, 0));
    let mut told = read(inputs[0].sources(&Limits::default()));
    let given = inputs[0].display();
    for (name, ..) in &mut told.sources {
        *name = name.replace(&given, "in");
    }
    for (name, _) in &mut told.unread {
        *name = name.replace(&given, "in");
    }
    Some(told)
}

#[test]
fn the_gzip_bomb_is_stopped_by_its_ratio() {
    let Some(told) = scan("malformed/handmade/22_gzip_bomb_16MiB.gz") else { return };
    let (name, bytes, trouble) = &told.sources[0];
    assert_eq!((name.as_str(), bytes.len(), *trouble), ("in", 8 * 1024 * 1024, Some(Reject::Limit)));
    assert!(told.details.contains("ratio_max"));
}

#[test]
fn the_zip_slip_is_refused_and_its_neighbours_read() {
    let Some(told) = scan("malformed/handmade/23_zip_slip_and_bomb.zip") else { return };
    assert_eq!(told.unread, [("in!../../evil.txt".to_owned(), Reject::UnsafeName)]);
    assert_eq!(told.names(), ["in!ok.json", "in!big.log"]);
    assert_eq!(told.sources[0].1.len(), 2);
    assert_eq!((told.sources[1].1.len(), told.sources[1].2), (4 * 1024 * 1024, None));
}

#[test]
fn the_cut_gzip_gives_what_came_before() {
    let Some(told) = scan("malformed/handmade/24_gzip_truncated.gz") else { return };
    let (name, bytes, trouble) = &told.sources[0];
    assert_eq!((name.as_str(), *trouble), ("in", Some(Reject::Truncated)));
    assert!(!bytes.is_empty());
}

#[test]
fn every_other_handmade_file_is_itself() {
    let Some(folder) = data("malformed/handmade") else { return };
    let (inputs, unread) = walk(&[folder], &Limits::default());
    assert_eq!((inputs.len() >= 40, unread.len()), (true, 0));
    for input in inputs.iter().filter(|input| !["gz", "zip"].iter().any(|end| input.display().ends_with(end))) {
        let told = read(input.sources(&Limits::default()));
        let expected = (input.display(), std::fs::read(input.path()).unwrap(), None);
        assert!(told.sources == [expected] && told.unread.is_empty(), "{}", input.display());
    }
}

#[test]
fn one_log_in_five_wrappings_is_one_log() {
    let Some(told) = scan("plaso-logs/syslog.gz") else { return };
    let expected = &told.sources[0].1;
    assert!(expected.len() > 1000 && told.sources[0].2.is_none());
    for (path, name) in [("bz2", "in"), ("xz", "in"), ("tgz", "in!syslog"), ("zip", "in!syslog")] {
        let Some(told) = scan(&format!("plaso-logs/syslog.{path}")) else { return };
        assert_eq!(told.unread, [], "{path}");
        let found = told.sources.iter().find(|(display, ..)| display == name);
        assert!(
            found.is_some_and(|(_, bytes, trouble)| bytes == expected && trouble.is_none()),
            "{path} {:?}",
            told.names()
        );
    }
}
