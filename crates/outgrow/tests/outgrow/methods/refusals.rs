//! What methods refuse in a recipe: one line each, exit status 2, nothing written.

use crate::{
    bases::{from, with_base},
    tiny::{self, Workshop, stderr},
};

const RATE: &str = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }";

fn refused(workshop: &Workshop, recipe: &str) -> String {
    workshop.write("recipe.toml", recipe);
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(!workshop.path("run").exists(), "a run that is refused writes nothing");
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    said.strip_prefix("error: recipe.toml: ").unwrap().trim_end().to_owned()
}

#[test]
fn g_stack_by_growths_that_do_not_fit() {
    let workshop = Workshop::with_shards();
    let with = |growth: &str| {
        let schedule = tiny::G_STACK.replace("factor = 2\n", &format!("{growth}\n"));
        refused(&workshop, &tiny::recipe(&schedule))
    };
    insta::assert_snapshot!(with(""), @"");
    insta::assert_snapshot!(with("factor = 2\ngrowth = { operator = \"stack\", factor = 2 }"), @"");
    insta::assert_snapshot!(with("growth = { operator = \"stack\", factor = 1 }"), @"");
    insta::assert_snapshot!(with("growth = { operator = \"zero-width\", width = { hidden_size = 16 } }"), @"");
    insta::assert_snapshot!(with("growth = { operator = \"split\", width = { num_attention_heads = 2 } }\nbase = { num_attention_heads = 3 }"), @"");
    insta::assert_snapshot!(with("growth = { operator = \"stack\", factor = 2 }\nbase = { num_hidden_layers = 1 }"), @"");
    insta::assert_snapshot!(with("growth = { operator = \"random-depth\", factor = 2 }"), @"");
    insta::assert_snapshot!(with("growth = { operator = \"layers\", layers = [0] }\nbase = { num_hidden_layers = 8 }"), @"");
    insta::assert_snapshot!(with("factor = 2\nbase = { layers = 2 }"), @"");
    insta::assert_snapshot!(with("factor = 2\nat_growth = { moments = \"keep\" }"), @"");
    insta::assert_snapshot!(with("factor = 2\nat_growth = { learning_rate = \"keep\" }"), @"");
    let longer = tiny::G_STACK.replace("grown_tokens = 96", "scratch_tokens = 128");
    insta::assert_snapshot!(refused(&workshop, &tiny::recipe(&longer)), @"");
}

#[test]
fn stages_that_shrink_freeze_everything_or_grow_nothing() {
    let workshop = Workshop::with_shards();
    let stages = |enter: &str, trainable: &str| {
        let schedule = format!(
            "method = \"stages\"\n[[schedule.stages]]\nname = \"first\"\nnum_hidden_layers = 4\ntokens = 64\n\
             learning_rate = {RATE}\n[[schedule.stages]]\nname = \"second\"\n{enter}\ntrainable = {trainable}\n\
             tokens = 64\nlearning_rate = {RATE}\n[[schedule.stages]]\nname = \"third\"\n\
             enter = {{ operator = \"layers\", layers = [0, 1, 2, 0] }}\ntokens = 64\nlearning_rate = {RATE}\n"
        );
        refused(&workshop, &tiny::recipe(&schedule))
    };
    let shrinks = "enter = { operator = \"layers\", layers = [0, 1, 2] }";
    insta::assert_snapshot!(stages(shrinks, "\"all\""), @"");
    let stays = "";
    insta::assert_snapshot!(stages(stays, "{ top = { layers = 0 } }"), @"");
    insta::assert_snapshot!(stages(stays, "{ layers = [] }"), @"");
    insta::assert_snapshot!(stages(stays, "{ layers = [3, 4] }"), @"");
    insta::assert_snapshot!(stages(stays, "\"none\""), @"");
}

#[test]
fn methods_with_settings_that_lead_nowhere() {
    let workshop = Workshop::with_shards();
    let with = |schedule: &str| refused(&workshop, &tiny::recipe(schedule));
    let rate = format!("learning_rate = {RATE}");
    insta::assert_snapshot!(with(&format!("method = \"gradual\"\nlayer_counts = [4, 2]\nstage_tokens = 64\nstage_{rate}\ngrown_tokens = 64\ngrown_{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"gradual\"\nlayer_counts = [2, 4]\noperator = \"split\"\nstage_tokens = 64\nstage_{rate}\ngrown_tokens = 64\ngrown_{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"gradual\"\nlayer_counts = [2, 4]\nstage_tokens = 64\nstage_{rate}\ngrown_tokens = 64")), @"");
    insta::assert_snapshot!(with(&format!("method = \"stackbert\"\nlayer_counts = [2, 4]\ntokens = 64\n{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"midas\"\nblock_layers = 3\ntokens = 64\n{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"midas\"\nblock_layers = 1\ntokens = 64\nscratch_tokens = 64\n{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"late\"\nbase_share = 1.0\ntokens = 64\n{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"late\"\ntokens = 40\n{rate}\nat_growth = {{ learning_rate = \"restart\" }}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"llama-pro\"\nadded_layers = 4\nbase_tokens = 64\nbase_{rate}\ngrown_tokens = 64\ngrown_{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"recycle\"\ntokens = 64\n{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"staged\"\ngrowths = []\ntokens = 64\n{rate}")), @"");
}

#[test]
fn methods_and_a_base_that_do_not_go_together() {
    let workshop = with_base();
    let with = |schedule: &str| refused(&workshop, &from("base", schedule));
    let rate = format!("learning_rate = {RATE}");
    insta::assert_snapshot!(with(&format!("method = \"midas\"\nblock_layers = 1\ntokens = 64\n{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"late\"\ntokens = 64\n{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"g-stack\"\nfactor = 2\nbase = {{ num_hidden_layers = 1 }}\nbase_tokens = 0\ngrown_tokens = 64\ngrown_{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"gradual\"\nlayer_counts = [2, 4]\nstage_tokens = 64\nstage_{rate}\ngrown_tokens = 64\ngrown_{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"recycle\"\ngrowth = {{ operator = \"interleave\", factor = 1 }}\ntokens = 64\n{rate}")), @"");
    insta::assert_snapshot!(with(&format!("method = \"recycle\"\nscratch_tokens = 2\n{rate}")), @"");
}
