//! Plans of folders whose new parts are behind a mask, and such a folder opened to fold the mask in. Everything else
//! refuses it: without its mask it is another model.

use std::{collections::BTreeSet, path::Path};

use outgrow_checkpoint::config::ConfigFile;

use crate::{
    error::GrowthError,
    folder::{
        card::text::CardRecipe,
        mask::Mask,
        plan::{FolderPlan, Planned},
        source::Source,
    },
    plan::{depth::LayerOrigin, mask::MaskValues, preservation::Preservation, units::Unmaskable},
};

impl<S> FolderPlan<S> {
    /// The mask over what a random growth has made, which the grown folder says in a file of its own; closed, until
    /// [`Self::with_mask`] says otherwise.
    pub fn mask(&self) -> Option<&Mask> {
        self.planned.mask.as_ref()
    }

    /// The same with its mask at another place, 0 to 1, and the tokens over which it is to open. One that is open is
    /// none. Where nothing is fresh, it is over the copies: all of a layer, channel, neuron or head but the first.
    ///
    /// # Errors
    /// A plan without parts that a mask can let in; a mask that is none.
    pub fn with_mask(self, mask: f64, ramp_tokens: Option<u64>) -> Result<Self, GrowthError> {
        let masked = self.planned.maskable.clone()?;
        if !(0.0..=1.0).contains(&mask) {
            return Err(GrowthError::MaskValue { mask });
        }
        if mask >= 1.0 {
            return Ok(Self { planned: Planned { mask: None, ..self.planned }, ..self });
        }
        let of_copies = self.planned.mask.is_none();
        let preservation = self.planned.preservation.max(if of_copies {
            Preservation::AtMaskZero
        } else {
            Preservation::None
        });
        let mask = Some(Mask { mask: MaskValues::all(mask), ramp_tokens, masked });
        Ok(Self { planned: Planned { preservation, mask, ..self.planned }, ..self })
    }
}

/// An opened folder with a mask.
#[derive(Debug)]
pub struct MaskedFolder {
    source: Source,
    planned: Planned,
}

impl MaskedFolder {
    /// Opens a folder and plans the same model with its mask folded in.
    ///
    /// # Errors
    /// As [`Source::open`]; a folder without a mask; a mask that isn't this model's.
    pub fn open(folder: &Path) -> Result<Self, GrowthError> {
        let source = Source::of(ConfigFile::read(folder)?)?;
        let no_mask = || GrowthError::NoMask { folder: folder.to_owned() };
        let config = match &source {
            Source::Llama(checkpoint) => checkpoint.config().clone(),
            Source::Other(_) => return Err(no_mask()),
        };
        let mask = Mask::read(folder, &config)?.ok_or_else(no_mask)?;
        let mut raw = source.config().into_owned();
        let rms_norm_eps = mask.factors(&config).rms_norm_eps();
        if rms_norm_eps.to_bits() != config.rms_norm_eps.to_bits() {
            raw["rms_norm_eps"] = rms_norm_eps.into();
        }
        let planned = Planned {
            config: raw,
            source_layers: config.num_hidden_layers,
            layers: (0..config.num_hidden_layers).map(LayerOrigin::Copy).collect(),
            width: String::new(),
            preservation: Preservation::Exact,
            tensors: mask.folded(&config),
            dtypes: None,
            uncounted: BTreeSet::new(),
            notes: Vec::new(),
            refused_by_transformers: Vec::new(),
            recipe: CardRecipe::MaskFolded { mask: mask.mask },
            mask: None,
            maskable: Err(Unmaskable::Nothing),
            learning: None,
        };
        Ok(Self { source, planned })
    }

    /// The folder, whose tensors know nothing of the mask.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What [`crate::FolderGrowth`] makes the folder without a mask by.
    pub fn plan(&self) -> FolderPlan<&Source> {
        FolderPlan { source: &self.source, planned: self.planned.clone() }
    }
}
