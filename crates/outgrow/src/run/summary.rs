//! What the lines of metrics.jsonl come to, for run.json: of each growth, and of each stage's time. A run that goes on
//! reads the lines that it keeps, and so forgets nothing.

use outgrow_schedules::Stage;
use serde_json::Value;

use crate::run::{growths::Growths, stage_times::StageTimes};

/// What a run's lines come to so far.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Its growths.
    pub growths: Growths,
    /// Its stages.
    pub stage_times: StageTimes,
}

impl Summary {
    /// Of the lines that there are of a run of these stages.
    pub(crate) fn read(stages: &[Stage], text: &str) -> Self {
        let mut summary = Self { growths: Growths::new(stages), stage_times: StageTimes::default() };
        for line in text.lines() {
            summary.add(&serde_json::from_str(line).unwrap_or_default());
        }
        summary
    }

    /// Takes note of a line. Those that say neither a step nor a validation say nothing here.
    pub(crate) fn add(&mut self, line: &Value) -> Option<()> {
        let (stage, tokens) = (line["stage"].as_str()?, line["tokens"].as_u64()?);
        if let Some(loss) = line["validation_loss"].as_f64() {
            self.growths.validated(stage, line["step"].as_u64()?, tokens, loss);
        } else if line["learning"] == true {
            self.stage_times.learned(tokens, line["flops"].as_f64()?);
        } else if let Some(loss) = line["loss"].as_f64() {
            self.growths.trained(loss);
            // Earlier versions rounded the tokens a second, and wrote no seconds.
            let seconds = line["seconds"].as_f64().or_else(|| {
                Some(
                    self.stage_times.new_tokens(tokens) as f64 / line["tokens_per_second"].as_f64()?.max(1.0),
                )
            });
            self.stage_times.stepped(stage, tokens, line["flops"].as_f64()?, seconds?);
        }
        Some(())
    }
}
