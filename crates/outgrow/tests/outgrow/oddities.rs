//! What the program says of folders that are odd: a note for each oddity on standard error, and the results of the
//! plain folder on standard output.

use std::{fs, process::Output};

use outgrow_checkpoint::{
    HostTensor, LlamaConfig, NamedTensors, read_tensors, write_checkpoint, write_tensors,
};
use outgrow_model::{Initialization, initial_tensors};
use serde_json::{Value, json};

use crate::tiny::{self, Workshop, assert_success, stderr, stdout};

const HEAD: &str = "lm_head.weight";

/// A workshop with a model of two layers in `plain`, its tokenizer beside it, and the same in `odd`.
fn workshop(tie_word_embeddings: bool) -> Workshop {
    let workshop = Workshop::new();
    let config = json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "initializer_range": 0.3,
        "torch_dtype": "float32", "tie_word_embeddings": tie_word_embeddings,
    });
    let config = LlamaConfig::from_json(&config.to_string()).unwrap();
    let tensors = initial_tensors(&config, Initialization::Normal, 1);
    for folder in ["plain", "odd"] {
        write_checkpoint(&workshop.path(folder), &config, &tensors, 1 << 30).unwrap();
        workshop.write(&format!("{folder}/tokenizer.json"), tiny::tokenizer());
    }
    workshop
}

fn edit_config(workshop: &Workshop, folder: &str, change: impl FnOnce(&mut Value)) {
    let file = workshop.path(&format!("{folder}/config.json"));
    let mut json: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    change(&mut json);
    fs::write(file, json.to_string()).unwrap();
}

fn edit_tensors(workshop: &Workshop, folder: &str, change: impl FnOnce(&mut NamedTensors)) {
    let file = workshop.path(&format!("{folder}/model.safetensors"));
    let mut tensors = read_tensors(&file).unwrap();
    change(&mut tensors);
    write_tensors(&file, &tensors).unwrap();
}

#[test]
fn an_odd_folder_gives_what_the_plain_one_gives_and_a_note_for_each_oddity() {
    let workshop = workshop(false);
    edit_config(&workshop, "odd", |config| config["attention_dropout"] = json!(0.1));
    edit_tensors(&workshop, "odd", |tensors| {
        let buffer = HostTensor { shape: vec![], values: vec![-1e9] };
        tensors.insert("model.layers.0.self_attn.masked_bias".to_owned(), buffer);
    });
    workshop.write(
        "odd/tokenizer_config.json",
        "\u{feff}{\"model_max_length\": NaN, \"limit\": 1000000000000000019884624838656}",
    );
    let notes = "note: odd: config.json: `attention_dropout` is 0.1: of no effect, since nothing is dropped here\n\
                 note: odd: passed over: `model.layers.0.self_attn.masked_bias`, which config.json has no use for\n";
    let generate =
        |folder: &str| workshop.run(&["generate", folder, "--prompt", "w1 w2", "--max-new-tokens", "8"]);
    let (plain, odd) = (generate("plain"), generate("odd"));
    assert_success(&odd);
    assert_eq!(stdout(&odd), stdout(&plain));
    assert!(stderr(&odd).starts_with(notes), "{}", stderr(&odd));
    assert!(!stderr(&plain).contains("note: plain:"), "{}", stderr(&plain));

    let grow = |folder: &str, target: &str, more: &[&str]| {
        let flags = ["grow", folder, target, "--operator", "stack", "--factor", "2"];
        let output = workshop.run(&[&flags[..], more].concat());
        assert_success(&output);
        output
    };
    let planned = grow("odd", "grown", &["--plan"]);
    assert_eq!(stderr(&planned), notes);
    let account = stdout(&grow("plain", "grown", &["--plan"]));
    assert_eq!(stdout(&planned).lines().next(), account.lines().next());
    grow("plain", "grown", &[]);
    // The source's notes come once, and the grown folder has none but for the key that came along.
    let verified = grow("odd", "odd-grown", &["--verify"]);
    let grown = notes.lines().next().unwrap().replace("odd:", "odd-grown:");
    assert_eq!(before_what_is_next(&verified), format!("{notes}{grown}\n"));
    let bytes = |folder: &str| fs::read(workshop.path(&format!("{folder}/model.safetensors"))).unwrap();
    assert_eq!(bytes("odd-grown"), bytes("grown"));

    let verified = workshop.run(&["verify", "plain", "odd", "--json", "verification.json"]);
    assert_success(&verified);
    assert_eq!(stderr(&verified), notes);
    let json: Value =
        serde_json::from_str(&fs::read_to_string(workshop.path("verification.json")).unwrap()).unwrap();
    assert_eq!(json["models"]["logits"]["largest_difference"], 0.0);
    assert_eq!((&json["source_notes"], json["target_notes"].as_array().unwrap().len()), (&json!([]), 2));
    assert_eq!(json["tensors"].as_array().unwrap().len(), 21);
}

