//! `outgrow devices`.

use outgrow_kernels::{DeviceName, available_devices, check_device};

use crate::{
    error::{Error, Result},
    terminal::{notes, output},
};

/// Prints the usable devices, one a line: the name to give to `--device`, and what it is. What a backend of this build
/// lacks goes to stderr, and so does the command that builds another.
pub(crate) fn run() -> Result<()> {
    for device in available_devices() {
        output::line(format_args!("{:<8} {}", device.name.to_string(), device.description))?;
    }
    let missing = DeviceName::ALL.into_iter().filter_map(|name| check_device(name).err());
    notes::print(missing.map(|missing| Error::from(missing).one_line()));
    Ok(())
}
