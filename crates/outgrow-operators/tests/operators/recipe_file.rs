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
    line 5: unknown field `depth`, expected `factor`;
    line 6: factor: invalid type: string "two", expected usize;
    line 4: unknown field `factr`, expected `factor`;
    line 9: operator: unknown variant `stak`, expected one of `stack`, `interleave`, `layers`, `pattern`, `middle`, `lidas`, `solar`, `last`, `zero-depth`, `random-depth`, `split`, `hyperclone`, `aki`, `zero-width`, `random-width`, `learned`, `noise`, `zero`, `random`;
    line 11: missing field `operator`;
    line 17: unknown field `hiden_size`, expected one of `hidden_size`, `intermediate_size`, `num_attention_heads`, `num_key_value_heads`;
    line 22: seed: invalid value: integer `-1`, expected u64
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
    ] {
        assert_eq!(step(one).unwrap(), step(other).unwrap());
    }
    for keys in ["operator = 'last'\nfactor = 2", "operator = 'learned'\nfactor = 2"] {
        let recipe = step(keys).unwrap();
        let written = recipe.to_toml().unwrap();
        assert!(written.contains("factor = 2"), "{written}");
        assert_eq!(GrowthRecipe::parse(&written, Path::new("")).unwrap(), recipe);
    }
    assert_snapshot!(step("operator = 'zero'\nfactor = 2\nnum_hidden_layers = 4").unwrap_err(), @"line 3: factor: num_hidden_layers and factor both say the depth; expected one of them");
    assert_snapshot!(step("operator = 'zero-depth'").unwrap_err(), @"line 1: missing field `num_hidden_layers` or `factor`");
    assert_snapshot!(step("operator = 'zero'").unwrap_err(), @"line 1: missing field `num_hidden_layers` or `factor`");
    assert_snapshot!(step("operator = 'zero'\naxis = 'deep'\nfactor = 2").unwrap_err(), @"line 3: axis: unknown variant `deep`, expected `depth` or `width`");
    assert_snapshot!(
        step("operator = 'random'\naxis = 'width'\nwidth.hidden_size = 64\nfactor = 2").unwrap_err(), @"line 5: unknown field `factor`: `random` has no use for it on this axis");
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
