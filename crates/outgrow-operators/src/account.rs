//! What a growth of a folder would make, in words: `outgrow grow --plan`. It writes nothing.

use std::{fmt, path::PathBuf};

use outgrow_checkpoint::{Checkpoint, ShardLayout};

use crate::{
    error::GrowthError,
    folder::{grown_config, layout, side_files},
    growth::Growth,
    layer_map::LayerMap,
    plan::{GrowthPlan, plan},
};

/// Shards that are listed one by one; of more, only the first and the last.
const SHARDS_LISTED: usize = 8;

/// An account of a planned growth. Its `Display` is for people.
#[derive(Clone, Debug)]
pub struct Account {
    plan: GrowthPlan,
    layout: ShardLayout,
    side_files: Vec<PathBuf>,
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
        Ok(Self { plan, layout, side_files: side_files(source.folder())? })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, target) = (&self.plan.source, &self.plan.target);
        let parameters = [source, target].map(|model| grouped(model.num_parameters()));
        let shards = self.layout.shards();
        let count = shards.len();
        writeln!(f, "layers       {} → {}", source.num_hidden_layers, target.num_hidden_layers)?;
        writeln!(f, "made of      {}", LayerMap(&self.plan.layers))?;
        writeln!(f, "parameters   {} → {}", parameters[0], parameters[1])?;
        writeln!(f, "tensors      {}, all copied byte for byte", self.plan.tensors.len())?;
        writeln!(f, "bytes        {}", grouped(self.layout.size_bytes()))?;
        write!(f, "shards       {count}")?;
        for (index, shard) in shards.iter().enumerate() {
            if count <= SHARDS_LISTED || index == 0 || index + 1 == count {
                write!(f, "\n             {}  {} bytes", shard.file_name, grouped(shard.size_bytes()))?;
            } else if index == 1 {
                write!(f, "\n             …")?;
            }
        }
        if !self.side_files.is_empty() {
            let names = self.side_files.iter().filter_map(|file| file.file_name()?.to_str());
            write!(f, "\ncomes along  {}", names.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
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
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(0), "0");
    }
}
