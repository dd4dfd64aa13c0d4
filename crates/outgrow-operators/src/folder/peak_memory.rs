//! What carrying out a plan on folders will hold in memory at its fullest. An estimate from the plan alone: nothing is
//! measured.

use std::{collections::BTreeMap, sync::Arc};

use outgrow_checkpoint::HostTensor;

use crate::{
    execute::{
        products::ROWS_AT_ONCE,
        values::{VALUES_AT_ONCE, reach, rows_and_columns},
    },
    plan::origin::{Channels, Origin, PlannedTensor},
};

/// The program itself, its threads, and the buffers of copying and hashing.
const PROGRAM_BYTES: u64 = 10 << 20;
const VALUE_BYTES: u64 = 4;
/// The values of a piece, and the same as they are stored.
const PIECE_COPIES: u64 = 2;

/// Bytes at the fullest moment.
pub(crate) fn peak_memory_bytes(
    tensors: &[PlannedTensor],
    is_copied: impl Fn(&PlannedTensor) -> bool,
) -> u64 {
    let computed = tensors.iter().filter(|tensor| !is_copied(tensor)).map(|tensor| {
        let (rows, columns) = rows_and_columns(&tensor.shape);
        let piece = VALUES_AT_ONCE.max(columns).min(rows.saturating_mul(columns)) as u64;
        PIECE_COPIES * piece * VALUE_BYTES + products(&tensor.origin, rows, columns)
    });
    let mut shared = BTreeMap::new();
    for tensor in tensors {
        visit_shared(&tensor.origin, &mut shared);
    }
    PROGRAM_BYTES + computed.max().unwrap_or(0) + shared.values().sum::<u64>()
}

/// Bytes of the products that a mapped tensor keeps while its rows are made.
fn products(origin: &Origin, rows: usize, columns: usize) -> u64 {
    match origin {
        Origin::Copy { .. } | Origin::Fresh(_) => 0,
        Origin::Widened { of, widening } => {
            let rows = reach(widening.rows.as_ref(), rows);
            let columns = reach(widening.columns.as_ref(), columns);
            // Products under a widening are whole in memory.
            let whole = if has_products(of) { rows as u64 * columns as u64 * VALUE_BYTES } else { 0 };
            whole + products(of, rows, columns)
        }
        Origin::Sum { terms } => terms.iter().map(|(_, term)| products(term, rows, columns)).sum(),
        Origin::Mapped { of, left, right } => {
            let inner_rows = left.as_ref().map_or(rows, |left| left.shape[1]);
            let inner_columns = right.as_ref().map_or(columns, |right| right.shape[1]);
            let product = if left.is_some() { inner_rows * columns } else { 0 };
            let block = rayon::current_num_threads() * ROWS_AT_ONCE.min(rows) * inner_columns;
            (product + block) as u64 * VALUE_BYTES + products(of, inner_rows, inner_columns)
        }
    }
}

fn has_products(origin: &Origin) -> bool {
    match origin {
        Origin::Mapped { .. } => true,
        Origin::Sum { terms } => terms.iter().any(|(_, term)| has_products(term)),
        Origin::Copy { .. } | Origin::Fresh(_) | Origin::Widened { .. } => false,
    }
}

/// Bytes of what tensors share, by its address: channels of a width, and matrices.
fn visit_shared(origin: &Origin, shared: &mut BTreeMap<usize, u64>) {
    match origin {
        Origin::Copy { .. } | Origin::Fresh(_) => {}
        Origin::Widened { of, widening } => {
            let both = [&widening.rows, &widening.columns].into_iter().flatten();
            shared.extend(both.map(|channels: &Channels| {
                (Arc::as_ptr(channels).addr(), size_of_val::<[_]>(channels) as u64)
            }));
            visit_shared(of, shared);
        }
        Origin::Sum { terms } => terms.iter().for_each(|(_, term)| visit_shared(term, shared)),
        Origin::Mapped { of, left, right } => {
            let both = [left, right].into_iter().flatten();
            shared.extend(both.map(|matrix: &Arc<HostTensor>| {
                (Arc::as_ptr(matrix).addr(), matrix.values.len() as u64 * VALUE_BYTES)
            }));
            visit_shared(of, shared);
        }
    }
}
