//! A folder whose new parts are behind a mask, opened to fold the mask in. Everything else refuses such a folder:
//! without its mask it is another model.

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
    plan::{depth::LayerOrigin, preservation::Preservation, units::Unmaskable},
};

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
        let mut folded = source.config().into_owned();
        let rms_norm_eps = mask.factors(&config).rms_norm_eps();
        if rms_norm_eps.to_bits() != config.rms_norm_eps.to_bits() {
            folded["rms_norm_eps"] = rms_norm_eps.into();
        }
        let planned = Planned {
            config: folded,
            source_layers: config.num_hidden_layers,
            layers: (0..config.num_hidden_layers).map(LayerOrigin::Copy).collect(),
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
