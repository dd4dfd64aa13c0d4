//! What decides the bytes of a growth's shards, as one SHA-256: an attempt that was killed is gone on with if it is
//! equal. Files of the source count by name, size and times; their content isn't read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, Metadata},
    io,
    path::Path,
    sync::Arc,
    time::UNIX_EPOCH,
};

use outgrow_checkpoint::{CheckpointError, HostTensor, WeightFolder};
use sha2::{Digest, Sha256};

use crate::{
    folder::{digest::hexadecimal, shards::GrownSet},
    plan::origin::{Channels, Fill, Origin, Widening},
};

/// Counts changes of what is hashed here, and of how a plan is carried out.
const FORMAT: u64 = 3;
const SHA256_BYTES: usize = 32;

/// The fingerprint of a growth that makes these sets of files, in lower-case hexadecimal.
///
/// # Errors
/// When a file of the source is gone.
pub(crate) fn fingerprint(sets: &[(&WeightFolder, &GrownSet)]) -> Result<String, CheckpointError> {
    let mut fingerprint = Fingerprint::default();
    fingerprint.number(FORMAT);
    fingerprint.text(env!("CARGO_PKG_VERSION"));
    for (source, set) in sets {
        // Names, shapes and types of all tensors, and how they are spread over files.
        fingerprint.text(&format!("{:?}", set.layout));
        fingerprint.text(&format!("{:?}", set.dtypes));
        for tensor in &set.tensors {
            fingerprint.text(&tensor.name);
            fingerprint.origin(&tensor.origin);
        }
        let files: BTreeSet<&Path> = source.tensors().iter().map(|one| one.shard.as_path()).collect();
        for file in files {
            fingerprint.file(file).map_err(|error| CheckpointError::io("read", file, error))?;
        }
    }
    Ok(hexadecimal(fingerprint.digest.finalize().as_ref()))
}

#[derive(Default)]
struct Fingerprint {
    digest: Sha256,
    /// The SHA-256 of what tensors share, by its address. A matrix may be in hundreds of them.
    shared: BTreeMap<usize, [u8; SHA256_BYTES]>,
}

impl Fingerprint {
    fn number(&mut self, number: u64) {
        self.digest.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.digest.update(text);
    }

    fn file(&mut self, file: &Path) -> io::Result<()> {
        self.text(&file.canonicalize()?.to_string_lossy());
        let metadata = fs::metadata(file)?;
        self.number(metadata.len());
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.number(modified.as_secs());
        self.number(u64::from(modified.subsec_nanos()));
        self.changed(&metadata);
        Ok(())
    }

    // A copy that keeps the time of its last change of content has a later one of this.
    #[cfg(unix)]
    fn changed(&mut self, metadata: &Metadata) {
        use std::os::unix::fs::MetadataExt;
        self.number(metadata.ctime() as u64);
        self.number(metadata.ctime_nsec() as u64);
    }

    #[cfg(not(unix))]
    fn changed(&mut self, _metadata: &Metadata) {}

    fn origin(&mut self, origin: &Origin) {
        match origin {
            Origin::Copy { source } => {
                self.number(0);
                self.text(source);
            }
            Origin::Fresh(fill) => {
                self.number(1);
                self.fill(fill);
            }
            Origin::Widened { of, widening } => {
                let Widening { rows, columns, new_columns, new_rows, corner } = widening;
                self.number(2);
                self.origin(of);
                self.channels(rows.as_ref());
                self.channels(columns.as_ref());
                for fill in [new_columns, new_rows, corner] {
                    self.fill(fill);
                }
            }
            Origin::Sum { terms } => {
                self.number(3);
                self.number(terms.len() as u64);
                for (weight, term) in terms {
                    self.number(weight.to_bits());
                    self.origin(term);
                }
            }
            Origin::Mapped { of, left, right } => {
                self.number(4);
                self.origin(of);
                self.matrix(left.as_ref());
                self.matrix(right.as_ref());
            }
        }
    }

    fn fill(&mut self, fill: &Fill) {
        match fill {
            Fill::Constant(value) => {
                self.number(0);
                self.number(u64::from(value.to_bits()));
            }
            Fill::Normal { standard_deviation, seed, key } => {
                self.number(1);
                self.number(standard_deviation.to_bits());
                self.number(*seed);
                self.text(key);
            }
        }
    }

    fn channels(&mut self, channels: Option<&Channels>) {
        self.optional(channels.map(|channels| (Arc::as_ptr(channels).addr(), &**channels)), |channels| {
            let mut bytes = Vec::with_capacity(16 * channels.len());
            for channel in channels {
                // No channel has so high a place.
                let source = channel.map_or(u64::MAX, |channel| channel.source as u64);
                let [scale, gradient] = channel.map_or([0.0; 2], |channel| [channel.scale, channel.gradient]);
                bytes.extend(source.to_le_bytes());
                bytes.extend(scale.to_le_bytes());
                bytes.extend(gradient.to_le_bytes());
            }
            Sha256::digest(bytes).into()
        });
    }

    fn matrix(&mut self, matrix: Option<&Arc<HostTensor>>) {
        self.optional(matrix.map(|matrix| (Arc::as_ptr(matrix).addr(), &**matrix)), |matrix| {
            let mut digest = Sha256::new();
            digest.update(format!("{:?}", matrix.shape));
            for values in matrix.values.chunks(1 << 12) {
                digest.update(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
            }
            digest.finalize().into()
        });
    }

    /// What may be absent, and is shared where it isn't, so that it is hashed once: by its address, which nothing else
    /// has while the plan lives.
    fn optional<T: ?Sized>(
        &mut self,
        value: Option<(usize, &T)>,
        digest: impl FnOnce(&T) -> [u8; SHA256_BYTES],
    ) {
        let bytes =
            value.map(|(address, value)| *self.shared.entry(address).or_insert_with(|| digest(value)));
        self.number(u64::from(bytes.is_some()));
        self.digest.update(bytes.unwrap_or_default());
    }
}
