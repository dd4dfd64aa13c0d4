//! What a benchmark is, as a value: where its documents are, what it asks of a model for each of them, and what it
//! measures. The benchmarks themselves are in the files of `tasks/`; nothing here knows one by name.

use crate::{documents::Document, error::EvalError};

/// A benchmark. All there are: [`TASKS`](crate::tasks::TASKS).
#[derive(Debug)]
pub struct Task {
    /// Its name in lm-evaluation-harness.
    pub name: &'static str,
    /// The name that is printed, where it is another one.
    pub alias: Option<&'static str>,
    /// What the harness files it under.
    pub tags: &'static [&'static str],
    /// The version of its definition.
    pub version: f64,
    /// Where its documents are from.
    pub dataset: Dataset,
    /// What stands before the first example of each prompt.
    pub description: &'static str,
    /// Where examples of a few-shot prompt are from.
    pub examples: Examples,
    /// What is asked about a document.
    pub output: OutputType,
    /// What is measured.
    pub metrics: &'static [Metric],
    /// Fields that the harness computes and adds to a document before anything else looks at it.
    pub prepare: Option<fn(Document) -> Result<Document, EvalError>>,
    /// What a document asks.
    pub item: fn(&Document) -> Result<Item, EvalError>,
    /// What the harness' own definition says, word for word, where a results file repeats it.
    pub wording: Wording,
}

/// A data set of the Hugging Face hub, and the files that hold its splits here.
#[derive(Clone, Copy, Debug)]
pub struct Dataset {
    /// Its name on the hub.
    pub path: &'static str,
    /// Its configuration.
    pub name: Option<&'static str>,
    /// The folder of its files below the folder of all data.
    pub folder: &'static str,
    /// The split for training, if there is one.
    pub training: Option<Split>,
    /// The split for validation, if there is one.
    pub validation: Option<Split>,
    /// The split for testing, if there is one.
    pub test: Option<Split>,
    /// A split that is there for examples only.
    pub fewshot: Option<Split>,
    /// The fields that a document has to have, as they are named to somebody who lacks the file.
    pub fields: &'static str,
}

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Its name on the hub.
    pub name: &'static str,
    /// The file that holds it.
    pub file: &'static str,
    /// Its official number of documents.
    pub rows: usize,
}

/// How examples for a few-shot prompt are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Examples {
    /// Drawn for each document from the pool.
    Drawn,
    /// The first ones of the pool, for all documents.
    First,
    /// None, whatever is asked for: the prompt is complete as it is.
    Never,
}

/// The kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputType {
    /// How likely is this continuation, and would a greedy model have written it?
    LogLikelihood,
    /// Which of several continuations, or of several contexts, is the likeliest?
    MultipleChoice,
    /// How likely is this whole text?
    Rolling,
}

/// What one document asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// The likelihood of one continuation.
    Completion {
        /// What is given.
        context: String,
        /// What is scored, with the space in front of it.
        target: String,
    },
    /// Several continuations of one context.
    Choice {
        /// What is given.
        context: String,
        /// The continuations, without the space that is put before them.
        choices: Vec<String>,
        /// Which are right.
        gold: Gold,
    },
    /// One continuation of several contexts.
    Inputs {
        /// What is given.
        contexts: Vec<String>,
        /// What is scored, without the space that is put before it.
        continuation: String,
        /// Which context is right.
        gold: usize,
    },
    /// A whole text.
    Page {
        /// What is scored.
        text: String,
        /// Words, as they are counted in the original text.
        words: u64,
        /// UTF-8 bytes of the original text.
        bytes: u64,
    },
}

/// Which choices are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gold {
    /// One, counted from 0.
    Index(usize),
    /// Those that are true here; the likelihoods of all of them count.
    Labels(Vec<bool>),
}

