//! The advice in words. All numbers are the library's.

use outgrow_schedules::advice::{Advice, BaseLength, Budget, FITTED, LARGEST_SHARE, TOKEN_FRACTION, Zone};

use crate::terminal::figures::{about_time, count, three_figures};

/// Weights, gradients and AdamW's two moments in f32.
const BYTES_PER_PARAMETER: f64 = 16.0;
const PAPER: &str = "arXiv 2405.15319";

/// Several paragraphs, each line short enough for a terminal.
pub(super) fn text(
    budget: &Budget,
    advice: &Advice,
    held_tokens: Option<u64>,
    flops_per_second: Option<f64>,
) -> String {
    let mut lines = vec![of_budget(budget, advice, held_tokens)];
    lines.extend(of_formula(advice));
    lines.push(of_schedule(advice));
    lines.push(of_cost(advice, flops_per_second));
    lines.extend(of_saving(advice));
    lines.join("\n")
}

fn of_budget(budget: &Budget, advice: &Advice, held_tokens: Option<u64>) -> String {
    let model = &budget.model;
    let epochs = held_tokens.map(|held| {
        let epochs = budget.tokens as f64 / held.max(1) as f64;
        format!("The shards hold {} tokens, which are read {epochs:.1} times.\n", count(held))
    });
    let text = format!(
        "The final model: {} parameters, {} layers of {}, {} entries of vocabulary; from scratch on {} tokens,\n\
         {:.1} for each parameter: {:.2e} FLOPs ({:.2e} as 6·N·T).\n",
        count(advice.parameters),
        model.num_hidden_layers,
        model.hidden_size,
        model.vocab_size,
        count(budget.tokens),
        advice.tokens_per_parameter,
        advice.flops,
        advice.flops_6nt,
    );
    text + &epochs.unwrap_or_default()
}

fn of_formula(advice: &Advice) -> Vec<String> {
    let base = |length: &BaseLength| {
        let cost = match length.share_of_flops {
            share if share < 1.0 => format!("{:.1} % of the FLOPs", 100.0 * share),
            _ => "more than all the FLOPs".to_owned(),
        };
        format!("{} tokens ({cost})", tokens(length.tokens))
    };
    let sizes = FITTED.map(|range| {
        let (least, most) = (range.least_flops, range.most_flops);
        format!("{} at {least:.1e} to {most:.1e} FLOPs", tokens(range.parameters))
    });
    let formula = base(&advice.formula);
    let mut lines = vec![match advice.zone {
        Zone::Fitted => format!("Equation 2 of {PAPER}, within the range that it was fitted in: {formula}."),
        Zone::Above => format!(
            "Equation 2 of {PAPER}: {formula}. Larger than what it was fitted on;\n\
             the authors extrapolate to here themselves (their table 4)."
        ),
        Zone::Below => format!("Equation 2 of {PAPER} does not hold here: it would say {formula}."),
    }];
    if advice.zone != Zone::Fitted {
        lines.push(format!("It was fitted at {}.", sizes.join(",\n")));
    }
    if advice.zone != Zone::Below && advice.formula_costs_too_much() {
        lines.push(format!(
            "That base would cost {:.0} % of the budget or more, more than growth has saved: not taken.",
            100.0 * LARGEST_SHARE
        ));
    }
    if advice.factor != 4 {
        lines.push(format!("It was fitted for a factor of 4; these layers take {}.", advice.factor));
    }
    let [short, long] = &advice.fraction;
    lines.push(format!(
        "By the rule of {:.0} to {:.0} % of the tokens (our reading of that paper's figure 8):\n{} to {}.",
        100.0 * TOKEN_FRACTION[0],
        100.0 * TOKEN_FRACTION[1],
        base(short),
        base(long)
    ));
    if advice.zone == Zone::Below {
        lines.push("At 0.67M parameters 40 % did better than 20 % (docs/EXPERIMENTS.md).".to_owned());
    }
    lines.push(String::new());
    lines
}

fn of_schedule(advice: &Advice) -> String {
    let by_formula = advice.zone != Zone::Below && !advice.formula_costs_too_much();
    let why = if by_formula { "by the equation" } else { "in the middle of the rule" };
    let rates = if advice.zone == Zone::Below {
        "half of scratch's"
    } else {
        "that of its own size, as in the paper"
    };
    let base = &advice.schedule.base_learning_rate;
    let grown = advice.schedule.grown_learning_rate.map_or(base.peak, |rate| rate.peak);
    format!(
        "To begin with, {}: train {} layers ({} parameters) on {} tokens, stack them\n\
         {} times, train on for {} tokens. All of it costs what scratch costs; the base {:.1} % of that.\n\
         Peak learning rates: base {} ({rates}), grown {}; scratch {}. Sweep scratch's first.\n",
        why,
        advice.base_layers,
        count(advice.base_parameters),
        tokens(advice.base.tokens),
        advice.factor,
        count(advice.grown_tokens),
        100.0 * advice.base.share_of_flops,
        three_figures(base.peak),
        three_figures(grown),
        three_figures(advice.scratch_learning_rate.peak),
    )
}

fn of_cost(advice: &Advice, flops_per_second: Option<f64>) -> String {
    let memory = |parameters: u64| bytes(BYTES_PER_PARAMETER * parameters as f64);
    let memory = format!(
        "Memory for weights, gradients and AdamW's moments in f32: base {}, final model {}.\n",
        memory(advice.base_parameters),
        memory(advice.parameters),
    );
    let time = flops_per_second.map(|speed| {
        format!(
            "Time at {speed:.2e} FLOPs a second: {} in all, {} of it the base.\n",
            about_time(advice.flops / speed),
            about_time(advice.flops * advice.base.share_of_flops / speed),
        )
    });
    memory + &time.unwrap_or_default()
}

fn of_saving(advice: &Advice) -> Vec<String> {
    let mut lines = match &advice.saving {
        Some(saving) => {
            let (least, most) = saving.saved_flops();
            vec![format!(
                "What was gained at {} parameters: the same loss for {:.0} to {:.0} % fewer FLOPs (speed-up {:.0} to {:.0} %;\n{}).",
                tokens(saving.parameters),
                100.0 * least,
                100.0 * most,
                100.0 * saving.least_speed_up,
                100.0 * saving.most_speed_up,
                saving.source
            )]
        }
        None => vec![
            "What will be gained isn't known for so small a model or budget. Here G_stack gained 111 % at 0.67M parameters\n\
             (two seeds) and 43 % at 2.6M (one seed): docs/EXPERIMENTS.md. Try it on two seeds at a tenth of the tokens."
                .to_owned(),
        ],
    };
    lines.push("Before you count on it:".to_owned());
    lines.extend(advice.cautions.iter().map(|caution| format!("- {} ({}).", caution.says, caution.source)));
    lines
}

fn tokens(number: f64) -> String {
    if number < 1e15 { count(number.round() as u64) } else { format!("{number:.1e}") }
}

fn bytes(number: f64) -> String {
    if number < 1e9 { format!("{:.0} MB", number / 1e6) } else { format!("{:.1} GB", number / 1e9) }
}
