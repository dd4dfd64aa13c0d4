//! An evaluation that is killed goes on with what it has, and takes nothing for whole that isn't.

use std::fs;
use std::path::Path;

use outgrow_eval::{BatchLimit, EvalError, Options, Scores, ScoringProgress, TokenRequests};

use crate::support::{Hashed, documents, one_line, outline, plan, tokenizer};

const SMALL: BatchLimit = BatchLimit { requests: 3, tokens: usize::MAX };

fn requests() -> TokenRequests {
    let plan = plan(&["arc_easy", "logiqa", "wikitext"], &documents(), &Options::default()).unwrap();
    TokenRequests::new(&plan, &tokenizer(), &outline(300)).unwrap()
}

fn run(requests: &TokenRequests, model: &mut Hashed, journal: Option<&Path>) -> Result<Scores, EvalError> {
    Scores::compute(requests, model, SMALL, journal.map(|path| (path, "model 1")), &mut |_| ())
}

#[test]
fn a_killed_evaluation_scores_only_what_is_missing() {
    let requests = requests();
    let whole = run(&requests, &mut Hashed::new(outline(300)), None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut first = Hashed { batches_left: 4, ..Hashed::new(outline(300)) };
    let message = one_line(&run(&requests, &mut first, Some(&path)).unwrap_err());
    assert!(message.ends_with("the machine is switched off"), "{message}");
    let mut second = Hashed::new(outline(300));
    assert_eq!(run(&requests, &mut second, Some(&path)).unwrap(), whole);
    assert_eq!(first.scored + second.scored, requests.distinct());
    let mut third = Hashed::new(outline(300));
    assert_eq!(run(&requests, &mut third, Some(&path)).unwrap(), whole);
    assert_eq!(third.scored, 0);
}

#[test]
fn a_line_that_is_cut_anywhere_is_left_out() {
    let requests = requests();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let whole = run(&requests, &mut Hashed::new(outline(300)), Some(&path)).unwrap();
    let bytes = fs::read(&path).unwrap();
    for cut in [1, 5, 30, 70, 200] {
        fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
        let mut model = Hashed::new(outline(300));
        assert_eq!(run(&requests, &mut model, Some(&path)).unwrap(), whole);
        assert!(model.scored > 0);
        assert_eq!(fs::read(&path).unwrap().len(), bytes.len());
    }
}

#[test]
fn progress_counts_what_the_journal_had() {
    let requests = requests();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut first = Hashed { batches_left: 2, ..Hashed::new(outline(300)) };
    run(&requests, &mut first, Some(&path)).unwrap_err();
    let mut seen: Vec<ScoringProgress> = Vec::new();
    let mut model = Hashed::new(outline(300));
    Scores::compute(&requests, &mut model, SMALL, Some((&path, "model 1")), &mut |now| seen.push(now))
        .unwrap();
    assert_eq!((seen[0].done, seen[0].from_journal), (first.scored, first.scored));
    let last = seen.last().unwrap();
    assert_eq!((last.done, last.tokens), (requests.distinct(), last.total_tokens));
    assert!(seen.is_sorted_by_key(|now| now.done));
}

#[test]
fn what_is_not_this_models_journal_is_refused() {
    let requests = requests();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    run(&requests, &mut Hashed::new(outline(300)), Some(&path)).unwrap();
    let refused = |path: &Path, identity: &str| {
        let mut model = Hashed::new(outline(300));
        let error =
            Scores::compute(&requests, &mut model, SMALL, Some((path, identity)), &mut |_| ()).unwrap_err();
        error.to_string().replace(path.to_str().unwrap(), "JOURNAL")
    };
    insta::assert_snapshot!(refused(&path, "model 2"), @"JOURNAL: has scores of another model (model 1); remove it or name another file");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen(" 0 ", " 1 ", 1)).unwrap();
    assert!(refused(&path, "model 1").ends_with("is no score; remove the file"));
    fs::write(&path, "something else\n").unwrap();
    insta::assert_snapshot!(refused(&path, "model 1"), @"JOURNAL: not a journal of scores; name another file");
}
