//! `outgrow eval`: a folder's model through benchmarks, as lm-evaluation-harness scores them.

mod list;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use outgrow_eval::{
    AddBosToken, BatchLimit, Evaluation, Limit, Options, Plan, Prefix, RunDescription, Scores, Selection,
    TokenRequests, output::TokenizerDescription, tasks::PAPER_TASKS,
};
use outgrow_kernels::Precision;
use outgrow_tokenizer::pretrained::{NamedToken, TokenizerClass, TokenizerSource};
use sha2::{Digest, Sha256};

use crate::{
    error::{BadInput, Error, Result},
    machine::compute::{Compute, ComputeFlags},
    model::{
        folder::{ModelFolder, tokenizer_source},
        place::ModelPlace,
        scored::{EvaluatedDecoder, outline},
    },
    run::benchmarks::AUTOMATIC_BATCH,
    terminal::{figures::time, notes, output, progress::RequestProgress, words::one_of},
};

/// Flags of `outgrow eval`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A Hugging Face folder with a LLaMA-style decoder and its tokenizer, or a run, which stands for its last
    /// checkpoint.
    #[arg(required_unless_present = "list")]
    model: Option<PathBuf>,
    /// Tasks and groups of tasks, with commas between; `paper` for the eight of "Stacking Your Transformers".
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required_unless_present = "list")]
    tasks: Vec<String>,
    /// The folder with the tasks' documents, a folder for each data set (--list names the files).
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    data: Option<PathBuf>,
    /// Where results go, into a folder named after the model.
    #[arg(long, value_name = "DIR", required_unless_present = "list")]
    out: Option<PathBuf>,
    /// Print all tasks and groups with their versions, sizes and files, and evaluate nothing. With --data, a tick
    /// stands before each task whose documents are there.
    #[arg(long)]
    list: bool,
    /// With --list: print one JSON value.
    #[arg(long, requires = "list")]
    json: bool,
    /// Only the first documents of each task: so many (of a number with decimals the whole part), or below 1 such a
    /// part.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    limit: Option<f64>,
    /// Examples in each prompt.
    #[arg(long, value_name = "K")]
    num_fewshot: Option<usize>,
    /// Requests that go to the model at once: a number, of which long ones are fewer, or `auto`. No result depends on
    /// it.
    #[arg(long, value_name = "B", default_value = "auto")]
    batch_size: String,
    /// Defaults of another time: `paper` scores without special tokens before a context and with the end of a text as
    /// prefix.
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// What is put around a context: the tokenizer's special tokens (default), the token that begins a text in front
    /// (true), or nothing (false).
    #[arg(long, value_name = "WHEN", value_parser = one_of(&AddBosToken::ALL, |_| ""))]
    add_bos_token: Option<AddBosToken>,
    /// What reads texts: the class that the folder names, as transformers builds it, or tokenizer.json as it is.
    #[arg(long, value_name = "WHAT", default_value = "class", value_parser = tokenizer_source())]
    tokenizer_from: TokenizerSource,
    /// The token that a text without a context is scored behind, instead of the one that begins a text.
    #[arg(long, value_name = "ID")]
    prefix_token_id: Option<u32>,
    /// The most tokens of an input, instead of the model's positions.
    #[arg(long, value_name = "N")]
    max_length: Option<usize>,
    /// Resamples for the standard errors that have no closed form; 0 for no standard errors.
    #[arg(long, value_name = "N")]
    bootstrap_iters: Option<usize>,
    /// The seed that examples are drawn with.
    #[arg(long, value_name = "SEED")]
    fewshot_seed: Option<u64>,
    /// Also write each document with what was asked and answered.
    #[arg(long)]
    log_samples: bool,
    #[command(flatten)]
    compute: ComputeFlags,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Preset {
    Paper,
}

