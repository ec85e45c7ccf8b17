//! What counts as 0 (normal) and what as 1 (hostile).

/// Words for 0.
const NORMAL: [&str; 11] =
    ["0", "false", "no", "benign", "normal", "norm", "good", "clean", "legit", "legitimate", "ham"];

/// Words for 1.
const HOSTILE: [&str; 12] = [
    "1",
    "true",
    "yes",
    "malicious",
    "attack",
    "anomaly",
    "anom",
    "abnormal",
    "bad",
    "hostile",
    "malware",
    "suspicious",
];

/// What a label says; `None` for any other word. Whole numbers may be written as floats (`1.0`).
pub fn read(word: &str) -> Option<bool> {
    let word = word.trim().trim_matches('"').to_ascii_lowercase();
    let word = word.strip_suffix(".0").unwrap_or(&word);
    if NORMAL.contains(&word) {
        Some(false)
    } else if HOSTILE.contains(&word) {
        Some(true)
    } else {
        None
    }
}

/// What a folder's name says of the files in it: one of the words above, or a part of the name is; else nothing.
pub fn of_folder(name: &str) -> Option<bool> {
    let name = name.to_ascii_lowercase();
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| part.len() > 1);
    read(&name).or_else(|| parts.find_map(read))
}

/// What is accepted, for messages.
pub const ACCEPTED: &str = "0 or 1 (or words such as benign, malicious, normal, attack)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_folders_say_what_they_mean_and_nothing_else() {
        for (word, label) in [
            ("0", Some(false)),
            (" 1 ", Some(true)),
            ("1.0", Some(true)),
            ("Benign", Some(false)),
            ("MALICIOUS", Some(true)),
            ("2", None),
            ("", None),
            ("neptune", None),
        ] {
            assert_eq!(read(word), label, "{word:?}");
        }
        for (name, label) in [
            ("malicious_pure", Some(true)),
            ("powershell_benign_dataset", Some(false)),
            ("1", Some(true)),
            ("benign", Some(false)),
            ("scripts", None),
        ] {
            assert_eq!(of_folder(name), label, "{name}");
        }
    }
}
