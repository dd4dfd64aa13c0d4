//! Folders' tokenizers against what transformers' AutoTokenizer gives for the same files (golden/pretrained, made by
//! xtask/python/golden/pretrained_tokenizers.py): class, named tokens, ids with and without special tokens, and texts
//! of ids.
//!
//! `OUTGROW_PRETRAINED_CASES` may name another folder of such cases, drawn at random by the same script.

use std::{
    fs,
    path::{Path, PathBuf},
};

use outgrow_tokenizer::pretrained::{NamedToken, PretrainedTokenizer, TokenizerFiles, TokenizerSource};
use serde_json::Value;

struct Cases {
    root: PathBuf,
    texts: Vec<String>,
    cases: Vec<Value>,
}

fn cases(root: &Path) -> Cases {
    let text = fs::read_to_string(root.join("cases.json")).expect("the cases are there");
    let mut all: Value = serde_json::from_str(&text).expect("they are JSON");
    let texts = serde_json::from_value(all["texts"].take()).expect("texts");
    let cases = serde_json::from_value(all["cases"].take()).expect("cases");
    Cases { root: root.to_path_buf(), texts, cases }
}

fn golden() -> Cases {
    cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pretrained"))
}

/// The folder of a case, written anew.
fn folder(cases: &Cases, case: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let vocabulary = cases.root.join(case["vocabulary"].as_str().expect("a vocabulary"));
    for entry in fs::read_dir(vocabulary).expect("its folder") {
        let file = entry.expect("its files").path();
        let target = folder.path().join(file.file_name().expect("a name"));
        match case["edit"].as_object().filter(|edit| !edit.is_empty() && target.ends_with("tokenizer.json")) {
            Some(edit) => {
                let text = fs::read_to_string(file).expect("a tokenizer.json");
                let mut json: Value = serde_json::from_str(&text).expect("JSON");
                edit.iter().for_each(|(key, value)| json[key] = value.clone());
                fs::write(target, json.to_string()).expect("it is written");
            }
            None => drop(fs::copy(file, target).expect("it is copied")),
        }
    }
    for (name, contents) in case["files"].as_object().expect("files") {
        fs::write(folder.path().join(name), contents.to_string()).expect("it is written");
    }
    folder
}

fn open(cases: &Cases, case: &Value) -> Result<PretrainedTokenizer, String> {
    let folder = folder(cases, case);
    let files = TokenizerFiles::read(folder.path()).map_err(|error| error.to_string())?;
    files.open(TokenizerSource::Class, case["add_bos_token"].as_bool()).map_err(|error| error.to_string())
}

/// All that differs, in words.
fn differences(cases: &Cases, case: &Value, tokenizer: &PretrainedTokenizer) -> Vec<String> {
    let expected = &case["expected"];
    let mut differences = Vec::new();
    let class =
        tokenizer.class().map(outgrow_tokenizer::pretrained::TokenizerClass::name).unwrap_or_default();
    let known = tokenizer.notes().iter().all(|note| !note.contains("untested"));
    if known && expected["class"] != class {
        differences.push(format!("the class is {class}, not {}", expected["class"]));
    }
    let named = tokenizer.named();
    let tokens = [
        ("bos_token", &named.bos),
        ("eos_token", &named.eos),
        ("unk_token", &named.unk),
        ("pad_token", &named.pad),
    ];
    let stands_in = expected["named"]["bos_token"].is_null() && expected["named"]["eos_token"].is_null();
    for (name, token) in
        tokens.into_iter().filter(|(name, _)| !stands_in || matches!(*name, "unk_token" | "pad_token"))
    {
        let token = token
            .as_ref()
            .map_or(Value::Null, |NamedToken { spelling, id }| serde_json::json!([spelling, id]));
        if token != expected["named"][name] {
            differences.push(format!("{name} is {token}, not {}", expected["named"][name]));
        }
    }
    for (index, text) in cases.texts.iter().enumerate() {
        let ids = |special: bool| tokenizer.encode(text, special).map_err(|error| error.to_string());
        for (special, place) in [(true, 0), (false, 1)] {
            let (ours, theirs) = (ids(special), &expected["ids"][index][place]);
            if theirs.is_array()
                && ours.as_ref().ok().map(|ids| serde_json::json!(ids)).as_ref() != Some(theirs)
            {
                differences.push(format!("{text:?} is {ours:?}, not {theirs}"));
            }
        }
        let theirs: Option<Vec<u32>> = serde_json::from_value(expected["ids"][index][0].clone()).ok();
        if let Some(ids) = theirs {
            let ours = tokenizer.decode(&ids).map_err(|error| error.to_string());
            if ours.as_deref().ok() != expected["decoded"][index].as_str() {
                differences.push(format!("{ids:?} is {ours:?}, not {}", expected["decoded"][index]));
            }
        }
    }
    differences
}

#[test]
fn folders_give_the_ids_of_auto_tokenizer() {
    let cases = golden();
    let mut different = Vec::new();
    for case in &cases.cases {
        match open(&cases, case) {
            Err(error) => different.push(format!("{}: {error}", case["name"])),
            Ok(tokenizer) => {
                let found = differences(&cases, case, &tokenizer);
                different.extend(found.into_iter().map(|line| format!("{}: {line}", case["name"])));
            }
        }
    }
    assert!(different.is_empty(), "{} differences:\n{}", different.len(), different.join("\n"));
    assert!(cases.cases.len() > 150);
}

/// What transformers refuses may be read here, and what can't be made here exactly is refused; what both read is the
/// same.
#[test]
fn folders_drawn_at_random_give_them_too() {
    let Some(root) = std::env::var_os("OUTGROW_PRETRAINED_CASES") else { return };
    let cases = cases(Path::new(&root));
    let (mut same, mut refused, mut different) = (0, 0, Vec::new());
    for case in &cases.cases {
        match open(&cases, case) {
            Err(_) => refused += 1,
            Ok(_) if case["expected"].get("error").is_some() => {}
            Ok(tokenizer) => {
                let found = differences(&cases, case, &tokenizer);
                same += usize::from(found.is_empty());
                different.extend(found.into_iter().map(|line| format!("{}: {line}", case["name"])));
            }
        }
    }
    println!("{same} the same, {refused} refused");
    assert!(different.is_empty(), "{} differences:\n{}", different.len(), different.join("\n"));
}
