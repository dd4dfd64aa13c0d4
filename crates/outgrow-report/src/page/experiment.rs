//! The page of an experiment: verdicts, figures, what grew, sweeps, runs, and how to run it again. One file, no script,
//! nothing fetched. What the numbers are is decided by the outcome; here they are only shown.

mod words;
mod table;

mod verdicts;

mod panel;
mod looks;

mod differences;
mod curves;
mod strips;
mod valley;
mod grids;
mod laws;
mod trends;
mod optima;

mod figures;

mod kinds;
mod benchmarks;
mod sweeps;
mod runs;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::{
    drawing::dress::Dress,
    experiment::outcome::{Outcome, kinds::RunOutcome},
    figures::escape,
    page::{
        document::{begin, end, folded, section},
        experiment::{
            looks::Looks,
            panel::{Panel, panels},
            words::count,
        },
        growths::{self, GrownRun},
    },
};

/// How to read the numbers.
const MEANING: &str = "\
<dt>Verdicts</dt><dd>Each follows from a rule that stood in the experiment's file before its first run. <b>Reproduced</b>: the sign is \
sure and the size reaches the paper's. <b>Same sign, smaller</b>: the sign is sure and the size stays short of the paper's. \
<b>Not reproduced</b>: the other sign is sure, or the difference is sure to be too small to count. <b>Not decidable here</b>: the runs \
don't tell. A claim that isn't a paper's <b>holds</b> or <b>doesn't hold</b>. The p values of all claims are corrected together, by Holm's method.</dd>\
<dt>Difference of loss</dt><dd>The final validation loss of one run less that of its baseline with the same seed, at equal exact FLOPs. \
Below zero is better. Runs of one seed share data order and first weights, so that much of the spread over seeds cancels.</dd>\
<dt>Intervals</dt><dd>95 % for the mean over seeds: by Student's t below eight seeds, by bootstrap from eight on. One seed has none.</dd>\
<dt>Speed-up at equal loss</dt><dd>FLOPs of the baseline ÷ FLOPs of the run − 1, each counted up to where its validation loss first reaches \
the same value. The run pays for its small base, too. In seconds it is read only from runs that had the machine for themselves.</dd>\
<dt>FLOPs, exact</dt><dd>Matrix products and causal attention: two FLOPs a multiply-add, forward once, backward twice that.</dd>\
<dt>FLOPs, 6·N·T</dt><dd>Six times all parameters times tokens, as the figures of arXiv 2405.15319 count.</dd>";

impl Outcome {
    /// One self-contained page: no script, and nothing is fetched from anywhere.
    pub fn html(&self) -> String {
        page(self)
    }

    /// Each drawing as an SVG file of its own, in plain colours on white, by the name of its file without an ending.
    pub fn figures(&self) -> Vec<(String, String)> {
        let looks = Looks::of(self);
        let mut files = Vec::new();
        for (index, figure) in self.figures.iter().enumerate() {
            for Panel { name, picture, .. } in figures::panels(self, &looks, index, figure) {
                let Ok(picture) = picture else { continue };
                let beginning = format!("{}-{}", index + 1, words::file_name(&figure.title));
                let name = if name.is_empty() { beginning } else { format!("{beginning}-{name}") };
                files.push((name, picture.wide(Dress::Paper)));
            }
        }
        if let Some(Panel { picture: Ok(picture), .. }) = trends::panel(self, &looks) {
            files.push((trends::FILE.to_owned(), picture.wide(Dress::Paper)));
        }
        files
    }
}

fn page(outcome: &Outcome) -> String {
    let description = &outcome.description;
    let looks = Looks::of(outcome);
    let mut out = String::with_capacity(400_000);
    begin(&mut out, &description.title, &facts(outcome));
    out.push_str(&progress(outcome));
    out.push_str(&fewer_seeds(outcome));
    out.push_str(&verdicts::counts(outcome));
    if !outcome.claims.is_empty() {
        section(
            &mut out,
            "What is claimed, and what came out",
            &escape(&description.source),
            &verdicts::table(outcome),
        );
    }
    for (index, figure) in outcome.figures.iter().enumerate() {
        figures::section_of(&mut out, outcome, &looks, index, figure);
    }
    if let Some(panel) = trends::panel(outcome, &looks) {
        let numbers = kinds::going_on(outcome);
        let drawing = panels("trends", &[panel]);
        section(&mut out, "How differences go on", trends::NOTE, &format!("{drawing}{numbers}"));
    }
    if !outcome.optimum_laws.is_empty() {
        section(&mut out, "How the best place moves", optima::NOTE, &optima::tables(outcome));
    }
    if !outcome.benchmarks.tasks.is_empty() {
        section(&mut out, "Benchmarks", benchmarks::NOTE, &benchmarks::tables(outcome, &looks));
    }
    section(
        &mut out,
        "All kinds of runs",
        "Means over seeds with their 95 % intervals; differences and speed-ups against each kind's baseline.",
        &kinds::table(outcome, &looks),
    );
    let grown = grown(outcome, &looks);
    if !grown.is_empty() {
        section(&mut out, "Growths", growths::NOTE, &growths(&grown));
    }
    if !outcome.sweeps.is_empty() {
        section(
            &mut out,
            "How learning rates were chosen",
            "Final validation losses by peak learning rate, on seeds that don't count.",
            &sweeps::tables(outcome),
        );
    }
    section(&mut out, "Runs", "A row for each run, folded by kind.", &runs::tables(outcome, &looks));
    section(&mut out, "How to run it again", "", &again(outcome));
    if !description.notes.is_empty() {
        section(
            &mut out,
            "Notes",
            "What isn't done here, and what to know besides.",
            &list(&description.notes),
        );
    }
    section(&mut out, "What the numbers mean", "", &format!("<dl>{MEANING}</dl>"));
    let _ = writeln!(
        out,
        "<section class=\"recipes\"><h2>Recipes</h2><p class=\"lead\">As resolved by the first run of each kind.</p>{}</section>",
        runs::recipes(outcome)
    );
    end(&mut out);
    out
}

