//! The files of a folder that its tokenizer is made of: found, read, and put together. What they say is
//! worked out elsewhere.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    error::TokenizerError,
    pretrained::{
        build::{Built, as_it_is, of_sentence_piece, of_tokenizer_json, of_vocab_and_merges},
        class::TokenizerClass,
        difference::differences,
        settings::{Beside, CleanUp, Settings},
        tokenizer::{NamedToken, NamedTokens, PretrainedTokenizer, TokenizerSource},
        vocabulary_file::{
            VocabularyFile, WRITE_TOKENIZER_JSON, is_sentence_piece, is_vocab_or_merges, optional_json,
            vocabulary_file,
        },
    },
    reading::SpecialSpellings,
    tokenizer::Tokenizer,
};

/// The largest vocabulary for which transformers looks no further into `fix_mistral_regex`.
const UNPATCHED_VOCABULARY: usize = 100_000;

/// A folder's tokenizer files.
///
/// ```
/// use outgrow_tokenizer::pretrained::{TokenizerFiles, TokenizerSource};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # let json = serde_json::json!({
/// #     "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
/// #     "decoder": null, "pre_tokenizer": { "type": "Whitespace" },
/// #     "added_tokens": [{ "id": 3, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
/// #         "normalized": false, "special": true }],
/// #     "model": { "type": "WordLevel", "unk_token": "?", "vocab": { "?": 0, "the": 1, "river": 2 } },
/// # });
/// # std::fs::write(folder.join("tokenizer.json"), json.to_string())?;
/// std::fs::write(folder.join("tokenizer_config.json"), r#"{ "bos_token": "<s>" }"#)?;
/// let files = TokenizerFiles::read(folder)?;
/// // With the token that begins a text in front.
/// let tokenizer = files.open(TokenizerSource::Class, Some(true))?;
/// assert_eq!(tokenizer.encode("the river", true)?, [3, 1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TokenizerFiles {
    /// The vocabulary's file.
    path: PathBuf,
    vocabulary: VocabularyFile,
    beside: Beside,
}

