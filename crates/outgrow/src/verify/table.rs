//! The comparison in words and columns, for a terminal. All numbers are computed elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use outgrow_checkpoint::tensor_names::layer_index;
use outgrow_operators::LayerMap;

use super::{
    Function, Models, Verification,
    bytes::Relation,
    layers::{ComparedLayer, by_kind},
    symmetry::{Copies, Side, Symmetry},
};

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source     {}", self.source.display())?;
        writeln!(f, "target     {}", self.target.display())?;
        match (&self.models, &self.not_run) {
            (Some(models), _) => models.write_numbers(f, self.repeats_layers())?,
            (None, reason) => {
                let reason = reason.as_deref().unwrap_or_default();
                writeln!(f, "models     not run, only their bytes are compared: {reason}")?;
            }
        }
        self.write_bytes(f)?;
        let Some(models) = &self.models else { return Ok(()) };
        self.write_layers(f, models)?;
        models.write_gradients(f)?;
        models.symmetry.fmt(f)
    }
}

impl Verification {
    /// Whether a layer of the source stands in the target more than once.
    fn repeats_layers(&self) -> bool {
        let mut seen = BTreeSet::new();
        let whole = self.layers.iter().filter(|layer| layer.other_tensors.is_empty());
        whole.filter_map(|layer| layer.source_layer).any(|source| !seen.insert(source))
    }

    fn write_bytes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.tensors.iter().filter(|tensor| !tensor.identical_to.is_empty()).count();
        let all = self.tensors.len();
        write!(f, "\nbytes      {found} of {all} tensors are byte-identical to one of the source")?;
        let mut kinds: BTreeMap<Option<&[String]>, Vec<&ComparedLayer>> = BTreeMap::new();
        for layer in &self.layers {
            let others = layer.source_layer.map(|_| &layer.other_tensors[..]);
            kinds.entry(others).or_default().push(layer);
        }
        for (others, layers) in kinds {
            let numbers: Vec<_> = layers.iter().map(|layer| layer.layer).collect();
            let sources: Vec<_> = layers.iter().filter_map(|layer| layer.source_layer).collect();
            let (numbers, sources) = (LayerMap(&numbers), LayerMap(&sources));
            let (layers, are, of) =
                if layers.len() == 1 { ("layer", "is", "layer") } else { ("layers", "are", "layers") };
            write!(f, "\n           {layers} {numbers} {are} ")?;
            match others {
                None => write!(f, "made of other tensors than the source's")?,
                Some([]) => write!(f, "{of} {sources}")?,
                Some(others) => write!(f, "{of} {sources} but for {}", others.join(", "))?,
            }
        }
        for (relation, words) in [
            (Relation::Kept, "kept"),
            (Relation::Copied, "copied from elsewhere"),
            (Relation::Changed, "changed"),
            (Relation::New, "new"),
        ] {
            let outside = self.tensors.iter().filter(|tensor| layer_index(&tensor.name).is_none());
            let names: Vec<&str> = outside
                .filter(|tensor| tensor.relation == relation)
                .map(|tensor| tensor.name.as_str())
                .collect();
            if !names.is_empty() {
                write!(f, "\n           {words}: {}", names.join(", "))?;
            }
        }
        for words in by_kind(self.left_out.iter().map(String::as_str)) {
            write!(f, "\n           left out: {words}")?;
        }
        writeln!(f)
    }

    fn write_layers(&self, f: &mut fmt::Formatter<'_>, models: &Models) -> fmt::Result {
        writeln!(f, "\nlayer      made of     output RMS   the source's   gradient norm")?;
        let (source, target) = (&models.source, &models.target);
        let embedding = (number(target.embedding_rms), number(source.embedding_rms));
        writeln!(f, "{:<10} {:<11} {:<12} {}", "embedding", "", embedding.0, embedding.1)?;
        for layer in &self.layers {
            let made_of = match layer.source_layer {
                None => "other".to_owned(),
                Some(source) if layer.other_tensors.is_empty() => source.to_string(),
                Some(source) => format!("{source} in part"),
            };
            // Of the layer that it is made of; failing that, of the same number.
            let counterpart = layer.source_layer.unwrap_or(layer.layer);
            let before =
                source.layer_output_rms.get(counterpart).map_or_else(String::new, |rms| number(*rms));
            let rms = layer.output_rms.map_or_else(String::new, number);
            let gradient = layer.gradient_norm.map_or_else(String::new, number);
            writeln!(f, "{:<10} {made_of:<11} {rms:<12} {before:<14} {gradient}", layer.layer)?;
        }
        Ok(())
    }
}

