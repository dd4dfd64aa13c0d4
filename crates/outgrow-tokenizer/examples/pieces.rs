//! A text as the tokenizer of a folder reads it: each piece with its id, and the text that the ids give back.
//!
//! ```text
//! cargo run -p outgrow-tokenizer --example pieces [FOLDER [TEXT]]
//! ```
//!
//! FOLDER is a Hugging Face model's. Without one, a small vocabulary of this crate's tests is asked.

use std::{env, error::Error};

use outgrow_tokenizer::pretrained::{TokenizerFiles, TokenizerSource};

const SMALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/pretrained/byte_level");

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| SMALL.to_owned());
    let text = arguments.next().unwrap_or_else(|| "the river runs to the sea".to_owned());

    let tokenizer = TokenizerFiles::read(folder.as_ref())?.open(TokenizerSource::Class, None)?;
    for note in tokenizer.notes() {
        println!("note: {note}");
    }
    let ids = tokenizer.encode(&text, true)?;
    for &id in &ids {
        // A piece is spelt as the file spells it, with marks for spaces and bytes.
        let spelling = tokenizer.tokenizer().spelling(id).unwrap_or_default();
        println!("{id:>8}  {spelling}");
    }
    println!("{} tokens, which read {:?}", ids.len(), tokenizer.decode(&ids)?);
    Ok(())
}
