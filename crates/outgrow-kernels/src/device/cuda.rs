//! What CUDA needs of a machine, asked for before anything is opened: what opens devices panics where it is missing.
//!
//! It looks for libraries and files and starts the driver. It compiles nothing and opens no device.

#[cfg(feature = "nvrtc")]
use std::{
    env,
    path::{Path, PathBuf},
};

use cudarc::driver;

/// What is missing, in words that go on from "no device `cuda` on this machine: ".
pub(super) fn missing() -> Option<String> {
    missing_driver().or_else(missing_compiler)
}

fn missing_driver() -> Option<String> {
    // SAFETY: it tries to load the library by its usual names, as whoever opens a device does.
    if !unsafe { driver::sys::is_culib_present() } {
        return Some("no NVIDIA driver is installed (the loader finds no libcuda.so.1)".to_owned());
    }
    match driver::result::init().and_then(|()| driver::result::device::get_count()) {
        Err(error) => {
            let words = error.error_string().map(|words| words.to_string_lossy().into_owned());
            let words = words.unwrap_or_else(|_| error.to_string());
            Some(format!("the NVIDIA driver doesn't start ({words})"))
        }
        Ok(0) => Some("the NVIDIA driver sees no GPU".to_owned()),
        Ok(_) => None,
    }
}

/// LLVM is part of the program.
#[cfg(not(feature = "nvrtc"))]
fn missing_compiler() -> Option<String> {
    None
}

#[cfg(feature = "nvrtc")]
fn missing_compiler() -> Option<String> {
    // SAFETY: as above.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        let words =
            "NVRTC isn't installed, by which this build compiles kernels (the loader finds no libnvrtc.so)";
        return Some(words.to_owned());
    }
    let folder = cuda_folder().filter(|folder| folder.join("include/cuda_fp16.h").exists());
    folder.is_none().then(|| {
        "CUDA's headers aren't installed, which this build's kernels include (no include/cuda_fp16.h in CUDA_PATH or /usr/local/cuda)"
            .to_owned()
    })
}

/// Where CubeCL looks for headers.
#[cfg(feature = "nvrtc")]
fn cuda_folder() -> Option<PathBuf> {
    let usual = || {
        let exists = |path: &&str| Path::new(path).exists();
        let folder = ["/usr/local/cuda", "/opt/cuda"].iter().find(|path| exists(path)).copied();
        folder.or_else(|| exists(&"/usr/bin/nvcc").then_some("/usr")).map(PathBuf::from)
    };
    env::var_os("CUDA_PATH").map(PathBuf::from).or_else(usual)
}