impl Models {
    fn write_numbers(&self, f: &mut fmt::Formatter<'_>, repeats_layers: bool) -> fmt::Result {
        let (sequences, length) = (self.sequences, self.sequence_length);
        writeln!(f, "tokens     {} ({sequences} × {length}): {}", sequences * length, self.text)?;
        writeln!(f, "loss       {} → {} nats a token", number(self.source.loss), number(self.target.loss))?;
        match &self.logits {
            None => write!(f, "logits     not compared: the vocabularies differ")?,
            Some(logits) => {
                let differences = (number(logits.largest_difference), number(logits.difference_rms));
                write!(f, "logits     max |Δ| {}, RMS Δ {}", differences.0, differences.1)?;
                writeln!(f, " (the source's RMS is {})", number(logits.rms))?;
                match logits.function {
                    Function::Preserved => write!(f, "function   preserved")?,
                    Function::PreservedToRounding => {
                        write!(f, "function   preserved to the rounding of {}", logits.dtype)?;
                    }
                    Function::NotPreserved if repeats_layers => write!(
                        f,
                        "function   not preserved, as always where layers are repeated (stack, interleave): training \
                         brings the loss back"
                    )?,
                    Function::NotPreserved => write!(f, "function   not preserved")?,
                }
            }
        }
        writeln!(f)
    }

    fn write_gradients(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, target) = (number(self.source.gradient_norm), number(self.target.gradient_norm));
        writeln!(f, "\ngradients  norm {source} → {target}; of the target's:")?;
        for (relation, group) in &self.gradient_groups {
            let words = match relation {
                Relation::Kept => "kept as they were",
                Relation::Copied => "copied from elsewhere",
                Relation::Changed => "changed",
                Relation::New => "new",
            };
            let norm = number(group.gradient_norm);
            writeln!(f, "           {norm:<10} {} tensors {words}", group.tensors)?;
        }
        for words in by_kind(self.zero_gradients.iter().map(String::as_str)) {
            writeln!(f, "           zero       {words}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Symmetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.exact_lines();
        write!(f, "\nduplicates ")?;
        if self.whole_tensors.total() + lines.total() + self.scaled_lines() == 0 {
            return write!(f, "none");
        }
        let mut all = lines;
        all += self.whole_tensors;
        match all {
            Copies {
                same_gradient: 0,
                proportional_gradient: 0,
                different_gradient: 0,
                no_gradient: 1..,
            } => {
                write!(f, "none of them receives a gradient")?;
            }
            Copies { same_gradient: 0, proportional_gradient: 0, .. } => {
                write!(f, "each copy has a gradient of its own: they will differ in training")?;
            }
            Copies { same_gradient: 0, proportional_gradient, .. } => write!(
                f,
                "none has the gradient of another, but those of {proportional_gradient} of {} differ in size only",
                all.total()
            )?,
            Copies { same_gradient, .. } => write!(
                f,
                "{same_gradient} of {} have the same gradient as what they copy: they stay copies in training and add nothing; \
                 growing with --noise, or in width by split with --share, makes them differ",
                all.total()
            )?,
        }
        if self.whole_tensors.total() > 0 {
            write!(f, "\n           whole tensors: {}", self.whole_tensors)?;
        }
        for ((kind, side), (exact, scaled)) in self.by_kind() {
            let side = match side {
                Side::Rows => "rows",
                Side::Columns => "columns",
            };
            write!(f, "\n           {kind}, {side}: ")?;
            match (exact.total(), scaled) {
                (0, scaled) => write!(f, "{scaled} scaled, which differ already")?,
                (_, 0) => write!(f, "{exact}")?,
                (_, scaled) => write!(f, "{exact}; {scaled} scaled, which differ already")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.same_gradient, "with the same gradient"),
            (self.proportional_gradient, "with gradients of another size"),
            (self.different_gradient, "with other gradients"),
            (self.no_gradient, "with none"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let words = counts.map(|(count, words)| format!("{count} {words}")).collect::<Vec<_>>().join(", ");
        write!(f, "{words}")
    }
}

/// Four digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e4).contains(&size) => {
            let decimals = 3 - size.log10().floor() as i32;
            format!("{value:.*}", decimals.max(0) as usize)
        }
        _ => format!("{value:.1e}"),
    }
}
