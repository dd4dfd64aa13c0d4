//! What is made of a run while it goes: metrics, run.json, benchmarks, progress and warnings. The loop that it watches
//! is outgrow-train's, which writes the checkpoints.

use std::path::Path;

use outgrow_checkpoint::LlamaConfig;
use outgrow_model::Decoder;
use outgrow_train::{Control, Event, Learned, Position};

use crate::{
    error::{Error, Result},
    run::{
        benchmarks::one_line,
        final_name,
        folder::RunFolder,
        loss_watch::LossWatch,
        metrics::{Metrics, StepKind},
        plan::{RunPlan, text::Introduction},
        resolve::ResolvedRecipe,
        run_json::{History, write_run_file},
    },
    terminal::{
        figures::{counted, grouped},
        interrupt::Interrupt,
        notes,
        progress::training::TrainingProgress,
    },
};

/// Turns the events of a run into files and lines.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    run: WatchedRun<'a>,
    metrics: Option<Metrics>,
    losses: LossWatch,
    steps: StepKind,
    /// Metrics that can't be written end the run: without them it is worth nothing.
    failure: Option<Error>,
}

/// What is watched, and with what.
#[derive(Debug)]
pub(crate) struct WatchedRun<'a> {
    /// What is run.
    pub resolved: &'a ResolvedRecipe,
    /// What it will do.
    pub plan: &'a RunPlan,
    /// Where.
    pub folder: &'a mut RunFolder,
    /// What the run remembers.
    pub history: History,
    /// What is said once the run has begun.
    pub notes: Vec<String>,
    /// The lines that it takes over of another run, where it branches off one.
    pub lines: Option<String>,
    /// What is seen of it.
    pub progress: TrainingProgress,
    /// Whether it is asked to end.
    pub interrupt: &'a Interrupt,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(run: WatchedRun<'a>) -> Self {
        Self { run, metrics: None, losses: LossWatch::default(), steps: StepKind::Training, failure: None }
    }

    /// Gives back what was watched, when the run has ended.
    ///
    /// # Errors
    /// What kept it from writing.
    pub(crate) fn finish(self) -> Result<WatchedRun<'a>> {
        self.run.progress.finish();
        self.failure.map_or(Ok(self.run), Err)
    }

    /// Whether the newest validation loss is above the one that its model began with.
    pub(crate) fn loss_is_above_the_first(&self) -> bool {
        self.losses.is_above_the_first()
    }

    /// For the loop.
    pub(crate) fn observe(&mut self, position: &Position, event: &Event<'_>) -> Control {
        if let Err(error) = self.record(position, event) {
            self.failure.get_or_insert(error);
            // Nothing has begun: the folder may be another process's, or of a disk that takes nothing.
            if self.metrics.is_none() {
                return Control::Abandon;
            }
        }
        if self.failure.is_some() || self.run.interrupt.is_set() { Control::Stop } else { Control::Continue }
    }

    fn record(&mut self, position: &Position, event: &Event<'_>) -> Result<()> {
        let stage = &self.run.resolved.schedule.stages()[position.stage].name;
        if let Event::Started { resumed_from, .. } = event {
            self.begin(position, *resumed_from)?;
        }
        let metrics = self.metrics.as_mut().expect("a run starts before anything else happens in it");
        let run = &mut self.run;
        match event {
            Event::Started { .. } => {}
            Event::Saved { folder } => {
                let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
                run.history.checkpoint = name;
                run.history.summarize(metrics.summary());
                run.interrupt.saved(position.step);
                write_run_file(run.folder.path(), run.resolved, &run.history, false)?;
            }
            Event::Step(report) => {
                let batch = run.resolved.settings.batch_sequences * run.resolved.recipe.data.sequence_length;
                metrics.step(position, stage, report, batch as f64 / report.seconds, self.steps)?;
                run.progress.step(position, stage, report);
                if let Some(warning) = self.losses.stepped(stage, report.loss) {
                    run.progress.note(&notes::warning(warning));
                }
            }
            Event::Evaluated { validation_loss, decoder } => {
                let back = metrics.validation(position, stage, *validation_loss)?;
                let line =
                    format!("{stage}: validation loss {validation_loss:.4} after {} tokens", position.tokens);
                run.progress.note(&line);
                if let Some(growth) = back {
                    run.progress.note(&format!("{}: {growth}", growth.stage));
                }
                if let Some(warning) = self.losses.validated(stage, *validation_loss) {
                    run.progress.note(&notes::warning(warning));
                }
                self.evaluate(position, decoder)?;
            }
            Event::Norms(norms) => metrics.norms(position, stage, norms)?,
            Event::Copies(copies) => metrics.copies(position, stage, copies)?,
            Event::StageEnds { is_slow, slope, ends_at } => {
                metrics.stage_end(position, stage, *slope, *ends_at, *is_slow)?;
                run.progress.note(&stage_end(stage, position.stage_tokens, *is_slow, *slope, ends_at.slope));
            }
            Event::Learning { steps } => {
                let counted = counted(*steps, "step");
                run.progress.note(&format!("{stage}: learns the matrices of its growth in {counted}"));
                run.progress.begin_learning(position, *steps);
                self.steps = StepKind::Learning;
                self.losses.grown();
            }
            Event::Learned { learned } => {
                let Learned { initial_loss, learned_loss, .. } = learned;
                run.progress.note(&format!(
                    "{stage}: matrices learned: validation loss {learned_loss:.4}, with the initial ones {initial_loss:.4}"
                ));
            }
            Event::Grown { plan } => {
                run.progress.note(&format!("{stage}: {}", grown(plan.source(), plan.target())));
                run.progress.begin_stage();
                self.steps = StepKind::Training;
                self.losses.grown();
            }
        }
        Ok(())
    }

    /// Asks the benchmarks that are due.
    fn evaluate(&mut self, position: &Position, decoder: &Decoder) -> Result<()> {
        let (run, Some(metrics)) = (&self.run, &mut self.metrics) else { return Ok(()) };
        let Some(benchmarks) = &run.resolved.benchmarks else { return Ok(()) };
        let stage = &run.resolved.schedule.stages()[position.stage].name;
        let ends = position.tokens >= run.resolved.schedule.tokens();
        // A run that is asked to stop doesn't wait for benchmarks. They are made up for at the first validation when
        // the run goes on.
        let due = benchmarks.are_due(metrics.evaluated_tokens(), position.tokens) && !run.interrupt.is_set();
        // No validation comes after the last one.
        if ends || due {
            let results = benchmarks.run(decoder)?;
            metrics.evaluation(position, stage, &results)?;
            run.progress.note(&format!("{stage}: {}", one_line(&results)));
        }
        Ok(())
    }

    /// Only now are files written: a run that is refused leaves no folder, and leaves the files of another run as
    /// they are.
    fn begin(&mut self, position: &Position, resumed_from: Option<&Path>) -> Result<()> {
        let run = &mut self.run;
        if let Some(folder) = resumed_from {
            let how = if run.lines.is_some() { "branching off from" } else { "going on from" };
            run.progress.note(&format!("{how} {}", folder.display()));
            run.interrupt.saved(position.step);
        }
        let stages = run.resolved.schedule.stages();
        run.folder.make()?;
        final_name::take_back(run.folder.path())?;
        write_run_file(run.folder.path(), run.resolved, &run.history, false)?;
        if let Some(lines) = &run.lines {
            Metrics::take_over(run.folder.path(), lines)?;
        }
        let begun = resumed_from.map_or(0, |_| position.stage + 1);
        let metrics = Metrics::open(run.folder.path(), position.step, stages, begun)?;
        let lost = metrics.lost().filter(|_| resumed_from.is_some()).map(str::to_owned);
        for note in run.notes.iter().chain(&lost) {
            run.progress.note(&notes::line(note));
        }
        run.progress.note(&Introduction(run.plan).to_string());
        self.metrics = Some(metrics);
        Ok(())
    }
}

