//! A schedule as a table for people: what `--plan` prints. Nothing reads it back.

use crate::{
    flops::FlopConvention,
    learning_rate::{LearningRate, shape::Shape},
    schedule::Schedule,
    stage::Stage,
};

const HEADINGS: [&str; 7] = ["stage", "layers", "growth", "trainable", "tokens", "FLOPs", "learning rate"];
/// Whether a column holds numbers, which stand to the right.
const NUMBERS: [bool; 7] = [false, true, false, false, true, true, false];

impl Schedule {
    /// A table with a line for each stage and one for the whole, FLOPs counted exactly in sequences of
    /// `sequence_length` tokens.
    pub fn describe(&self, sequence_length: usize) -> String {
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(self.stages().iter().map(|stage| row(stage, sequence_length)));
        let flops = self.flops(FlopConvention::Exact, sequence_length);
        let six_times = self.flops(FlopConvention::SixTimesParameters, sequence_length);
        let mut total = [const { String::new() }; 7];
        "total".clone_into(&mut total[0]);
        total[4] = self.tokens().to_string();
        total[5] = format!("{flops:.3e}");
        total[6] = format!("({six_times:.3e} FLOPs as 6·N·T)");
        rows.push(total);
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        let mut text = String::new();
        for row in &rows {
            let cells: Vec<String> = (0..7).map(|column| cell(row, column, widths[column])).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

fn cell(row: &[String; 7], column: usize, width: usize) -> String {
    let text = &row[column];
    if NUMBERS[column] { format!("{text:>width$}") } else { format!("{text:<width$}") }
}

fn row(stage: &Stage, sequence_length: usize) -> [String; 7] {
    let flops = stage.flops(FlopConvention::Exact, sequence_length);
    [
        stage.name.clone(),
        stage.model.num_hidden_layers.to_string(),
        growth(stage),
        stage.trainable.to_string(),
        if stage.ends_at.is_some() { format!("≤ {}", stage.tokens) } else { stage.tokens.to_string() },
        format!("{flops:.3e}"),
        learning_rate(&stage.learning_rate, stage.tokens),
    ]
}

/// The growth, the mask that lets in what it makes, and the rate of what is new.
fn growth(stage: &Stage) -> String {
    let growth = stage.enter.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
    let mask = stage.at_growth.mask.map(|mask| format!(", {mask}")).unwrap_or_default();
    let new = stage.at_growth.new_parameters.map(|new| format!(", {new}")).unwrap_or_default();
    format!("{growth}{mask}{new}")
}

/// The rates that a stage begins with, has at most, and ends with.
fn learning_rate(rate: &LearningRate, tokens: u64) -> String {
    if *rate == LearningRate::NONE {
        return "–".to_owned();
    }
    let end = rate.at(tokens);
    if rate.start_tokens > 0 {
        return format!("{:e} to {:e}, continued", short(rate.at(0)), short(end));
    }
    let shape = match rate.shape {
        Shape::Cosine => String::new(),
        shape => format!(", {}", shape.in_words()),
    };
    let warm_up = match rate.warmup_tokens {
        0 => "no warm-up".to_owned(),
        tokens => format!("warm-up {tokens} tokens"),
    };
    let warm_up = match rate.initial.to_bits() {
        0 => warm_up,
        _ => format!("{warm_up} from {:e}", short(rate.initial)),
    };
    format!("{:e} to {:e}, {warm_up}{shape}", short(rate.peak), short(end))
}

/// Three significant figures.
fn short(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}
