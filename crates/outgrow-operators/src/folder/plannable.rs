//! A folder that a growth can be planned for, with its shards or without. Here it is found out which of the two it is;
//! what is known of either is said in source.rs and outline.rs.

use std::{borrow::Cow, path::Path};

use outgrow_checkpoint::{Note, config::ConfigFile};
use serde_json::Value;

use crate::{
    error::GrowthError,
    folder::{
        outline::Outline,
        source::{Source, refuse_masked},
    },
};

/// A folder that a growth can be planned for.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a command has one of them, and lends it")]
pub enum Plannable {
    /// With all its tensors; its growth can be carried out too.
    Opened(Source),
    /// Without its shards.
    Outline(Outline),
}

impl Plannable {
    /// Opens a folder, or reads its outline where shards are missing that are needed. config.json is read once.
    ///
    /// # Errors
    /// As [`Source::open`]; of an outline, an architecture whose shapes don't follow from config.json, and an index
    /// that isn't of the model which config.json describes.
    pub fn open(folder: &Path) -> Result<Self, GrowthError> {
        refuse_masked(folder)?;
        let config = ConfigFile::read(folder)?;
        match Outline::of(&config)? {
            Some(outline) => Ok(Self::Outline(outline)),
            None => Source::of(config).map(Self::Opened),
        }
    }

    /// What whoever gave the folder should know.
    pub fn notes(&self) -> &[Note] {
        match self {
            Self::Opened(source) => source.notes(),
            Self::Outline(outline) => outline.notes(),
        }
    }
}

/// A [`Plannable`], lent.
#[derive(Clone, Copy, Debug)]
pub enum PlannableRef<'a> {
    /// With all its tensors.
    Opened(&'a Source),
    /// Without its shards.
    Outline(&'a Outline),
}

impl<'a> From<&'a Source> for PlannableRef<'a> {
    fn from(source: &'a Source) -> Self {
        Self::Opened(source)
    }
}

impl<'a> From<&'a Plannable> for PlannableRef<'a> {
    fn from(source: &'a Plannable) -> Self {
        match source {
            Plannable::Opened(source) => Self::Opened(source),
            Plannable::Outline(outline) => Self::Outline(outline),
        }
    }
}

impl<'a> PlannableRef<'a> {
    /// The folder.
    pub(crate) fn folder(self) -> &'a Path {
        match self {
            Self::Opened(source) => source.weights().folder(),
            Self::Outline(outline) => outline.folder(),
        }
    }

    /// config.json as it is, but for a tie that isn't one.
    pub(crate) fn config(self) -> Cow<'a, Value> {
        match self {
            Self::Opened(source) => source.config(),
            Self::Outline(outline) => Cow::Borrowed(outline.raw_config()),
        }
    }

    /// Whether a tensor of the folder holds numbers that can be computed with.
    pub(crate) fn is_number(self, name: &str) -> bool {
        match self {
            Self::Opened(source) => {
                source.weights().tensor(name).is_none_or(|one| one.dtype.float().is_some())
            }
            Self::Outline(_) => true,
        }
    }

    /// Parameters; a tied head counts once.
    pub(crate) fn num_parameters(self) -> u64 {
        match self {
            Self::Opened(source) => source.num_parameters(),
            Self::Outline(outline) => outline.num_parameters(),
        }
    }

    /// Shards that the index names and that aren't there.
    pub(crate) fn missing_shards(self) -> usize {
        match self {
            Self::Opened(_) => 0,
            Self::Outline(outline) => outline.missing_shards(),
        }
    }
}
