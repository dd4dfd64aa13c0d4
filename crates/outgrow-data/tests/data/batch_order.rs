//! The laws of batches: each epoch covers the corpus once, and a batch is the same however one comes to it.

use std::sync::Arc;

use outgrow_data::{Batch, Batches, DataError, Order, Prefetch, PrefetchOptions, TokenShards};
use proptest::prelude::*;

use crate::support::{Workshop, ids};

/// A corpus of one document, `0 2 3 4 …`, long enough for `samples` samples and no more.
fn corpus(workshop: &Workshop, samples: usize, sequence_length: usize) -> (Arc<TokenShards>, Vec<u32>) {
    let words: Vec<u32> = (0..(samples * sequence_length) as u32).map(|word| word % 50).collect();
    let all = ids(std::slice::from_ref(&words));
    (workshop.shards("shards", &[words], 37), all)
}

fn ahead(batches: Batches, first_sample: u64, sequences: usize, depth: usize) -> Prefetch {
    Prefetch::new(batches, PrefetchOptions { first_sample, sequences, depth })
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Sequential), any::<u64>().prop_map(|seed| Order::Shuffled { seed })]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_epoch_holds_every_sample_exactly_once(
        samples in 1_usize..40, sequence_length in 1_usize..9, epoch in 0_u64..5, order in order(),
    ) {
        let workshop = Workshop::new(50);
        let (shards, all) = corpus(&workshop, samples, sequence_length);
        let batches = Batches::new(shards, sequence_length, order).unwrap();
        prop_assert_eq!(batches.num_samples(), samples as u64);

        let first = epoch * samples as u64;
        let whole = batches.batch(first, samples).unwrap();
        let read = |row: usize, values: &[i32]| values[row * sequence_length..][..sequence_length].to_vec();
        for (row, index) in (first..first + samples as u64).enumerate() {
            let sample = batches.order().sample(index) as usize;
            let window: Vec<i32> =
                all[sample * sequence_length..][..=sequence_length].iter().map(|&id| id as i32).collect();
            prop_assert_eq!(read(row, &whole.inputs), &window[..sequence_length]);
            prop_assert_eq!(read(row, &whole.targets), &window[1..]);
        }
        let mut visited: Vec<_> = (first..first + samples as u64).map(|index| batches.order().sample(index)).collect();
        visited.sort_unstable();
        prop_assert_eq!(visited, (0..samples as u64).collect::<Vec<_>>());
    }

    #[test]
    fn a_batch_is_its_samples_one_after_the_other(
        samples in 4_usize..40, sequences in 1_usize..5, first in 0_u64..200, order in order(),
    ) {
        let workshop = Workshop::new(50);
        let batches = Batches::new(corpus(&workshop, samples, 5).0, 5, order).unwrap();
        let singles: Vec<Batch> =
            (0..sequences as u64).map(|row| batches.batch(first + row, 1).unwrap()).collect();
        let batch = batches.batch(first, sequences).unwrap();
        prop_assert_eq!(batch.num_tokens(), 5 * sequences as u64);
        prop_assert_eq!(batch.inputs, singles.iter().flat_map(|single| single.inputs.clone()).collect::<Vec<_>>());
        prop_assert_eq!(batch.targets, singles.iter().flat_map(|single| single.targets.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn batches_made_ahead_are_the_same_and_go_on_from_anywhere(
        samples in 4_usize..40, sequences in 1_usize..5, skipped in 0_usize..30, depth in 0_usize..4, order in order(),
    ) {
        let workshop = Workshop::new(50);
        let batches = Batches::new(corpus(&workshop, samples, 3).0, 3, order).unwrap();
        let from_start: Vec<Batch> =
            ahead(batches.clone(), 0, sequences, depth).skip(skipped).take(6).map(Result::unwrap).collect();
        let first = (skipped * sequences) as u64;
        let resumed: Vec<Batch> =
            ahead(batches.clone(), first, sequences, depth).take(6).map(Result::unwrap).collect();
        let direct: Vec<Batch> =
            (0..6).map(|step| batches.batch(first + step * sequences as u64, sequences).unwrap()).collect();
        prop_assert_eq!(&from_start, &direct);
        prop_assert_eq!(&resumed, &direct);
    }
}

#[test]
fn dropping_the_iterator_ends_its_thread() {
    let workshop = Workshop::new(50);
    let (shards, _) = corpus(&workshop, 20, 3);
    let mut ahead = ahead(Batches::new(Arc::clone(&shards), 3, Order::Sequential).unwrap(), 0, 2, 2);
    ahead.next().unwrap().unwrap();
    drop(ahead);
    // The thread owned the other handle.
    assert_eq!(Arc::strong_count(&shards), 1);
}

#[test]
fn an_error_is_the_last_thing_that_comes_through_the_iterator() {
    let workshop = Workshop::new(50);
    let (shards, _) = corpus(&workshop, 20, 3);
    let mut ahead = ahead(Batches::new(shards, 3, Order::Sequential).unwrap(), 0, 21, 2);
    assert!(matches!(
        ahead.next(),
        Some(Err(DataError::CorpusShorterThanBatch { num_samples: 20, sequences: 21, .. }))
    ));
    assert!(ahead.next().is_none());
}

#[test]
fn tokens_left_over_at_the_end_make_no_sample() {
    let workshop = Workshop::new(50);
    // One separator and twelve words: three windows of four and the token behind the last, or two of five and two over.
    let shards = workshop.shards("shards", &[vec![1; 12]], 100);
    let samples =
        |length| Batches::new(Arc::clone(&shards), length, Order::Sequential).unwrap().num_samples();
    assert_eq!([samples(4), samples(5), samples(12)], [3, 2, 1]);
}
