//! Model cards: what a grown folder says of itself, and nothing of the source's own card lost.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use insta::assert_snapshot;
use outgrow_checkpoint::{CheckpointError, with_causes};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    folder::{
        card::{
            front_matter::base_models,
            text::{CardFacts, CardRecipe, ModelSize, model_card},
        },
        digest::{FileDigest, sha256_while},
    },
    plan::{mask::MaskValues, preservation::Preservation},
};

const SOURCE_CARD: &str = "\
---
license: apache-2.0
language:
- en
- no
tags: [llama, outgrow]
base_model: org/tiny
model-index:
- name: small
  results: []
---
# Small

It writes `code`.
";

fn facts() -> CardFacts {
    let digest = |file: &str, bytes, digit: &str, is_from_cache| FileDigest {
        file: file.into(),
        bytes,
        sha256: digit.repeat(64),
        is_from_cache,
    };
    CardFacts {
        source: "small".into(),
        base_models: vec!["org/small".into()],
        source_size: ModelSize { num_hidden_layers: 6, num_parameters: 439_400_448 },
        target_size: ModelSize { num_hidden_layers: 24, num_parameters: 1_364_000_999 },
        recipe: CardRecipe::Toml("[[steps]]\noperator = \"stack\"\nfactor = 4\n".into()),
        config: json!({ "architectures": ["LlamaForCausalLM"] }),
        has_tokenizer: true,
        mask: None,
        learning: None,
        preservation: Preservation::None,
        version: "0.1.0".into(),
        files: vec![
            digest("config.json", 654, "0", false),
            digest("model.safetensors", 878_801_296, "a", true),
        ],
        source_card: Some(SOURCE_CARD.into()),
    }
}

fn sha256_of(files: &[PathBuf]) -> Result<Vec<FileDigest>, CheckpointError> {
    sha256_while(files, &AtomicBool::new(true))
}

