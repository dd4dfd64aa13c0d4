//! A plan in words: all of it for `train --plan`, and the short form with which a run begins.

use std::fmt;

use outgrow_operators::Moments;
use outgrow_schedules::{DataAtGrowth, LossSlope, MaskOrder, NewParameters, Noise};
use outgrow_train::BaseRecord;

use super::{
    RunPlan,
    facts::PlannedStart,
    memory::{MemoryPlan, Moment},
    stage::{MaskPlan, StagePlan},
};
use crate::terminal::figures::{about_time, count, counted, grouped, megabytes};

const COLUMNS: usize = 10;
const HEADINGS: [&str; COLUMNS] =
    ["stage", "layers", "width", "parameters", "trained", "steps", "tokens", "epochs", "FLOPs", "time"];

/// The first lines of a run. Displays as a line for the run and one for each stage that is still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduction<'a>(pub &'a RunPlan);

impl fmt::Display for RunPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, method, seed, .. } = self;
        writeln!(f, "run          {name}: {method}, seed {seed}")?;
        writeln!(f, "start        {}", self.start)?;
        for note in self.start.standing().map_or(&[][..], |(_, notes)| notes) {
            writeln!(f, "             {note}")?;
        }
        if let Some(base) = &self.base {
            writeln!(f, "base         {}", base_in_words(base))?;
        }
        let batch = grouped(self.batch_tokens);
        write!(
            f,
            "steps        {} of {batch} tokens ({} × {})",
            grouped(self.steps),
            self.batch_sequences,
            self.data.sequence_length
        )?;
        if self.micro_batch_sequences < self.batch_sequences {
            write!(f, ", {} at a time", counted(self.micro_batch_sequences as u64, "sequence"))?;
        }
        writeln!(f, "\n\n{}\n", self.table())?;
        for stage in &self.stages {
            write!(f, "{}", StageWords { stage, width: self.name_width() })?;
        }
        let of_muon = self.orthogonalization_flops.map(|flops| 100.0 * flops / self.flops);
        let of_muon = of_muon.map_or_else(String::new, |share| format!(" ({share:.0} % of them Muon's)"));
        writeln!(f, "\nFLOPs        {:.3e}{of_muon}, and {:.3e} as 6·N·T", self.flops, self.flops_6nt)?;
        writeln!(f, "data         {}", self.data_in_words())?;
        writeln!(f, "device       {}", self.device_in_words())?;
        writeln!(f, "memory       {}", self.memory)?;
        let disk = &self.disk;
        writeln!(
            f,
            "disk         {}, {}: about {}, {} while one is written",
            counted(disk.checkpoints_written, "checkpoint"),
            match disk.checkpoints_kept.min(disk.checkpoints_written as usize) {
                1 => "1 stays".to_owned(),
                kept => format!("{kept} stay"),
            },
            megabytes(disk.bytes),
            megabytes(disk.peak_bytes)
        )?;
        write!(f, "time         {}", self.time_in_words())
    }
}

impl RunPlan {
    fn table(&self) -> String {
        let seconds = |seconds: Option<f64>| seconds.map_or_else(|| "–".to_owned(), about_time);
        let row = |stage: &StagePlan| {
            let trained = if stage.trained_parameters == stage.parameters {
                "all".to_owned()
            } else {
                grouped(stage.trained_parameters)
            };
            [
                stage.name.clone(),
                stage.num_hidden_layers.to_string(),
                stage.hidden_size.to_string(),
                grouped(stage.parameters),
                trained,
                grouped(stage.steps),
                grouped(stage.tokens),
                format!("{:.2}", stage.epochs[1] - stage.epochs[0]),
                format!("{:.3e}", stage.flops),
                seconds(stage.seconds),
            ]
        };
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(self.stages.iter().map(row));
        let mut total = [const { String::new() }; COLUMNS];
        "total".clone_into(&mut total[0]);
        total[5] = grouped(self.steps);
        total[6] = grouped(self.tokens);
        total[7] = format!("{:.2}", self.epochs);
        total[8] = format!("{:.3e}", self.flops);
        total[9] = seconds(self.seconds);
        rows.push(total);
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        let lines = rows.iter().map(|row| {
            let numbers = (1..COLUMNS).map(|column| format!("  {:>1$}", row[column], widths[column]));
            format!("{:<1$}{2}", row[0], widths[0], numbers.collect::<String>())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn name_width(&self) -> usize {
        let longest = self.stages.iter().map(|stage| stage.name.chars().count()).max();
        longest.unwrap_or(0).max("total".len())
    }

    fn data_in_words(&self) -> String {
        let tokens = grouped(self.data.training_tokens);
        let times = match self.epochs {
            part if part < 0.01 => "less than 1 % of them".to_owned(),
            part if part <= 1.0 => format!("{:.0} % of them", part * 100.0),
            times => format!("each {times:.1} times"),
        };
        format!("{tokens} tokens for training, the run reads {times}")
    }

    fn device_in_words(&self) -> String {
        let threads = self.threads.map(|threads| format!(", {}", counted(threads as u64, "thread")));
        format!("{}, {}{}", self.device, self.dtype, threads.unwrap_or_default())
    }

    fn time_in_words(&self) -> String {
        let (Some(seconds), Some(left)) = (self.seconds, self.seconds_left) else {
            return "not measured".to_owned();
        };
        let mut words = match self.start.standing() {
            None => format!("about {}", about_time(seconds)),
            Some(_) => {
                format!("about {} left, {} from the beginning", about_time(left), about_time(seconds))
            }
        };
        words += ", without benchmarks and writing";
        for speed in &self.speeds {
            words.push_str("\n             ");
            words.push_str(&speed.to_string());
        }
        words
    }
}

impl fmt::Display for PlannedStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begins => f.write_str("with step 1"),
            Self::GoesOn { checkpoint, position, .. } => {
                write!(f, "goes on from {checkpoint}, with step {}", grouped(position.step + 1))
            }
            Self::BranchesOff { checkpoint, run, position, .. } => {
                write!(f, "branches off from {run} at {checkpoint}, with step {}", grouped(position.step + 1))
            }
        }
    }
}

