//! Texts that go on as tensors, on the CPU: against whole sequences, and against the text that transformers writes.
//!
//! A session on the CPU has another way to read; tests/model/reading.rs holds that one to the same.

use std::path::PathBuf;

use outgrow_checkpoint::{Checkpoint, LlamaConfig};
use outgrow_kernels::{DeviceName, open_device};

use super::*;
use crate::{Initialization, Sampler, Sampling, initial_tensors};

/// Grouped queries, tied and untied heads, heads wider than their part of the hidden size, scaled rotary frequencies,
/// biases in attention.
const GOLDEN: [&str; 8] = [
    "mha-untied",
    "gqa-tied",
    "own-head-dim",
    "llama3-rope",
    "linear-rope",
    "qwen2",
    "attention-bias",
    "yarn-rope",
];

fn golden_folder(case: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case)
}

fn golden(case: &str) -> Decoder {
    let checkpoint = Checkpoint::open(&golden_folder(case)).unwrap();
    let tensors = checkpoint.to_named_tensors().unwrap();
    Decoder::new(checkpoint.config(), &tensors, &open_device(DeviceName::Flex).unwrap()).unwrap()
}

fn text(length: usize, vocab_size: usize) -> Vec<u32> {
    let mix = |index: u32| (index + 1).wrapping_mul(2_654_435_761) >> 9;
    (0..length as u32).map(|index| mix(index) % vocab_size as u32).collect()
}

/// Reads the text in parts, and holds the logits behind each to those of the sequence up to there.
fn assert_reads_as_whole(decoder: &Decoder, text: &[u32], parts: impl IntoIterator<Item = usize>) {
    let ids: Vec<_> = text.iter().map(|&token| token as i32).collect();
    let logits = decoder.logits(decoder.tokens(&ids, ids.len())).unwrap();
    let whole = logits.into_data().try_into_vec::<f32>().unwrap();
    let mut session = Session::with_tensors(decoder);
    let mut read = 0;
    for part in parts {
        let found = session.read(&text[read..read + part]).unwrap();
        read += part;
        let expected = &whole[(read - 1) * found.len()..read * found.len()];
        let scale = expected.iter().fold(1_f32, |scale, value| scale.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-5 * scale, "{found} {expected}, behind {read} tokens");
        }
    }
    assert_eq!(session.tokens(), text);
}

#[test]
fn a_text_read_in_parts_as_tensors_goes_on_as_one_read_at_once() {
    for case in GOLDEN {
        let decoder = golden(case);
        let config = decoder.config();
        let text = text(config.max_position_embeddings, config.vocab_size);
        assert_reads_as_whole(&decoder, &text, [text.len()]);
        assert_reads_as_whole(&decoder, &text, text.iter().map(|_| 1));
        assert_reads_as_whole(&decoder, &text, [5, 1, 1, 20, 2, text.len() - 30, 1]);
    }
}

#[test]
fn a_text_as_tensors_outgrows_its_room() {
    let config = r#"{"model_type": "llama", "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50, "max_position_embeddings": 800,
        "rms_norm_eps": 1e-5, "initializer_range": 0.3}"#;
    let config = LlamaConfig::from_json(config).unwrap();
    let tensors = initial_tensors(&config, Initialization::Normal, 1);
    let decoder = Decoder::new(&config, &tensors, &open_device(DeviceName::Flex).unwrap()).unwrap();
    let text = text(800, 50);
    assert_reads_as_whole(&decoder, &text, [800]);
    assert_reads_as_whole(&decoder, &text, [256, 1, 254, 1, 1, 255, 32]);
    assert_reads_as_whole(&decoder, &text, [1, 256, 300, 243]);
}

#[test]
fn what_cannot_be_read_as_tensors_is_refused_and_leaves_the_text_as_it_was() {
    let decoder = golden("gqa-tied");
    let mut session = Session::with_tensors(&decoder);
    assert_eq!(session.read(&[]), Err(ModelError::NothingToRead));
    assert_eq!(session.read(&[3, 37]), Err(ModelError::UnknownToken { token: 37, vocab_size: 37 }));
    session.read(&[1; 95]).unwrap();
    let too_long = ModelError::SequenceTooLong { sequence_length: 97, maximum: 96 };
    assert_eq!(session.read(&[1, 2]), Err(too_long));
    session.read(&[1]).unwrap();
    assert_eq!(session.tokens(), [1; 96]);
}

#[test]
fn greedy_text_as_tensors_is_that_of_transformers() {
    #[derive(serde::Deserialize)]
    struct Text {
        prompt: Vec<u32>,
        generated: Vec<u32>,
    }
    for case in GOLDEN {
        let decoder = golden(case);
        let texts = std::fs::read_to_string(golden_folder(case).join("generation.json")).unwrap();
        for Text { prompt, generated } in serde_json::from_str::<Vec<Text>>(&texts).unwrap() {
            let mut session = Session::with_tensors(&decoder);
            let mut sampler = Sampler::new(Sampling::Greedy);
            let mut next = sampler.choose(&session.read(&prompt).unwrap());
            let mut found = vec![next];
            while found.len() < generated.len() {
                next = sampler.choose(&session.read(&[next]).unwrap());
                found.push(next);
            }
            assert_eq!(found, generated, "{case}, behind {prompt:?}");
        }
    }
}
