//! What a growth of a folder would make, in words: `outgrow grow --plan`. It writes nothing.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use outgrow_checkpoint::{ShardLayout, layer_index, name_in_layer};

use crate::{
    depth::LayerOrigin,
    error::GrowthError,
    folder::{layout, side_files},
    folder_plan::FolderPlan,
    layer_map::LayerMap,
    origin::Origin,
    pattern::connection_rate,
    source::Source,
    values::rows_and_columns,
};

/// Shards that are listed one by one; of more, only the first and the last.
const SHARDS_LISTED: usize = 8;

/// An account of a planned growth. Its `Display` is for people.
#[derive(Clone, Debug)]
pub struct Account {
    plan: FolderPlan,
    source_parameters: u64,
    layout: ShardLayout,
    side_files: Vec<PathBuf>,
}

impl Account {
    /// What a plan would make; nothing is written.
    ///
    /// # Errors
    /// Tensors of the plan that aren't in the source; a folder that can't be read.
    pub fn new(source: &Source, plan: FolderPlan, shard_size_bytes: u64) -> Result<Self, GrowthError> {
        let source_parameters = source.num_parameters();
        let layout = layout(source.weights(), &plan, shard_size_bytes)?;
        Ok(Self { plan, source_parameters, layout, side_files: side_files(source.weights().folder())? })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FolderPlan { source_layers, layers, preservation, .. } = &self.plan;
        let parameters = grouped(self.plan.num_parameters());
        writeln!(f, "layers       {source_layers} → {}", layers.len())?;
        writeln!(f, "made of      {}", layers_in_words(layers))?;
        writeln!(f, "function     {preservation}")?;
        writeln!(f, "parameters   {} → {parameters}", grouped(self.source_parameters))?;
        self.write_tensors(f)?;
        writeln!(f, "bytes        {}", grouped(self.layout.size_bytes()))?;
        self.write_shards(f)?;
        if !self.side_files.is_empty() {
            let names = self.side_files.iter().filter_map(|file| file.file_name()?.to_str());
            write!(f, "\ncomes along  {}", names.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

impl Account {
    fn write_tensors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tensors = &self.plan.tensors;
        let copied = tensors.iter().filter(|tensor| matches!(tensor.origin, Origin::Copy { .. })).count();
        if copied == tensors.len() {
            return writeln!(f, "tensors      {copied}, all copied byte for byte");
        }
        writeln!(
            f,
            "tensors      {}: {copied} copied byte for byte, {} computed",
            tensors.len(),
            tensors.len() - copied
        )?;
        let mut groups: BTreeMap<(bool, String, String), usize> = BTreeMap::new();
        for tensor in tensors.iter().filter(|tensor| !matches!(tensor.origin, Origin::Copy { .. })) {
            let is_layer = layer_index(&tensor.name).is_some();
            let kind = name_in_layer(&tensor.name);
            let made = format!("{:?} {}", tensor.shape, in_words(&tensor.origin, &tensor.shape));
            *groups.entry((is_layer, kind.to_owned(), made)).or_default() += 1;
        }
        for ((_, kind, made), count) in groups {
            writeln!(f, "             {kind} ×{count}  {made}")?;
        }
        Ok(())
    }

    fn write_shards(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards = self.layout.shards();
        let count = shards.len();
        write!(f, "shards       {count}")?;
        for (index, shard) in shards.iter().enumerate() {
            if count <= SHARDS_LISTED || index == 0 || index + 1 == count {
                write!(f, "\n             {}  {} bytes", shard.file_name, grouped(shard.size_bytes()))?;
            } else if index == 1 {
                write!(f, "\n             …")?;
            }
        }
        Ok(())
    }
}

/// The layer map of the copies, and where the other layers stand.
fn layers_in_words(layers: &[LayerOrigin]) -> String {
    let sources = |wanted: fn(&LayerOrigin) -> bool| -> Vec<usize> {
        layers.iter().filter(|layer| wanted(layer)).filter_map(|layer| layer.source()).collect()
    };
    let places = |wanted: fn(&LayerOrigin) -> bool| -> Vec<usize> {
        layers.iter().enumerate().filter(|(_, layer)| wanted(layer)).map(|(index, _)| index).collect()
    };
    let copies = sources(|layer| matches!(layer, LayerOrigin::Copy(_)));
    let (kept, neighbours) = connection_rate(&copies);
    let kept =
        if kept < neighbours { format!(" ({kept} of {neighbours} neighbours kept)") } else { String::new() };
    let mut words = vec![format!("{}{kept}", LayerMap(&copies))];
    let silent = places(|layer| matches!(layer, LayerOrigin::Identity(_)));
    if !silent.is_empty() {
        let of = sources(|layer| matches!(layer, LayerOrigin::Identity(_)));
        words.push(format!("layers {} are {} with zero outputs", LayerMap(&silent), LayerMap(&of)));
    }
    let fresh = places(|layer| *layer == LayerOrigin::Fresh);
    if !fresh.is_empty() {
        words.push(format!("layers {} are fresh", LayerMap(&fresh)));
    }
    words.join("; ")
}

fn in_words(origin: &Origin, shape: &[usize]) -> String {
    match origin {
        Origin::Copy { .. } => "copied".to_owned(),
        Origin::Fresh(fill) => fill.to_string(),
        Origin::Widened { of, widening } => {
            let (rows, columns) = rows_and_columns(shape);
            let sides = [("rows", &widening.rows, rows), ("columns", &widening.columns, columns)];
            let sides = sides.into_iter().filter_map(|(side, channels, size)| {
                let channels = channels.as_ref()?;
                let new = channels.iter().filter(|channel| channel.is_none()).count();
                let scaled =
                    channels.iter().flatten().any(|channel| channel.scale.to_bits() != 1_f32.to_bits());
                let new = if new > 0 { format!(", {new} new") } else { String::new() };
                Some(format!("{size} {side}{new}{}", if scaled { ", scaled" } else { "" }))
            });
            let sides = sides.collect::<Vec<_>>().join("; ");
            match &**of {
                Origin::Copy { .. } => sides,
                other => format!("{sides}; of ({})", in_words(other, shape)),
            }
        }
        Origin::Sum { terms } => {
            let terms = terms.iter().map(|(weight, term)| format!("{weight} · ({})", in_words(term, shape)));
            terms.collect::<Vec<_>>().join(" + ")
        }
        Origin::Mapped { .. } => "mapped by matrices".to_owned(),
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