/// One line: the scale, how many runs and seeds, on what.
fn facts(outcome: &Outcome) -> String {
    let description = &outcome.description;
    let mut facts = vec![
        description.source.clone(),
        format!("scale {}: {}", description.scale, description.scale_description),
        count(outcome.description.kinds.len(), "kind"),
        count(seeds(outcome).len(), "seed"),
        count(outcome.progress.planned, "run"),
    ];
    facts.retain(|fact| !fact.is_empty());
    facts.iter().map(|fact| escape(fact)).collect::<Vec<_>>().join(" · ")
}

/// Says what is still to come; nothing where all is done.
fn progress(outcome: &Outcome) -> String {
    let progress = &outcome.progress;
    if progress.finished == progress.planned {
        return String::new();
    }
    let headed = |heading: &str, folders: &[String]| {
        if folders.is_empty() { String::new() } else { format!("<h3>{heading}</h3>{}", list(folders)) }
    };
    let lists =
        headed("Begun", &progress.unfinished) + &headed("Not begun, or not to be read", &progress.missing);
    format!(
        "<section class=\"notice\"><h2>Provisional: {} of {} are done</h2><p class=\"lead\">Numbers and verdicts are of \
         finished runs, and can still change.</p>{}</section>\n",
        progress.finished,
        count(progress.planned, "run"),
        folded("Which are missing", &lists)
    )
}

/// Says that there are fewer seeds than there could be, and which runs are in no number; nothing where all are.
fn fewer_seeds(outcome: &Outcome) -> String {
    let (seeds, unplanned) = (seeds(outcome).len(), &outcome.progress.unplanned);
    let usual = outcome.description.usual_seeds.filter(|usual| (seeds as u64) < *usual);
    let mut out = String::new();
    if let Some(usual) = usual {
        let _ = write!(
            out,
            "<p class=\"lead\">At this scale the definition has {usual} seeds, and these runs have {seeds}: intervals are \
             wider, and fewer claims can be decided.</p>"
        );
    }
    if !unplanned.is_empty() {
        let _ = write!(
            out,
            "<p class=\"lead\">{} of other seeds are in the folder and in no number here, because the experiment was last \
             asked for fewer seeds. The same command with more <code>--seeds</code> takes them in.</p>{}",
            count(unplanned.len(), "run"),
            folded("Which", &list(unplanned))
        );
    }
    if out.is_empty() {
        return out;
    }
    let heading =
        usual.map_or_else(|| "Runs of other seeds".to_owned(), |usual| format!("{seeds} of {usual} seeds"));
    format!("<section class=\"notice\"><h2>{heading}</h2>{out}</section>\n")
}

fn seeds(outcome: &Outcome) -> BTreeSet<u64> {
    outcome.description.runs.iter().map(|run| run.seed).collect()
}

/// Texts as a list.
fn list(texts: &[String]) -> String {
    let mut out = String::from("<ul>");
    for text in texts {
        let _ = write!(out, "<li>{}</li>", escape(text));
    }
    out.push_str("</ul>");
    out
}

/// The runs that grew, in the order of their kinds.
fn grown<'a>(outcome: &'a Outcome, looks: &Looks) -> Vec<GrownRun<'a>> {
    let mut rows = Vec::new();
    for (index, kind) in outcome.kinds.iter().enumerate() {
        let label = format!("{}{}", looks.dot(index), escape(&kind.label));
        let runs = kind.runs.iter().map(|run| &run.record).filter(|run| !run.growths.is_empty());
        rows.extend(runs.map(|run| GrownRun { label: label.clone(), run }));
    }
    rows
}

/// The first seed of each kind seen, all of them a click away.
fn growths(grown: &[GrownRun<'_>]) -> String {
    let mut first: Vec<GrownRun<'_>> = Vec::new();
    for row in grown {
        if first.iter().all(|other| other.label != row.label) {
            first.push(GrownRun { label: row.label.clone(), run: row.run });
        }
    }
    let mut out = growths::table("kind", &first);
    if first.len() < grown.len() {
        out.push_str(&folded("All seeds", &growths::table("kind", grown)));
    }
    out
}

/// The command, the machine and the versions.
fn again(outcome: &Outcome) -> String {
    let runs = || outcome.kinds.iter().flat_map(|kind| &kind.runs);
    let each = |value: fn(&RunOutcome) -> &str| {
        let all: BTreeSet<&str> = runs().map(value).collect();
        escape(&all.into_iter().collect::<Vec<_>>().join(", "))
    };
    let command = &outcome.description.command;
    let in_a_clone = if command.starts_with("outgrow ") {
        "<p class=\"lead\">In a clone, <code>cargo xtask experiment</code> builds the program first.</p>"
    } else {
        ""
    };
    let mut out = format!("<pre>{}</pre>{in_a_clone}<dl>", escape(command));
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = write!(out, "<dt>{name}</dt><dd>{value}</dd>");
        }
    };
    row("Device", each(|run| &run.summary.device));
    row("Outgrow of the runs", each(|run| &run.summary.version));
    row("Outgrow of this description", escape(&outcome.description.program.version));
    row("Code that trains", format!("<code>{}</code>", escape(&outcome.description.program.training_code)));
    let beside = runs().filter(|run| !run.alone).count();
    if beside > 0 {
        row("Time", format!("{} ran beside others: they give no speed-up in seconds.", count(beside, "run")));
    }
    out.push_str("</dl>");
    out
}
