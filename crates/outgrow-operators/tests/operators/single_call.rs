//! A folder grown in a single call: what it tells of its progress, and what is left when it is stopped.

use std::ops::ControlFlow;

use outgrow_checkpoint::{Checkpoint, read_checkpoint};
use outgrow_operators::{GrowOptions, GrowProgress, Growth, GrowthError, Moments, grow_folder};

use crate::folder::{Folder, names_in};

const STACK: [Growth; 1] = [Growth::Stack { factor: 2 }];

#[test]
fn progress_counts_every_tensor_and_byte_of_the_grown_folder_once() {
    let source = Folder::new(2, |_| ());
    let target = source.beside("target");
    let mut seen: Vec<GrowProgress> = Vec::new();
    let options = GrowOptions { shard_size_bytes: 1500, ..GrowOptions::default() };
    let made = grow_folder(&source.folder, &target, &STACK, &options, &mut |now| {
        seen.push(now);
        ControlFlow::Continue(())
    });
    let made = made.unwrap();
    assert!(made.grown.shards > 3 && made.notes.is_empty(), "{made:?}");
    let grown = Checkpoint::open(&target).unwrap();
    let sizes: Vec<u64> =
        grown.tensors().map(|tensor| grown.bytes(&tensor.name).unwrap().len() as u64).collect();
    assert_eq!(seen.iter().map(|now| now.tensors).collect::<Vec<_>>(), (1..=sizes.len()).collect::<Vec<_>>());
    let last = seen.last().unwrap();
    assert_eq!((last.total_tensors, last.total_bytes), (sizes.len(), sizes.iter().sum()));
    assert_eq!((last.tensors, last.bytes), (last.total_tensors, last.total_bytes));
    assert!(seen.windows(2).all(|pair| pair[0].bytes < pair[1].bytes));
    assert_eq!(read_checkpoint(&target).unwrap().1, grown.to_named_tensors().unwrap());
}

#[test]
fn a_growth_that_is_stopped_leaves_nothing_and_can_be_done_again() {
    let source = Folder::new(2, |_| ());
    let target = source.beside("target");
    for at in [1, 5] {
        let error = grow_folder(&source.folder, &target, &STACK, &GrowOptions::default(), &mut |now| {
            if now.tensors == at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let error = error.unwrap_err();
        assert!(matches!(error, GrowthError::Stopped) && !error.is_input(), "{error}");
        assert_eq!(names_in(source.dir.path()), ["source"], "stopped after {at}");
    }
    let carry_on = &mut |_| ControlFlow::Continue(());
    grow_folder(&source.folder, &target, &STACK, &GrowOptions::default(), carry_on).unwrap();
    assert_eq!(names_in(source.dir.path()), ["source", "target"]);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let source = Folder::new(2, |_| ());
    let target = source.beside("target");
    let carry_on = &mut |_| ControlFlow::Continue(());
    let options = GrowOptions { moments: Moments::Copy, ..GrowOptions::default() };
    let error = grow_folder(&source.folder, &target, &STACK, &options, carry_on).unwrap_err();
    assert!(matches!(error, GrowthError::MomentsMissing { .. }), "{error}");
    let factor_zero = [Growth::Stack { factor: 0 }];
    let error = grow_folder(&source.folder, &target, &factor_zero, &GrowOptions::default(), carry_on);
    assert!(matches!(error.unwrap_err(), GrowthError::FactorZero));
    assert_eq!(names_in(source.dir.path()), ["source"]);
}