fn base_in_words(BaseRecord { name, cost, .. }: &BaseRecord) -> String {
    let tokens = cost.tokens.map(|tokens| format!("{} tokens", grouped(tokens)));
    let flops = cost.flops.map(|flops| format!("{flops:.3e} FLOPs"));
    match (tokens, flops) {
        (Some(tokens), Some(flops)) => format!("{name}, which has cost {tokens} and {flops}"),
        (Some(known), None) | (None, Some(known)) => format!("{name}, which has cost {known}"),
        (None, None) => {
            format!("{name}; what it has cost isn't known (model.from_flops in the recipe says it)")
        }
    }
}

/// What a stage's row in the table has no room for.
struct StageWords<'a> {
    stage: &'a StagePlan,
    width: usize,
}

impl fmt::Display for StageWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, width } = *self;
        let mut words = Vec::new();
        if let Some(growth) = &stage.growth {
            let mask = stage.mask.as_ref().map(|MaskPlan { tokens, order }| {
                let order = match order {
                    MaskOrder::Together => "",
                    MaskOrder::OneAfterAnother => ", one kind of units after another",
                };
                format!(", behind a mask that opens over {} tokens{order}", grouped(*tokens))
            });
            let noise = stage.noise.map(|Noise { amount, mix, .. }| format!(", noise {amount} ({mix})"));
            let moments = match stage.moments {
                None | Some(Moments::Reset) => "",
                Some(Moments::Copy) => ", moments copied",
                Some(Moments::KeepOld) => ", moments of old values kept",
                Some(Moments::Scaled) => ", moments copied and scaled",
            };
            let data = match stage.data {
                None | Some(DataAtGrowth::Continue) => "",
                Some(DataAtGrowth::Replay) => ", data from the beginning",
            };
            words.push(format!(
                "grown by {growth}{}{}{moments}{data}",
                noise.unwrap_or_default(),
                mask.unwrap_or_default()
            ));
            words.extend(stage.new_parameters.map(|NewParameters { ratio, rewarm_tokens }| {
                format!("new parameters at {ratio} times the rate after {} tokens", grouped(rewarm_tokens))
            }));
        }
        if let Some(learning) = &stage.learning {
            let (steps, memory) = (counted(learning.steps, "step"), megabytes(learning.memory_bytes));
            words.push(format!(
                "matrices learned in the first {steps}, with {memory} of weights and gradients"
            ));
        }
        if stage.trained_parameters < stage.parameters {
            let share = 100.0 * stage.trained_parameters as f64 / stage.parameters as f64;
            words.push(format!("trains {}: {share:.0} % of the parameters", stage.trainable));
        }
        words.push(match &stage.learning_rate {
            Some(rate) => format!("learning rate {rate}"),
            None => "no step".to_owned(),
        });
        words.extend(stage.ends_at.map(|LossSlope { slope, validations }| {
            format!("ends early once the slope of its loss over {validations} validations is {slope}")
        }));
        writeln!(f, "{:<width$}  {}", stage.name, words.join("; "))
    }
}

impl fmt::Display for MemoryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peak_bytes, stage, moment, parameter_bytes, moment_bytes, gradient_bytes, .. } = self;
        let kept = parameter_bytes + moment_bytes + gradient_bytes;
        match (moment, self.activation_bytes) {
            (Moment::Step, Some(activations)) => write!(
                f,
                "about {}, in the steps of {stage}: {} of parameters, moments and gradients, {} of activations",
                megabytes(*peak_bytes),
                megabytes(kept),
                megabytes(activations)
            ),
            (Moment::Step, None) => write!(
                f,
                "{} of parameters, moments and gradients in {stage}; activations aren't estimated on this device",
                megabytes(kept)
            ),
            (Moment::Checkpoint, _) => {
                write!(f, "about {}, when {stage} writes a checkpoint", megabytes(*peak_bytes))
            }
            (Moment::Learning, _) => {
                write!(f, "about {}, when the matrices of {stage} are learned", megabytes(*peak_bytes))
            }
            (Moment::Growth, _) => {
                write!(f, "about {}, at the growth that {stage} begins with", megabytes(*peak_bytes))
            }
            (Moment::Resumption, _) => {
                write!(f, "about {}, when the checkpoint is read", megabytes(*peak_bytes))
            }
        }
    }
}

impl fmt::Display for Introduction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        write!(
            f,
            "{}: {}, {} of {} tokens, {:.2e} FLOPs, on {}",
            plan.name,
            plan.method,
            counted(plan.steps, "step"),
            grouped(plan.batch_tokens),
            plan.flops,
            plan.device_in_words()
        )?;
        let width = plan.name_width();
        for stage in plan.stages.iter().filter(|stage| stage.steps_left > 0 || stage.steps == 0) {
            let parameters = count(stage.parameters);
            let layers = counted(stage.num_hidden_layers as u64, "layer");
            let left = if stage.steps_left < stage.steps {
                format!("{} of {} steps left", grouped(stage.steps_left), grouped(stage.steps))
            } else {
                counted(stage.steps, "step")
            };
            let (name, hidden_size) = (&stage.name, stage.hidden_size);
            write!(f, "\n{name:<width$}  {layers} of {hidden_size}, {parameters} parameters, {left}")?;
            if let Some(rate) = &stage.learning_rate {
                write!(f, "; learning rate {rate}")?;
            }
        }
        Ok(())
    }
}
