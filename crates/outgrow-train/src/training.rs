//! What a run is made of: stages, settings, data, a device and a folder. Nothing is done with it here.

use std::path::Path;

use burn::tensor::Device;
use outgrow_data::Batches;
use outgrow_kernels::DeviceName;
use outgrow_model::Initialization;
use outgrow_schedules::Schedule;

use crate::settings::TrainSettings;

/// All that a run is made of.
#[derive(Debug)]
pub struct Training<'a> {
    /// The stages, checked.
    pub schedule: &'a Schedule,
    /// Steps, optimizer, intervals.
    pub settings: &'a TrainSettings,
    /// How the first stage's weights are drawn.
    pub initialization: Initialization,
    /// Seed of the first weights (the data order has its own).
    pub seed: u64,
    /// Training data; a grown model goes on where the small one stopped.
    pub training: Batches,
    /// Held-out data.
    pub validation: &'a Batches,
    /// The device, without autodiff.
    pub device: &'a Device,
    /// Its name, which checkpoints remember.
    pub device_name: DeviceName,
    /// The run's folder, where checkpoints are.
    pub folder: &'a Path,
    /// Files that each checkpoint carries along, such as the tokenizer.
    pub side_files: &'a [SideFile],
    /// Whether a run that is gone on with may be made longer: [`Rule::Extension`](crate::resume::Rule::Extension).
    pub extend: bool,
}

/// A file that each checkpoint carries along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideFile {
    /// Its name in the checkpoint's folder.
    pub name: String,
    /// All that is in it.
    pub bytes: Vec<u8>,
}