/// Why a stage ends that might have ended elsewhere.
fn stage_end(stage: &str, tokens: u64, is_slow: bool, slope: Option<f64>, threshold: f64) -> String {
    let tokens = grouped(tokens);
    match (is_slow, slope) {
        (true, Some(slope)) => {
            format!(
                "{stage}: ends after {tokens} tokens, as the slope of its loss is {slope:.4}, up from below {threshold}"
            )
        }
        (_, Some(slope)) => {
            format!(
                "{stage}: ends with its {tokens} tokens; the slope of its loss is {slope:.4} and never came up to {threshold}"
            )
        }
        (_, None) => {
            format!("{stage}: ends with its {tokens} tokens, too few validations for a slope of its loss")
        }
    }
}

/// What of the sizes grew: the layers and the width, or else the parameters.
fn grown(source: &LlamaConfig, target: &LlamaConfig) -> String {
    let [from, to] = [source, target].map(|model| (model.num_hidden_layers, model.hidden_size));
    match (from.0 == to.0, from.1 == to.1) {
        (false, false) => {
            format!("grown from {} layers of width {} to {} of width {}", from.0, from.1, to.0, to.1)
        }
        (false, true) => format!("grown from {} to {} layers", from.0, to.0),
        (true, false) => format!("grown from width {} to {}", from.1, to.1),
        (true, true) => {
            let [from, to] = [source, target].map(|model| grouped(model.num_parameters()));
            format!("grown from {from} to {to} parameters")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grew_is_said() {
        let model = |layers: usize, hidden: usize, intermediate: usize| {
            LlamaConfig::from_json(&format!(
                r#"{{ "model_type": "llama", "vocab_size": 32, "hidden_size": {hidden}, "num_attention_heads": 2,
                    "intermediate_size": {intermediate}, "num_hidden_layers": {layers}, "rms_norm_eps": 1e-5,
                    "max_position_embeddings": 16 }}"#
            ))
            .unwrap()
        };
        let source = model(2, 16, 24);
        insta::assert_snapshot!(grown(&source, &model(8, 16, 24)), @"grown from 2 to 8 layers");
        insta::assert_snapshot!(grown(&source, &model(2, 32, 48)), @"grown from width 16 to 32");
        insta::assert_snapshot!(grown(&source, &model(8, 32, 48)), @"grown from 2 layers of width 16 to 8 of width 32");
        insta::assert_snapshot!(grown(&source, &model(2, 16, 48)), @"grown from 5,456 to 7,760 parameters");
    }
}
