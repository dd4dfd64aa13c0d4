//! A decoder from a folder in Hugging Face's format, or a fresh one, that reads a text, says how probable it was, and
//! goes on with it.
//!
//! `cargo run --release -p outgrow-model --example go_on -- FOLDER 1 15043 3186`. Tokens are numbers here, as what they
//! stand for is a tokenizer's. Without arguments, a small decoder that has learned nothing reads 1 2 3.

use std::{error::Error, path::Path};

use outgrow_checkpoint::{Checkpoint, LlamaConfig};
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::{Decoder, Initialization, Sampler, Sampling, Session, initial_tensors};

/// Tokens that are written.
const WRITTEN: usize = 16;

const SMALL: &str = r#"{
    "model_type": "llama", "vocab_size": 100, "hidden_size": 32, "intermediate_size": 88, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128
}"#;

fn decoder(folder: Option<&String>) -> Result<Decoder, Box<dyn Error>> {
    let device = open_device(DeviceName::Flex)?;
    let Some(folder) = folder else {
        let config = LlamaConfig::from_json(SMALL)?;
        let tensors = initial_tensors(&config, Initialization::DepthScaled, 1);
        return Ok(Decoder::new(&config, &tensors, &device)?);
    };
    let checkpoint = Checkpoint::open(Path::new(folder))?;
    Ok(Decoder::new(checkpoint.config(), &checkpoint.to_named_tensors()?, &device)?)
}

/// The mean cross-entropy of each token behind those before it, in nats.
fn loss(decoder: &Decoder, text: &[u32]) -> Result<f32, Box<dyn Error>> {
    let ids: Vec<i32> = text.iter().map(|&token| token as i32).collect();
    let (inputs, targets) = (&ids[..ids.len() - 1], &ids[1..]);
    let inputs = decoder.tokens(inputs, inputs.len());
    Ok(decoder.loss_sum(inputs, targets, 1.0 / targets.len() as f64)?.into_scalar::<f32>())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let decoder = decoder(arguments.first())?;
    let mut text = arguments.iter().skip(1).map(|token| token.parse()).collect::<Result<Vec<u32>, _>>()?;
    if text.is_empty() {
        text = vec![1, 2, 3];
    }
    if text.len() > 1 {
        println!("read {text:?}: {:.3} nats per token", loss(&decoder, &text)?);
    }
    let mut session = Session::new(&decoder);
    let mut sampler = Sampler::new(Sampling::Greedy);
    let mut next = sampler.choose(&session.read(&text)?);
    let mut written = vec![next];
    while written.len() < WRITTEN {
        next = sampler.choose(&session.read(&[next])?);
        written.push(next);
    }
    println!("wrote {written:?}");
    Ok(())
}
