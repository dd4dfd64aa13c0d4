//! What was asked and answered, document by document: the lines of `samples_*.jsonl` in the harness' keys and their
//! order, and the hashes by which two evaluations are known to have asked the same. Log-likelihoods are texts there, as
//! Python prints them.

use std::io::Write;

use sha2::{Digest, Sha256};

use crate::{
    documents::hexadecimal,
    evaluation::{Answer, TaskOutcome},
    plan::{PlannedDocument, PlannedTask, Request},
    python::json::{Json, float_repr},
    tasks::task::{Gold, Item},
};

/// What a document is known by.
struct DocumentHashes {
    /// Of its fields.
    document: String,
    /// Of the context of its first request.
    prompt: String,
    /// Of its target.
    target: String,
}

impl PlannedDocument {
    /// SHA-256 of its fields as Python prints them, of its first context and of its target.
    fn hashes(&self) -> DocumentHashes {
        let fields = Json::from(&serde_json::Value::Object(self.fields.clone()));
        let prompt = match self.requests().into_iter().next() {
            Some(Request::Continuation { context: text, .. } | Request::Text(text)) => text,
            None => String::new(),
        };
        DocumentHashes {
            document: hash(&fields.indented()),
            prompt: hash(&prompt),
            target: hash(&self.target()),
        }
    }

    /// What the harness calls the target, as a text: of choices the index of the right one.
    pub fn target(&self) -> String {
        match &self.item {
            Item::Completion { target, .. } => target.clone(),
            Item::Choice { gold: Gold::Index(gold), .. } => gold.to_string(),
            Item::Choice { gold: Gold::Labels(_), .. } => "0".into(),
            Item::Inputs { continuation, .. } => continuation.clone(),
            Item::Page { text, .. } => text.clone(),
        }
    }
}

impl PlannedTask {
    /// The hash of a task: over the hashes of its documents.
    pub fn hash(&self) -> String {
        let mut digest = Sha256::new();
        for document in &self.documents {
            let hashes = document.hashes();
            digest.update(hashes.document + &hashes.prompt + &hashes.target);
        }
        hexadecimal(&digest.finalize())
    }
}

fn hash(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

/// Writes a line for each document.
pub(crate) fn write_samples(outcome: &TaskOutcome<'_>, to: &mut dyn Write) -> std::io::Result<()> {
    for index in 0..outcome.planned.documents.len() {
        writeln!(to, "{}", sample(outcome, index).line())?;
    }
    Ok(())
}

fn sample(outcome: &TaskOutcome<'_>, index: usize) -> Json {
    let document = &outcome.planned.documents[index];
    let metrics = outcome.planned.task.metrics;
    let (responses, filtered) = responses(&outcome.answers[index]);
    let hashes = document.hashes();
    let entries = [
        ("doc_id", Json::count(index)),
        ("doc", Json::from(&serde_json::Value::Object(document.fields.clone()))),
        ("target", Json::Text(document.target())),
        ("arguments", arguments(document)),
        ("resps", Json::List(responses)),
        ("filtered_resps", Json::List(filtered)),
        ("filter", Json::text("none")),
        ("metrics", Json::List(metrics.iter().map(|metric| Json::text(metric.name())).collect())),
        ("doc_hash", Json::Text(hashes.document)),
        ("prompt_hash", Json::Text(hashes.prompt)),
        ("target_hash", Json::Text(hashes.target)),
    ];
    let values =
        metrics.iter().zip(&outcome.values[index]).map(|(metric, value)| (metric.name(), value.json()));
    Json::object(entries.into_iter().chain(values))
}

fn arguments(document: &PlannedDocument) -> Json {
    let requests = document.requests().into_iter().enumerate();
    Json::object(requests.map(|(index, request)| {
        let arguments = match request {
            Request::Continuation { context, continuation } => {
                Json::object([("arg_0", Json::Text(context)), ("arg_1", Json::Text(continuation))])
            }
            Request::Text(text) => Json::object([("arg_0", Json::Text(text))]),
        };
        (format!("gen_args_{index}"), arguments)
    }))
}

/// The answers, each in a list of its own because a request could be repeated; and without it.
fn responses(answer: &Answer) -> (Vec<Json>, Vec<Json>) {
    let filtered: Vec<Json> = match answer {
        Answer::Scores(scores) => {
            let pair = |greedy| if greedy { "True" } else { "False" };
            let pairs =
                scores.iter().map(|score| [float_repr(score.log_likelihood), pair(score.is_greedy).into()]);
            pairs.map(|pair| Json::List(pair.map(Json::Text).to_vec())).collect()
        }
        Answer::Total(total) => vec![Json::Text(float_repr(*total))],
    };
    (filtered.iter().map(|response| Json::List(vec![response.clone()])).collect(), filtered)
}
