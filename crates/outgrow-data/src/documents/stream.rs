//! The bytes of a file without their compression, once it is certain that the file is what its name says. It knows
//! nothing of documents.

use std::{
    fs::File,
    io::{BufRead, BufReader, Error, ErrorKind, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

use crate::{
    documents::{
        appearance::{Appearance, HEAD_BYTES},
        kind::{Compression, Layout, renamed},
    },
    error::DataError,
};

/// Frames of up to 2 GiB of window (`zstd --long=31`) are read; the format allows no larger ones on any machine.
const ZSTD_WINDOW_LOG_MAX: u32 = 31;
const BUFFER_BYTES: usize = 1 << 16;

/// How far reading has come: bytes of the files as they lie on disk, those before this file included.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    bytes: Arc<AtomicU64>,
    /// Bytes of the files before this one.
    before: u64,
    /// Bytes of this file.
    length: u64,
}

impl Progress {
    /// Nothing read yet; watched through the counter.
    pub(crate) fn start() -> (Self, Arc<AtomicU64>) {
        let progress = Self::default();
        let bytes = Arc::clone(&progress.bytes);
        (progress, bytes)
    }

    /// This file is done (whatever of it had to be read), and the next one has so many bytes.
    pub(crate) fn next_file(&mut self, length: u64) {
        self.finish_file();
        self.before += self.length;
        self.length = length;
    }

    pub(crate) fn finish_file(&self) {
        self.set(self.length);
    }

    /// A part of this file is done.
    pub(crate) fn set_part(&self, done: u64, of: u64) {
        let part = u128::from(self.length) * u128::from(done) / u128::from(of.max(1));
        self.set(part as u64);
    }

    fn set(&self, of_this_file: u64) {
        self.bytes.store(self.before + of_this_file.min(self.length), Ordering::Relaxed);
    }
}

/// The text of a file, decompressed, and what it looks like.
pub(super) struct Stream {
    pub reader: Box<dyn BufRead + Send>,
    pub appearance: Appearance,
}

/// Opens a file of text and looks at its first bytes, compressed and not.
///
/// # Errors
/// If it can't be opened, is not what its name says, or breaks off in its first bytes.
pub(super) fn open(
    path: &Path,
    layout: Layout,
    compression: Option<Compression>,
    progress: Progress,
) -> Result<Stream, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let mut file = BufReader::with_capacity(BUFFER_BYTES, CountedFile { file, read: 0, progress });
    let outside = peek(path, &mut file)?;
    check_compression(path, layout, compression, outside)?;
    let (reader, appearance): (Box<dyn BufRead + Send>, _) = match compression {
        None => (Box::new(file), outside),
        Some(compression) => {
            let decoder = decoder(compression, file).map_err(|error| broken(path, 0, &error))?;
            let mut reader = BufReader::with_capacity(BUFFER_BYTES, decoder);
            let inside = peek(path, &mut reader)?;
            (Box::new(reader), inside)
        }
    };
    check_text(path, layout, compression, appearance)?;
    Ok(Stream { reader, appearance })
}

/// A stream broke off after so many lines, or the disk refused to be read.
pub(super) fn broken(path: &Path, lines: u64, error: &Error) -> DataError {
    broken_after(path, format!("line {lines}"), error)
}

/// A stream broke off after something else than a line.
pub(super) fn broken_after(path: &Path, after: String, error: &Error) -> DataError {
    let path = path.to_path_buf();
    if let Some(code) = error.raw_os_error() {
        DataError::Io { action: "read", path, source: Error::from_raw_os_error(code) }
    } else {
        let whole = error.kind() != ErrorKind::UnexpectedEof;
        let problem = format!("{error}{}", if whole { "" } else { "; was the file fetched whole?" });
        DataError::BrokenStream { path, after, problem }
    }
}

/// Goes to the first byte that is neither blank nor part of a mark; also the lines before it.
///
/// # Errors
/// If the file can't be read so far.
pub(super) fn skip_blanks(path: &Path, reader: &mut impl BufRead) -> Result<(Option<u8>, u64), DataError> {
    let mut lines = 0;
    let mut mark: &[u8] = b"\xef\xbb\xbf";
    loop {
        let bytes = reader.fill_buf().map_err(|error| broken(path, lines, &error))?;
        let behind = bytes.strip_prefix(std::mem::take(&mut mark)).unwrap_or(bytes);
        let rest = behind.trim_ascii_start();
        let skipped = bytes.len() - rest.len();
        lines += bytes[..skipped].split(|&byte| byte == b'\n').count() as u64 - 1;
        let (first, ended) = (rest.first().copied(), bytes.is_empty());
        reader.consume(skipped);
        if first.is_some() || ended {
            return Ok((first, lines));
        }
    }
}

fn peek(path: &Path, reader: &mut impl BufRead) -> Result<Appearance, DataError> {
    let head = reader.fill_buf().map_err(|error| broken(path, 0, &error))?;
    Ok(Appearance::of(&head[..head.len().min(HEAD_BYTES)]))
}