/// What is measured for each document, and aggregated over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Whether the likeliest choice is right; of a completion, whether a greedy model would have written it.
    Accuracy,
    /// As [`Accuracy`](Self::Accuracy), with log-likelihoods divided by the number of characters of the choice.
    NormalizedAccuracy,
    /// The part that the right choices have of the probability of all of them.
    ProbabilityMass,
    /// `exp` of the mean negative log-likelihood of a completion.
    Perplexity,
    /// `exp` of the negative log-likelihood of all pages by their words.
    WordPerplexity,
    /// The same by their bytes.
    BytePerplexity,
    /// The negative log-likelihood of all pages in bits, by their bytes.
    BitsPerByte,
}

impl Split {
    /// A split by its name on the hub, its file here and its official number of documents.
    pub const fn new(name: &'static str, file: &'static str, rows: usize) -> Self {
        Self { name, file, rows }
    }
}

impl Item {
    /// Several choices of which one is right.
    pub(crate) fn choice(context: String, choices: Vec<String>, gold: usize) -> Self {
        Self::Choice { context, choices, gold: Gold::Index(gold) }
    }
}

impl Metric {
    /// What most benchmarks of several choices measure.
    pub(crate) const ACCURACIES: &'static [Self] = &[Self::Accuracy, Self::NormalizedAccuracy];

    /// Its name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy | Self::ProbabilityMass => "acc",
            Self::NormalizedAccuracy => "acc_norm",
            Self::Perplexity => "perplexity",
            Self::WordPerplexity => "word_perplexity",
            Self::BytePerplexity => "byte_perplexity",
            Self::BitsPerByte => "bits_per_byte",
        }
    }

    /// Whether a higher value is a better one.
    pub fn higher_is_better(self) -> bool {
        match self {
            Self::Accuracy | Self::NormalizedAccuracy | Self::ProbabilityMass => true,
            Self::Perplexity | Self::WordPerplexity | Self::BytePerplexity | Self::BitsPerByte => false,
        }
    }
}

/// The harness' own definition where a results file repeats it and nothing here computes with it: templates in Jinja,
/// and `None` where it says nothing or has a function in Python.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    /// The template of the context.
    pub doc_to_text: Text,
    /// The template of the target.
    pub doc_to_target: Text,
    /// The template of the choices.
    pub doc_to_choice: Text,
    /// What an earlier version looked for in training data.
    pub decontamination: Option<&'static str>,
    /// Whether the metrics are listed with what they are aggregated by.
    pub aggregations_are_named: bool,
    /// Whether the results of a document are computed by a function of its own.
    pub own_results: bool,
}

/// What a definition has in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Nothing.
    Absent,
    /// A template or a field's name.
    Template(&'static str),
    /// A number.
    Number(i64),
    /// A list of texts.
    List(&'static [&'static str]),
    /// A function in Python.
    Function,
}

impl Task {
    /// The split that is scored: the test split, or for want of one the validation split.
    pub fn evaluated(&self) -> Option<Split> {
        self.dataset.test.or(self.dataset.validation)
    }

    /// The split that examples are drawn from: the one for it, or the first there is of training, validation and test.
    pub fn pool(&self) -> Option<Split> {
        let Dataset { training, validation, test, fewshot, .. } = self.dataset;
        fewshot.or(training).or(validation).or(test)
    }

    /// Whether one example more is drawn than asked for, so that the document itself can be left out.
    ///
    /// The harness means to do so where pool and evaluated split are the same, but compares the split *for examples*
    /// with the split *for testing*: so it does it where a task has neither (piqa, winogrande, hellaswag, boolq),
    /// though their pool is the training split, and doesn't where the test split is the pool for want of others
    /// (lambada_openai).
    pub fn draws_one_more(&self) -> bool {
        self.dataset.fewshot.map(|split| split.name) == self.dataset.test.map(|split| split.name)
    }

    /// The examples in a prompt if so many are asked for.
    pub fn num_fewshot(&self, asked: Option<usize>) -> usize {
        match self.examples {
            Examples::Drawn | Examples::First => asked.unwrap_or(0),
            Examples::Never => 0,
        }
    }

    /// The name that is printed.
    pub fn display_name(&self) -> &'static str {
        self.alias.unwrap_or(self.name)
    }
}
