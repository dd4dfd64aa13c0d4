//! What a folder's tokenizer says of itself: notes where it isn't what tokenizer.json says, the file's own reading, and
//! refusals. Ids are compared elsewhere.

use std::{fs, path::Path};

use outgrow_tokenizer::pretrained::{PretrainedTokenizer, TokenizerFiles, TokenizerSource};
use outgrow_tokenizer::{Reading, TokenizerError};
use serde_json::{Value, json};

struct Folder(tempfile::TempDir);

impl Folder {
    /// With the files of a golden vocabulary.
    fn with(vocabulary: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pretrained").join(vocabulary);
        for entry in fs::read_dir(golden).expect("a vocabulary") {
            let file = entry.expect("its files").path();
            fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("it is copied");
        }
        folder
    }

    fn empty() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path().join(name), contents).expect("it is written");
        self
    }

    fn configured(&self, configuration: &Value) -> &Self {
        self.write("tokenizer_config.json", configuration.to_string())
    }

    /// Changes tokenizer.json.
    fn edited(&self, edit: impl FnOnce(&mut Value)) -> &Self {
        let file = self.path().join("tokenizer.json");
        let mut json = serde_json::from_str(&fs::read_to_string(&file).expect("it is there")).expect("JSON");
        edit(&mut json);
        self.write("tokenizer.json", json.to_string())
    }

    fn open(
        &self,
        source: TokenizerSource,
        add_bos_token: Option<bool>,
    ) -> Result<PretrainedTokenizer, String> {
        let opened = TokenizerFiles::read(self.path()).and_then(|files| files.open(source, add_bos_token));
        opened.map_err(|error| self.line(&error))
    }

    fn notes(&self, add_bos_token: Option<bool>) -> String {
        self.open(TokenizerSource::Class, add_bos_token).expect("it opens").notes().join("\n")
    }

    fn refused(&self) -> String {
        self.open(TokenizerSource::Class, None).expect_err("it is refused")
    }

    fn line(&self, error: &TokenizerError) -> String {
        let line = error.to_string().replace(self.path().to_str().expect("a path"), "DIR");
        assert!(!line.contains('\n'), "{line}");
        line
    }
}

const END: [(&str, &str); 2] = [("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>")];
const ANGLES: [(&str, &str); 3] = [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")];

fn named(class: &str, tokens: &[(&str, &str)]) -> Value {
    let mut configuration = json!({ "tokenizer_class": class });
    for (key, token) in tokens {
        configuration[*key] = (*token).into();
    }
    configuration
}

#[test]
fn a_class_that_reads_otherwise_than_the_file_is_a_note_that_says_in_what() {
    let of = |vocabulary: &str, configuration: &Value| {
        Folder::with(vocabulary).configured(configuration).notes(None)
    };
    insta::assert_snapshot!(of("like_llama", &named("LlamaTokenizer", &ANGLES)), @"not as tokenizer.json says but as transformers builds it by the class LlamaTokenizer: normalizer, pre_tokenizer");
    insta::assert_snapshot!(of("byte_level", &named("GPT2Tokenizer", &END)), @"not as tokenizer.json says but as transformers builds it by the class GPT2Tokenizer: pre_tokenizer");
    insta::assert_snapshot!(of("byte_level", &named("GPTNeoXTokenizerFast", &END)), @"not as tokenizer.json says but as transformers builds it by the class GPTNeoXTokenizer: normalizer, pre_tokenizer, an added token");
    insta::assert_snapshot!(of("byte_level", &named("CohereTokenizer", &END)), @"not as tokenizer.json says but as transformers builds it by the class CohereTokenizer: normalizer, 5 added tokens");
    insta::assert_snapshot!(of("byte_level", &named("GemmaTokenizer", &END)), @"GemmaTokenizer: whether transformers' class gives the same ids is untested; tokenizer.json is taken as it is");
    let chat = json!({ "content": "<|im_end|>", "special": true });
    let mut with_chat = named("PreTrainedTokenizerFast", &END);
    with_chat["added_tokens_decoder"] = json!({ "400": chat });
    insta::assert_snapshot!(of("byte_level", &with_chat), @"not as tokenizer.json says but as transformers builds it by the files beside it: an added token");
}

#[test]
fn a_folder_that_is_read_by_its_file_has_no_note() {
    for class in ["PreTrainedTokenizerFast", "TokenizersBackend"] {
        assert_eq!(Folder::with("byte_level").configured(&named(class, &END)).notes(None), "");
        assert_eq!(Folder::with("like_llama").configured(&named(class, &ANGLES)).notes(Some(true)), "");
    }
    assert_eq!(Folder::with("byte_level").notes(None), "");
    // GPT-2's own layout is what its class builds.
    let gpt2 = Folder::with("byte_level");
    gpt2.configured(&named("GPT2Tokenizer", &END)).edited(|json| {
        json["pre_tokenizer"] =
            json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true });
        json["post_processor"] =
            json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false });
    });
    assert_eq!(gpt2.notes(None), "");
}

