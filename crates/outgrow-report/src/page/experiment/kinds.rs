//! A row for each kind: final loss, difference and speed-ups. HTML text only.

use crate::{
    experiment::{
        claims::words::{nats, p, share, signed, with_interval},
        outcome::{Outcome, kinds::KindOutcome, over_seeds::OverSeeds, trend::DifferenceTrend},
    },
    figures::{escape, flops, loss},
    page::{
        document::{folded, folded_numbers},
        experiment::{
            differences::{label, table_of as differences_table},
            looks::Looks,
            table::table_of_html,
        },
    },
    run::record::Cost,
};

/// The kinds, and their differences on the way.
pub(crate) fn table(outcome: &Outcome, looks: &Looks) -> String {
    let columns = [
        ("kind", false),
        ("against", false),
        ("seeds", true),
        ("final loss", true),
        ("difference", true),
        ("p", true),
        ("speed-up, exact FLOPs", true),
    ];
    let rows = outcome.kinds.iter().enumerate().map(|(index, kind)| {
        let all = kind.final_loss.as_ref();
        let difference = kind.difference();
        let against = kind.baseline.as_deref().map(|baseline| label(outcome, baseline));
        let mut cells = vec![
            format!("{}{}", looks.dot(index), escape(&kind.label)),
            against.map_or_else(|| "–".to_owned(), |against| escape(&against)),
            all.map_or(0, OverSeeds::count).to_string(),
            all.map_or_else(dash, |all| with_interval(loss(all.mean), all.interval.as_ref(), loss)),
            difference.and_then(|found| found.over_seeds.as_ref()).map_or_else(dash, nats),
            difference.and_then(|found| found.test.as_ref()).map_or_else(dash, |test| p(test.p)),
        ];
        cells.push(speed_up(kind, Cost::ExactFlops));
        cells
    });
    let way: Vec<_> = outcome.kinds.iter().flat_map(|kind| &kind.differences).collect();
    let way = if way.is_empty() {
        String::new()
    } else {
        folded("Differences on the way", &differences_table(outcome, &way))
    };
    table_of_html(&columns, rows) + &in_other_costs(outcome) + &way
}

/// What differences would be after more training, where a line in the logarithm of FLOPs says more than a constant.
pub(crate) fn going_on(outcome: &Outcome) -> String {
    let lines: Vec<(&KindOutcome, &DifferenceTrend)> = outcome
        .kinds
        .iter()
        .filter_map(|kind| Some((kind, kind.trend.as_ref().filter(|trend| trend.beats_constant)?)))
        .collect();
    let Some((_, first)) = lines.first() else { return String::new() };
    let times = first.foretold.iter().map(|found| match found.times {
        end if end <= 1.0 => "line at the end".to_owned(),
        times => format!("at {times} ×"),
    });
    let heads: Vec<String> = times.collect();
    let mut columns = vec![("kind", false)];
    columns.extend(heads.iter().map(|head| (head.as_str(), true)));
    columns.push(("at 0 after", true));
    let rows = lines.iter().map(|(kind, trend)| {
        let mut cells = vec![escape(&kind.label)];
        cells.extend(
            trend
                .foretold
                .iter()
                .map(|found| with_interval(signed(found.difference), found.interval.as_ref(), signed)),
        );
        cells.push(trend.vanishes_at.map_or_else(|| "never".to_owned(), flops));
        cells
    });
    let note = "<p class=\"lead\">What the lines give at the end of training, and extrapolated to so many times its FLOPs.</p>";
    folded_numbers(&format!("{note}{}", table_of_html(&columns, rows)))
}

/// Speed-ups by every account of what was paid; nothing where no kind has a baseline.
fn in_other_costs(outcome: &Outcome) -> String {
    let compared: Vec<&KindOutcome> = outcome.kinds.iter().filter(|kind| kind.baseline.is_some()).collect();
    if compared.is_empty() {
        return String::new();
    }
    let columns =
        [("kind", false), ("exact FLOPs", true), ("6·N·T", true), ("tokens", true), ("seconds", true)];
    let rows = compared.iter().map(|kind| {
        let mut cells = vec![escape(&kind.label)];
        cells.extend(Cost::ALL.map(|cost| speed_up(kind, cost)));
        cells
    });
    folded("Speed-ups by other accounts", &table_of_html(&columns, rows))
}

fn dash() -> String {
    "–".to_owned()
}

fn speed_up(kind: &KindOutcome, cost: Cost) -> String {
    let Some(found) = kind.speed_up(cost) else { return dash() };
    match &found.over_seeds {
        Some(all) => share(all),
        // Why it isn't there, said once.
        None => found.left_out.first().map_or_else(dash, |left_out| {
            format!("<small title=\"{}\">not read</small>", escape(&left_out.why))
        }),
    }
}
