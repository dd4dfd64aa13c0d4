//! What was met in a corpus that a person should know of, counted. It decides nothing.

use crate::documents::record::Oddity;

/// Bad documents that are named before the rest is counted.
const NAMED: u64 = 5;

/// What was met while reading.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Documents without text.
    pub empty_documents: u64,
    /// Lines, elements, rows and files that are no documents and were passed over.
    pub bad_documents: u64,
    /// Of those the first ones, as messages that name the place.
    first_bad: Vec<String>,
    about_files: Vec<String>,
    surrogates: Counted,
    repeated: Counted,
    carriage_returns: Counted,
    markup: Counted,
    about_text: Vec<String>,
}

/// How often something was met, and where first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    count: u64,
    first: String,
}

impl Counted {
    pub(crate) fn add(&mut self, place: &str) {
        if self.count == 0 {
            place.clone_into(&mut self.first);
        }
        self.count += 1;
    }

    fn note(&self, one: &str, many: &str, what: &str) -> Option<String> {
        let Self { count, first } = self;
        let noun = if *count == 1 { one } else { many };
        (*count > 0)
            .then(|| format!("{count} {noun} {what}: {}{first}", if *count == 1 { "" } else { "first " }))
    }
}

impl Findings {
    pub(super) fn of_files(notes: Vec<String>) -> Self {
        Self { about_files: notes, ..Self::default() }
    }

    pub(super) fn add_oddities(&mut self, oddities: &[Oddity], place: &str) {
        for oddity in oddities {
            let counted = match oddity {
                Oddity::SurrogatesReplaced => &mut self.surrogates,
                Oddity::FieldRepeated => &mut self.repeated,
                Oddity::CarriageReturns => &mut self.carriage_returns,
                Oddity::Markup => &mut self.markup,
            };
            counted.add(place);
        }
    }

    pub(super) fn add_bad(&mut self, problem: String) {
        self.bad_documents += 1;
        if self.bad_documents <= NAMED {
            self.first_bad.push(problem);
        }
    }

    /// The same, with documents in which the separator is spelt.
    pub(crate) fn with_spelled_separators(mut self, separator: &str, spelled: &Counted) -> Self {
        let what = format!("{separator} in the text, which is read as text and separates nothing");
        self.about_text.extend(spelled.note("document has", "documents have", &what));
        self
    }

    /// The first bad documents, and how many more there are.
    pub(super) fn bad(&self) -> String {
        let shown = self.first_bad.join("; ");
        match self.bad_documents.saturating_sub(NAMED) {
            0 => shown,
            more => format!("{shown}; and {more} more"),
        }
    }

    /// All of it in sentences, a line each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.about_files.clone();
        if self.bad_documents > 0 {
            let documents = if self.bad_documents == 1 { "document" } else { "documents" };
            notes.push(format!("{} bad {documents} passed over: {}", self.bad_documents, self.bad()));
        }
        if self.empty_documents > 0 {
            let noun = if self.empty_documents == 1 { "document" } else { "documents" };
            notes.push(format!("{} {noun} without text passed over", self.empty_documents));
        }
        notes.extend(self.surrogates.note(
            "text has",
            "texts have",
            "half a surrogate pair, read as U+FFFD (it is no character, and has no UTF-8)",
        ));
        notes.extend(self.repeated.note(
            "document has",
            "documents have",
            "its text's field twice, and the last one counts",
        ));
        notes.extend(self.carriage_returns.note(
            "file has",
            "files have",
            "line ends of Windows, which stay in the text",
        ));
        notes.extend(self.markup.note("file looks", "files look", "like HTML or XML, and is read as text"));
        notes.extend(self.about_text.iter().cloned());
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_documents_are_named_up_to_five() {
        let mut findings = Findings::default();
        assert!(findings.notes().is_empty());
        findings.add_bad("a.jsonl, line 1: not JSON".into());
        insta::assert_snapshot!(findings.notes().join("\n"), @"1 bad document passed over: a.jsonl, line 1: not JSON");
        for line in 2..9 {
            findings.add_bad(format!("line {line}"));
        }
        insta::assert_snapshot!(findings.notes().join("\n"), @"8 bad documents passed over: a.jsonl, line 1: not JSON; line 2; line 3; line 4; line 5; and 3 more");
    }

    #[test]
    fn what_is_odd_is_counted_with_its_first_place() {
        let mut findings = Findings { empty_documents: 2, ..Findings::default() };
        findings.add_oddities(&[Oddity::SurrogatesReplaced, Oddity::FieldRepeated], "a.jsonl, line 3");
        findings.add_oddities(&[Oddity::CarriageReturns], "a.txt");
        findings.add_oddities(&[Oddity::CarriageReturns, Oddity::Markup], "b.txt");
        findings.add_oddities(&[], "c.txt");
        insta::assert_snapshot!(findings.notes().join("\n"), @r"
        2 documents without text passed over
        1 text has half a surrogate pair, read as U+FFFD (it is no character, and has no UTF-8): a.jsonl, line 3
        1 document has its text's field twice, and the last one counts: a.jsonl, line 3
        2 files have line ends of Windows, which stay in the text: first a.txt
        1 file looks like HTML or XML, and is read as text: b.txt
        ");
    }
}