impl TokenizerFiles {
    /// Reads a folder's files, or a vocabulary's file (tokenizer.json, tokenizer.model, vocab.json or merges.txt) with
    /// those beside it.
    ///
    /// # Errors
    /// [`TokenizerError::NoTokenizer`] if there is no vocabulary, [`TokenizerError::Io`] and
    /// [`TokenizerError::Unusable`] for files that can't be read.
    pub fn read(path: &Path) -> Result<Self, TokenizerError> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let file = if path.is_dir() { vocabulary_file(folder)? } else { path.to_path_buf() };
        let beside = |name: &str| optional_json(&folder.join(name));
        let beside = Beside {
            tokenizer_config: beside("tokenizer_config.json")?,
            special_tokens_map: beside("special_tokens_map.json")?,
            added_tokens: beside("added_tokens.json")?,
            // What is wrong with it is for those to say who need more of it.
            config: beside("config.json").unwrap_or_default(),
        };
        let vocabulary = VocabularyFile::read(&file)?;
        Ok(Self { path: file, vocabulary, beside })
    }

    /// The files that a folder will have: its tokenizer.json, and the tokenizer_config.json beside it.
    pub fn of_parts(path: &Path, tokenizer_json: Value, tokenizer_config: Value) -> Self {
        let byte_level = tokenizer_json.to_string().contains("\"ByteLevel\"");
        let vocabulary = VocabularyFile::TokenizerJson { json: tokenizer_json, byte_level };
        let beside = Beside { tokenizer_config, ..Beside::default() };
        Self { path: path.to_path_buf(), vocabulary, beside }
    }

    /// With a config.json that somebody else has read.
    #[must_use]
    pub fn with_config(mut self, config: Value) -> Self {
        self.beside.config = config;
        self
    }

    /// The class that transformers gives the folder.
    pub fn class(&self) -> TokenizerClass {
        let byte_level = matches!(self.vocabulary, VocabularyFile::TokenizerJson { byte_level: true, .. });
        TokenizerClass::of(&self.beside.tokenizer_config, &self.beside.config, byte_level)
    }

    /// A tokenizer for a corpus: a tokenizer.json as it is, whatever stands beside it, or what transformers makes of
    /// the other files where there is none.
    ///
    /// # Errors
    /// As [`read`](Self::read) and [`open`](Self::open).
    pub fn open_plain(path: &Path) -> Result<Tokenizer, TokenizerError> {
        let file = if path.is_dir() { vocabulary_file(path)? } else { path.to_path_buf() };
        if !is_vocab_or_merges(&file) && !is_sentence_piece(&file) {
            return Tokenizer::open(&file);
        }
        let files = Self::read(&file)?;
        Tokenizer::from_json(&file, files.built(files.class(), None)?.json)
    }

    /// The tokenizer as transformers reads texts with it, or by tokenizer.json alone. `add_bos_token` is what
    /// lm-evaluation-harness passes on under this name: `true` is a template with the token that begins a text in
    /// front, `false` one with nothing.
    ///
    /// # Errors
    /// [`TokenizerError::NoTokenizer`] if nothing exact can be made of the files, [`TokenizerError::Unusable`] if the
    /// library can't run the result.
    pub fn open(
        &self,
        source: TokenizerSource,
        add_bos_token: Option<bool>,
    ) -> Result<PretrainedTokenizer, TokenizerError> {
        let class = self.class();
        let mut notes = Vec::new();
        let Built { json, settings, .. } = match (&self.vocabulary, source) {
            (VocabularyFile::TokenizerJson { json, .. }, TokenizerSource::File) => {
                as_it_is(json, &self.beside, add_bos_token)
            }
            (VocabularyFile::VocabAndMerges(_) | VocabularyFile::SentencePiece(_), TokenizerSource::File) => {
                return Err(self.none("there is no tokenizer.json beside it that could be taken as it is"));
            }
            (_, TokenizerSource::Class) => {
                let built = self.built(class.clone(), add_bos_token)?;
                notes.extend(self.differs(&built, add_bos_token.is_some()));
                notes.extend(unpatched(&built));
                built
            }
        };
        let is_bpe = json.pointer("/model/type").is_none_or(|kind| kind == "BPE");
        let tokenizer = Tokenizer::from_json(&self.path, json)?;
        notes.extend(tokenizer.notes().iter().cloned());
        if source == TokenizerSource::Class {
            notes.extend(self.other_ids(&tokenizer).filter(|note| !tokenizer.notes().contains(note)));
        }
        let named = named_tokens(&settings, &tokenizer);
        if add_bos_token == Some(true) && named.bos.is_none() {
            let note =
                "no file names a bos_token: nothing is put in front of texts, as by lm-evaluation-harness";
            notes.push(note.into());
        }
        let of_class = source == TokenizerSource::Class;
        let cleans_up = match settings.clean_up {
            CleanUp::Never => false,
            CleanUp::AllButBpe => !is_bpe,
            CleanUp::Always => true,
        };
        let as_text = of_class && settings.split_special_tokens;
        Ok(PretrainedTokenizer {
            tokenizer,
            named,
            named_by_config: settings.stand_ins() != (None, None),
            class: Some(class),
            source,
            special_spellings: if as_text { SpecialSpellings::AsText } else { SpecialSpellings::AsTokens },
            cleans_up_spaces: of_class && cleans_up,
            notes,
        })
    }

    /// What transformers builds of the files.
    fn built(&self, class: TokenizerClass, add_bos_token: Option<bool>) -> Result<Built, TokenizerError> {
        let hint = self.hint(&class);
        let built = match &self.vocabulary {
            VocabularyFile::TokenizerJson { json, .. } => {
                Some(of_tokenizer_json(json, class, &self.beside, add_bos_token))
            }
            VocabularyFile::VocabAndMerges(vocabulary) => {
                of_vocab_and_merges(vocabulary.clone(), class, &self.beside, add_bos_token)
            }
            VocabularyFile::SentencePiece(model) => {
                of_sentence_piece(model, class, &self.beside, add_bos_token)
            }
        };
        built.ok_or_else(|| self.none(&hint))
    }

    /// What is to be done where a class makes nothing of the files.
    fn hint(&self, class: &TokenizerClass) -> String {
        let name = class.name();
        match (&self.vocabulary, class) {
            (_, TokenizerClass::Untested(_)) => {
                format!("how {name} reads it isn't known here; {WRITE_TOKENIZER_JSON}")
            }
            (VocabularyFile::VocabAndMerges(_), _) => {
                let classes = "GPT2Tokenizer, GPTNeoXTokenizer, Qwen2Tokenizer or CohereTokenizer";
                format!(
                    "{name} doesn't read it: name the class that does as tokenizer_class in tokenizer_config.json ({classes})"
                )
            }
            (VocabularyFile::SentencePiece(_) | VocabularyFile::TokenizerJson { .. }, _) => {
                format!(
                    "{name} reads vocab.json and merges.txt, not this: copy those here, or name the class that reads it (LlamaTokenizer) as tokenizer_class in tokenizer_config.json"
                )
            }
        }
    }

    /// Where a class or a configuration leaves something else than the file says, or may do so.
    fn differs(&self, built: &Built, template_is_asked_for: bool) -> Option<String> {
        let class = &built.class;
        if let TokenizerClass::Untested(name) = class {
            return Some(format!(
                "{name}: whether transformers' class gives the same ids is untested; tokenizer.json is taken as it is"
            ));
        }
        let VocabularyFile::TokenizerJson { json, .. } = &self.vocabulary else { return None };
        let mut differences = differences(json, &built.json);
        differences.retain(|part| !template_is_asked_for || part != "post_processor");
        let built_by = match class {
            TokenizerClass::Generic => "the files beside it".to_owned(),
            _ => format!("the class {}", class.name()),
        };
        let what = differences.join(", ");
        (!differences.is_empty()).then(|| {
            format!("not as tokenizer.json says but as transformers builds it by {built_by}: {what}")
        })
    }

    /// Where ids of added tokens that tokenizer.json states aren't those that its tokens have. Templates are the
    /// class's.
    fn other_ids(&self, tokenizer: &Tokenizer) -> Option<String> {
        let VocabularyFile::TokenizerJson { json, .. } = &self.vocabulary else { return None };
        tokenizer.note_of_source(&serde_json::json!({ "added_tokens": json.get("added_tokens") }))
    }

    fn none(&self, problem: &str) -> TokenizerError {
        TokenizerError::NoTokenizer { path: self.path.clone(), problem: problem.to_owned() }
    }
}