#[test]
fn the_files_own_reading_is_there_for_the_asking() {
    let folder = Folder::with("like_llama");
    folder.configured(&named("LlamaTokenizer", &ANGLES));
    let ids = |source| folder.open(source, None).unwrap().encode(" the river", true).unwrap();
    let by_file = ids(TokenizerSource::File);
    assert_ne!(
        by_file,
        ids(TokenizerSource::Class),
        "the file puts a space in front of a space, the class doesn't"
    );
    let plain = TokenizerFiles::open_plain(folder.path()).unwrap();
    assert_eq!(by_file, plain.encode(" the river", Reading::tokens(true)).unwrap());
    assert_eq!(
        plain.sha256(),
        TokenizerFiles::open_plain(&folder.path().join("tokenizer.json")).unwrap().sha256()
    );
    // The template follows the flag, nothing else does.
    let without = folder.open(TokenizerSource::File, Some(false)).unwrap();
    assert_eq!(without.encode(" the river", true).unwrap(), by_file[1..]);
    let with = folder.open(TokenizerSource::File, Some(true)).unwrap();
    assert_eq!(with.around().unwrap(), (vec![1], vec![]));
    assert_eq!(with.notes(), &[] as &[String]);
}

#[test]
fn what_is_put_around_texts_is_what_the_template_says() {
    let folder = Folder::with("like_llama");
    folder.configured(&named("PreTrainedTokenizerFast", &ANGLES));
    let around = |flag| folder.open(TokenizerSource::Class, flag).unwrap().around().unwrap();
    assert_eq!(
        [around(None), around(Some(true)), around(Some(false))],
        [(vec![1], vec![]), (vec![1], vec![]), (vec![], vec![])]
    );
    let nameless = Folder::with("byte_level");
    nameless.configured(&json!({ "eos_token": "<|endoftext|>" }));
    let opened = nameless.open(TokenizerSource::Class, Some(true)).unwrap();
    assert_eq!(opened.around().unwrap(), (vec![], vec![]));
    assert_eq!(
        opened.notes(),
        ["no file names a bos_token: nothing is put in front of texts, as by lm-evaluation-harness"]
    );
}

#[test]
fn config_json_stands_in_where_nothing_names_a_token_and_only_there() {
    let folder = Folder::with("like_llama");
    folder.write(
        "config.json",
        json!({ "model_type": "llama", "bos_token_id": 1, "eos_token_id": [2, 5] }).to_string(),
    );
    let opened = folder.open(TokenizerSource::Class, Some(true)).unwrap();
    let ids = |tokenizer: &PretrainedTokenizer| {
        [&tokenizer.named().bos, &tokenizer.named().eos].map(|token| token.as_ref().map(|token| token.id))
    };
    assert!(opened.is_named_by_config());
    assert_eq!(ids(&opened), [Some(1), Some(2)]);
    assert_eq!(opened.around().unwrap(), (vec![1], vec![]));
    folder.configured(&json!({ "eos_token": "</s>" }));
    let opened = folder.open(TokenizerSource::Class, Some(true)).unwrap();
    assert!(!opened.is_named_by_config());
    assert_eq!(ids(&opened), [None, Some(2)]);
    folder.write(
        "config.json",
        json!({ "model_type": "llama", "bos_token_id": -1, "eos_token_id": null }).to_string(),
    );
    folder.configured(&json!({}));
    assert_eq!(ids(&folder.open(TokenizerSource::Class, None).unwrap()), [None, None]);
}

#[test]
fn a_corpus_is_read_by_tokenizer_json_whatever_stands_beside_it() {
    let folder = Folder::with("like_llama");
    folder.configured(&named("LlamaTokenizer", &ANGLES)).write("special_tokens_map.json", "{ broken");
    let file = fs::read(folder.path().join("tokenizer.json")).unwrap();
    assert_eq!(TokenizerFiles::open_plain(folder.path()).unwrap().bytes(), file);
}

