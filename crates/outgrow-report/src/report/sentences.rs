//! One plain sentence per method, for a terminal and for the head of the page. Wins and losses are told in the same
//! words.

use crate::{
    figures::{flops, loss, percent, signed_percent},
    report::{
        comparison::{Comparison, MethodRuns},
        speed_up::{ReadAt, SpeedUp, mean},
    },
    run::record::{BaseCost, Cost},
};

pub(crate) fn sentences(
    baseline: Option<&str>,
    comparisons: &[Comparison],
    methods: &[MethodRuns],
) -> Vec<String> {
    match baseline {
        Some(_) if !comparisons.is_empty() => comparisons.iter().map(compared).collect(),
        Some(_) => methods.iter().map(|method| alone(method, "nothing to compare it with")).collect(),
        None => {
            methods.iter().map(|method| alone(method, "no run from scratch to compare it with")).collect()
        }
    }
}

/// A method with nothing to compare it with.
fn alone(method: &MethodRuns, lack: &str) -> String {
    let label = &method.label;
    let Some(final_loss) = method.mean_final_loss else { return format!("{label}: no evaluation yet.") };
    let spent: Vec<f64> = method.runs.iter().map(|run| run.flops).collect();
    let spent = flops(mean(&spent).unwrap_or(0.0));
    let with_base = of_base(method);
    format!(
        "{label}: validation loss {}{} after {spent}{with_base}; {lack}.",
        loss(final_loss),
        mean_of(method.runs.len())
    )
}

/// Whether the FLOPs of a method's runs hold those of their base.
fn of_base(method: &MethodRuns) -> &'static str {
    let bases: Vec<&BaseCost> = method.runs.iter().filter_map(|run| run.base.as_ref()).collect();
    match bases.iter().all(|base| base.is_known(Cost::ExactFlops)) {
        _ if bases.is_empty() => "",
        true => ", its base included",
        false => {
            ", without its base (the base's outgrow.json or from_flops in a recipe says what that has cost)"
        }
    }
}

/// What is said where the FLOPs of a base aren't known: the tokens, which are.
fn without_base(comparison: &Comparison) -> String {
    let label = &comparison.label;
    let of_tokens = comparison.tokens.as_ref().map_or_else(String::new, |speed_up| {
        let is_known = comparison.bases.iter().all(|base| base.is_known(Cost::Tokens));
        let whose = if is_known { "its base included" } else { "these without its base, too" };
        format!("; in tokens, {whose}, {}", signed_percent(speed_up.mean))
    });
    format!(
        "{label}: no speed-up in FLOPs: its curve is without its base, and what that has cost isn't known (the \
         base's outgrow.json or from_flops in a recipe says it){of_tokens}.{}",
        other_optimizers(comparison)
    )
}

/// What stands behind a number that bases are a part of.
fn with_bases(comparison: &Comparison) -> String {
    let known: Vec<&BaseCost> =
        comparison.bases.iter().filter(|base| base.is_known(Cost::ExactFlops)).collect();
    let included = match known.as_slice() {
        [] => String::new(),
        [base] => format!(" Its base included: {} of {}.", flops(base.flops.unwrap_or(0.0)), base.name),
        several => format!(" Its base included, another one for each of {} seeds.", several.len()),
    };
    match comparison.without_base {
        0 => included,
        1 => format!(
            "{included} Left out: 1 run, as what its base has cost isn't known (the base's outgrow.json or from_flops in a \
             recipe says it)."
        ),
        several => format!(
            "{included} Left out: {several} runs, as what their bases have cost isn't known (the base's outgrow.json or \
             from_flops in a recipe says it)."
        ),
    }
}

/// What stands behind a number that another optimizer has a part in.
fn other_optimizers(comparison: &Comparison) -> String {
    match comparison.other_optimizers.join("; ") {
        none if none.is_empty() => none,
        others => format!(" Not the schedule's alone: {others}."),
    }
}

