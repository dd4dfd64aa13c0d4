//! What `outgrow verify` says of grown models, each held against what the operator promises.

use outgrow_checkpoint::{LlamaConfig, write_checkpoint};
use outgrow_model::{Initialization, initial_tensors};
use serde_json::{Value, json};

use crate::tiny::{self, Workshop, assert_success, stderr, stdout};

/// A workshop with a model of two layers in `source`, its tokenizer beside it.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    // Weights large enough for the layers to matter.
    let config = json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "initializer_range": 0.3,
        "torch_dtype": "float32",
    });
    let config = LlamaConfig::from_json(&config.to_string()).unwrap();
    let tensors = initial_tensors(&config, Initialization::Normal, 1);
    write_checkpoint(&workshop.path("source"), &config, &tensors, 1 << 30).unwrap();
    workshop.write("source/tokenizer.json", tiny::tokenizer());
    workshop
}

/// Grows `source` into `grown` and compares them on the training text: the table and the JSON.
fn verified(workshop: &Workshop, how: &str) -> (String, Value) {
    let flags: Vec<&str> = how.split_whitespace().collect();
    assert_success(&workshop.run(&[&["grow", "source", "grown"], &flags[..]].concat()));
    let output =
        workshop.run(&["verify", "source", "grown", "--text", "training.txt", "--json", "verification.json"]);
    assert_success(&output);
    let json = std::fs::read_to_string(workshop.path("verification.json")).unwrap();
    (stdout(&output), serde_json::from_str(&json).unwrap())
}