/// transformers has another regular expression for Mistral's larger vocabularies, if a file asks for it.
fn unpatched(built: &Built) -> Option<String> {
    let large = built
        .json
        .pointer("/model/vocab")
        .and_then(Value::as_object)
        .is_some_and(|vocab| vocab.len() > UNPATCHED_VOCABULARY);
    let asked = built.settings.fix_mistral_regex && large;
    asked.then(|| "tokenizer_config.json asks for fix_mistral_regex, which isn't done here: ids can differ from transformers'".to_owned())
}

/// Named tokens with the ids that the library gives them; config.json's where nothing is named.
fn named_tokens(settings: &Settings, tokenizer: &Tokenizer) -> NamedTokens {
    let named = |name: &str| {
        let spelling = settings.spelling(name)?.to_owned();
        let id = tokenizer.token_id(&spelling)?;
        Some(NamedToken { spelling, id })
    };
    let by_id =
        |id: Option<u32>| id.and_then(|id| Some(NamedToken { spelling: tokenizer.spelling(id)?, id }));
    let (bos, eos) = settings.stand_ins();
    NamedTokens {
        bos: named("bos_token").or_else(|| by_id(bos)),
        eos: named("eos_token").or_else(|| by_id(eos)),
        unk: named("unk_token"),
        pad: named("pad_token"),
    }
}
