//! The characters that the two engines don't class alike: letters, digits and marks that are new in Unicode 17, whose tables the
//! fast engine has and the reference not. A text that has one is the reference's.

/// First and last of each run, ascending. `examples/engines.rs --characters` finds them.
const NEW: [(char, char); 47] = [
    ('\u{88f}', '\u{88f}'),
    ('\u{c5c}', '\u{c5c}'),
    ('\u{cdc}', '\u{cdc}'),
    ('\u{1acf}', '\u{1add}'),
    ('\u{1ae0}', '\u{1aeb}'),
    ('\u{20c1}', '\u{20c1}'),
    ('\u{2b96}', '\u{2b96}'),
    ('\u{a7ce}', '\u{a7cf}'),
    ('\u{a7d2}', '\u{a7d2}'),
    ('\u{a7d4}', '\u{a7d4}'),
    ('\u{a7f1}', '\u{a7f1}'),
    ('\u{fbc3}', '\u{fbd2}'),
    ('\u{fd90}', '\u{fd91}'),
    ('\u{fdc8}', '\u{fdce}'),
    ('\u{10940}', '\u{10959}'),
    ('\u{10ec5}', '\u{10ec7}'),
    ('\u{10ed0}', '\u{10ed8}'),
    ('\u{10efa}', '\u{10efb}'),
    ('\u{11b60}', '\u{11b67}'),
    ('\u{11db0}', '\u{11ddb}'),
    ('\u{11de0}', '\u{11de9}'),
    ('\u{16ea0}', '\u{16eb8}'),
    ('\u{16ebb}', '\u{16ed3}'),
    ('\u{16ff2}', '\u{16ff6}'),
    ('\u{187f8}', '\u{187ff}'),
    ('\u{18d09}', '\u{18d1e}'),
    ('\u{18d80}', '\u{18df2}'),
    ('\u{1ccfa}', '\u{1ccfc}'),
    ('\u{1ceba}', '\u{1ced0}'),
    ('\u{1cee0}', '\u{1cef0}'),
    ('\u{1e6c0}', '\u{1e6de}'),
    ('\u{1e6e0}', '\u{1e6f5}'),
    ('\u{1e6fe}', '\u{1e6ff}'),
    ('\u{1f6d8}', '\u{1f6d8}'),
    ('\u{1f777}', '\u{1f77a}'),
    ('\u{1f8d0}', '\u{1f8d8}'),
    ('\u{1fa54}', '\u{1fa57}'),
    ('\u{1fa8a}', '\u{1fa8a}'),
    ('\u{1fa8e}', '\u{1fa8e}'),
    ('\u{1fac8}', '\u{1fac8}'),
    ('\u{1facd}', '\u{1facd}'),
    ('\u{1faea}', '\u{1faea}'),
    ('\u{1faef}', '\u{1faef}'),
    ('\u{1fbfa}', '\u{1fbfa}'),
    ('\u{2b73a}', '\u{2b73f}'),
    ('\u{2cea2}', '\u{2cead}'),
    ('\u{323b0}', '\u{33479}'),
];

/// Whether both engines class all characters of a text alike.
pub(crate) fn are_classed_alike(text: &str) -> bool {
    text.is_ascii() || text.chars().all(|character| character < NEW[0].0 || !is_new(character))
}

fn is_new(character: char) -> bool {
    let after = NEW.partition_point(|&(first, _)| first <= character);
    after > 0 && character <= NEW[after - 1].1
}