/// The table with `#` for the digits of measured numbers, which differ from one processor to the next.
fn masked(table: &str) -> String {
    let mask = |word: &str| {
        let number = word.trim_end_matches([',', ';', ')']);
        let is_measured = number.contains('.') && number.parse::<f64>().is_ok();
        if is_measured { word.replace(|letter: char| letter.is_ascii_digit(), "#") } else { word.to_owned() }
    };
    table
        .split('\n')
        .map(|line| line.split(' ').map(mask).collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Exact copies among rows and columns, by their gradients, summed over tensors.
fn exact_copies(json: &Value, gradient: &str) -> u64 {
    let tensors = json["models"]["symmetry"]["within_tensors"].as_array().unwrap();
    tensors.iter().map(|one| one["exact"][gradient].as_u64().unwrap()).sum()
}

#[test]
fn a_stack_has_all_bytes_of_the_source_and_another_function() {
    let (table, json) = verified(&workshop(), "--operator stack --factor 2");
    insta::assert_snapshot!(masked(&table), @"
    source     source
    target     grown
    tokens     128 (4 × 32): training.txt, by source/tokenizer.json
    loss       #.### → #.### nats a token
    logits     max |Δ| #.###, RMS Δ #.#### (the source's RMS is #.###)
    function   not preserved, as always where layers are repeated (stack, interleave): training brings the loss back

    bytes      39 of 39 tensors are byte-identical to one of the source
               layers 0-3 are layers 0-1 ×2
               kept: model.embed_tokens.weight, lm_head.weight, model.norm.weight

    layer      made of     output RMS   the source's   gradient norm
    embedding              #.####       #.####
    0          0           #.###        #.###          #.###
    1          1           #.###        #.###          #.####
    2          0           #.###        #.###          #.####
    3          1           #.###        #.###          #.####

    gradients  norm #.### → #.###; of the target's:
               #.###      21 tensors kept as they were
               #.####     18 tensors copied from elsewhere

    duplicates each copy has a gradient of its own: they will differ in training
               whole tensors: 14 with other gradients
    ");
    let logits = &json["models"]["logits"];
    assert_eq!(logits["function"], "not-preserved");
    assert!(logits["largest_difference"].as_f64().unwrap() > 1e-2, "{logits}");
    let tensor = json["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "model.layers.3.mlp.up_proj.weight");
    insta::assert_snapshot!(tensor.unwrap()["identical_to"], @r#"["model.layers.1.mlp.up_proj.weight"]"#);
}

#[test]
fn identity_layers_leave_the_logits_as_they_were_and_say_where_no_gradient_comes() {
    let (table, json) = verified(&workshop(), "--operator zero --num-hidden-layers 4");
    insta::assert_snapshot!(masked(&table), @"
    source     source
    target     grown
    tokens     128 (4 × 32): training.txt, by source/tokenizer.json
    loss       #.### → #.### nats a token
    logits     max |Δ| 0, RMS Δ 0 (the source's RMS is #.###)
    function   preserved

    bytes      35 of 39 tensors are byte-identical to one of the source
               layers 0, 2 are layers 0-1
               layers 1, 3 are layers 0-1 but for mlp.down_proj.weight, self_attn.o_proj.weight
               kept: model.embed_tokens.weight, lm_head.weight, model.norm.weight

    layer      made of     output RMS   the source's   gradient norm
    embedding              #.####       #.####
    0          0           #.###        #.###          #.###
    1          0 in part   #.###        #.###          #.####
    2          1           #.###        #.###          #.####
    3          1 in part   #.###        #.###          #.####

    gradients  norm #.### → #.###; of the target's:
               #.###      14 tensors kept as they were
               #.####     21 tensors copied from elsewhere
               #.####     2 tensors changed
               #.####     2 tensors new
               zero       input_layernorm.weight, mlp.gate_proj.weight, mlp.up_proj.weight, post_attention_layernorm.weight, self_attn.k_proj.weight, self_attn.q_proj.weight, self_attn.v_proj.weight of layers 1, 3

    duplicates each copy has a gradient of its own: they will differ in training
               whole tensors: 10 with other gradients
    ");
    assert!(json["models"]["logits"]["largest_difference"].as_f64().unwrap() < 1e-5);
    // All of a layer but `o_proj` and `down_proj`.
    assert_eq!(json["models"]["zero_gradients"].as_array().unwrap().len(), 14);
}

#[test]
fn copies_of_an_even_split_receive_the_same_gradients() {
    let (table, json) = verified(&workshop(), "--operator hyperclone --factor 2");
    insta::assert_snapshot!(masked(&table), @"
    source     source
    target     grown
    tokens     128 (4 × 32): training.txt, by source/tokenizer.json
    loss       #.### → #.### nats a token
    logits     max |Δ| #.#e-#, RMS Δ #.#e-# (the source's RMS is #.###)
    function   preserved

    bytes      0 of 21 tensors are byte-identical to one of the source
               layers 0-1 are made of other tensors than the source's
               changed: model.embed_tokens.weight, lm_head.weight, model.norm.weight

    layer      made of     output RMS   the source's   gradient norm
    embedding              #.####       #.####
    0          other       #.###        #.###          #.###
    1          other       #.###        #.###          #.####

    gradients  norm #.### → #.###; of the target's:
               #.###      21 tensors changed

    duplicates 528 of 528 have the same gradient as what they copy: they stay copies in training and add nothing; growing with --noise, or in width by split with --share, makes them differ
               lm_head.weight, columns: 16 with the same gradient
               mlp.down_proj.weight, rows: 32 with the same gradient
               mlp.down_proj.weight, columns: 48 with the same gradient
               mlp.gate_proj.weight, rows: 48 with the same gradient
               mlp.gate_proj.weight, columns: 32 with the same gradient
               mlp.up_proj.weight, rows: 48 with the same gradient
               mlp.up_proj.weight, columns: 32 with the same gradient
               model.embed_tokens.weight, columns: 16 with the same gradient
               self_attn.k_proj.weight, rows: 32 with the same gradient
               self_attn.k_proj.weight, columns: 32 with the same gradient
               self_attn.o_proj.weight, rows: 32 with the same gradient
               self_attn.o_proj.weight, columns: 32 with the same gradient
               self_attn.q_proj.weight, rows: 32 with the same gradient
               self_attn.q_proj.weight, columns: 32 with the same gradient
               self_attn.v_proj.weight, rows: 32 with the same gradient
               self_attn.v_proj.weight, columns: 32 with the same gradient
    ");
    assert!(json["models"]["logits"]["largest_difference"].as_f64().unwrap() < 1e-5);
    assert_eq!(exact_copies(&json, "different_gradient"), 0);
    assert_eq!(exact_copies(&json, "proportional_gradient"), 0);
}

#[test]
fn copies_of_an_uneven_split_do_not() {
    let how = "--operator split --share 0.3 --hidden-size 32 --intermediate-size 48 --num-attention-heads 4 --num-key-value-heads 4";
    let (table, json) = verified(&workshop(), how);
    insta::assert_snapshot!(masked(&table), @"
    source     source
    target     grown
    tokens     128 (4 × 32): training.txt, by source/tokenizer.json
    loss       #.### → #.### nats a token
    logits     max |Δ| #.#e-#, RMS Δ #.#e-# (the source's RMS is #.###)
    function   preserved

    bytes      0 of 21 tensors are byte-identical to one of the source
               layers 0-1 are made of other tensors than the source's
               changed: model.embed_tokens.weight, lm_head.weight, model.norm.weight

    layer      made of     output RMS   the source's   gradient norm
    embedding              #.####       #.####
    0          other       #.###        #.###          #.###
    1          other       #.###        #.###          #.####

    gradients  norm #.### → #.###; of the target's:
               #.###      21 tensors changed

    duplicates none has the gradient of another, but those of 192 of 272 differ in size only
               lm_head.weight, columns: 16 scaled, which differ already
               mlp.down_proj.weight, rows: 32 with other gradients
               mlp.down_proj.weight, columns: 48 scaled, which differ already
               mlp.gate_proj.weight, rows: 48 with gradients of another size
               mlp.gate_proj.weight, columns: 32 scaled, which differ already
               mlp.up_proj.weight, rows: 48 with gradients of another size
               mlp.up_proj.weight, columns: 32 scaled, which differ already
               model.embed_tokens.weight, columns: 16 with other gradients
               self_attn.k_proj.weight, rows: 32 with gradients of another size
               self_attn.k_proj.weight, columns: 32 scaled, which differ already
               self_attn.o_proj.weight, rows: 32 with other gradients
               self_attn.o_proj.weight, columns: 32 scaled, which differ already
               self_attn.q_proj.weight, rows: 32 with gradients of another size
               self_attn.q_proj.weight, columns: 32 scaled, which differ already
               self_attn.v_proj.weight, rows: 32 with gradients of another size
               self_attn.v_proj.weight, columns: 32 scaled, which differ already
    ");
    assert!(json["models"]["logits"]["largest_difference"].as_f64().unwrap() < 1e-5);
    assert_eq!(exact_copies(&json, "same_gradient"), 0);
    assert!(exact_copies(&json, "proportional_gradient") > 0);
}

#[test]
fn noise_leaves_no_duplicates() {
    let (table, _) = verified(&workshop(), "--operator hyperclone --factor 2 --noise 0.1");
    assert!(table.ends_with("\nduplicates none\n"), "{table}");
}

#[test]
fn of_another_architecture_only_the_bytes_are_compared() {
    let workshop = workshop();
    let config = std::fs::read_to_string(workshop.path("source/config.json")).unwrap();
    workshop.write("source/config.json", config.replace("\"llama\"", "\"olmo2\""));
    let (table, json) = verified(&workshop, "--layers 0,1,0");
    insta::assert_snapshot!(table, @r#"
    source     source
    target     grown
    models     not run, only their bytes are compared: source/config.json: `model_type` is "olmo2", but this decoder is "llama", "mistral" or "qwen2"

    bytes      30 of 30 tensors are byte-identical to one of the source
               layers 0-2 are layers 0-1, 0
               kept: model.embed_tokens.weight, lm_head.weight, model.norm.weight
    "#);
    assert_eq!(json["models"], Value::Null);
}

#[test]
fn without_a_text_there_is_one_of_the_programs_own_and_without_a_tokenizer_there_are_random_tokens() {
    let workshop = workshop();
    let tokens = |expected: &str| {
        let output = workshop.run(&["verify", "source", "source"]);
        assert_success(&output);
        let line =
            stdout(&output).lines().find(|line| line.starts_with("tokens")).map(str::to_owned).unwrap();
        assert_eq!(line, expected);
    };
    tokens("tokens     128 (4 × 32): the program's own text, by source/tokenizer.json");
    std::fs::remove_file(workshop.path("source/tokenizer.json")).unwrap();
    tokens("tokens     128 (4 × 32): random, seed 0 (no source/tokenizer.json)");
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_line() {
    let workshop = workshop();
    let refused = |arguments: &[&str]| {
        let output = workshop.run(&[&["verify", "source"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
        stderr(&output)
    };
    workshop.write("short.txt", "w1");
    insta::assert_snapshot!(refused(&["source", "--text", "short.txt"]), @"error: short.txt: too short to compare models on: 1 of at least 2 tokens");
    insta::assert_snapshot!(refused(&["source", "--text", "missing.txt"]), @"error: missing.txt: No such file or directory (os error 2)");
    insta::assert_snapshot!(refused(&["nowhere"]), @"error: nowhere: no such folder");
    insta::assert_snapshot!(refused(&["source", "--device", "gpu"]), @"error: unknown device `gpu`: expected cpu, wgpu, cuda or cuda:INDEX");
    std::fs::remove_file(workshop.path("source/tokenizer.json")).unwrap();
    insta::assert_snapshot!(refused(&["source", "--text", "training.txt"]), @"error: source/tokenizer.json: cannot read: No such file or directory (os error 2)");
}