fn compared(comparison: &Comparison) -> String {
    let label = &comparison.label;
    let reasons = comparison.incomparable.join("; ");
    if comparison.pairs == 0 && !reasons.is_empty() {
        return format!("{label}: no speed-up, as the runs can't be compared: {reasons}.");
    }
    if comparison.pairs == 0 {
        return format!(
            "{label}: no speed-up yet: it takes a run from scratch with the same seed, both evaluated at least twice."
        );
    }
    if comparison.exact_flops.is_none() && comparison.without_base > 0 {
        return without_base(comparison);
    }
    let Some(speed_up) = &comparison.exact_flops else {
        return format!(
            "{label}: no speed-up: one of the two is at the loss that is compared from its first validation on, so that nothing says when it got there."
        );
    };
    let number = signed_percent(speed_up.mean);
    let verdict = if speed_up.mean < 0.0 { format!("lost: {number}") } else { number };
    let provisional = match comparison.unfinished {
        0 => String::new(),
        1 => " Provisional: 1 of the runs is unfinished.".to_owned(),
        several => format!(" Provisional: {several} of the runs are unfinished."),
    };
    let left_out = if reasons.is_empty() {
        String::new()
    } else {
        format!(" Seeds that can't be compared are left out: {reasons}.")
    };
    let unknown = match comparison.unknown_measures {
        0 => String::new(),
        count => {
            let doesnt = if count == 1 { "doesn't" } else { "don't" };
            format!(
                " Unknown: whether all were measured on the same validation data; {count} of the runs {doesnt} record it."
            )
        }
    };
    let told = told(speed_up, comparison.unfinished > 0);
    let bases = with_bases(comparison);
    let optimizers = other_optimizers(comparison);
    format!(
        "{label}: {verdict} ({}): {told}.{optimizers}{bases}{provisional}{left_out}{unknown}",
        spread(speed_up)
    )
}

/// What was read, and at which loss.
fn told(speed_up: &SpeedUp, unfinished: bool) -> String {
    const TARGET: &str = "scratch's final validation loss";
    let seeds = speed_up.seeds.len();
    let missed = speed_up.seeds.iter().filter(|seed| seed.reading.read_at == ReadAt::OwnFinal).count();
    let losses: Vec<f64> = speed_up.seeds.iter().map(|seed| seed.reading.loss).collect();
    let read = format!("{}{}", loss(mean(&losses).unwrap_or(f64::NAN)), mean_of(seeds));
    let paid = paid(speed_up.mean);
    let never = if unfinished { "has not reached" } else { "never reaches" };
    if missed == 0 {
        let only = if speed_up.mean < 0.0 { "only " } else { "" };
        format!("reaches {TARGET} {read} {only}with {paid}")
    } else if missed == seeds {
        format!("{never} {TARGET}, and at its own final loss {read} it has paid {paid}")
    } else {
        format!(
            "{missed} of {seeds} seeds {never} {TARGET} and are read at their own; at the losses read, {read}, it has paid {paid}",
            never = if unfinished { "have not reached" } else { "never reach" }
        )
    }
}

/// The same number as FLOPs saved, or spent on top.
fn paid(speed_up: f64) -> String {
    let ratio = 1.0 + speed_up;
    if speed_up >= 0.0 {
        format!("{} fewer FLOPs (scratch needs {ratio:.2} times as many)", percent(1.0 - 1.0 / ratio))
    } else {
        format!("{} more FLOPs than scratch needs", percent(1.0 / ratio - 1.0))
    }
}

fn spread(speed_up: &SpeedUp) -> String {
    match speed_up.seeds.len() {
        1 => "one seed, spread unknown".to_owned(),
        seeds => {
            let (low, high) = (signed_percent(speed_up.min), signed_percent(speed_up.max));
            let disagree = if speed_up.min < 0.0 && speed_up.max > 0.0 { "; the seeds disagree" } else { "" };
            format!("{low} to {high} over {seeds} seeds{disagree}")
        }
    }
}

fn mean_of(seeds: usize) -> String {
    if seeds > 1 { format!(" (mean of {seeds} seeds)") } else { String::new() }
}