#[test]
fn a_corpus_is_read_by_what_other_files_make_where_there_is_no_tokenizer_json() {
    let bpe = Folder::with("vocab_and_merges");
    bpe.configured(&named("GPT2Tokenizer", &END));
    let ids =
        |path: &Path| TokenizerFiles::open_plain(path).unwrap().encode("the river", Reading::TEXT).unwrap();
    let of_folder = ids(bpe.path());
    assert_eq!(of_folder, ids(&bpe.path().join("vocab.json")));
    assert_eq!(of_folder, ids(&bpe.path().join("merges.txt")));
    let opened = TokenizerFiles::open_plain(bpe.path()).unwrap();
    let stored: Value = serde_json::from_slice(opened.bytes()).expect("what is stored is a tokenizer.json");
    assert_eq!(stored["model"]["type"], "BPE");

    let pieces = Folder::with("like_llama_model");
    pieces.configured(&named("LlamaTokenizer", &ANGLES));
    let of_file = Folder::with("like_llama");
    assert_eq!(ids(pieces.path()), ids(of_file.path()), "one vocabulary, in two files");
    assert_eq!(ids(pieces.path()), ids(&pieces.path().join("tokenizer.model")));
}

#[test]
fn what_no_tokenizer_can_be_made_of_is_refused_in_one_line() {
    insta::assert_snapshot!(Folder::empty().refused(), @"DIR: there is no tokenizer.json, which turns text into the model's tokens; copy the one it was trained with here");
    insta::assert_snapshot!(Folder::empty().write("tekken.json", "{}").refused(), @"DIR: there is no tokenizer.json, and tekken.json isn't read; transformers writes a tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
    insta::assert_snapshot!(Folder::with("vocab_and_merges").refused(), @"DIR/vocab.json: TokenizersBackend doesn't read it: name the class that does as tokenizer_class in tokenizer_config.json (GPT2Tokenizer, GPTNeoXTokenizer, Qwen2Tokenizer or CohereTokenizer)");
    insta::assert_snapshot!(Folder::with("vocab_and_merges").configured(&named("LlamaTokenizer", &ANGLES)).refused(), @"DIR/vocab.json: LlamaTokenizer doesn't read it: name the class that does as tokenizer_class in tokenizer_config.json (GPT2Tokenizer, GPTNeoXTokenizer, Qwen2Tokenizer or CohereTokenizer)");
    insta::assert_snapshot!(Folder::with("like_llama_model").configured(&named("GemmaTokenizer", &ANGLES)).refused(), @"DIR/tokenizer.model: how GemmaTokenizer reads it isn't known here; transformers writes a tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
    insta::assert_snapshot!(Folder::with("like_llama_model").configured(&named("GPT2Tokenizer", &ANGLES)).refused(), @"DIR/tokenizer.model: GPT2Tokenizer reads vocab.json and merges.txt, not this: copy those here, or name the class that reads it (LlamaTokenizer) as tokenizer_class in tokenizer_config.json");
    insta::assert_snapshot!(Folder::empty().write("tokenizer.model", "IQ== 0\nIg== 1\n").refused(), @"DIR/tokenizer.model: it is no SentencePiece model (a tokenizer.model of Llama 3 is one of tiktoken's); transformers writes a tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
    // A class builds a tokenizer of its own, but not of nothing.
    let llama = named("LlamaTokenizer", &ANGLES);
    insta::assert_snapshot!(Folder::empty().configured(&llama).write("tokenizer.json", "{\"model\": null}").refused(), @"DIR/tokenizer.json: not a usable tokenizer.json: there is no `model` in it, so it is no tokenizer");
    insta::assert_snapshot!(Folder::empty().configured(&llama).write("tokenizer.json", "[]").refused(), @"DIR/tokenizer.json: not a usable tokenizer.json: the file is not an object of JSON");
    let gpt2 = named("GPT2Tokenizer", &END);
    let bpe = || Folder::with("vocab_and_merges");
    insta::assert_snapshot!(bpe().configured(&gpt2).write("merges.txt", "#version: 0.2\na b\na b c\n").refused(), @r#"DIR/merges.txt: line 3: "a b c" is no pair of tokens with a space between"#);
    insta::assert_snapshot!(bpe().configured(&gpt2).write("vocab.json", "[]").refused(), @"DIR/vocab.json: is no map of tokens to ids");
    insta::assert_snapshot!(Folder::empty().configured(&gpt2).write("vocab.json", "{\"a\": 0}").refused(), @"DIR/merges.txt: there is no such file, and vocab.json says nothing without it");
    insta::assert_snapshot!(Folder::with("byte_level").write("tokenizer_config.json", "{").refused(), @"DIR/tokenizer_config.json: not JSON: EOF while parsing an object at line 1 column 1");
    let pieces = Folder::with("like_llama_model");
    insta::assert_snapshot!(pieces.open(TokenizerSource::File, None).unwrap_err(), @"DIR/tokenizer.model: there is no tokenizer.json beside it that could be taken as it is");
}
