//! What a text's measures mean, for people who never heard of n-grams.

/// Name of a measure → what it says of the text where it raises the score.
const PLAIN: &[(&str, &str)] = &[
    ("n-grams", "spelled like hostile texts"),
    ("n-grams_total", "spelled like hostile texts"),
    ("surprise", "sequences of letters that harmless texts hardly have"),
    ("surprise_peak", "one stretch that harmless texts hardly have"),
    ("surprise_total", "many stretches that harmless texts hardly have"),
    ("rest", "several small signs together"),
    ("length", "unusual length"),
    ("entropy", "letters in no order"),
    ("longest_word", "a very long word"),
    ("digit_share", "unusual share of digits"),
    // Domains.
    ("labels", "unusual number of parts"),
    ("longest_label", "a very long part"),
    ("digit_letter_changes", "digits and letters mixed"),
    ("longest_digit_run", "many digits in a row"),
    ("vowel_share", "unusual share of vowels"),
    ("longest_consonant_run", "many consonants in a row"),
    ("longest_vowel_run", "many vowels in a row"),
    ("alternation", "vowels and consonants change as in no language"),
    ("hyphen_share", "unusual share of hyphens"),
    ("distinct_share", "unusual number of different letters"),
    ("hex_share", "looks like a hexadecimal number"),
    ("base32_like", "looks like encoded data"),
    ("rare_letter_share", "many rare letters"),
    ("repeats", "unusual repetition"),
    // Requests.
    ("punctuation_share", "much punctuation"),
    ("distinct_punctuation", "many kinds of punctuation"),
    ("longest_punctuation", "punctuation in a row"),
    ("space_share", "unusual share of blanks"),
    ("other_letters", "letters of other scripts"),
    ("odd_quotes", "a quotation mark that is not closed"),
    ("unbalanced_brackets", "a bracket that is not closed"),
    ("closes_before_opens", "closes something that it did not open"),
    ("sql_words", "words of a database language"),
    ("sql_words_distinct", "several words of a database language"),
    ("script_words", "words of a script in a page"),
    ("shell_words", "words of a shell"),
    ("code_words", "words of a programming language"),
    ("calls", "function calls"),
    ("equal_sides", "a comparison that is always true"),
    ("tags", "tags of a page"),
    ("handlers", "event handlers of a page"),
    ("parent_paths", "climbs to parent folders"),
    ("absolute_paths", "paths of the server's files"),
    ("templates", "template expressions"),
    ("operators", "operators of a query"),
    ("comment_at_end", "ends in a comment"),
    ("schemes", "addresses of other kinds (file:, gopher:, …)"),
    ("quote_then_word", "a quotation mark, then a command"),
    ("separator_then_command", "a separator, then a command"),
    ("query_operators", "operators of a document database"),
    ("declarations", "declares entities or documents"),
    ("encoded_letters", "encodes letters that need none"),
    ("encoded_again", "encoded twice"),
    ("entities", "character entities"),
    ("overlong", "forbidden encodings of letters"),
    ("zero_bytes", "zero bytes"),
    ("inner_comments", "comments inside words"),
    ("wide_letters", "wide letters that stand for narrow ones"),
    // Command lines and scripts.
    ("fetch", "downloads something"),
    ("run", "runs something"),
    ("inject", "reaches into other processes"),
    ("hide", "hides what it does"),
    ("persist", "arranges to be started again"),
    ("steal", "reads secrets"),
    ("spy", "watches keyboard, screen or clipboard"),
    ("evade", "turns protection off"),
    ("recon", "looks around"),
    ("connect", "opens connections"),
    ("destroy", "deletes or encrypts"),
    ("unpack", "unpacks hidden content"),
    ("living_off_the_land", "uses the system's own tools for something else"),
    ("craft", "puts code together from pieces"),
    ("fetch_and_run", "downloads and runs"),
    ("unpack_and_run", "unpacks and runs"),
    ("network_literal", "addresses in it"),
    ("program_literal", "a program in it"),
    ("sign_share", "unusual share of signs"),
    ("variable_share", "unusual share of variables"),
    ("carets", "carets inside words"),
    ("backticks", "backticks inside words"),
    ("quoted_pieces", "words cut by quotation marks"),
    ("mixed_case", "LeTTers in MiXed cAse"),
    ("odd_signs", "look-alike or invisible signs"),
    ("variables", "words put together from variables"),
    ("substrings", "words cut out of other words"),
    ("joins", "words joined from pieces"),
    ("formats", "words put together by formatting"),
    ("codes", "letters given as numbers"),
    ("edits", "words made by replacing or reversing"),
    ("decodes", "decodes hidden text"),
    ("programs", "code inside code"),
    ("evaluated", "runs text as code"),
    ("indirect", "calls by computed names"),
    ("escapes", "escapes where none are needed"),
    ("wildcards", "wildcards in place of letters"),
    ("separators", "unusual separators"),
];

/// A measure in plain words; its name with blanks where it has none.
pub fn plain(name: &str) -> String {
    let known = PLAIN.iter().find(|(own, _)| *own == name);
    known.map_or_else(|| name.replace('_', " "), |(_, words)| (*words).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextKind;

    #[test]
    fn every_measure_has_plain_words() {
        let mut names: Vec<&str> = PLAIN.iter().map(|(name, _)| *name).collect();
        for kind in TextKind::ALL {
            let shape = kind.shape();
            let own = shape.signs.iter().copied().chain(shape.features.iter().map(|feature| feature.name));
            for name in own.chain(["n-grams", "surprise_peak"]) {
                assert!(names.contains(&name), "{name} of {} has no plain words", kind.name());
            }
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "a name stands twice");
        assert_eq!(plain("no_such_measure"), "no such measure");
    }
}