/// What a growth says of its source.
fn before_what_is_next(grown: &Output) -> String {
    let said = stderr(grown);
    said.split_once("next:").expect("a growth says what is next").0.to_owned()
}

#[test]
fn a_head_of_its_own_is_run_grown_and_missed_where_it_is_lost() {
    let workshop = workshop(false);
    // The same tensors, said to be tied.
    edit_config(&workshop, "odd", |config| config["tie_word_embeddings"] = json!(true));
    let note = "note: odd: config.json says tie_word_embeddings = true, but `lm_head.weight` has other values than the embedding: it is \
                used, as in transformers from version 5 on, and kept; set tie_word_embeddings to false so that every reader uses it\n";
    let generate =
        |folder: &str| workshop.run(&["generate", folder, "--prompt", "w1 w2", "--max-new-tokens", "8"]);
    let (plain, odd) = (generate("plain"), generate("odd"));
    assert_eq!(stdout(&odd), stdout(&plain));
    assert!(stderr(&odd).starts_with(note), "{}", stderr(&odd));

    let grown = workshop.run(&["grow", "odd", "grown", "--operator", "stack", "--factor", "2", "--verify"]);
    assert_success(&grown);
    assert_eq!(before_what_is_next(&grown), note);
    let table = stdout(&grown);
    assert!(
        table.contains("39 of 39 tensors are byte-identical") && table.contains("lm_head.weight"),
        "{table}"
    );
    assert!(!table.contains("left out"), "{table}");
    let config = fs::read_to_string(workshop.path("grown/config.json")).unwrap();
    assert!(config.contains("\"tie_word_embeddings\": false"), "{config}");

    // A folder that lost its head, as growths were that went by the flag.
    edit_tensors(&workshop, "grown", |tensors| drop(tensors.remove(HEAD)));
    edit_config(&workshop, "grown", |config| config["tie_word_embeddings"] = json!(true));
    let verified = workshop.run(&["verify", "plain", "grown"]);
    assert_success(&verified);
    let table = stdout(&verified);
    assert!(table.contains("38 of 38 tensors are byte-identical"), "{table}");
    assert!(table.contains("\n           left out: lm_head.weight\n"), "{table}");
}

#[test]
fn a_head_that_is_the_tied_embedding_is_not_missed() {
    let workshop = workshop(true);
    edit_tensors(&workshop, "odd", |tensors| {
        let embedding = tensors["model.embed_tokens.weight"].clone();
        tensors.insert(HEAD.to_owned(), embedding);
    });
    let verified = workshop.run(&["verify", "odd", "plain"]);
    assert_success(&verified);
    assert!(!stdout(&verified).contains("left out"), "{}", stdout(&verified));
    assert_eq!(stderr(&verified), "");
}

#[test]
fn notes_of_a_recipe_name_its_line() {
    let workshop = workshop(false);
    workshop.write("recipe.yml", "merge_method: passthrough\nslices:\n  - sources: [{model: x, layer_range: [0, 2]}]\n  - sources: [{model: x, layer_range: [1, 2]}]\ntokenizer_source: base\nout_dtype: float32\n");
    let grown = workshop.run(&["grow", "plain", "grown", "--recipe", "recipe.yml"]);
    assert_success(&grown);
    assert_eq!(
        before_what_is_next(&grown),
        "note: recipe.yml: line 5: `tokenizer_source` is passed over: the source's tokenizer comes along, and all rows of the embedding\n"
    );
}

#[test]
fn what_is_no_model_is_refused_in_one_line_by_every_command() {
    let workshop = workshop(false);
    fs::create_dir_all(workshop.path("models--a--b/snapshots")).unwrap();
    fs::create_dir_all(workshop.path("models--a--b/blobs")).unwrap();
    fs::rename(workshop.path("odd"), workshop.path("models--a--b/snapshots/0123")).unwrap();
    let line = "error: models--a--b: is a cache of the Hugging Face hub, not a model's folder; give its snapshot, models--a--b/snapshots/0123\n";
    let commands: [&[&str]; 5] = [
        &["generate", "models--a--b", "--prompt", "w1"],
        &["grow", "models--a--b", "grown", "--operator", "stack", "--factor", "2"],
        &["grow", "models--a--b", "grown", "--operator", "stack", "--factor", "2", "--plan"],
        &["verify", "plain", "models--a--b"],
        &["export", "models--a--b", "exported"],
    ];
    for command in commands {
        let output = workshop.run(command);
        assert_eq!((output.status.code(), stderr(&output)), (Some(2), line.to_owned()), "{command:?}");
        assert_eq!(stdout(&output), "", "{command:?}");
    }
    assert!(!workshop.path("grown").exists() && !workshop.path("exported").exists());
    assert_success(&workshop.run(&[
        "generate",
        "models--a--b/snapshots/0123",
        "--prompt",
        "w1",
        "--max-new-tokens",
        "1",
    ]));
}
