//! The two engines side by side: where their ids differ, on texts that are drawn and on every character, and how fast
//! they are.
//!
//! `engines [--texts N] [--characters] [--speed TEXT] TOKENIZER …`; with `--speed` megabytes a second of a text file's
//! lines.

use std::{error::Error, fs, path::Path, time::Instant};

use outgrow_tokenizer::{Engine, Reading, Tokenizer};

const READINGS: [Reading; 3] = [Reading::TEXT, Reading::tokens(false), Reading::tokens(true)];
/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

const PIECES: &[&str] = &[
    " ",
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{85}",
    "\u{a0}",
    "\u{3000}",
    "\u{2028}",
    "\u{2029}",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}",
    "\0",
    "\u{7f}",
    "a",
    "b",
    "c",
    "the",
    "river",
    "Sea",
    "HELLO",
    "x",
    "'s",
    "'S",
    "'LL",
    "'ll",
    "'t",
    "'re",
    "'RE",
    "'ve",
    "'m",
    "'d",
    "'D",
    "''",
    "’s",
    "'ſ",
    "1",
    "23",
    "456",
    "7890",
    "½",
    "²",
    "Ⅷ",
    "٣",
    "१",
    "一",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "Σ",
    "ǅ",
    "ʰ",
    "日",
    "本語",
    "カ",
    "ひ",
    "한",
    "가",
    "ไท",
    "ع",
    "हि",
    ".",
    ",",
    "!?",
    "-",
    "_",
    "/",
    "//",
    "\\",
    "\"",
    "(",
    ")",
    "[",
    "{",
    "#",
    "@",
    "$",
    "%",
    "€",
    "+",
    "=",
    "~",
    "`",
    "▁",
    "▁▁",
    "🤖",
    "👍🏽",
    "👩\u{200d}👩",
    "🇩🇪",
    "\u{fe0f}",
    "\u{300}",
    "ﬁ",
    "①",
    "<s>",
    "</s>",
    "<unk>",
    "<|endoftext|>",
    "<0x0A>",
    "<",
    ">",
    "ａ",
    "１",
    "ｶﾞ",
    "㍿",
    "\u{345}",
    "\u{1d7d8}",
    "\u{10348}",
    "\u{20000}",
    "\u{e000}",
    "\u{10ffff}",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "                                                      ",
    "1234567890123456789012345678901234567890123456789012345678901234567",
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
    "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
];

fn text(draw: &mut Draw, own: &[String]) -> String {
    let mut text = String::new();
    for _ in 0..=draw.below(48) {
        match draw.below(12) {
            0 => {
                // Any character; low planes more often.
                let limit = [0x80, 0x800, 0x3000, 0x1_0000, 0x11_0000][draw.below(5)];
                text.extend(char::from_u32(draw.below(limit) as u32));
            }
            1 if !own.is_empty() => text.push_str(&own[draw.below(own.len())]),
            _ => text.push_str(PIECES[draw.below(PIECES.len())]),
        }
    }
    text
}

#[derive(Default)]
struct Found {
    texts: usize,
    differing: usize,
    examples: Vec<String>,
}

impl Found {
    fn is_same(&mut self, fast: &Tokenizer, reference: &Tokenizer, text: &str, readings: &[Reading]) -> bool {
        self.texts += 1;
        for &reading in readings {
            // Where the fast engine fails, the other one is asked.
            let Ok(ids) = fast.encode(text, reading) else { continue };
            let expected = reference.encode(text, reading);
            if expected.as_ref().ok() != Some(&ids) {
                self.differing += 1;
                if self.examples.len() < 5 {
                    let reading = (reading.special_spellings, reading.add_special_tokens);
                    self.examples.push(format!(
                        "{reading:?} {text:?}\n        fast      {ids:?}\n        reference {expected:?}"
                    ));
                }
                return false;
            }
        }
        true
    }

    fn print(&self, what: &str) {
        println!("    {what}: {} of {} differ", self.differing, self.texts);
        self.examples.iter().for_each(|example| println!("    {example}"));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut texts, mut characters, mut speed) = (20_000, false, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--texts" => texts = arguments.next().ok_or("--texts N")?.parse()?,
            "--characters" => characters = true,
            "--speed" => speed = Some(fs::read_to_string(arguments.next().ok_or("--speed TEXT")?)?),
            path => compare(Path::new(path), texts, characters, speed.as_deref())?,
        }
    }
    Ok(())
}

fn compare(path: &Path, texts: usize, characters: bool, speed: Option<&str>) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let opened = match Tokenizer::open(path) {
        Ok(opened) => opened,
        Err(error) => {
            println!("{error}");
            return Ok(());
        }
    };
    println!("{}: {:?} by itself, opened in {:.0?}", path.display(), opened.engine(), began.elapsed());
    let reference = opened.by(Engine::Reference).ok_or("it is always there")?;
    let Some(fast) = Tokenizer::open(path)?.by(Engine::Fast) else {
        println!("    the fast engine doesn't open it");
        return Ok(());
    };
    let own: Vec<String> =
        reference.added_tokens().iter().map(|token| token.content.clone()).take(64).collect();
    let (mut draw, mut found) = (Draw(1), Found::default());
    for _ in 0..texts {
        found.is_same(&fast, &reference, &text(&mut draw, &own), &READINGS);
    }
    found.print("drawn texts");
    if characters {
        let mut found = Found::default();
        let mut runs: Vec<(u32, u32)> = Vec::new();
        // Beyond these planes nothing is assigned but private use.
        for it in ('\0'..='\u{3ffff}').chain('\u{e0000}'..='\u{e0fff}') {
            let text = format!(
                "a{it}b {it}1{it} {it}\n{it}'s{it}{it} !{it}! A{it}A.{it} e\u{301}{it}\u{323}{it}\u{5b0}"
            );
            if !found.is_same(&fast, &reference, &text, &READINGS[..1]) {
                match runs.last_mut() {
                    Some((_, last)) if *last + 1 == it as u32 => *last += 1,
                    _ => runs.push((it as u32, it as u32)),
                }
            }
        }
        found.print("characters");
        for run in runs.chunks(12) {
            println!(
                "        {}",
                run.iter().map(|(first, last)| format!("{first:x}-{last:x}")).collect::<Vec<_>>().join(" ")
            );
        }
    }
    if let Some(corpus) = speed {
        for tokenizer in [&fast, &reference] {
            let (began, mut ids) = (Instant::now(), Vec::new());
            for line in corpus.lines() {
                tokenizer.encode_into(line, Reading::TEXT, &mut ids)?;
            }
            let seconds = began.elapsed().as_secs_f64();
            println!(
                "    {:?}: {:.2} MB/s, {} tokens",
                tokenizer.engine(),
                corpus.len() as f64 / 1e6 / seconds,
                ids.len()
            );
        }
    }
    Ok(())
}
