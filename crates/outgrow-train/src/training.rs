//! What a run is made of: stages, settings, data, a device and a folder. Whether they go together is found here,
//! without opening a device or looking into the folder.

use std::path::Path;

use outgrow_data::Batches;
use outgrow_kernels::{DeviceName, check_device};
use outgrow_model::Initialization;
use outgrow_operators::folder::card::CardHead;
use outgrow_schedules::{Beginning, Schedule};

use crate::{base::Base, error::TrainError, settings::TrainSettings, validation::data_problems};

/// All that a run is made of.
#[derive(Debug)]
pub struct Training<'a> {
    /// The stages, checked.
    pub schedule: &'a Schedule,
    /// Steps, optimizer, intervals.
    pub settings: &'a TrainSettings,
    /// The model that the first stage begins with, where the schedule begins with one.
    pub base: Option<Base<'a>>,
    /// How the first stage's weights are drawn, where they are.
    pub initialization: Initialization,
    /// Seed of the first weights (the data order has its own).
    pub seed: u64,
    /// Training data; a grown model goes on where the small one stopped.
    pub training: Batches,
    /// Held-out data.
    pub validation: &'a Batches,
    /// What is computed on; checkpoints remember it.
    pub device: DeviceName,
    /// The run's folder, where checkpoints are.
    pub folder: &'a Path,
    /// Files that each checkpoint carries along, such as the tokenizer.
    pub side_files: &'a [SideFile],
    /// What each checkpoint's card says beside what is known of the run; `None` writes none.
    pub card: Option<&'a CardFacts>,
    /// Whether a run that is gone on with may be made longer: [`Rule::Extension`](crate::resume::Rule::Extension).
    pub extend: bool,
}

impl Training<'_> {
    /// Whether these can be a run: settings in their ranges, data that fits them and the model, and a device that is
    /// there. It opens and writes nothing.
    ///
    /// # Errors
    /// All problems: one as itself, more as [`TrainError::Several`].
    pub fn check(&self) -> Result<(), TrainError> {
        let mut problems: Vec<TrainError> = self.settings.check().err().into_iter().collect();
        problems.extend(data_problems(&self.training, self.validation, self.settings));
        problems.extend(self.vocabulary_problem());
        problems.extend(self.base_problem());
        problems.extend(check_device(self.device).err().map(TrainError::from));
        TrainError::of_several(problems)
    }

    fn base_problem(&self) -> Option<TrainError> {
        let problem = match (self.schedule.beginning(), self.base) {
            (Beginning::Fresh, None) | (Beginning::Base, Some(_)) => return None,
            (Beginning::Fresh, Some(_)) => {
                "the stages begin with weights that are drawn, and a base is given"
            }
            (Beginning::Base, None) => "the stages begin with a base, and none is given",
        };
        Some(TrainError::Base { problem })
    }

    fn vocabulary_problem(&self) -> Option<TrainError> {
        let vocab_size = |batches: &Batches| batches.shards().manifest().vocab_size;
        let data = vocab_size(&self.training).max(vocab_size(self.validation));
        let model = self.schedule.stages().iter().map(|stage| stage.model.vocab_size).min()?;
        (data > model).then_some(TrainError::Vocabulary { data, model })
    }
}

/// A file that each checkpoint carries along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideFile {
    /// Its name in the checkpoint's folder.
    pub name: String,
    /// All that is in it.
    pub bytes: Vec<u8>,
}

/// What a checkpoint's card says of a run that no checkpoint needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFacts {
    /// The run's name.
    pub name: String,
    /// How its stages were made, such as `g-stack`.
    pub method: String,
    /// What holds of the model that the run began with. A run that goes on has it from its checkpoint.
    pub head: CardHead,
    /// The name and version of the program that trains.
    pub program: String,
}
