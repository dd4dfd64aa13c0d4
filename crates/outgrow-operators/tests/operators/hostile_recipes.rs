//! Recipes that nobody should write, carried out: whatever is in them, there is a grown folder, or one line and nothing
//! else.

use std::{error::Error, fs, path::Path, sync::LazyLock};

use outgrow_operators::{FolderPlan, Moments, RecipeFile, Source};
use proptest::{prelude::*, sample::select};

use crate::{
    cases,
    folder::{Folder, grow_folder, names_in},
};

const TOML: [&str; 4] = [
    "[[steps]]\noperator = \"stack\"\nfactor = 2\n[[steps]]\noperator = \"noise\"\namount = 0.2\nseed = 1\n",
    "steps = [{ operator = \"split\", width = { hidden_size = 16, num_attention_heads = 8 }, share = 0.25 }]\n",
    "[[steps]]\noperator = \"random-width\"\nwidth = { intermediate_size = 20 }\nseed = 3\n[[steps]]\noperator = \"zero-depth\"\nnum_hidden_layers = 4\nplacement = \"top\"\n",
    "[[steps]]\noperator = \"learned\"\nnum_hidden_layers = 3\nwidth = { hidden_size = 12 }\nseed = 5\n[[steps]]\noperator = \"layers\"\nlayers = [0, 2, 1]\n",
];
const YAML: [&str; 2] = [
    "slices:\n  - sources:\n    - model: m\n      layer_range: [0, 2]\n  - sources:\n    - model: m\n      layer_range: [1, 2]\n      parameters:\n        scale:\n          - filter: o_proj\n            value: 0.0\n          - filter: down_proj\n            value: [0.5, 1]\n          - value: 1.0\nmerge_method: passthrough\ndtype: float32\n",
    "merge_method: passthrough\nslices: [{sources: [{model: m, layer_range: [1, 2]}]}, {sources: [{model: m, layer_range: [0, 2]}]}]\n",
];
/// Layers beyond which a growth is planned, but not carried out: it would only take long.
const MANY_LAYERS: usize = 64;

static SOURCE: LazyLock<Folder> = LazyLock::new(|| Folder::new(2, |_| {}));

/// Grows the source by a recipe; `None` for a growth too large to be carried out here.
fn grow(recipe: &Path, target: &Path) -> Result<Option<()>, Box<dyn Error>> {
    let source = Source::open(&SOURCE.folder)?;
    let plan = match RecipeFile::read(recipe)? {
        RecipeFile::Steps(recipe) => FolderPlan::new(&source, &recipe.steps)?,
        RecipeFile::Passthrough(passthrough) => FolderPlan::of_passthrough(&source, &passthrough)?,
    };
    if plan.layers().len() > MANY_LAYERS || plan.num_parameters() > 1 << 20 {
        return Ok(None);
    }
    grow_folder(&plan, Moments::Reset, target, 1 << 30)?;
    Ok(Some(()))
}

fn check(name: &str, text: &str) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let (recipe, target) = (dir.path().join(name), dir.path().join("grown"));
    fs::write(&recipe, text).unwrap();
    match grow(&recipe, &target) {
        Ok(Some(())) => prop_assert!(target.join("config.json").exists()),
        Ok(None) => {}
        Err(error) => {
            let said = error.to_string();
            prop_assert!(!said.is_empty() && !said.contains(char::is_control), "{said:?}");
            prop_assert_eq!(names_in(dir.path()), [name], "left behind by: {}", said);
        }
    }
    Ok(())
}

/// A text with a piece of it replaced.
fn mutated(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    let pieces =
        r##"-?[0-9]{1,20}|-?[0-9]\.[0-9]e[0-9]{1,3}|[\[\]{}=:,'"#\-.a-z_ \n\t]{0,8}|nan|inf|null|true"##;
    (select(texts), any::<prop::sample::Index>(), 0_usize..12, pieces).prop_map(
        |(text, at, removed, piece)| {
            let at = at.index(text.len());
            let end = (at + removed).min(text.len());
            format!("{}{piece}{}", &text[..at], &text[end..])
        },
    )
}

/// A text with another number in place of one of its own: most such recipes can be read.
fn renumbered(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    let numbers = r"-?[0-9]{1,2}|[0-9]{3,20}|0\.[0-9]{1,3}|[0-9]e[0-9]{1,3}";
    (select(texts), any::<prop::sample::Index>(), numbers).prop_map(|(text, which, number)| {
        let is_digit = |at: &usize| text.as_bytes()[*at].is_ascii_digit();
        let digits: Vec<usize> = (0..text.len()).filter(is_digit).collect();
        let at = digits[which.index(digits.len())];
        format!("{}{number}{}", &text[..at], &text[at + 1..])
    })
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn a_damaged_toml_recipe_grows_a_folder_or_leaves_one_line(text in mutated(&TOML)) {
        check("recipe.toml", &text)?;
    }

    #[test]
    fn a_toml_recipe_of_any_numbers_grows_a_folder_or_leaves_one_line(text in renumbered(&TOML)) {
        check("recipe.toml", &text)?;
    }

    #[test]
    fn a_damaged_mergekit_recipe_grows_a_folder_or_leaves_one_line(text in mutated(&YAML)) {
        check("recipe.yml", &text)?;
    }

    #[test]
    fn a_mergekit_recipe_of_any_numbers_grows_a_folder_or_leaves_one_line(text in renumbered(&YAML)) {
        check("recipe.yml", &text)?;
    }

    #[test]
    fn any_text_as_a_recipe_grows_a_folder_or_leaves_one_line(text in any::<String>()) {
        check("recipe.toml", &text)?;
        check("recipe.yaml", &text)?;
    }
}

#[test]
fn the_recipes_that_are_damaged_here_are_sound() {
    for (name, texts) in [("recipe.toml", &TOML[..]), ("recipe.yml", &YAML[..])] {
        for text in texts {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(name), text).unwrap();
            assert_eq!(grow(&dir.path().join(name), &dir.path().join("grown")).unwrap(), Some(()), "{text}");
        }
    }
}
