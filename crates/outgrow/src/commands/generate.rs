//! `outgrow generate`: text from a folder's model.

use std::{
    io::{self, Read},
    path::PathBuf,
    time::Instant,
};

use outgrow_model::{Sampler, Sampling, Session};
use outgrow_tokenizer::pretrained::TokenizerSource;

use crate::{
    error::{BadInput, Error, Result},
    machine::compute::ComputeFlags,
    model::{
        folder::{ModelFolder, tokenizer_source},
        place::ModelPlace,
    },
    terminal::{interrupt::Interrupt, notes, output},
};

/// Flags of `outgrow generate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A Hugging Face folder with a LLaMA-style decoder and its tokenizer, or a run, which stands for its last
    /// checkpoint.
    model: PathBuf,
    /// The text to go on from, which isn't written again; `-` reads it from standard input.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: String,
    /// The most tokens to write.
    #[arg(long, value_name = "N", default_value_t = 128, allow_negative_numbers = true)]
    max_new_tokens: usize,
    /// 0 always takes the most probable token; above, tokens are drawn, the more evenly the higher it is.
    #[arg(long, value_name = "T", default_value_t = 0.0, allow_negative_numbers = true)]
    temperature: f64,
    /// Draw from so many of the most probable tokens only.
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    top_k: Option<usize>,
    /// Draw from the most probable tokens only, as few as have together this probability.
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    top_p: Option<f64>,
    /// The same seed draws the same text.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// What reads the prompt and spells tokens: the class that the folder names, as transformers builds it, or
    /// tokenizer.json as it is.
    #[arg(long, value_name = "WHAT", default_value = "class", value_parser = tokenizer_source())]
    tokenizer_from: TokenizerSource,
    /// Go on where the model would end the text.
    #[arg(long)]
    ignore_eos: bool,
    /// Write one JSON object with the text, its tokens and the time it took, when all is done.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: ComputeFlags,
}

/// Writes what the model writes, as it does so.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let sampling = arguments.sampling()?;
    let compute = arguments.compute.resolve(None, None)?;
    let prompt = arguments.prompt()?;
    let place = ModelPlace::find(&arguments.model)?;
    let folder = ModelFolder::open(&place.folder, arguments.tokenizer_from, None)?;
    let read = folder.prompt_tokens(&prompt)?;
    let positions = folder.config().max_position_embeddings;
    if read.len() > positions {
        let problem = format!("the prompt has {} tokens, the model has {positions} positions", read.len());
        return Err(BadInput(problem).into());
    }
    // The last token that is written isn't read any more.
    let room = positions - read.len() + 1;
    notes::print(place.note);
    notes::print(folder.notes());
    notes::print(folder.generation_notes(arguments.ignore_eos));
    notes::print(compute.note());
    let interrupt = Interrupt::from_signals()?;
    let generation = Generation {
        session: Session::new(&folder.decoder(compute)?),
        sampler: Sampler::new(sampling),
        ends: if arguments.ignore_eos { Vec::new() } else { folder.ends() },
        most: arguments.max_new_tokens.min(room),
    };
    let mut stream = Stream::new(&folder, &read, !arguments.json);
    let written = generation.run(read, &mut |token| Ok(stream.push(token)? && !interrupt.is_set()))?;
    stream.finish()?;
    if arguments.json {
        return output::line(written.json(&prompt, &stream)?);
    }
    if written.tokens == room && room < arguments.max_new_tokens {
        crate::terminal::output::say!("stopped: the model has {positions} positions, and all are taken");
    }
    crate::terminal::output::say!("{written}");
    Ok(())
}

impl Arguments {
    fn sampling(&self) -> Result<Sampling, BadInput> {
        let Self { temperature, top_k, top_p, seed, .. } = *self;
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(BadInput(format!("--temperature {temperature}: give 0 or more")));
        }
        if top_k == Some(0) {
            return Err(BadInput("--top-k 0: give 1 or more".into()));
        }
        if let Some(top_p) = top_p.filter(|top_p| !(*top_p > 0.0 && *top_p <= 1.0)) {
            return Err(BadInput(format!("--top-p {top_p}: give a number above 0, at most 1")));
        }
        if temperature > 0.0 {
            return Ok(Sampling::Random { temperature, top_k, top_p, seed });
        }
        if top_k.is_some() || top_p.is_some() {
            let problem = "--top-k and --top-p narrow what is drawn, and at --temperature 0 nothing is: give a temperature too";
            return Err(BadInput(problem.into()));
        }
        Ok(Sampling::Greedy)
    }

    fn prompt(&self) -> Result<String> {
        if self.prompt != "-" {
            return Ok(self.prompt.clone());
        }
        let mut prompt = String::new();
        io::stdin().read_to_string(&mut prompt).map_err(Error::at("standard input"))?;
        Ok(prompt)
    }
}

/// A text that is being written.
struct Generation {
    session: Session,
    sampler: Sampler,
    ends: Vec<u32>,
    most: usize,
}

