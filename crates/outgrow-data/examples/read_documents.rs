//! How fast documents are read, without tokenising them: `read_documents FILE …` prints documents, bytes of text,
//! seconds and megabytes of text a second. xtask/python/peers/reading.py is the same in Python.

use std::{path::PathBuf, time::Instant};

use outgrow_data::{Documents, ReadOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let inputs = std::env::args_os().skip(1).map(PathBuf::from).collect::<Vec<_>>();
    let start = Instant::now();
    let (mut documents, mut text_bytes) = (0_u64, 0_u64);
    for document in Documents::open(&inputs, &ReadOptions::default())? {
        documents += 1;
        text_bytes += document?.text.len() as u64;
    }
    let seconds = start.elapsed().as_secs_f64();
    let speed = text_bytes as f64 / 1e6 / seconds;
    println!("outgrow: {documents} documents, {text_bytes} bytes, {seconds:.3} s, {speed:.0} MB/s");
    Ok(())
}
