//! The plan of a folder's growth by a mergekit passthrough recipe: layers by its slices, tensors by its factors, types
//! by its keys. What a recipe means is said in mergekit.rs.

use std::collections::BTreeSet;

use outgrow_checkpoint::{Dtype, LlamaConfig, tensor_names::layer_index};
use serde_json::Value;

use crate::{
    error::GrowthError,
    folder::{
        card::text::CardRecipe,
        plan::{FolderPlan, Planned, deeper_config, tensors, uncounted_of},
        plannable::PlannableRef,
        silence::can_be_silent,
        source::Source,
    },
    plan::{
        depth::{LayerOrigin, writes_residual},
        origin::{Origin, PlannedTensor},
        preservation::Preservation,
        units::Unmaskable,
    },
    recipe::mergekit::Passthrough,
};

impl<S> FolderPlan<S> {
    /// Plans what a mergekit passthrough recipe makes of a folder.
    ///
    /// # Errors
    /// Slices beyond the source; keys of config.json that can't be grown, by name.
    pub fn of_passthrough<'a>(source: S, passthrough: &Passthrough) -> Result<Self, GrowthError>
    where
        S: Copy + Into<PlannableRef<'a>>,
    {
        Ok(Self { source, planned: Planned::of_passthrough(source.into(), passthrough)? })
    }
}

impl Planned {
    fn of_passthrough(source: PlannableRef<'_>, passthrough: &Passthrough) -> Result<Self, GrowthError> {
        let of_llama = |config: &LlamaConfig| (config.num_hidden_layers, config.tensors());
        let (source_layers, shapes) = match source {
            PlannableRef::Opened(Source::Llama(checkpoint)) => of_llama(checkpoint.config()),
            PlannableRef::Opened(Source::Other(other)) => {
                (other.num_hidden_layers(), other.tensors().collect())
            }
            PlannableRef::Outline(outline) => of_llama(outline.config()),
        };
        let layers = passthrough
            .layers(source_layers)
            .map_err(|problems| GrowthError::Passthrough { problems: problems.to_string() })?;
        let layers: Vec<LayerOrigin> = layers.into_iter().map(LayerOrigin::Copy).collect();
        let mut config = deeper_config(&source.config(), source_layers, &layers)?;
        let dtypes = passthrough.dtypes();
        if let Some(dtype) = dtypes.stored {
            set_dtype(&mut config, dtype);
        }
        let uncounted = uncounted(source, &layers);
        let (tensors, layers, is_altered) = scaled(tensors(shapes, &layers), layers, passthrough, source);
        let preservation = match Preservation::of_layers(source_layers, &layers) {
            Preservation::Exact if is_altered => Preservation::None,
            preservation => preservation,
        };
        let (dtypes, recipe) = (Some(dtypes), CardRecipe::Mergekit(passthrough.text.clone()));
        let (notes, mask) = (Vec::new(), None);
        Ok(Self {
            config,
            source_layers,
            layers,
            width: String::new(),
            preservation,
            tensors,
            dtypes,
            uncounted,
            notes,
            refused_by_transformers: Vec::new(),
            recipe,
            mask,
            maskable: Err(Unmaskable::Nothing),
            learning: None,
        })
    }
}

/// The grown folder's tensors that are no parameters.
fn uncounted(source: PlannableRef<'_>, layers: &[LayerOrigin]) -> BTreeSet<String> {
    match source {
        PlannableRef::Opened(Source::Other(other)) => uncounted_of(other, layers),
        PlannableRef::Opened(Source::Llama(_)) | PlannableRef::Outline(_) => BTreeSet::new(),
    }
}

/// The tensors by their factors, the layers that are silent by them, and whether anything else than silencing is done.
/// What is no number has no factor.
fn scaled(
    tensors: Vec<PlannedTensor>,
    mut layers: Vec<LayerOrigin>,
    passthrough: &Passthrough,
    source: PlannableRef<'_>,
) -> (Vec<PlannedTensor>, Vec<LayerOrigin>, bool) {
    let mut names: Vec<Vec<String>> = vec![Vec::new(); layers.len()];
    let mut loud = vec![false; layers.len()];
    let [mut zeroed, mut altered] = [loud.clone(), loud.clone()];
    let mut is_altered = false;
    let scaled = tensors.into_iter().map(|tensor| {
        let layer = layer_index(&tensor.name);
        if let Some(layer) = layer {
            names[layer].push(tensor.name.clone());
        }
        let (source, scale) = match passthrough.origin(&tensor.name) {
            Some((name, scale)) => {
                let scale = if source.is_number(&name) { scale } else { 1.0 };
                (Some(name), scale)
            }
            None => (None, 1.0),
        };
        let is_same = scale.to_bits() == 1_f64.to_bits();
        match layer {
            Some(layer) if writes_residual(&tensor.name) && scale == 0.0 => zeroed[layer] = true,
            Some(layer) => {
                loud[layer] |= writes_residual(&tensor.name);
                altered[layer] |= !is_same;
            }
            None => is_altered |= !is_same,
        }
        match source {
            Some(source) => PlannedTensor { origin: Origin::scaled(scale, source), ..tensor },
            None => tensor,
        }
    });
    let scaled = scaled.collect();
    for (index, layer) in layers.iter_mut().enumerate() {
        match *layer {
            LayerOrigin::Copy(source) if !loud[index] && can_be_silent(&names[index]) => {
                *layer = LayerOrigin::Identity(source);
            }
            _ => is_altered |= altered[index] || zeroed[index],
        }
    }
    (scaled, layers, is_altered)
}

/// In the spelling that the file has.
fn set_dtype(config: &mut Value, dtype: Dtype) {
    let key = if config.get("dtype").is_some() { "dtype" } else { "torch_dtype" };
    config[key] = dtype.config_name().into();
}
