//! Files of text to a folder of token shards. Tokenising runs on all cores, but the result depends on nothing but the
//! documents, the tokenizer and the size of a shard. It neither shuffles nor filters.
//!
//! A reader deals batches of documents round to the workers, and the writer takes the results round in the same turn:
//! the order is that of the documents without anything being sorted, and at most two batches wait at either side of a
//! worker, so memory is bounded however large the corpus is.

pub(crate) mod separator;
pub(crate) mod split;

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        atomic::Ordering,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{Scope, ScopedJoinHandle},
};

use outgrow_tokenizer::{Reading, Tokenizer};

use crate::{
    documents::{
        Documents, ReadOptions,
        findings::{Counted, Findings},
        record::Document,
    },
    error::DataError,
    prepare::{
        separator::SeparatorChoice,
        split::{Draw, Parts, Side, Split},
    },
    shards::{
        manifest::{FORMAT, Manifest, Separator, Shard, TOKENIZER_FILE, TokenDtype, TokenizerFile},
        writer::{PendingShards, ShardWriter, complete},
    },
};

/// Text that makes a batch of documents full: large enough that passing it on costs nothing, small enough that a corpus
/// of a few megabytes keeps all cores busy.
const BATCH_TEXT_BYTES: usize = 1 << 18;
/// Batches waiting in front of and behind each worker.
const WAITING_BATCHES: usize = 2;

/// What can be chosen about preparing a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareOptions {
    /// The field of an object of JSON, or the column of a table, that holds the text: [`ReadOptions::text_field`].
    pub text_field: String,
    /// How much that is no document is passed over: [`ReadOptions::skip_bad_lines`].
    pub skip_bad_lines: u64,
    /// The token in front of each document; by default [`SeparatorChoice`] looks for one.
    pub separator: Option<String>,
    /// The tokenizer_config.json that lies beside the tokenizer, to be kept with the shards: it names a class.
    pub tokenizer_config: Option<Vec<u8>>,
    /// Tokens of a full shard, at least 1; 2^27 by default, 256 MiB of `u16`.
    pub shard_tokens: u64,
    /// Threads that tokenise; by default one for each core.
    pub threads: Option<NonZero<usize>>,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        let ReadOptions { text_field, skip_bad_lines } = ReadOptions::default();
        Self {
            text_field,
            skip_bad_lines,
            separator: None,
            tokenizer_config: None,
            shard_tokens: 1 << 27,
            threads: None,
        }
    }
}

/// A corpus that was prepared.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What the folder says of itself.
    pub manifest: Manifest,
    /// What a person should know of the corpus, a sentence each: what was passed over, and what was read otherwise than
    /// it stands there.
    pub notes: Vec<String>,
}

/// How far preparing has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrepareProgress {
    /// Documents written.
    pub documents: u64,
    /// UTF-8 bytes of their text.
    pub text_bytes: u64,
    /// Tokens written.
    pub tokens: u64,
    /// Bytes of the input files read (a little ahead of what is written).
    pub input_bytes: u64,
    /// Bytes of all input files.
    pub total_input_bytes: u64,
}

/// A corpus that was prepared in two parts.
#[derive(Clone, Debug)]
pub struct PreparedSplit {
    /// What `out/training` says of itself.
    pub training: Manifest,
    /// What `out/validation` says of itself.
    pub validation: Manifest,
    /// As [`Prepared::notes`], and how the held-out part was chosen where it isn't as was asked.
    pub notes: Vec<String>,
}

