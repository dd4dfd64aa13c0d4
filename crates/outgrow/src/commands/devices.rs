//! `outgrow devices`.

use outgrow_kernels::{DeviceDescription, DeviceName, available_devices, check_device};
use serde_json::json;

use crate::{
    error::{Error, Result},
    terminal::{notes, output},
};

/// Flags of `outgrow devices`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print a JSON array of those that can be used.
    #[arg(long)]
    json: bool,
}

/// Prints the usable devices, one a line: the name to give to `--device`, and what it is. What a backend of this build
/// lacks goes to stderr, and so does the command that builds another.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.json {
        let device = |device: &DeviceDescription| json!({ "name": device.name.to_string(), "description": device.description });
        let devices: Vec<_> = available_devices().iter().map(device).collect();
        return output::line(serde_json::to_string_pretty(&devices)?);
    }
    for device in available_devices() {
        output::line(format_args!("{:<8} {}", device.name.to_string(), device.description))?;
    }
    let missing = DeviceName::ALL.into_iter().filter_map(|name| check_device(name).err());
    notes::print(missing.map(|missing| Error::from(missing).one_line()));
    Ok(())
}
