//! The page of a made-up experiment, with every kind of figure, and its files.

mod made_up;

use std::{collections::BTreeSet, path::Path, sync::LazyLock};

use outgrow_report::{Experiment, Outcome};

/// Of four seeds, made once.
static OUTCOME: LazyLock<Outcome> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    read(&made_up::write(folder.path(), 4).unwrap())
});

fn read(folder: &Path) -> Outcome {
    Experiment::read(folder).unwrap().outcome()
}

/// For `xtask/python/checks/report/check_page.py`, which looks at its page in a browser.
#[test]
#[ignore = "writes the experiment into the folder that MADE_UP_EXPERIMENT names"]
fn a_made_up_experiment_is_written_for_a_look_at_its_page() {
    let folder = std::env::var_os("MADE_UP_EXPERIMENT").expect("a folder in MADE_UP_EXPERIMENT");
    made_up::write(Path::new(&folder), 5).unwrap();
}

/// How often a tag is opened.
fn opened(page: &str, tag: &str) -> usize {
    page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count()
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    let page = OUTCOME.html();
    for outside in ["src=", "href=", "url(http", "@import", "<script", "<link", "<iframe"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The only address is the name space of SVG, which nothing fetches.
    assert_eq!(page.matches("http").count(), page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    for tag in ["section", "svg", "table", "div", "g", "details", "text", "title", "td", "label"] {
        assert_eq!(opened(&page, tag), page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "an id is there twice");
}

#[test]
fn verdicts_come_before_figures_and_figures_before_runs() {
    let page = OUTCOME.html();
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    let order = [
        "Provisional: 102 of 104 runs are done",
        "What is claimed, and what came out",
        "Stacking is the fastest operator",
        "<h2>Against scratch, at the end</h2>",
        "<h2>All kinds of runs</h2>",
        "<h2>Growths</h2>",
        "<h2>How learning rates were chosen</h2>",
        "<h2>Runs</h2>",
        "<h2>How to run it again</h2>",
        "<h2>Recipes</h2>",
    ]
    .map(place);
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn a_verdict_is_a_word_and_a_sign_and_not_a_colour_alone() {
    let outcome = &*OUTCOME;
    let page = outcome.html();
    for claim in &outcome.claims {
        let words = claim.verdict.in_words(!claim.claim.paper.is_empty());
        assert!(page.contains(&format!("</svg>{words}</span>")), "{words}");
    }
}

#[test]
fn claims_of_ones_own_hold_or_not_and_have_no_column_of_a_paper() {
    let mut outcome = OUTCOME.clone();
    for claim in &mut outcome.claims {
        claim.claim.paper.clear();
    }
    let page = outcome.html();
    let table = &page[page.find("<table class=\"claims\">").unwrap()..];
    let table = &table[..table.find("</table>").unwrap()];
    assert!(!table.contains("the paper's") && table.contains("</svg>holds</span>"), "{table}");
    assert!(!table.contains("</svg>reproduced</span>"), "{table}");
}

#[test]
fn each_drawing_is_there_for_a_wide_page_and_for_a_narrow_one() {
    let page = OUTCOME.html();
    let narrow = page.matches("<svg class=\"chart narrow\"").count();
    assert_eq!(narrow, page.matches("<svg class=\"chart\"").count());
    assert!(narrow > 12, "{narrow}");
}

#[test]
fn a_figure_without_points_says_so_in_words() {
    let page = OUTCOME.html();
    let figure =
        page.split("<h2>Not run yet</h2>").nth(1).and_then(|rest| rest.split("</section>").next()).unwrap();
    assert!(figure.contains("Nothing is drawn yet: no run has an evaluation.") && !figure.contains("<svg"));
}

#[test]
fn names_with_markup_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    made_up::write(folder.path(), 1).unwrap();
    let file = folder.path().join("experiment.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let evil = "<img src=x onerror=alert(1)>\"'";
    for key in ["title", "source", "scale", "scale_description", "command"] {
        all[key] = evil.into();
    }
    all["notes"] = vec![evil].into();
    for (list, key) in [
        ("kinds", "label"),
        ("claims", "says"),
        ("claims", "paper"),
        ("figures", "title"),
        ("figures", "paper"),
    ] {
        for entry in all[list].as_array_mut().unwrap() {
            entry[key] = evil.into();
        }
    }
    for kind in all["kinds"].as_array_mut().unwrap() {
        for axis in kind["axes"].as_object_mut().unwrap().values_mut() {
            axis["name"] = format!("{evil}{}", axis["name"]).into();
        }
    }
    std::fs::write(&file, all.to_string()).unwrap();
    let outcome = read(folder.path());
    for text in outcome.figures().into_iter().map(|(_, svg)| svg).chain([outcome.html()]) {
        assert!(!text.contains("<img") && text.contains("&lt;img"));
    }
}

#[test]
fn no_coordinate_is_anything_but_a_number() {
    let outcome = &*OUTCOME;
    for text in outcome.figures().into_iter().map(|(_, svg)| svg).chain([outcome.html()]) {
        assert!(
            !text.contains("NaN")
                && !text.contains("inf\"")
                && !text.contains(">inf")
                && !text.contains("inf ")
        );
    }
}

#[test]
fn figures_are_files_in_plain_colours_with_names_of_their_own() {
    let figures = OUTCOME.figures();
    let names: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
    insta::assert_snapshot!(names.join("\n"), @"
    1-against-scratch-at-the-end
    2-loss-of-the-operators-flops
    2-loss-of-the-operators-6nt
    2-loss-of-the-operators-tokens
    2-loss-of-the-operators-seconds
    2-loss-of-the-operators-whole-way
    3-loss-of-all-flops
    3-loss-of-all-6nt
    3-loss-of-all-tokens
    3-loss-of-all-seconds
    3-loss-of-all-whole-way
    4-speed-up-on-the-way-flops
    4-speed-up-on-the-way-6nt
    4-speed-up-on-the-way-tokens
    4-speed-up-on-the-way-seconds
    5-stages-and-learning-rates
    6-how-long-to-train-the-base
    7-base-by-budget
    8-operator-by-base
    9-laws-of-four-sizes
    how-differences-go-on
    ");
    for (name, svg) in figures {
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{name}");
        assert!(!svg.contains("var(--") && svg.contains("class=\"ground\""), "{name}");
    }
}

#[test]
fn an_experiment_that_has_not_begun_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    made_up::write(folder.path(), 1).unwrap();
    for part in ["runs", "sweeps"] {
        std::fs::remove_dir_all(folder.path().join(part)).unwrap();
    }
    let outcome = read(folder.path());
    let page = outcome.html();
    assert!(page.contains("Provisional: 0 of 26 runs are done"));
    assert!(page.contains("Nothing is chosen yet.") || page.contains("Chosen: 1.0e-3."));
    assert!(!page.contains("<svg class=\"chart\"") && !page.contains("NaN"));
    assert!(outcome.figures().is_empty());
}

#[test]
fn one_seed_has_no_intervals_and_still_a_page() {
    let folder = tempfile::tempdir().unwrap();
    made_up::write(folder.path(), 1).unwrap();
    let page = read(folder.path()).html();
    assert!(page.contains("one seed has no spread") && !page.contains("NaN"));
}
