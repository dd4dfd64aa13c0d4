//! `outgrow advise`: what it says in each zone, what it refuses, and that `train --plan` accepts the recipe it writes.

use serde_json::{Value, json};

use crate::tiny::{Workshop, assert_success, stderr, stdout};

fn advice(flags: &str) -> String {
    let workshop = Workshop::new();
    let mut arguments = vec!["advise"];
    arguments.extend(flags.split(' '));
    let output = workshop.run(&arguments);
    assert_success(&output);
    stdout(&output)
}

#[test]
fn within_the_fitted_range_the_formula_is_the_advice() {
    insta::assert_snapshot!(advice("--parameters 1.1B --tokens 60B"), @"
    The final model: 1.06 G parameters, 28 layers of 1664, 32000 entries of vocabulary; from scratch on 60.00 G tokens,
    56.6 for each parameter: 3.97e20 FLOPs (3.82e20 as 6·N·T).

    Equation 2 of arXiv 2405.15319, within the range that it was fitted in: 13.65 G tokens (6.5 % of the FLOPs).
    By the rule of 10 to 25 % of the tokens (our reading of that paper's figure 8):
    6.00 G tokens (2.9 % of the FLOPs) to 15.00 G tokens (7.2 % of the FLOPs).

    To begin with, by the equation: train 7 layers (345.07 M parameters) on 13.65 G tokens, stack them
    4 times, train on for 56.09 G tokens. All of it costs what scratch costs; the base 6.5 % of that.
    Peak learning rates: base 6.3e-4 (that of its own size, as in the paper), grown 3.1e-4; scratch 3.1e-4. Sweep scratch's first.

    Memory for weights, gradients and AdamW's moments in f32: base 5.5 GB, final model 17.0 GB.

    What was gained at 1.10 G parameters: the same loss for 28 to 33 % fewer FLOPs (speed-up 39 to 49 %;
    arXiv 2405.15319, figure 3 and its site's plots, single runs).
    Before you count on it:
    - a factor of 2 is the safest; above some factor scratch wins (arXiv 2605.13405).
    - gains shrink beyond 20 tokens for each parameter (arXiv 2605.13405).
    - the longer the base was trained, the less the grown model learns (arXiv 2510.06548).
    - a base that has converged is better interleaved than stacked (arXiv 2510.08008).

    --recipe FILE writes a recipe for `outgrow train`.
    ");
}

#[test]
fn above_it_the_authors_extrapolate() {
    insta::assert_snapshot!(advice("--parameters 7B --tokens 300B --peak-flops 989e12 --mfu 0.4 --devices 64"), @"
    The final model: 6.74 G parameters, 32 layers of 4096, 32000 entries of vocabulary; from scratch on 300.00 G tokens,
    44.5 for each parameter: 1.24e22 FLOPs (1.21e22 as 6·N·T).

    Equation 2 of arXiv 2405.15319: 20.06 G tokens (1.8 % of the FLOPs). Larger than what it was fitted on;
    the authors extrapolate to here themselves (their table 4).
    It was fitted at 410.00 M at 8.0e19 to 2.2e20 FLOPs,
    1.10 G at 2.0e20 to 7.0e20 FLOPs,
    3.00 G at 4.0e20 to 1.2e21 FLOPs.
    By the rule of 10 to 25 % of the tokens (our reading of that paper's figure 8):
    30.00 G tokens (2.6 % of the FLOPs) to 75.00 G tokens (6.6 % of the FLOPs).

    To begin with, by the equation: train 8 layers (1.88 G parameters) on 20.06 G tokens, stack them
    4 times, train on for 294.70 G tokens. All of it costs what scratch costs; the base 1.8 % of that.
    Peak learning rates: base 2.1e-4 (that of its own size, as in the paper), grown 1e-4; scratch 1e-4. Sweep scratch's first.

    Memory for weights, gradients and AdamW's moments in f32: base 30.1 GB, final model 107.8 GB.
    Time at 2.53e16 FLOPs a second: 6 days in all, 2.4 h of it the base.

    What was gained at 7.00 G parameters: the same loss for 29 to 36 % fewer FLOPs (speed-up 41 to 55 %;
    arXiv 2405.15319, figure 5, single runs).
    Before you count on it:
    - a factor of 2 is the safest; above some factor scratch wins (arXiv 2605.13405).
    - gains shrink beyond 20 tokens for each parameter (arXiv 2605.13405).
    - the longer the base was trained, the less the grown model learns (arXiv 2510.06548).
    - a base that has converged is better interleaved than stacked (arXiv 2510.08008).

    --recipe FILE writes a recipe for `outgrow train`.
    ");
}

#[test]
fn below_it_the_formula_is_not_followed() {
    insta::assert_snapshot!(advice("--parameters 30M --tokens 600M --sequence-length 512"), @"
    The final model: 29.04 M parameters, 16 layers of 256, 32000 entries of vocabulary; from scratch on 600.00 M tokens,
    20.7 for each parameter: 8.26e16 FLOPs (1.05e17 as 6·N·T).

    Equation 2 of arXiv 2405.15319 does not hold here: it would say 26.34 G tokens (more than all the FLOPs).
    It was fitted at 410.00 M at 8.0e19 to 2.2e20 FLOPs,
    1.10 G at 2.0e20 to 7.0e20 FLOPs,
    3.00 G at 4.0e20 to 1.2e21 FLOPs.
    By the rule of 10 to 25 % of the tokens (our reading of that paper's figure 8):
    60.00 M tokens (5.2 % of the FLOPs) to 150.00 M tokens (12.9 % of the FLOPs).
    At 0.67M parameters 40 % did better than 20 % (docs/EXPERIMENTS.md).

    To begin with, in the middle of the rule: train 4 layers (19.55 M parameters) on 94.77 M tokens, stack them
    4 times, train on for 550.92 M tokens. All of it costs what scratch costs; the base 8.2 % of that.
    Peak learning rates: base 6.5e-4 (half of scratch's), grown 1.3e-3; scratch 1.3e-3. Sweep scratch's first.

    Memory for weights, gradients and AdamW's moments in f32: base 313 MB, final model 465 MB.

    What will be gained isn't known for so small a model or budget. Here G_stack gained 111 % at 0.67M parameters
    (two seeds) and 43 % at 2.6M (one seed): docs/EXPERIMENTS.md. Try it on two seeds at a tenth of the tokens.
    Before you count on it:
    - a factor of 2 is the safest; above some factor scratch wins (arXiv 2605.13405).
    - gains shrink beyond 20 tokens for each parameter (arXiv 2605.13405).
    - the longer the base was trained, the less the grown model learns (arXiv 2510.06548).
    - a base that has converged is better interleaved than stacked (arXiv 2510.08008).

    --recipe FILE writes a recipe for `outgrow train`.
    ");
}

#[test]
fn a_formula_that_asks_for_too_much_is_not_followed() {
    let value: Value = serde_json::from_str(&advice("--parameters 410M --tokens 33B --json")).unwrap();
    assert_eq!(value["advice"]["zone"], "fitted");
    let share = |key: &str| value["advice"][key]["share_of_flops"].as_f64().unwrap();
    assert!(share("formula") < 0.5 && share("base") < 0.5);
    let value: Value =
        serde_json::from_str(&advice("--hidden-size 256 --num-hidden-layers 8 --tokens 200M --json"))
            .unwrap();
    let share = |key: &str| value["advice"][key]["share_of_flops"].as_f64().unwrap();
    assert!(share("formula") > 1.0 && share("base") < 0.25);
}

#[test]
fn train_accepts_the_recipe() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/corpus");
    let workshop = Workshop::new();
    let tokenizer = format!("{corpus}/tokenizer.json");
    for (texts, shards) in [("train", "training"), ("validation", "validation")] {
        let texts = format!("{corpus}/{texts}.jsonl.zst");
        assert_success(&workshop.run(&[
            "data",
            "prepare",
            &texts,
            "--tokenizer",
            &tokenizer,
            "--out",
            shards,
        ]));
    }
    let flags = "advise --hidden-size 64 --num-hidden-layers 8 --tokens 600k --sequence-length 128 --training training \
                 --validation validation --recipe";
    let asked = |file| workshop.run(&flags.split(' ').chain([file]).collect::<Vec<_>>());
    for (file, plan) in [("grown.toml", "grown.toml"), ("./grown2.toml", "grown2.toml")] {
        assert_success(&asked(file));
        assert_success(&workshop.run(&["train", plan, "--out", "run", "--plan"]));
    }
    let again = asked("grown.toml");
    assert_eq!((again.status.code(), stderr(&again).lines().count()), (Some(2), 1));
    assert!(stderr(&again).contains("is there already"), "{}", stderr(&again));
}

#[test]
fn what_cannot_be_advised_is_refused_in_a_line() {
    let workshop = Workshop::new();
    let refused: Vec<String> = [
        "--parameters 1M --tokens 1B --vocab-size 128256",
        "--hidden-size 64 --num-hidden-layers 7 --tokens 1B",
        "--hidden-size 100 --num-hidden-layers 8 --tokens 1B",
        "--parameters 30M --tokens 4096",
        "--parameters 30M --tokens 1B --batch-tokens 3000",
        "--parameters 30M --tokens 1B --peak-flops 1e12 --mfu 1.5",
        "--parameters 30M --tokens 1B --training nowhere",
    ]
    .into_iter()
    .map(|flags| {
        let output = workshop.run(&["advise"].into_iter().chain(flags.split(' ')).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{flags}");
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
        stderr(&output)
    })
    .collect();
    insta::assert_snapshot!(refused.concat(), @"
    error: parameters = 1000000: the nearest common shape with a vocabulary of 128256 has 16819264; name the sizes, or take another vocabulary
    error: num_hidden_layers = 7: can't be stacked from fewer; a multiple of 4 can
    error: --hidden-size 100: heads are 64 wide; 64 or 128 would do
    error: tokens = 4096: too few for a step of 2048 tokens in the base's stage and after growth
    error: --batch-tokens 3000: a step has whole sequences of 2048 tokens
    error: --mfu 1.5: a part of the peak, above 0 and at most 1
    error: nowhere/manifest.json: cannot read: No such file or directory (os error 2); `outgrow data prepare TEXTS --tokenizer FILE --out nowhere` makes token shards
    ");
}

#[test]
fn fits_of_an_experiment_are_said_beside_the_advice() {
    let workshop = Workshop::new();
    let series = |label: &str, scale: f64| {
        json!({ "label": label, "kinds": [label], "seeds": [1, 2], "least_flops": 1e11, "most_flops": 1e12,
            "preferred": "power-law", "with_floor": null,
            "power_law": { "reference": 1.0, "scale": scale, "exponent": -0.1 } })
    };
    let law = json!({ "format": 1, "experiment": "law", "scale": "nano",
        "program": { "version": "0.1.0", "training_code": "0" },
        "laws": [series("scratch", 80.0), series("G_stack", 76.0)], "optima": [] });
    workshop.write("law.json", law.to_string());
    let arguments = ["advise", "--parameters", "124M", "--tokens", "2.5B", "--law", "law.json"];
    let output = workshop.run(&arguments);
    assert_success(&output);
    let said = stdout(&output);
    assert!(said.contains("Fits of law at scale nano:"), "{said}");
    assert!(said.contains("scratch needs +67 % FLOPs for that (extrapolated: "), "{said}");
    let output = workshop.run(&[&arguments[..], &["--json"]].concat());
    let value: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(value["law"]["laws"][1]["extrapolated"], true);

    workshop.write("law.json", "{}");
    let output = workshop.run(&arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: law.json: "), "{}", stderr(&output));
}
