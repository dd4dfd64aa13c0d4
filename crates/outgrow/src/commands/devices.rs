//! `outgrow devices`.

use outgrow_kernels::available_devices;

/// Prints the usable devices, one a line: the name to give to `--device`, and what it is.
pub fn run() {
    for device in available_devices() {
        println!("{:<8} {}", device.name.to_string(), device.description);
    }
}
