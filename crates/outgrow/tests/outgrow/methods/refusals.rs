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
    assert_eq!(said.lines().count() > 1, said.contains(" problems\n"), "{said}");
    let said = said.strip_prefix("error: recipe.toml").unwrap().trim_end();
    // Which line it is has tests of its own.
    let behind = said
        .strip_prefix(", line ")
        .map_or(said, |rest| rest.trim_start_matches(|one: char| one.is_ascii_digit()));
    behind.strip_prefix(": ").unwrap().to_owned()
}

#[test]
fn g_stack_by_growths_that_do_not_fit() {
    let workshop = Workshop::with_shards();
    let with = |growth: &str| {
        let schedule = tiny::G_STACK.replace("factor = 2\n", &format!("{growth}\n"));
        refused(&workshop, &tiny::recipe(&schedule))
    };
    insta::assert_snapshot!(with(""), @"schedule: one of `factor` and `growth` is needed, neither is given");
    insta::assert_snapshot!(with("factor = 2\ngrowth = { operator = \"stack\", factor = 2 }"), @"schedule: one of `factor` and `growth` is needed, both are given");
    insta::assert_snapshot!(with("growth = { operator = \"stack\", factor = 1 }"), @"schedule: growth by `stack` leaves the model as large as it is: nothing grows");
    insta::assert_snapshot!(with("growth = { operator = \"zero-width\", width = { hidden_size = 16 } }"), @"schedule: base is missing: `zero-width` doesn't say which model it grows from; give the sizes that differ from the target's, such as base = { hidden_size = 8 }");
    insta::assert_snapshot!(with("growth = { operator = \"split\", width = { num_attention_heads = 2 } }\nbase = { num_attention_heads = 3 }"), @r#"schedule: stage "grown": enter: `num_attention_heads` = 2 is less than the source's 3"#);
    insta::assert_snapshot!(with("growth = { operator = \"stack\", factor = 2 }\nbase = { num_hidden_layers = 1 }"), @"schedule: growth ends with num_hidden_layers 2, where the target has 4");
    insta::assert_snapshot!(with("growth = { operator = \"random-depth\", factor = 2 }"), @r#"schedule: stage "grown": enter makes fresh parts, which a mask lets in little by little: give at_growth.mask = { tokens = N }, the tokens over which it opens"#);
    insta::assert_snapshot!(with("growth = { operator = \"layers\", layers = [0] }\nbase = { num_hidden_layers = 8 }"), @"schedule: growth ends with num_hidden_layers 1, where the target has 4");
    insta::assert_snapshot!(with("factor = 2\nbase = { layers = 2 }"), @"schedule.base.layers: no such key; did you mean `num_hidden_layers`?");
    insta::assert_snapshot!(with("factor = 2\nat_growth = { moments = \"keep\" }"), @r#"schedule.at_growth.moments = "keep": there are reset, copy, keep-old, scaled"#);
    insta::assert_snapshot!(with("factor = 2\nat_growth = { learning_rate = \"keep\" }"), @r#"schedule: stage "grown": learning_rate is given, and at_growth.learning_rate = "keep" goes on with that of the stage before: leave one out"#);
    let longer = tiny::G_STACK.replace("grown_tokens = 96", "scratch_tokens = 128");
    insta::assert_snapshot!(refused(&workshop, &tiny::recipe(&longer)), @"schedule: base_tokens = 128, it must be below scratch_tokens = 128: the base alone would be trained as long as the whole");
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
    insta::assert_snapshot!(stages(shrinks, "\"all\""), @r#"schedule: stage "second": enter: the growth leaves fewer parameters, 7664 of 9872: a stage doesn't shrink"#);
    let stays = "";
    insta::assert_snapshot!(stages(stays, "{ top = { layers = 0 } }"), @r#"schedule: stage "second": trainable top layers is 0, the model has 4: 1 to 4 can be trained"#);
    insta::assert_snapshot!(stages(stays, "{ layers = [] }"), @r#"schedule: stage "second": trainable layers is empty, which freezes everything: name the layers that are trained"#);
    insta::assert_snapshot!(stages(stays, "{ layers = [3, 4] }"), @r#"schedule: stage "second": trainable layers is [3, 4]: they must rise, and each be below num_hidden_layers, 4"#);
    insta::assert_snapshot!(stages(stays, "\"none\""), @r#"schedule.stages["second"].trainable = "none": "all" is needed, or a table"#);
}

#[test]
fn methods_with_settings_that_lead_nowhere() {
    let workshop = Workshop::with_shards();
    let with = |schedule: &str| refused(&workshop, &tiny::recipe(schedule));
    let rate = format!("learning_rate = {RATE}");
    insta::assert_snapshot!(with(&format!("method = \"gradual\"\nlayer_counts = [4, 2]\nstage_tokens = 64\nstage_{rate}\ngrown_tokens = 64\ngrown_{rate}")), @"schedule: layer_counts is [4, 2], it must rise from at least 1 to the target's num_hidden_layers, 4");
    insta::assert_snapshot!(with(&format!("method = \"gradual\"\nlayer_counts = [2, 4]\noperator = \"split\"\nstage_tokens = 64\nstage_{rate}\ngrown_tokens = 64\ngrown_{rate}")), @"schedule: operator `split` grows in width, and layer_counts are depths: use `staged`");
    insta::assert_snapshot!(with(&format!("method = \"gradual\"\nlayer_counts = [2, 4]\nstage_tokens = 64\nstage_{rate}\ngrown_tokens = 64")), @r#"schedule: stage "4-layers": learning_rate is missing: only at_growth.learning_rate = "keep" goes on with that of the stage before"#);
    insta::assert_snapshot!(with(&format!("method = \"stackbert\"\nlayer_counts = [2, 4]\ntokens = 64\n{rate}")), @"schedule: shares is [0.125, 0.05, 0.825] by default, for 3 stages, and there are 2: give 2 that add up to 1");
    insta::assert_snapshot!(with(&format!("method = \"midas\"\nblock_layers = 3\ntokens = 64\n{rate}")), @"schedule: block_layers is 3, it must be below the target's num_hidden_layers, 4, and divide it");
    insta::assert_snapshot!(with(&format!("method = \"lidas\"\nblock_layers = 1\ntokens = 64\n{rate}")), @"schedule: block_layers is 1, it must be even: each growth takes the halves of two blocks");
    insta::assert_snapshot!(with(&format!("method = \"staged\"\ngrowths = [{{ operator = \"stack\", factor = 2 }}]\ntokens = 64\n{rate}")), @"schedule: shares is [0.79, 0.13, 0.08] by default, for 3 stages, and there are 2: give 2 that add up to 1");
    insta::assert_snapshot!(with(&format!("method = \"learned\"\nfactor = 2\nbase_tokens = 64\nbase_{rate}\nscratch_tokens = 96\ngrown_{rate}")), @"schedule: budget is 5.8982e6 FLOPs, the stages before the last one cost 1.9867e8 (1.9661e8 of that is the learning of matrices: learning = { tokens = N } makes it shorter) and one token of the last one 6.1440e4: shorten them or raise it");
    insta::assert_snapshot!(with(&format!("method = \"midas\"\nblock_layers = 1\ntokens = 64\nscratch_tokens = 64\n{rate}")), @"schedule: one of `tokens` and `scratch_tokens` is needed, both are given");
    insta::assert_snapshot!(with(&format!("method = \"late\"\nbase_share = 1.0\ntokens = 64\n{rate}")), @"schedule: base_share is 1, it must be above 0 and below 1: the part of the tokens before the growth");
    insta::assert_snapshot!(with(&format!("method = \"late\"\ntokens = 40\n{rate}\nat_growth = {{ learning_rate = \"restart\" }}")), @r#"schedule: 2 problems: stage "base": learning rate: warmup_tokens is 32, it must be below the stage's tokens, 32; stage "grown": learning rate: warmup_tokens is 32, it must be below the stage's tokens, 8"#);
    insta::assert_snapshot!(with(&format!("method = \"llama-pro\"\nadded_layers = 4\nbase_tokens = 64\nbase_{rate}\ngrown_tokens = 64\ngrown_{rate}")), @"schedule: added_layers is 4, num_hidden_layers of the target 4: 1 to 3 can be added");
    let both = format!(
        "base = {{ num_hidden_layers = 2, hidden_size = 8 }}\nbase_tokens = 64\nbase_{rate}\ngrown_tokens = 64\ngrown_{rate}"
    );
    insta::assert_snapshot!(with(&format!("method = \"random-mask\"\nmask = {{ tokens = 64 }}\n{both}")), @"schedule: base is smaller in depth and in width, and fresh parts are let in on one axis at a time: use `staged`, with a growth for each");
    insta::assert_snapshot!(with(&format!("method = \"random-mask\"\nmask = {{ tokens = 64 }}\nat_growth = {{ mask = {{ tokens = 64 }} }}\n{both}")), @"schedule: mask is given, and at_growth.mask too: leave the second out");
    insta::assert_snapshot!(with(&format!("method = \"random-mask\"\nmask = {{ tokens = 96 }}\n{}", both.replace(", hidden_size = 8", ""))), @r#"schedule: stage "grown": at_growth.mask opens over 96 tokens, the stage has 64: it has to be open when the stage ends"#);
    insta::assert_snapshot!(with(&format!("method = \"recycle\"\ntokens = 64\n{rate}")), @"schedule: `recycle` grows a finished model: give its folder as model.from");
    insta::assert_snapshot!(with(&format!("method = \"staged\"\ngrowths = []\ntokens = 64\n{rate}")), @"schedule: growths is empty: each stage but the first begins with one");
}

#[test]
fn a_key_that_is_missing_is_named_with_the_table_that_lacks_it() {
    let workshop = Workshop::with_shards();
    let with = |base: &str, grown: &str| {
        let schedule = format!(
            "method = \"g-stack\"\nfactor = 2\nbase_tokens = 64\nbase_learning_rate = {base}\ngrown_tokens = 64\n\
             grown_learning_rate = {grown}"
        );
        refused(&workshop, &tiny::recipe(&schedule))
    };
    let lacking = "{ peak = 1e-2, warmup_tokens = 32 }";
    insta::assert_snapshot!(with(RATE, lacking), @"schedule.grown_learning_rate.minimum is missing, for example minimum = 4e-4");
    insta::assert_snapshot!(with(lacking, lacking), @"
    2 problems
      line 24: schedule.base_learning_rate.minimum is missing, for example minimum = 4e-4
      line 26: schedule.grown_learning_rate.minimum is missing, for example minimum = 4e-4
    ");
    let bare = RATE.replace(" }", ", shape = \"wsd\" }");
    insta::assert_snapshot!(with(RATE, &bare), @r#"schedule.grown_learning_rate.shape = "wsd": more is needed: { wsd = { decay_tokens = N } }"#);
    insta::assert_snapshot!(refused(&workshop, &tiny::recipe(&format!("method = \"late\"\nlearning_rate = {RATE}\nat_growth = {{ mask = {{ order = \"together\" }} }}"))), @"schedule.at_growth.mask.tokens is missing, for example tokens = 20_000");
}

#[test]
fn a_slope_that_can_never_end_its_stage_is_noted() {
    let workshop = Workshop::with_shards();
    let plan = |validations: &str| {
        let schedule = format!(
            "method = \"staged-training\"\ngrowth = {{ operator = \"stack\", factor = 2 }}\n\
             ends_at = {{ slope = -0.05, validations = {validations} }}\nbase_tokens = 640\n\
             base_learning_rate = {RATE}\ngrown_tokens = 64\ngrown_learning_rate = {RATE}"
        );
        workshop.write("recipe.toml", tiny::recipe(&schedule));
        stderr(&workshop.run(&["train", "recipe.toml", "--out", "run", "--plan", "--no-measure"]))
    };
    let note = |said: &str| said.lines().find(|line| line.contains("ends")).unwrap_or_default().to_owned();
    insta::assert_snapshot!(note(&plan("2")), @r#"note: stage "base" ends where the slope of its loss comes up to -0.05, and with its tokens at the latest: those are what is planned"#);
    insta::assert_snapshot!(note(&plan("40")), @r#"note: stage "base": ends_at never ends it: that needs 41 validations before the end, and there are at most 9; shorten training.validation_interval_tokens"#);
}

#[test]
fn methods_and_a_base_that_do_not_go_together() {
    let workshop = with_base();
    let with = |schedule: &str| refused(&workshop, &from("base", schedule));
    let rate = format!("learning_rate = {RATE}");
    insta::assert_snapshot!(with(&format!("method = \"midas\"\nblock_layers = 1\ntokens = 64\n{rate}")), @"schedule: `midas` begins with a model that it draws, and model.from is given: leave one out, or use `stages`");
    insta::assert_snapshot!(with("method = \"random-mask\"\nmask = { tokens = 64 }\ngrown_tokens = 64"), @"schedule: `random-mask` begins with a model that it draws, and model.from is given: leave one out, or use `stages`");
    insta::assert_snapshot!(with(&format!("method = \"late\"\ntokens = 64\n{rate}")), @"schedule: `late` begins with a model that it draws, and model.from is given: leave one out, or use `stages`");
    insta::assert_snapshot!(with(&format!("method = \"g-stack\"\nfactor = 2\nbase = {{ num_hidden_layers = 1 }}\nbase_tokens = 0\ngrown_tokens = 64\ngrown_{rate}")), @"schedule: base is given, and model.from says what the base is: leave one out");
    insta::assert_snapshot!(with(&format!("method = \"gradual\"\nlayer_counts = [2, 4]\nstage_tokens = 64\nstage_{rate}\ngrown_tokens = 64\ngrown_{rate}")), @"schedule: base_tokens is missing: how long the base of model.from is trained on before it grows, 0 for not at all");
    insta::assert_snapshot!(with(&format!("method = \"recycle\"\ngrowth = {{ operator = \"interleave\", factor = 1 }}\ntokens = 64\n{rate}")), @"schedule: growth by `interleave` leaves the model as large as it is: nothing grows");
    insta::assert_snapshot!(with(&format!("method = \"recycle\"\nscratch_tokens = 2\n{rate}")), @"schedule: scratch_tokens = 2 are 1.2288e5 FLOPs, and the base alone has cost 3.0966e6: give more, or tokens");
}
