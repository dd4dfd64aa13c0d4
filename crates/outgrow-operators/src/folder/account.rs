//! What a growth of a folder would make, in words: `outgrow grow --plan`. It writes nothing.

use std::{collections::BTreeMap, fmt};

use outgrow_checkpoint::tensor_names::{layer_index, name_in_layer};
use serde_json::{Value, json};

use crate::{
    execute::values::rows_and_columns,
    folder::{
        growth::{Decided, FolderGrowth},
        mask::Mask,
        peak_memory::peak_memory_bytes,
        plan::Planned,
        shards::GrownMoments,
        thousands::grouped,
    },
    plan::{
        layer_map::{LayerMap, layers_in_words},
        origin::Origin,
    },
};

/// Shards that are listed one by one; of more, only the first and the last.
const SHARDS_LISTED: usize = 8;

/// An account of a growth that is decided. Its `Display` is for people.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    planned: &'a Planned,
    decided: &'a Decided,
    bytes_per_second: Option<f64>,
}

impl<S> FolderGrowth<S> {
    /// What would be made, and what it would take.
    pub fn account(&self) -> Account<'_> {
        Account { planned: &self.plan.planned, decided: &self.decided, bytes_per_second: None }
    }
}

impl Account<'_> {
    /// The same with the time that it will take at a speed: the bytes a second that the target's disk takes.
    #[must_use]
    pub fn at_speed(self, bytes_per_second: f64) -> Self {
        Self { bytes_per_second: Some(bytes_per_second), ..self }
    }

    /// The same for programs. What has no meaning here is null.
    pub fn to_json(&self) -> Value {
        let Planned { config, source_layers, layers, width, preservation, mask, .. } = self.planned;
        let Decided { weights, moments, source_parameters, missing_shards, side_files, .. } = self.decided;
        let names = side_files.iter().filter_map(|file| file.file_name()?.to_str());
        json!({
            "format": 1,
            "config": config,
            "source_layers": source_layers,
            "layers": layers.len(),
            "made_of": layers_in_words(layers),
            "width": if width.is_empty() { Value::Null } else { width.as_str().into() },
            "function": preservation.to_string(),
            "mask": mask.as_ref().map(|mask| json!({ "mask": mask.mask, "ramp_tokens": mask.ramp_tokens })),
            "source_parameters": source_parameters,
            "parameters": self.planned.num_parameters(),
            "tensors": weights.tensors.len(),
            "copied_tensors": weights.tensors.iter().filter(|tensor| weights.is_copied(tensor)).count(),
            "bytes": weights.layout.size_bytes(),
            "shards": weights.layout.shards().iter().map(|shard| {
                json!({ "file": shard.file_name, "bytes": shard.size_bytes() })
            }).collect::<Vec<_>>(),
            "moments": moments.as_ref().map(|GrownMoments { policy, set, .. }| json!({
                "policy": policy.to_string(),
                "tensors": set.tensors.len(),
                "bytes": set.layout.size_bytes(),
                "files": set.layout.shards().len(),
            })),
            "memory_bytes": self.memory_bytes(),
            "bytes_per_second": self.bytes_per_second,
            "seconds": self.seconds(),
            "missing_shards": missing_shards,
            "side_files": names.collect::<Vec<_>>(),
        })
    }

    /// What writing takes, where the disk's speed is known.
    fn seconds(&self) -> Option<f64> {
        let moments = self.decided.moments.as_ref().map_or(0, |moments| moments.set.layout.size_bytes());
        let bytes = self.decided.weights.layout.size_bytes() + moments;
        Some(bytes as f64 / self.bytes_per_second?)
    }

    /// Weights and moments are made one after the other.
    fn memory_bytes(&self) -> u64 {
        let moments = self.decided.moments.as_ref().map(|moments| &moments.set);
        let sets = std::iter::once(&self.decided.weights).chain(moments);
        sets.map(|set| peak_memory_bytes(&set.tensors, |tensor| set.is_copied(tensor))).max().unwrap_or(0)
    }
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Planned { source_layers, layers, width, preservation, .. } = self.planned;
        let parameters = grouped(self.planned.num_parameters());
        writeln!(f, "layers       {source_layers} → {}", layers.len())?;
        writeln!(f, "made of      {}", layers_in_words(layers))?;
        if !width.is_empty() {
            writeln!(f, "width        {width}")?;
        }
        writeln!(f, "function     {preservation}")?;
        self.write_mask(f)?;
        writeln!(f, "parameters   {} → {parameters}", grouped(self.decided.source_parameters))?;
        self.write_tensors(f)?;
        writeln!(f, "bytes        {}", grouped(self.decided.weights.layout.size_bytes()))?;
        self.write_shards(f)?;
        self.write_moments(f)?;
        self.write_costs(f)?;
        if self.decided.missing_shards > 0 {
            let missing = self.decided.missing_shards;
            write!(
                f,
                "\nnot there    {missing} of the source's shards: shapes and types are those of config.json"
            )?;
        }
        if !self.decided.side_files.is_empty() {
            let names = self.decided.side_files.iter().filter_map(|file| file.file_name()?.to_str());
            write!(f, "\ncomes along  {}", names.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

impl Account<'_> {
    fn write_tensors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = &self.decided.weights;
        let (count, computed) =
            (set.tensors.len(), set.tensors.iter().filter(|tensor| !set.is_copied(tensor)));
        let copied = count - computed.clone().count();
        if copied == count {
            return writeln!(f, "tensors      {copied}, all copied byte for byte");
        }
        writeln!(f, "tensors      {count}: {copied} copied byte for byte, {} computed", count - copied)?;
        let mut groups: BTreeMap<(bool, String, String), usize> = BTreeMap::new();
        for tensor in computed {
            let is_layer = layer_index(&tensor.name).is_some();
            let kind = name_in_layer(&tensor.name);
            let words = match &tensor.origin {
                Origin::Copy { .. } => "copied, in another type".to_owned(),
                origin => in_words(origin, &tensor.shape),
            };
            let made = format!("{:?} {words}", tensor.shape);
            *groups.entry((is_layer, kind.to_owned(), made)).or_default() += 1;
        }
        for ((_, kind, made), count) in groups {
            writeln!(f, "             {kind} ×{count}  {made}")?;
        }
        Ok(())
    }

    fn write_shards(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards = self.decided.weights.layout.shards();
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

impl Account<'_> {
    fn write_mask(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Mask { mask, ramp_tokens, masked }) = &self.planned.mask else { return Ok(()) };
        let parts = masked.named().into_iter().filter(|(_, ranges)| !ranges.is_empty());
        let parts = parts.map(|(name, ranges)| {
            let indices: Vec<usize> = ranges.iter().flat_map(|[first, end]| *first..*end).collect();
            format!("{name} {}", LayerMap(&indices))
        });
        let parts = parts.collect::<Vec<_>>().join("; ");
        let ramp = ramp_tokens.map(|tokens| format!(", to open over {} tokens", grouped(tokens)));
        writeln!(f, "mask         {mask} over {parts}{}", ramp.unwrap_or_default())
    }

    fn write_moments(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(GrownMoments { policy, set, .. }) = &self.decided.moments else { return Ok(()) };
        let (tensors, layout) = (set.tensors.len(), &set.layout);
        let (bytes, shards) = (grouped(layout.size_bytes()), layout.shards().len());
        let files = if shards == 1 { "1 file".to_owned() } else { format!("{shards} files") };
        write!(f, "\nmoments      {policy}: {tensors} tensors, {bytes} bytes in {files}")
    }

    fn write_costs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nmemory       about {} MB", megabytes(self.memory_bytes() as f64))?;
        let (Some(bytes_per_second), Some(seconds)) = (self.bytes_per_second, self.seconds()) else {
            return Ok(());
        };
        let time = in_time(seconds);
        write!(f, "\ntime         {time} of writing at {} MB/s, measured", megabytes(bytes_per_second))
    }
}

/// Whole ones, decimal, at least 1.
fn megabytes(bytes: f64) -> String {
    grouped((bytes / 1e6).round().max(1.0) as u64)
}

fn in_time(seconds: f64) -> String {
    match seconds {
        short if short < 59.5 => format!("{short:.1} s"),
        long if long < 3570.0 => format!("{:.0} min", long / 60.0),
        longer => format!("{:.1} h", longer / 3600.0),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_the_unit_that_fits() {
        assert_eq!(
            [0.04, 59.4, 59.6, 3569.0, 3571.0, 9000.0].map(in_time).join(", "),
            "0.0 s, 59.4 s, 1 min, 59 min, 1.0 h, 2.5 h"
        );
    }
}
