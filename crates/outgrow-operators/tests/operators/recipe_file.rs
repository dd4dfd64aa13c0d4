//! Recipe files: both kinds are read by their names' ends, and what is wrong is said with file and line.

use std::{fs, path::Path};

use insta::assert_snapshot;
use outgrow_operators::{Growth, GrowthRecipe, RecipeFile};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::cases;

const STACKS: &str =
    "steps = [{ operator = 'stack', factor = 2 }, { operator = 'noise', amount = 0.2, seed = 1 }]";

fn problems(text: &str) -> String {
    GrowthRecipe::parse(text, Path::new("")).unwrap_err().to_string()
}

#[test]
fn steps_are_growths_in_their_order_and_come_back_from_what_is_written() {
    let text = r#"
[[steps]]
operator = "split"
width = { hidden_size = 64, num_attention_heads = 8 }
share = 0.25

[[steps]]
operator = "stack"
factor = 4

[[steps]]
operator = "learned"
matrices = "trained/matrices.safetensors"
width.hidden_size = 128
"#;
    let recipe = GrowthRecipe::parse(text, Path::new("/recipes")).unwrap();
    assert_eq!(recipe.steps[1], Growth::Stack { factor: 4 });
    assert!(
        matches!(&recipe.steps[2], Growth::Learned { matrices: Some(file), .. } if file.path() == Path::new("/recipes/trained/matrices.safetensors"))
    );
    let written = recipe.to_toml().unwrap();
    assert_snapshot!(written, @r#"
    [[steps]]
    operator = "split"
    share = 0.25

    [steps.width]
    hidden_size = 64
    num_attention_heads = 8

    [[steps]]
    operator = "stack"
    factor = 4

    [[steps]]
    operator = "learned"
    matrices = "/recipes/trained/matrices.safetensors"
    seed = 0

    [steps.width]
    hidden_size = 128
    "#);
    assert_eq!(GrowthRecipe::parse(&written, Path::new("elsewhere")).unwrap(), recipe);
}

#[test]
fn every_problem_of_every_step_is_said_with_its_line() {
    let text = r#"name = "x"
[[steps]]
operator = "stack"
factr = 2
depth = 3
factor = "two"

[[steps]]
operator = "stak"

[[steps]]
factor = 2

[[steps]]
operator = "split"
[steps.width]
hiden_size = 3

[[steps]]
operator = "noise"
amount = 0.2
seed = -1
"#;
    assert_snapshot!(problems(text).replace("; line", ";\nline"), @r#"
    line 1: unknown key `name`: expected steps;
    line 4: unknown field `factr`, expected `factor`;
    line 5: unknown field `depth`, expected `factor`;
    line 6: factor: invalid type: string "two", expected a whole number from 0 on;
    line 9: operator: `stak` is no operator; expected stack, interleave, middle, lidas, solar, last, zero, random, learned, split, hyperclone, aki, zero-depth, zero-width, random-depth, random-width, layers, pattern, noise;
    line 11: missing field `operator`;
    line 17: unknown field `hiden_size`, expected one of `hidden_size`, `intermediate_size`, `num_attention_heads`, `num_key_value_heads`;
    line 22: seed: invalid value: integer `-1`, expected a whole number from 0 on
    "#);
    assert_snapshot!(problems("steps = 3"), @"line 1: steps is of type integer; expected [[steps]]");
    assert_snapshot!(problems("steps = [3]"), @"line 1: a step is of type integer; expected a table with an operator");
    assert_snapshot!(problems(""), @"no step: expected [[steps]] with an operator");
    assert_snapshot!(problems("[[steps]]\noperator = \"stack\"\nfactor = = 2"), @"line 3: extra `=`, expected nothing");
}

#[test]
fn the_end_of_the_name_says_which_kind_it_is() {
    let dir = TempDir::new().unwrap();
    let read = |name: &str, text: &str| {
        let file = dir.path().join(name);
        fs::write(&file, text).unwrap();
        RecipeFile::read(&file)
            .map_err(|error| error.to_string().replace(&*dir.path().to_string_lossy(), "DIR"))
    };
    let passthrough = "merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]";
    assert!(matches!(read("a.yml", passthrough), Ok(RecipeFile::Passthrough(_))));
    assert!(matches!(read("a.YAML", passthrough), Ok(RecipeFile::Passthrough(_))));
    let stack = "[[steps]]\noperator = \"stack\"\nfactor = 2";
    assert!(matches!(read("a.toml", stack), Ok(RecipeFile::Steps(_))));

    assert_snapshot!(read("a.json", "{}").unwrap_err(), @"DIR/a.json: expected a recipe that ends in .toml (outgrow's) or in .yml or .yaml (mergekit's)");
    assert_snapshot!(read("a.toml", passthrough).unwrap_err(), @"DIR/a.toml: line 1: key with no value, expected `=`");
    assert_snapshot!(read("a.yml", stack).unwrap_err(), @"DIR/a.yml: line 2: did not find expected <document start>");
    assert_snapshot!(read("long.yml", &" ".repeat(2 << 20)).unwrap_err(), @"DIR/long.yml: longer than 1048576 bytes: expected a recipe");
    let missing = RecipeFile::read(Path::new("missing.toml")).unwrap_err();
    assert_snapshot!(missing, @"missing.toml: cannot read");
}

#[test]
fn recipes_know_the_words_of_the_command_line_and_a_factor_as_a_depth() {
    let step = |keys: &str| {
        GrowthRecipe::parse(&format!("[[steps]]\n{keys}"), Path::new("")).map_err(|error| error.to_string())
    };
    for (one, other) in [
        ("operator = 'zero'\nfactor = 2", "operator = 'zero-depth'\nfactor = 2"),
        (
            "operator = 'zero'\naxis = 'width'\nwidth.hidden_size = 64",
            "operator = 'zero-width'\nwidth.hidden_size = 64\nseed = 0",
        ),
        (
            "operator = 'random'\naxis = 'depth'\nnum_hidden_layers = 4\nseed = 1",
            "operator = 'random-depth'\nnum_hidden_layers = 4\nseed = 1",
        ),
        (
            "operator = 'random'\naxis = 'width'\nwidth.hidden_size = 64",
            "operator = 'random-width'\nwidth.hidden_size = 64\nseed = 0",
        ),
        (
            "operator = 'learned'\naxis = 'width'\nwidth.hidden_size = 64",
            "operator = 'learned'\nwidth.hidden_size = 64",
        ),
        ("operator = 'stack'\naxis = 'depth'\nfactor = 2", "operator = 'stack'\nfactor = 2"),
        ("operator = 'noise'\namount = 0.1", "operator = 'noise'\namount = 0.1\nseed = 0"),
    ] {
        assert_eq!(step(one).unwrap(), step(other).unwrap());
    }
    for keys in ["operator = 'last'\nfactor = 2", "operator = 'learned'\nfactor = 2"] {
        let recipe = step(keys).unwrap();
        let written = recipe.to_toml().unwrap();
        assert!(written.contains("factor = 2"), "{written}");
        assert_eq!(GrowthRecipe::parse(&written, Path::new("")).unwrap(), recipe);
    }
}

/// What is said of each of these steps, a line each.
fn said_of(steps: &[&str]) -> String {
    let said = steps.iter().map(|keys| {
        let text = format!("[[steps]]\n{}", keys.replace(", ", "\n"));
        let problems = GrowthRecipe::parse(&text, Path::new("")).unwrap_err();
        format!("{keys}: {problems}\n")
    });
    said.collect()
}

#[test]
fn a_key_of_no_use_is_named_with_the_axis_on_which_it_is_of_none() {
    assert_snapshot!(said_of(&[
        "operator = 'stack', factor = 2, drop_layers = 3, seed = 1",
        "operator = 'stack', factor = 2, axis = 'width'",
        "operator = 'split', axis = 'depth', width.hidden_size = 3",
        "operator = 'zero', width.hidden_size = 64",
        "operator = 'random', axis = 'width', width.hidden_size = 64, factor = 2",
        "operator = 'zero', axis = 'width', width.hidden_size = 64, placement = 'top'",
        "operator = 'learned', axis = 'depth', width.hidden_size = 64",
        "operator = 'learned', axis = 'width', factor = 2, share = 0.5",
        "operator = 'layers', layers = [0,1], factor = 2, axis = 'depth'",
        "operator = 'noise', amount = 0.1, pattern = '1-2'",
    ]), @r#"
    operator = 'stack', factor = 2, drop_layers = 3, seed = 1: line 4: `stack` has no use for `drop_layers`; line 5: `stack` has no use for `seed`
    operator = 'stack', factor = 2, axis = 'width': line 4: axis: `stack` has no other axis than depth
    operator = 'split', axis = 'depth', width.hidden_size = 3: line 3: axis: `split` has no other axis than width
    operator = 'zero', width.hidden_size = 64: line 1: `zero` needs `num_hidden_layers` or `factor`; line 3: `zero` has no use for `width.hidden_size` in depth; with axis = "width" it has
    operator = 'random', axis = 'width', width.hidden_size = 64, factor = 2: line 5: `random` has no use for `factor` in width; with axis = "depth" it has
    operator = 'zero', axis = 'width', width.hidden_size = 64, placement = 'top': line 5: `zero` has no use for `placement` in width; with axis = "depth" it has
    operator = 'learned', axis = 'depth', width.hidden_size = 64: line 4: `learned` has no use for `width.hidden_size` in depth; with axis = "width" it has
    operator = 'learned', axis = 'width', factor = 2, share = 0.5: line 4: `learned` has no use for `factor` in width; line 5: `learned` has no use for `share` in width
    operator = 'layers', layers = [0,1], factor = 2, axis = 'depth': line 4: `layers` has no use for `factor`; line 5: `layers` has no use for `axis`
    operator = 'noise', amount = 0.1, pattern = '1-2': line 4: `noise` has no use for `pattern`
    "#);
}

#[test]
fn what_is_missing_is_said_and_a_seed_may_be_left_out() {
    assert_snapshot!(said_of(&[
        "operator = 'stack'",
        "operator = 'zero'",
        "operator = 'zero-depth'",
        "operator = 'random-depth'",
        "operator = 'random', axis = 'width'",
        "operator = 'split'",
        "operator = 'solar', block_layers = 2",
        "operator = 'layers'",
        "operator = 'noise', seed = 1",
        "operator = 'zero', factor = 2, num_hidden_layers = 4",
    ]), @"
    operator = 'stack': line 1: `stack` needs `factor`
    operator = 'zero': line 1: `zero` needs `num_hidden_layers` or `factor`
    operator = 'zero-depth': line 1: `zero-depth` needs `num_hidden_layers` or `factor`
    operator = 'random-depth': line 1: `random-depth` needs `num_hidden_layers` or `factor`
    operator = 'random', axis = 'width': line 1: `random` needs a size in `width`, such as width.hidden_size
    operator = 'split': line 1: `split` needs a size in `width`, such as width.hidden_size
    operator = 'solar', block_layers = 2: line 1: `solar` needs `drop_layers`; line 3: `solar` has no use for `block_layers`
    operator = 'layers': line 1: `layers` needs `layers`
    operator = 'noise', seed = 1: line 1: `noise` needs `amount`
    operator = 'zero', factor = 2, num_hidden_layers = 4: line 3: `num_hidden_layers` and `factor` both say the depth; give one of them
    ");
}

#[test]
fn a_value_of_another_type_gives_one_complaint() {
    assert_snapshot!(said_of(&[
        "operator = 'zero', axis = 3, factor = 2",
        "operator = 'zero', axis = 'deep', factor = 2",
        "operator = 'zero', factor = 'two'",
        "operator = 'stack', factor = 2.0",
        "operator = 'stack', factor = -1",
        "operator = 3, factor = 2",
        "operator = 'split', width = 64",
        "operator = 'split', width.hidden_size = '64', share = 'half'",
        "operator = 'layers', layers = '0,1'",
        "operator = 'zero', num_hidden_layers = 4, placement = 'bottom'",
        "operator = 'noise', amount = 0.1, mix = 1",
        "operator = 'learned', width.hidden_size = 64, matrices = 3",
    ]), @r#"
    operator = 'zero', axis = 3, factor = 2: line 3: axis: invalid type: integer `3`, expected depth or width
    operator = 'zero', axis = 'deep', factor = 2: line 3: axis: `deep` is no axis; expected depth, width
    operator = 'zero', factor = 'two': line 3: factor: invalid type: string "two", expected a whole number from 0 on
    operator = 'stack', factor = 2.0: line 3: factor: invalid type: floating point `2.0`, expected a whole number from 0 on
    operator = 'stack', factor = -1: line 3: factor: invalid value: integer `-1`, expected a whole number from 0 on
    operator = 3, factor = 2: line 2: operator: invalid type: integer `3`, expected the word of an operator, such as "stack"
    operator = 'split', width = 64: line 3: width: invalid type: integer `64`, expected a table of sizes, such as { hidden_size = 1024 }
    operator = 'split', width.hidden_size = '64', share = 'half': line 3: hidden_size: invalid type: string "64", expected a whole number from 0 on; line 4: share: invalid type: string "half", expected a number
    operator = 'layers', layers = '0,1': line 3: layers: invalid type: string "0,1", expected a sequence
    operator = 'zero', num_hidden_layers = 4, placement = 'bottom': line 4: placement: `bottom` is no placement; expected interleaved, top
    operator = 'noise', amount = 0.1, mix = 1: line 4: mix: invalid type: integer `1`, expected linear or variance-preserving
    operator = 'learned', width.hidden_size = 64, matrices = 3: line 4: matrices: invalid type: integer `3`, expected path string
    "#);
}

proptest! {
    #![proptest_config(cases(ProptestConfig::default().cases))]

    #[test]
    fn a_damaged_recipe_gives_one_line_or_is_one(at in 0..STACKS.len(), removed in 0_usize..20, inserted in ".{0,4}") {
        let end = (at + removed).min(STACKS.len());
        let text = format!("{}{inserted}{}", &STACKS[..at], &STACKS[end..]);
        if let Err(problems) = GrowthRecipe::parse(&text, Path::new("")) {
            prop_assert!(!problems.to_string().contains(char::is_control), "{problems}");
        }
    }
}
