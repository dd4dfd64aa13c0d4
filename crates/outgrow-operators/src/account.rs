//! What a growth of a folder would make, in words: `outgrow grow --plan`.

use std::fmt;

use outgrow_checkpoint::{Checkpoint, ShardLayout};

use crate::{
    error::GrowthError,
    folder::{grown_config, layout},
    growth::Growth,
    plan::{GrowthPlan, plan},
};

/// Shards that are listed one by one; of more, only the first and the last.
const SHARDS_LISTED: usize = 8;

/// An account of a planned growth. Its `Display` is for people.
#[derive(Clone, Debug)]
pub struct Account {
    plan: GrowthPlan,
    layout: ShardLayout,
}

impl Account {
    /// Plans the growth of a folder; nothing is written.
    ///
    /// # Errors
    /// As [`crate::grow_folder`], but for the target.
    pub fn new(source: &Checkpoint, growth: &Growth, shard_size_bytes: u64) -> Result<Self, GrowthError> {
        let plan = plan(source.config(), growth)?;
        grown_config(source.raw_config(), &plan)?;
        let layout = layout(source, &plan, shard_size_bytes)?;
        Ok(Self { plan, layout })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, layout } = self;
        let (source, target) = (&plan.source, &plan.target);
        writeln!(f, "layers       {} → {}", source.num_hidden_layers, target.num_hidden_layers)?;
        writeln!(f, "made of      {}", layer_map(&plan.layers))?;
        writeln!(
            f,
            "parameters   {} → {}",
            grouped(source.num_parameters()),
            grouped(target.num_parameters())
        )?;
        let bytes: u64 = layout.shards.iter().map(|shard| shard.size_bytes).sum();
        writeln!(f, "tensors      {}, all copied byte for byte", plan.tensors.len())?;
        writeln!(f, "bytes        {}", grouped(bytes))?;
        write!(f, "shards       {}", layout.shards.len())?;
        let count = layout.shards.len();
        for (index, shard) in layout.shards.iter().enumerate() {
            if count <= SHARDS_LISTED || index == 0 || index + 1 == count {
                write!(f, "\n             {}  {} bytes", shard.file, grouped(shard.size_bytes))?;
            } else if index == 1 {
                write!(f, "\n             …")?;
            }
        }
        Ok(())
    }
}

/// `0-5 ×4`, `0-5, 2-7`: runs of rising layers, repeated runs counted.
fn layer_map(layers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for &layer in layers {
        match runs.last_mut() {
            Some((_, last, _)) if *last + 1 == layer => *last = layer,
            _ => runs.push((layer, layer, 1)),
        }
    }
    let mut counted: Vec<(usize, usize, usize)> = Vec::new();
    for run in runs {
        match counted.last_mut() {
            Some((first, last, count)) if (*first, *last) == (run.0, run.1) => *count += 1,
            _ => counted.push(run),
        }
    }
    let words = counted.iter().map(|(first, last, count)| {
        let run = if first == last { first.to_string() } else { format!("{first}-{last}") };
        if *count == 1 { run } else { format!("{run} ×{count}") }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_map_is_written_in_runs() {
        assert_eq!(layer_map(&[0, 1, 2, 0, 1, 2]), "0-2 ×2");
        assert_eq!(layer_map(&[0, 0, 1, 1]), "0 ×2, 1 ×2");
        assert_eq!(layer_map(&[0, 1, 2, 1, 2, 3]), "0-2, 1-3");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
    }
}
