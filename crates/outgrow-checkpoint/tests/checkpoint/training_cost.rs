//! `outgrow.json`: what is known of a cost survives being written, what is unknown stays unknown, and other files of
//! that name are refused.

use std::fs;

use outgrow_checkpoint::{COST_FILE, TrainingCost};
use proptest::prelude::*;

fn costs() -> impl Strategy<Value = TrainingCost> {
    let numbers = || proptest::option::of(0.0_f64..1e24);
    (proptest::option::of(0_u64..1 << 60), numbers(), numbers())
        .prop_map(|(tokens, flops, flops_6nt)| TrainingCost { tokens, flops, flops_6nt })
}

fn read(text: &str) -> Result<Option<TrainingCost>, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(COST_FILE), text).unwrap();
    let there = folder.path().display().to_string();
    TrainingCost::read(folder.path()).map_err(|error| error.to_string().replace(&there, ""))
}

proptest! {
    #[test]
    fn a_cost_that_was_written_is_read(cost in costs()) {
        prop_assert_eq!(read(&cost.to_text()), Ok(Some(cost)));
    }

    #[test]
    fn a_sum_is_known_exactly_where_both_parts_are(one in costs(), two in costs()) {
        let sum = one.plus(two);
        prop_assert_eq!(sum, two.plus(one));
        prop_assert_eq!(sum.tokens.is_some(), one.tokens.is_some() && two.tokens.is_some());
        prop_assert_eq!(sum.flops, one.flops.zip(two.flops).map(|(one, two)| one + two));
        prop_assert_eq!(sum.flops_6nt.is_some(), one.flops_6nt.is_some() && two.flops_6nt.is_some());
        prop_assert_eq!(one.plus(TrainingCost::NOTHING), one);
        prop_assert_eq!(one.plus(TrainingCost::UNKNOWN), TrainingCost::UNKNOWN);
    }
}

#[test]
fn a_folder_without_the_file_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(TrainingCost::read(folder.path()).unwrap(), None);
}

#[test]
fn a_file_that_holds_no_cost_is_refused_with_what_would_be_right() {
    let message = |text| read(text).unwrap_err();
    insta::assert_snapshot!(message("{}"), @"/outgrow.json: `format` is null, this build reads format 1");
    insta::assert_snapshot!(message(r#"{"format": 2}"#), @"/outgrow.json: `format` is 2, this build reads format 1");
    insta::assert_snapshot!(message("[1]"), @"/outgrow.json: expected a JSON object");
    insta::assert_snapshot!(message(r#"{"format": 1, "flops": -1}"#), @"/outgrow.json: `flops` is -1, expected a number from 0, or null");
    insta::assert_snapshot!(message(r#"{"format": 1, "flops_6nt": "1e9"}"#), @r#"/outgrow.json: `flops_6nt` is "1e9", expected a number from 0, or null"#);
    insta::assert_snapshot!(message(r#"{"format": 1, "tokens": 1.5}"#), @"/outgrow.json: `tokens` is 1.5, expected a whole number, or null");
    // What later versions add is let through.
    assert_eq!(
        read(r#"{"format": 1, "tokens": 7, "seconds": 1}"#),
        Ok(Some(TrainingCost { tokens: Some(7), ..TrainingCost::UNKNOWN }))
    );
}
