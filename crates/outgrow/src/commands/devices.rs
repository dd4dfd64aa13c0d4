//! `outgrow devices`.

use outgrow_kernels::{available_devices, missing_devices};

use crate::{error::Result, terminal::output};

/// Prints the usable devices, one a line: the name to give to `--device`, and what it is. What a backend of this build
/// lacks goes to stderr.
pub(crate) fn run() -> Result<()> {
    for device in available_devices() {
        output::line(format_args!("{:<8} {}", device.name.to_string(), device.description))?;
    }
    for missing in missing_devices() {
        eprintln!("note: {missing}");
    }
    Ok(())
}