/// Evaluates, writes the results and prints their table.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        return list::print(arguments.data.as_deref(), arguments.json);
    }
    let (Some(model), Some(data), Some(out)) = (&arguments.model, &arguments.data, &arguments.out) else {
        unreachable!("they are required without --list");
    };
    let options = arguments.options()?;
    let batch = arguments.batch()?;
    let compute = arguments.compute.resolve(None, None)?;
    let start = Instant::now();
    // Everything that can be wrong with tasks and files is found before the model is looked at.
    let plan = Plan::prepare(&Selection::named(&arguments.task_names()?)?, data, &options)?;
    let place = ModelPlace::find(model)?;
    let folder = ModelFolder::open(&place.folder, arguments.tokenizer_from, options.add_bos_token.flag())?;
    let outline = outline(folder.config(), folder.bos_token_id(), folder.eos_token_id());
    let requests = TokenRequests::new(&plan, folder.tokenizer(), &outline)?;
    notes::print(&place.note);
    notes::print(notes_of(&folder));
    notes::warn(plan.warnings().iter().chain(&requests.warnings()));
    notes::print(compute.note());
    fs::create_dir_all(out).map_err(Error::at(out))?;
    let journal = Journal::new(out, &folder, &plan, compute, arguments.tokenizer_from)?;
    let mut evaluated = EvaluatedDecoder::new(&folder.scored_decoder(compute)?, outline);
    let scores = scored(&requests, &mut evaluated, batch, &journal)?;
    let evaluation = Evaluation::new(&plan, &requests, &scores)?;
    let description = arguments.description(&folder, &place.folder, compute, plan.options(), start)?;
    let written = evaluation.write(&requests, &description, out, arguments.log_samples, SystemTime::now())?;
    output::line(evaluation.table())?;
    print_paper_row(&plan, &evaluation)?;
    crate::terminal::output::say!("{} requests in {}", requests.total(), time(start.elapsed().as_secs_f64()));
    output::line(written.results.display())?;
    journal.remove()
}

/// What a user should know about the folder: one line for each thing.
fn notes_of(folder: &ModelFolder) -> Vec<String> {
    let unnamed = "no file names a bos_token or an eos_token, for want of which lm-evaluation-harness stops: those of config.json are taken";
    let unnamed = folder.tokenizer().is_named_by_config().then(|| unnamed.to_owned());
    let tied = "lm-evaluation-harness ties the head to the embedding before it scores, and so it is scored here; with tie_word_embeddings = false both use the head";
    let tied = folder.head_is_tied_by_harness().then(|| tied.to_owned());
    folder.notes().iter().cloned().chain(unnamed).chain(tied).collect()
}

fn scored(
    requests: &TokenRequests,
    model: &mut EvaluatedDecoder,
    batch: BatchLimit,
    journal: &Journal,
) -> Result<Scores> {
    let mut progress = RequestProgress::new(requests.distinct());
    let journal = Some((journal.path.as_path(), journal.identity.as_str()));
    let scores = Scores::compute(requests, model, batch, journal, &mut |now| progress.show(now))?;
    progress.finish();
    Ok(scores)
}

/// The paper's table has a row for each model; this is the model's.
fn print_paper_row(plan: &Plan, evaluation: &Evaluation<'_>) -> Result<()> {
    let Some(row) = evaluation.paper_row().filter(|_| plan.options().num_fewshot.unwrap_or(0) == 0) else {
        return Ok(());
    };
    output::line("As in the tables of arXiv 2405.15319, accuracies in percent and cut off:")?;
    let row: Vec<_> = row.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    output::line(format!("{}\n", row.join(" | ")))
}

impl Arguments {
    /// The names, with what stands for several.
    fn task_names(&self) -> Result<Vec<String>, BadInput> {
        if self.tasks.iter().any(|name| name.trim().is_empty()) {
            let problem = "--tasks: there is an empty name; give names with a comma between two";
            return Err(BadInput(problem.into()));
        }
        let names = self.tasks.iter().map(String::as_str);
        let all = names.flat_map(|name| match name {
            "paper" => PAPER_TASKS.to_vec(),
            name => vec![name],
        });
        Ok(all.map(str::to_owned).collect())
    }

    fn options(&self) -> Result<Options> {
        let preset = match self.preset {
            None => Options::default(),
            Some(Preset::Paper) => Options::paper(),
        };
        let mut seeds = preset.seeds;
        seeds.fewshot = self.fewshot_seed.unwrap_or(seeds.fewshot);
        Ok(Options {
            limit: self.limit.map(Limit::from_number).transpose()?,
            num_fewshot: self.num_fewshot,
            add_bos_token: self.add_bos_token.unwrap_or(preset.add_bos_token),
            prefix: self.prefix_token_id.map_or(preset.prefix, Prefix::Id),
            max_length: self.max_length,
            bootstrap_iters: self.bootstrap_iters.unwrap_or(preset.bootstrap_iters),
            seeds,
        })
    }