fn check_compression(
    path: &Path,
    layout: Layout,
    expected: Option<Compression>,
    found: Appearance,
) -> Result<(), DataError> {
    let found_compression = match found {
        Appearance::Gzip => Some(Compression::Gzip),
        Appearance::Zstd => Some(Compression::Zstd),
        Appearance::Xz => Some(Compression::Xz),
        _ => None,
    };
    if found_compression == expected {
        return Ok(());
    }
    let advice = match found {
        Appearance::Gzip | Appearance::Zstd | Appearance::Xz | Appearance::Text => {
            format!("name it {}, if that is what it should be", renamed(path, found_compression))
        }
        other => advice(other).to_owned(),
    };
    Err(mismatch(path, expected.map_or(layout.name(), Compression::name), found, &advice))
}

/// What stands in the place of a text, and can't be one.
fn check_text(
    path: &Path,
    layout: Layout,
    compression: Option<Compression>,
    found: Appearance,
) -> Result<(), DataError> {
    let as_text = match layout {
        Layout::Whole => matches!(found, Appearance::Text | Appearance::Nothing | Appearance::Markup),
        Layout::Json => matches!(found, Appearance::Text | Appearance::Nothing),
    };
    if as_text {
        return Ok(());
    }
    let expected = match (compression, layout) {
        (None, layout) => layout.name(),
        (Some(_), Layout::Whole) => "compressed text",
        (Some(_), Layout::Json) => "compressed JSON",
    };
    Err(mismatch(path, expected, found, advice(found)))
}

/// A file that isn't what its name says.
pub(super) fn mismatch(path: &Path, expected: &'static str, found: Appearance, advice: &str) -> DataError {
    let (path, advice) = (path.to_path_buf(), advice.to_owned());
    DataError::NotWhatItsNameSays { path, expected, found: found.words(), advice }
}

/// What the first bytes of a file look like.
///
/// # Errors
/// If it can't be read.
pub(super) fn appearance(path: &Path) -> Result<Appearance, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(DataError::io("read", path))?;
    Ok(Appearance::of(&head))
}

/// A file that was named, but not as anything that is read.
pub(super) fn unknown_kind(path: &Path) -> DataError {
    let hint =
        match std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()).then(|| appearance(path)) {
            Some(Ok(found)) if !matches!(found, Appearance::Text | Appearance::Nothing) => {
                format!(" (it looks like {}; {})", found.words(), advice(found))
            }
            _ => String::new(),
        };
    DataError::UnknownExtension { path: path.to_path_buf(), hint }
}

/// What to do about a file that looks so.
pub(super) fn advice(found: Appearance) -> &'static str {
    match found {
        Appearance::Nothing | Appearance::Markup => "fetch it again",
        Appearance::Text => "name it by what it is (.txt, .jsonl)",
        Appearance::Gzip | Appearance::Zstd | Appearance::Xz => "decompress it first",
        Appearance::Parquet => "name it .parquet, if that is what it should be",
        Appearance::EncryptedParquet => "decrypt it first",
        Appearance::Foreign(_, advice) => advice,
        Appearance::Utf16 => "convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)",
        Appearance::Utf32 => "convert it to UTF-8 (iconv -f UTF-32 -t UTF-8)",
        Appearance::GitLfsPointer => "fetch the file itself (git lfs pull)",
    }
}

fn decoder(compression: Compression, file: BufReader<CountedFile>) -> std::io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::Gzip => Box::new(GzipMembers { member: Some(GzDecoder::new(file)), finished: 0 }),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(file)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
        Compression::Xz => Box::new(XzReader::new(file, true)),
    })
}

/// All members of a gzip file as one stream. Zeros behind the last one are passed over, as gzip and Python pass them
/// over; anything else there is an error, for it may be a damaged member.
struct GzipMembers<R> {
    member: Option<GzDecoder<R>>,
    finished: u64,
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.finished += 1;
            if let Some(mut file) = self.member.take().map(GzDecoder::into_inner)
                && is_another_member(&mut file, self.finished)?
            {
                self.member = Some(GzDecoder::new(file));
            }
        }
        Ok(0)
    }
}

fn is_another_member(file: &mut impl BufRead, finished: u64) -> std::io::Result<bool> {
    loop {
        let rest = file.fill_buf()?;
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        match rest.get(zeros) {
            None if rest.is_empty() => return Ok(false),
            None => file.consume(zeros),
            Some(0x1f) if zeros == 0 => return Ok(true),
            Some(_) => {
                let problem = format!(
                    "behind its {finished} gzip member(s) stand bytes that are no gzip; fetch it again, or repack it (gzip -dc)"
                );
                return Err(Error::new(ErrorKind::InvalidData, problem));
            }
        }
    }
}

/// A file that counts what is read from it.
struct CountedFile {
    file: File,
    read: u64,
    progress: Progress,
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        self.progress.set(self.read);
        Ok(read)
    }
}