impl Generation {
    /// Gives each new token to `each`, until it has had enough, the model ends the text, or there are `most`.
    fn run(mut self, prompt: Vec<u32>, each: &mut dyn FnMut(u32) -> Result<bool>) -> Result<Written> {
        let start = Instant::now();
        let mut written = Written { prompt_tokens: prompt.len(), ..Written::default() };
        let mut read = prompt;
        while written.tokens < self.most {
            let logits = self.session.read(&read)?;
            if written.tokens == 0 {
                written.prompt_seconds = start.elapsed().as_secs_f64();
            }
            if logits.iter().any(|logit| logit.is_nan()) {
                let problem =
                    "the model's logits aren't numbers: its training has diverged, or its weights are broken";
                return Err(Error::Failed(problem.into()));
            }
            let token = self.sampler.choose(&logits);
            if self.ends.contains(&token) {
                break;
            }
            written.tokens += 1;
            if !each(token)? {
                break;
            }
            read = vec![token];
        }
        written.seconds = start.elapsed().as_secs_f64() - written.prompt_seconds;
        Ok(written)
    }
}

/// How much was written, and how fast.
#[derive(Debug, Default)]
struct Written {
    prompt_tokens: usize,
    tokens: usize,
    /// Until the prompt was read.
    prompt_seconds: f64,
    /// From then on.
    seconds: f64,
}

impl Written {
    /// The first token is there as soon as the prompt is read.
    fn tokens_per_second(&self) -> f64 {
        self.tokens.saturating_sub(1) as f64 / self.seconds.max(1e-9)
    }

    fn json(&self, prompt: &str, stream: &Stream<'_>) -> Result<serde_json::Value> {
        Ok(serde_json::json!({
            "prompt": prompt,
            "text": stream.text()?,
            "tokens": stream.new,
            "prompt_tokens": self.prompt_tokens,
            "prompt_seconds": self.prompt_seconds,
            "seconds": self.seconds,
            "tokens_per_second": self.tokens_per_second(),
        }))
    }
}

impl std::fmt::Display for Written {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { prompt_tokens, tokens, prompt_seconds, .. } = self;
        write!(
            formatter,
            "{tokens} tokens, {:.0} a second; {prompt_tokens} tokens of prompt in {prompt_seconds:.2} s",
            self.tokens_per_second()
        )
    }
}

/// Tokens on their way to standard output. A character may need several tokens, and how a token is spelt may depend on
/// those before it.
struct Stream<'a> {
    folder: &'a ModelFolder,
    shown: bool,
    /// The prompt's and the new ones, without those that the tokenizer doesn't know: heads are often larger than
    /// vocabularies.
    known: Vec<u32>,
    prompt: usize,
    new: Vec<u32>,
    /// What is spelt from here on ...
    spelt_from: usize,
    /// ... is shown up to here.
    shown_to: usize,
}

impl<'a> Stream<'a> {
    fn new(folder: &'a ModelFolder, prompt: &[u32], shown: bool) -> Self {
        let known: Vec<_> = prompt.iter().copied().filter(|&token| folder.spells(token)).collect();
        let prompt = known.len();
        Self { folder, shown, known, prompt, new: Vec::new(), spelt_from: 0, shown_to: prompt }
    }

    /// Takes one more token; whether somebody still reads.
    fn push(&mut self, token: u32) -> Result<bool> {
        self.new.push(token);
        if self.folder.spells(token) {
            self.known.push(token);
        }
        let rest = self.rest()?;
        // What isn't a whole character yet is spelt with this mark at the end.
        if rest.is_empty() || rest.ends_with('\u{fffd}') { Ok(true) } else { self.show(&rest) }
    }

    /// How the tokens are spelt that aren't shown.
    fn rest(&self) -> Result<String> {
        let before = self.folder.tokenizer().decode(&self.known[self.spelt_from..self.shown_to])?;
        let all = self.folder.tokenizer().decode(&self.known[self.spelt_from..])?;
        Ok(behind(&all, before.len()).to_owned())
    }

    fn show(&mut self, rest: &str) -> Result<bool> {
        (self.spelt_from, self.shown_to) = (self.shown_to, self.known.len());
        if self.shown { output::part(rest) } else { Ok(true) }
    }

    fn finish(&mut self) -> Result<()> {
        let rest = self.rest()?;
        if self.show(&rest)? && self.shown { output::line("") } else { Ok(()) }
    }

    /// The whole text behind the prompt.
    fn text(&self) -> Result<String> {
        let prompt = self.folder.tokenizer().decode(&self.known[..self.prompt])?;
        Ok(behind(&self.folder.tokenizer().decode(&self.known)?, prompt.len()).to_owned())
    }
}

/// A text from a byte on, or from the next character's beginning: a token that makes those before it no character
/// respells them.
fn behind(text: &str, start: usize) -> &str {
    let start = (start..text.len()).find(|&start| text.is_char_boundary(start));
    start.map_or("", |start| &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_goes_on_with_the_next_whole_character() {
        assert_eq!(
            [behind("añb", 0), behind("añb", 2), behind("añb", 3), behind("añb", 9)],
            ["añb", "b", "b", ""]
        );
    }
}