    fn batch(&self) -> Result<BatchLimit, BadInput> {
        if self.batch_size == "auto" {
            return Ok(AUTOMATIC_BATCH);
        }
        match self.batch_size.parse() {
            Ok(requests) if requests > 0 => Ok(BatchLimit { requests, ..AUTOMATIC_BATCH }),
            _ => Err(BadInput(format!("--batch-size {}: give a number from 1 on, or auto", self.batch_size))),
        }
    }

    /// What really was put around contexts, whatever was asked for.
    fn tokenizer(&self, folder: &ModelFolder, options: &Options) -> Result<TokenizerDescription> {
        let tokenizer = folder.tokenizer();
        let (in_front, behind) = match options.add_bos_token {
            AddBosToken::Never => (Vec::new(), Vec::new()),
            AddBosToken::Default | AddBosToken::Always => tokenizer.around()?,
        };
        let spelt = |ids: Vec<u32>| {
            let spelt = ids.into_iter().map(|id| tokenizer.decode(&[id]).map(|spelling| (spelling, id)));
            spelt.collect::<Result<Vec<_>, _>>()
        };
        let made_by = match self.tokenizer_from {
            TokenizerSource::Class => tokenizer.class().map_or("tokenizer.json", TokenizerClass::name),
            TokenizerSource::File => "tokenizer.json",
        };
        Ok(TokenizerDescription {
            made_by: made_by.into(),
            in_front: spelt(in_front)?,
            behind: spelt(behind)?,
            notes: notes_of(folder),
        })
    }

    fn description(
        &self,
        folder: &ModelFolder,
        model: &Path,
        compute: Compute,
        options: &Options,
        start: Instant,
    ) -> Result<RunDescription> {
        let named = folder.tokenizer().named();
        let spelt = |token: Option<&NamedToken>| token.map(|token| (token.spelling.clone(), token.id));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_err(|_| Error::Failed("the clock stands before 1970".into()))?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(RunDescription {
            model_name: name_of(model)?,
            num_parameters: folder.config().num_parameters(),
            dtype: torch_name(compute.precision).into(),
            device: compute.device.to_string(),
            batch_size: self.batch_size.clone(),
            bos_token: spelt(named.bos.as_ref()),
            eos_token: spelt(named.eos.as_ref()),
            // The harness fills up rows with another where there is none.
            pad_token: spelt(named.pad.as_ref().or(named.unk.as_ref()).or(named.eos.as_ref())),
            tokenizer: Some(self.tokenizer(folder, options)?),
            git_hash: None,
            environment: format!("outgrow {} on {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH),
            date: now.as_secs_f64() - seconds,
            seconds,
        })
    }
}

/// The precision as PyTorch calls it, and so the harness.
fn torch_name(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "float32",
        Precision::Bf16 => "bfloat16",
    }
}

/// The model's path as it was given, or where that is only dots, what they stand for: a folder is named after it.
fn name_of(model: &Path) -> Result<String> {
    let whole = if model.file_name().is_none() || model.starts_with(".") {
        fs::canonicalize(model).map_err(Error::at(model))?
    } else {
        model.to_owned()
    };
    Ok(whole.display().to_string())
}

/// Where scores are kept until all are there: the same call goes on with them.
struct Journal {
    path: PathBuf,
    identity: String,
}

impl Journal {
    /// One for each evaluation of a model: two at a time don't share it. A score is that of this program on this
    /// device.
    fn new(
        out: &Path,
        folder: &ModelFolder,
        plan: &Plan,
        compute: Compute,
        tokenizer: TokenizerSource,
    ) -> Result<Self> {
        let tasks: Vec<_> = plan.tasks().iter().map(|planned| planned.task.name).collect();
        let (model, version) = (folder.identity()?, env!("CARGO_PKG_VERSION"));
        let whole =
            format!("{model}\n{compute:?}\n{version}\n{tasks:?}\n{tokenizer:?}\n{:?}", plan.options());
        let digest = Sha256::digest(whole.as_bytes());
        let first = u64::from_be_bytes(std::array::from_fn(|index| digest[index]));
        let identity = format!("{first:016x}");
        Ok(Self { path: out.join(format!("scores-{identity}.journal")), identity })
    }

    fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            // The same evaluation, twice at a time.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Error::at(&self.path)),
        }
    }
}