/// Tokenises files, folders and patterns of files into the folder `out`: shards, `manifest.json` and a copy of the
/// tokenizer.
///
/// The folder appears under its name when it is complete, and not at all if anything goes wrong.
///
/// # Errors
/// For inputs and options that can't be used, an `out` that exists, a corpus without text, and whatever the
/// file system refuses. [`DataError`] lists them.
pub fn prepare(
    inputs: &[PathBuf],
    tokenizer: &Tokenizer,
    out: &Path,
    options: &PrepareOptions,
    progress: &mut dyn FnMut(PrepareProgress),
) -> Result<Prepared, DataError> {
    let preparation = Preparation::new(tokenizer, options)?;
    let documents = preparation.open(inputs)?;
    let num_files = documents.num_files();
    let pending = PendingShards::create(out)?;
    let mut shards = preparation.writer(pending.path());
    let findings = preparation.tokenise(documents, None, progress, &mut |_, ids, text_bytes| {
        shards.write_document(ids, text_bytes)?;
        Ok(())
    })?;
    let shards = shards.finish()?;
    if shards.is_empty() {
        return Err(DataError::EmptyCorpus { documents: findings.empty_documents, files: num_files });
    }
    let manifest = preparation.manifest(shards, findings.bad_documents);
    preparation.complete(pending.path(), &manifest)?;
    pending.commit()?;
    Ok(Prepared { manifest, notes: findings.notes() })
}

/// The same in two parts, `out/training` and `out/validation`. Documents are drawn by a hash of their text, so that the
/// same text is on the same side, wherever it stands and whatever else is in the corpus.
///
/// # Errors
/// As [`prepare`], and for a corpus that is too small for two parts.
pub fn prepare_split(
    inputs: &[PathBuf],
    tokenizer: &Tokenizer,
    out: &Path,
    options: &PrepareOptions,
    split: &Split,
    progress: &mut dyn FnMut(PrepareProgress),
) -> Result<PreparedSplit, DataError> {
    let preparation = Preparation::new(tokenizer, options)?;
    let pending = PendingShards::create(out)?;
    let folders = Side::ALL.map(|side| pending.path().join(side.folder()));
    let mut draw = Draw::by_fraction(split)?;
    loop {
        let documents = preparation.open(inputs)?;
        let num_files = documents.num_files();
        for folder in &folders {
            std::fs::create_dir(folder).map_err(DataError::io("create", folder))?;
        }
        let mut writers = folders.each_ref().map(|folder| preparation.writer(folder));
        let mut parts = Parts::default();
        let findings =
            preparation.tokenise(documents, Some(&draw), progress, &mut |drawn, ids, text_bytes| {
                let side = draw.side(drawn);
                parts.add(side, drawn, ids.len() as u64);
                writers[side as usize].write_document(ids, text_bytes)
            })?;
        let [training, validation] = writers.map(ShardWriter::finish);
        if parts.tokens() == 0 {
            return Err(DataError::EmptyCorpus { documents: findings.empty_documents, files: num_files });
        }
        if let Some(another) = draw.another(split, &parts)? {
            // Few documents, so that they are soon read again.
            for folder in &folders {
                std::fs::remove_dir_all(folder).map_err(DataError::io("remove", folder))?;
            }
            draw = another;
            continue;
        }
        let training = preparation.manifest(training?, findings.bad_documents);
        let validation = preparation.manifest(validation?, 0);
        for (folder, manifest) in folders.iter().zip([&training, &validation]) {
            preparation.complete(folder, manifest)?;
        }
        pending.commit()?;
        let notes = findings.notes().into_iter().chain(draw.note(split, &parts)).collect();
        return Ok(PreparedSplit { training, validation, notes });
    }
}

/// What all parts of a corpus are prepared with.
struct Preparation<'a> {
    tokenizer: &'a Tokenizer,
    options: &'a PrepareOptions,
    separator: Separator,
    dtype: TokenDtype,
    threads: usize,
}

/// Takes a document: how it was drawn, its tokens, the bytes of its text.
type Write<'a> = &'a mut dyn FnMut(u64, &[u32], u64) -> Result<(), DataError>;

