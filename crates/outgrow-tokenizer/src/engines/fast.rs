//! The fast engine: the rewritten `tokenizers` library, a release candidate. It only encodes, and only for files whose
//! ids are known to be the reference engine's.

use serde_json::Value;
use tokenizers::pipeline::{EncodeOptions, Override, PipelineToken, PipelineTokenizer};

use crate::{
    engines::{probes::PROBES, quiet::caught, reference::Reference, shapes},
    reading::{Reading, SpecialSpellings},
};

/// A tokenizer as the rewritten library opened it.
pub(crate) struct Fast {
    pipeline: PipelineTokenizer,
    /// What the post-processor puts before and behind a text's ids, where that can be told.
    frame: Option<(Vec<u32>, Vec<u32>)>,
}

impl Fast {
    /// Opens a tokenizer.json if the engine is known to give the reference's ids for its kind, and gives them for the
    /// probes.
    pub(crate) fn open_known(json: &Value, reference: &Reference) -> Option<Self> {
        if !shapes::are_known(json) {
            return None;
        }
        Self::open(json, reference).filter(|fast| fast.agrees(reference))
    }

    /// Opens a tokenizer.json if the engine can, whatever its ids are then.
    pub(crate) fn open(json: &Value, reference: &Reference) -> Option<Self> {
        let mut json = json.clone();
        // It sorts the list by the ids written there before it numbers on; with the library's these are the library's.
        json["added_tokens"] = reference.listed();
        // The frame is found out from the reference, which decodes as well.
        json["post_processor"] = Value::Null;
        json["decoder"] = Value::Null;
        let opened = caught(|| {
            tokenizers::canonicalize_value(&mut json).ok()?;
            tokenizers::from_json(&json.to_string()).ok()
        });
        Some(Self { pipeline: opened.ok().flatten()?, frame: frame(reference) })
    }

    /// The ids of a text, behind those already in `ids`.
    pub(crate) fn encode_into(&self, text: &str, reading: Reading, ids: &mut Vec<u32>) -> Result<(), String> {
        let options = EncodeOptions {
            add_special_tokens: false,
            encode_special_tokens: match reading.special_spellings {
                SpecialSpellings::AsText => true,
                SpecialSpellings::AsTokens => false,
            },
            padding: Override::Off,
            truncation: Override::Off,
        };
        let (before, behind) = match (&self.frame, reading.add_special_tokens) {
            (_, false) => (&[][..], &[][..]),
            (Some((before, behind)), true) => (&**before, &**behind),
            (None, true) => return Err("the post-processor does more than put ids around a text's".into()),
        };
        let mut tokens = Vec::with_capacity(text.len() / 3);
        caught(|| {
            self.pipeline.encode_into(text, &options, &mut tokens).map_err(|error| error.to_string())
        })??;
        ids.extend_from_slice(before);
        ids.extend_from_slice(PipelineToken::cast_slice(&tokens));
        ids.extend_from_slice(behind);
        Ok(())
    }

    /// Whether the probes have the reference's ids, in each reading.
    fn agrees(&self, reference: &Reference) -> bool {
        let readings = [Reading::TEXT, Reading::tokens(false), Reading::tokens(true)];
        let tokens = reference.added_tokens().into_iter().take(64);
        let spellings: Vec<_> = tokens.map(|token| format!("a{0}b {0} {0}\n", token.content)).collect();
        let spellings = spellings.concat();
        PROBES.iter().copied().chain([&*spellings]).all(|text| {
            readings.iter().all(|&reading| {
                let mut ids = Vec::new();
                match self.encode_into(text, reading, &mut ids) {
                    Ok(()) => reference.encode(text, reading).is_ok_and(|expected| expected == ids),
                    // Then the reference is asked, each time.
                    Err(_) => reading.add_special_tokens,
                }
            })
        })
    }
}

/// What the post-processor puts before and behind a text's ids, if that is all it does as far as a text shows.
fn frame(reference: &Reference) -> Option<(Vec<u32>, Vec<u32>)> {
    let bare = reference.encode(PROBES[0], Reading::tokens(false)).ok()?;
    let framed = reference.encode(PROBES[0], Reading::tokens(true)).ok()?;
    let mut places = framed.windows(bare.len().max(1)).enumerate().filter(|(_, ids)| *ids == bare);
    let (start, _) = places.next().filter(|_| places.next().is_none())?;
    Some((framed[..start].to_vec(), framed[start + bare.len()..].to_vec()))
}