#[test]
fn a_card_says_what_was_grown_from_what_and_keeps_the_source_s_own() {
    assert_snapshot!(model_card(&facts()), @r#"
    ---
    library_name: transformers
    base_model: org/small
    license: apache-2.0
    language:
    - en
    - "no"
    tags:
    - outgrow
    - model-growth
    - llama
    ---

    # Grown from `small`

    Made by Outgrow 0.1.0, by the recipe below, and not trained since. The source's function is not preserved.

    | | source | grown |
    |---|---|---|
    | layers | 6 | 24 |
    | parameters | 439,400,448 | 1,364,000,999 |

    ## Recipe

    ```toml
    [[steps]]
    operator = "stack"
    factor = 4
    ```

    ## Use

    ```python
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = "."  # this folder, or its name on the hub
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    inputs = tokenizer("Once upon a time", return_tensors="pt")
    print(tokenizer.decode(model.generate(**inputs, max_new_tokens=40)[0]))
    ```

    ## Files of the source

    | file | bytes | SHA-256 |
    |---|---|---|
    | `config.json` | 654 | `0000000000000000000000000000000000000000000000000000000000000000` |
    | `model.safetensors` | 878,801,296 | `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` \* |

    \* Not computed: the name of the file in the cache of downloads.

    ## The source's own card

    ```yaml
    license: apache-2.0
    language:
    - en
    - no
    tags: [llama, outgrow]
    base_model: org/tiny
    model-index:
    - name: small
      results: []
    ```

    # Small

    It writes `code`.
    "#);
}

#[test]
fn a_card_of_a_source_of_which_nothing_is_known_is_short() {
    let card = model_card(&CardFacts {
        base_models: Vec::new(),
        files: Vec::new(),
        recipe: CardRecipe::Mergekit("merge_method: passthrough\n".into()),
        preservation: Preservation::Exact,
        mask: Some(MaskValues::all(0.25)),
        source_card: None,
        ..facts()
    });
    assert_snapshot!(card, @"
    ---
    library_name: transformers
    tags:
    - outgrow
    - model-growth
    ---

    # Grown from `small`

    Made by Outgrow 0.1.0, by the recipe below, and not trained since. The source's function is preserved.

    | | source | grown |
    |---|---|---|
    | layers | 6 | 24 |
    | parameters | 439,400,448 | 1,364,000,999 |

    ## Recipe

    ```yaml
    merge_method: passthrough
    ```

    ## Use

    Its new parts are behind a mask, which stands at 0.25 (`training/mask.json`). Without it this is another model: fold it into the weights first, by `outgrow export`.
    ");
}

#[test]
fn names_and_recipes_can_t_break_out_of_their_places() {
    let card = model_card(&CardFacts {
        source: "a`b|c\nd".into(),
        base_models: vec!["x: [y]\n- z".into(), "no".into()],
        recipe: CardRecipe::Mergekit("# ````\n# ```\n".into()),
        files: Vec::new(),
        source_card: Some("---\nlicense: [open\n---\n```\n---\nno end".into()),
        ..facts()
    });
    assert_snapshot!(card, @r#"
    ---
    library_name: transformers
    base_model:
    - "x: [y]\n- z"
    - "no"
    tags:
    - outgrow
    - model-growth
    ---

    # Grown from `a'b'c d`

    Made by Outgrow 0.1.0, by the recipe below, and not trained since. The source's function is not preserved.

    | | source | grown |
    |---|---|---|
    | layers | 6 | 24 |
    | parameters | 439,400,448 | 1,364,000,999 |

    ## Recipe

    `````yaml
    # ````
    # ```
    `````

    ## Use

    ```python
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = "."  # this folder, or its name on the hub
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    inputs = tokenizer("Once upon a time", return_tensors="pt")
    print(tokenizer.decode(model.generate(**inputs, max_new_tokens=40)[0]))
    ```

    ## The source's own card

    ```yaml
    license: [open
    ```

    ```
    ---
    no end
    "#);
}

#[test]
fn a_card_that_ends_within_its_head_is_all_body() {
    let source_card = Some("---\nlicense: mit\n".into());
    let card = model_card(&CardFacts { source_card, ..facts() });
    assert!(card.ends_with("## The source's own card\n\n---\nlicense: mit\n"));
    assert!(!card.split("# Grown").next().unwrap().contains("license"));
}

#[test]
fn the_base_is_the_cached_repository_or_what_the_card_names_or_what_the_configuration_does() {
    let named = json!({ "_name_or_path": "org/named" });
    let cached = Path::new("/cache/models--org--a--b/snapshots/0123");
    assert_eq!(base_models(cached, Some(SOURCE_CARD), &named), ["org/a--b"]);
    assert_eq!(base_models(Path::new("small"), Some(SOURCE_CARD), &named), ["org/tiny"]);
    let merged = "---\r\nbase_model:\r\n- org/a\r\n- org/b\r\n---\r\n";
    assert_eq!(base_models(Path::new("small"), Some(merged), &named), ["org/a", "org/b"]);
    assert_eq!(base_models(Path::new("small"), Some("# No head"), &named), ["org/named"]);
    for path in ["/models/small", "./small", "../a/b", "small", "a/b/c", ""] {
        let config = json!({ "_name_or_path": path });
        assert!(base_models(Path::new("small"), None, &config).is_empty(), "{path}");
    }
}

#[test]
fn files_have_the_digests_that_others_compute() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let file = dir.path().join(name);
        fs::write(&file, bytes).unwrap();
        file
    };
    let million = write("million", &vec![b'a'; 1_000_000]);
    let long = write("long", &vec![b'a'; (1 << 20) + 1]);
    let digests = sha256_of(&[write("abc", b"abc"), write("empty", b""), million, long]).unwrap();
    // FIPS 180-2, appendix B; the last from coreutils.
    let expected = [
        ("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("empty", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("million", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ("long", 1_048_577, "4a3f0c0c213adea174f9a3d4c13177315b588bdb2e9c1012d3d0bf0453ca0f6a"),
    ];
    for (digest, (file, bytes, sha256)) in digests.iter().zip(expected) {
        assert_eq!(
            (&*digest.file, digest.bytes, &*digest.sha256, digest.is_from_cache),
            (file, bytes, sha256, false)
        );
    }
    let missing = sha256_of(&[Path::new("missing").to_owned()]).unwrap_err();
    assert_snapshot!(with_causes(&missing), @"missing: cannot read: No such file or directory (os error 2)");
}

#[cfg(unix)]
#[test]
fn a_link_into_a_cache_is_taken_by_its_name_if_that_is_a_sha_256() {
    use std::os::unix::fs::symlink;

    let dir = TempDir::new().unwrap();
    for folder in ["blobs", "snapshot", "elsewhere"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let link = |folder: &str, blob: &str, name: &str| {
        fs::write(dir.path().join(folder).join(blob), b"abc").unwrap();
        let link = dir.path().join("snapshot").join(name);
        symlink(Path::new("..").join(folder).join(blob), &link).unwrap();
        link
    };
    let (large, small) = ("7".repeat(64), "7".repeat(40));
    let files = [
        link("blobs", &large, "model.safetensors"),
        link("blobs", &small, "config.json"),
        link("elsewhere", &large, "other.safetensors"),
        dir.path().join("blobs").join(&large),
    ];
    let digests = sha256_of(&files).unwrap();
    assert_eq!(
        digests.iter().map(|digest| digest.is_from_cache).collect::<Vec<_>>(),
        [true, false, false, false]
    );
    assert_eq!((&*digests[0].file, digests[0].bytes, &digests[0].sha256), ("model.safetensors", 3, &large));
    assert!(digests[1].sha256.starts_with("ba7816bf"));
}