impl<'a> Preparation<'a> {
    fn new(tokenizer: &'a Tokenizer, options: &'a PrepareOptions) -> Result<Self, DataError> {
        if options.shard_tokens == 0 {
            return Err(DataError::Option { option: "shard_tokens", value: 0, expected: "at least 1" });
        }
        let separator = SeparatorChoice::new(tokenizer, options.separator.as_deref())?.separator;
        let dtype = TokenDtype::for_vocab_size(tokenizer.vocab_size());
        let threads = options.threads.or_else(|| std::thread::available_parallelism().ok());
        Ok(Self { tokenizer, options, separator, dtype, threads: threads.map_or(1, NonZero::get) })
    }

    fn open(&self, inputs: &[PathBuf]) -> Result<Documents, DataError> {
        let PrepareOptions { text_field, skip_bad_lines, .. } = self.options;
        let read = ReadOptions { text_field: text_field.clone(), skip_bad_lines: *skip_bad_lines };
        Documents::open(inputs, &read)
    }

    fn writer(&self, folder: &Path) -> ShardWriter {
        ShardWriter::new(folder, self.dtype, self.options.shard_tokens)
    }

    fn manifest(&self, shards: Vec<Shard>, bad_documents: u64) -> Manifest {
        Manifest {
            format: FORMAT,
            vocab_size: self.tokenizer.vocab_size(),
            dtype: self.dtype,
            separator: self.separator.clone(),
            tokenizer: TokenizerFile { file: TOKENIZER_FILE.into(), sha256: self.tokenizer.sha256() },
            tokens: shards.iter().map(|shard| shard.tokens).sum(),
            documents: shards.iter().map(|shard| shard.documents).sum(),
            text_bytes: shards.iter().map(|shard| shard.text_bytes).sum(),
            bad_documents,
            shards,
        }
    }

    fn complete(&self, folder: &Path, manifest: &Manifest) -> Result<(), DataError> {
        complete(folder, manifest, self.tokenizer.bytes(), self.options.tokenizer_config.as_deref())
    }

    /// Runs reader, workers and writer; returns what was met in the corpus.
    fn tokenise(
        &self,
        documents: Documents,
        draw: Option<&Draw>,
        progress: &mut dyn FnMut(PrepareProgress),
        write: Write<'_>,
    ) -> Result<Findings, DataError> {
        let Self { tokenizer, separator, .. } = self;
        let (bytes_read, total_input_bytes) = (documents.bytes_read(), documents.total_bytes());
        let mut sum = PrepareProgress { total_input_bytes, ..PrepareProgress::default() };
        std::thread::scope(|scope| {
            let (mut dealt, mut workers) = (Vec::new(), Vec::new());
            for _ in 0..self.threads {
                let (batches, work) = sync_channel(WAITING_BATCHES);
                let (done, results) = sync_channel(WAITING_BATCHES);
                let thread = spawn(scope, move || work_through(&work, &done, tokenizer, separator.id, draw))?;
                dealt.push(batches);
                workers.push(Worker { results, thread });
            }
            let reader = spawn(scope, move || deal(documents, &dealt, &separator.token))?;
            let written = take_in_turn(workers, |encoded| {
                let mut rest = &encoded.ids[..];
                for EncodedDocument { tokens, text_bytes, drawn } in encoded.documents {
                    let (ids, behind) = rest.split_at(tokens);
                    write(drawn, ids, text_bytes as u64)?;
                    sum.documents += 1;
                    sum.text_bytes += text_bytes as u64;
                    sum.tokens += tokens as u64;
                    rest = behind;
                }
                sum.input_bytes = bytes_read.load(Ordering::Relaxed);
                progress(sum);
                Ok(())
            });
            let findings = reader.join().map_err(|_| DataError::ThreadStopped { thread: "reading" });
            written.and(findings)
        })
    }
}

/// A batch of documents, tokenised: separators included, documents end to end.
struct Encoded {
    ids: Vec<u32>,
    documents: Vec<EncodedDocument>,
}

struct EncodedDocument {
    /// The separator included.
    tokens: usize,
    text_bytes: usize,
    /// Where the document stands among all texts that there could be; 0 where nothing is drawn.
    drawn: u64,
}

/// Documents on their way to a worker; an error of the reader travels in their place.
type Work = Result<Vec<Document>, DataError>;
/// Documents on their way from a worker.
type Done = Result<Encoded, DataError>;

struct Worker<'scope> {
    results: Receiver<Done>,
    thread: ScopedJoinHandle<'scope, ()>,
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, DataError> {
    let thread = std::thread::Builder::new().name("prepare".into()).spawn_scoped(scope, work);
    thread.map_err(DataError::io("start", Path::new("a thread that tokenises")))
}

/// The reader: batches of documents to the workers in turn; returns what was met in them.
fn deal(mut documents: Documents, workers: &[SyncSender<Work>], separator: &str) -> Findings {
    let mut spelled = Counted::default();
    for worker in workers.iter().cycle() {
        let (mut batch, mut text_bytes) = (Vec::new(), 0);
        let work = loop {
            match documents.next() {
                Some(Ok(document)) => {
                    text_bytes += document.text.len();
                    // Corpora come with separators in their text, and here text is only ever text.
                    if !separator.is_empty() && document.text.contains(separator) {
                        spelled.add(&document.place);
                    }
                    batch.push(document);
                    if text_bytes >= BATCH_TEXT_BYTES {
                        break Ok(batch);
                    }
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(batch),
            }
        };
        let last = work.as_ref().map_or(true, Vec::is_empty);
        // An empty batch is the end; a closed channel means that the writer has given up.
        if matches!(&work, Ok(batch) if batch.is_empty()) || worker.send(work).is_err() || last {
            break;
        }
    }
    documents.into_findings().with_spelled_separators(separator, &spelled)
}

/// A worker: documents in, tokens out, until either side hangs up.
fn work_through(
    work: &Receiver<Work>,
    done: &SyncSender<Done>,
    tokenizer: &Tokenizer,
    separator: u32,
    draw: Option<&Draw>,
) {
    for batch in work {
        let encoded = batch.and_then(|documents| encode(&documents, tokenizer, separator, draw));
        if done.send(encoded).is_err() {
            return;
        }
    }
}

fn encode(documents: &[Document], tokenizer: &Tokenizer, separator: u32, draw: Option<&Draw>) -> Done {
    let mut encoded = Encoded { ids: Vec::new(), documents: Vec::with_capacity(documents.len()) };
    for document in documents {
        let pieces =
            draw.map_or_else(|| [Some((0, &*document.text)), None], |draw| draw.pieces(&document.text));
        for (drawn, text) in pieces.into_iter().flatten() {
            let first = encoded.ids.len();
            encoded.ids.push(separator);
            tokenizer
                .encode_into(text, Reading::TEXT, &mut encoded.ids)
                .map_err(|source| DataError::Encode { place: document.place.clone(), source })?;
            let tokens = encoded.ids.len() - first;
            encoded.documents.push(EncodedDocument { tokens, text_bytes: text.len(), drawn });
        }
    }
    Ok(encoded)
}

/// The writer: results from the workers in turn, until the first that has no more. As batches were dealt in the same
/// turn, that one would have had the batch after the last.
fn take_in_turn(
    workers: Vec<Worker<'_>>,
    mut write: impl FnMut(Encoded) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let results = workers.iter().cycle().map_while(|worker| worker.results.recv().ok());
    let mut written = Ok(());
    for encoded in results {
        written = encoded.and_then(&mut write);
        if written.is_err() {
            break;
        }
    }
    // First every channel, so that whoever waits for room wakes up; then the threads, for a panic would go unnoticed.
    let threads = workers.into_iter().map(|worker| worker.thread).collect::<Vec<_>>();
    let panicked = threads.into_iter().map(ScopedJoinHandle::join).filter(Result::is_err).count();
    if panicked > 0 {
        return written.and(Err(DataError::ThreadStopped { thread: "tokenising" }));
    }
    written
}
