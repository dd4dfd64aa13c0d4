//! The table against the types that read recipes, both ways, and its examples against the schema.

use std::collections::BTreeSet;

use outgrow_checkpoint::AttentionBias;
use outgrow_model::Initialization;
use outgrow_operators::{Axis, Growth, Mix, Moments, Operator, Placement, Width};
use outgrow_schedules::{
    AtGrowth, BaseSizes, LearningRateCurve, LossSlope, MaskRamp, MatrixLearning, NewParameters, Noise,
};
use outgrow_train::{Decay, OptimizerSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    super::*,
    Key, Kind, METHODS, RECIPE, Section,
    reference::reference,
    schema::{as_json, of_kind, schema},
    sections,
};

const UNKNOWN: &str = "no-such-key";

/// The keys that a type takes, as it says itself when it is given another one.
fn keys_of<T: DeserializeOwned>(with: &str) -> BTreeSet<String> {
    let table: toml::Table = format!("{with}\n{UNKNOWN} = 1").parse().unwrap();
    let error = table.try_into::<T>().err().expect("the key is unknown").to_string();
    let expected = error
        .split_once(&format!("unknown field `{UNKNOWN}`, expected "))
        .unwrap_or_else(|| panic!("{error}"));
    expected.1.lines().next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn named(title: &str) -> &'static Section {
    sections().into_iter().find(|section| section.title == title).unwrap_or_else(|| panic!("{title}"))
}

fn names(section: &Section) -> BTreeSet<String> {
    section.keys.iter().map(|key| key.name.to_owned()).collect()
}

#[test]
fn the_table_has_the_keys_that_are_read_and_no_others() {
    let mut model = keys_of::<ModelSizes>("");
    model.extend(keys_of::<BaseRecipe>(""));
    assert_eq!(names(named("[model]")), model);
    let same = [
        ("[data]", keys_of::<DataRecipe>("")),
        ("[training]", keys_of::<TrainingRecipe>("")),
        ("[training.optimizer]", keys_of::<OptimizerSettings>("")),
        ("[training.optimizer.muon]", keys_of::<outgrow_train::MuonSettings>("")),
        ("[evaluation]", keys_of::<EvaluationRecipe>("")),
        ("[[schedule.stages]]", keys_of::<StageRecipe>("")),
        ("a learning rate", keys_of::<LearningRateCurve>("")),
        ("at_growth", keys_of::<AtGrowth>("")),
        ("noise", keys_of::<Noise>("")),
        ("mask", keys_of::<MaskRamp>("")),
        ("new_parameters", keys_of::<NewParameters>("")),
        ("learning", keys_of::<MatrixLearning>("")),
        ("ends_at", keys_of::<LossSlope>("")),
        ("base", keys_of::<BaseSizes>("")),
        ("width", keys_of::<Width>("")),
        ("a growth", keys_of::<Growth>("operator = 'stack'")),
    ];
    for (title, read) in same {
        assert_eq!(names(named(title)), read, "{title}");
    }
    // The top is taken key by key, and names its keys where one is unknown.
    let problem = Recipe::from_table(format!("{UNKNOWN} = 1").parse().unwrap()).unwrap_err().join("; ");
    for key in RECIPE.keys {
        assert!(problem.contains(key.name), "{} in {problem}", key.name);
    }
}

#[test]
fn every_method_has_its_keys() {
    let read = |word: &str| {
        let with = format!("method = '{word}'");
        match word {
            "g-stack" => keys_of::<GStackRecipe>(""),
            "random-mask" => keys_of::<RandomMaskRecipe>(""),
            "gradual" => keys_of::<GradualRecipe>(""),
            "stackbert" => keys_of::<StackbertRecipe>(""),
            "stacking2" => keys_of::<Stacking2Recipe>(""),
            "midas" | "lidas" => keys_of::<BlocksRecipe>(""),
            "staged" => keys_of::<StagedRecipe>(""),
            "staged-training" => keys_of::<StagedTrainingRecipe>(""),
            "learned" => keys_of::<LearnedRecipe>(""),
            "llama-pro" => keys_of::<LlamaProRecipe>(""),
            "late" => keys_of::<LateRecipe>(""),
            "recycle" => keys_of::<RecycleRecipe>(""),
            _ => keys_of::<ScheduleRecipe>(&with),
        }
    };
    for method in &METHODS {
        assert_eq!(names(&method.section), read(method.word), "{}", method.word);
    }
    let table: toml::Table = "method = 'none'".parse().unwrap();
    let error = table.try_into::<ScheduleRecipe>().unwrap_err().to_string();
    let words: Vec<&str> = error
        .split_once("expected one of ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap()
        .split('`')
        .skip(1)
        .step_by(2)
        .collect();
    assert_eq!(METHODS.iter().map(|method| method.word).collect::<Vec<_>>(), words);
}

/// The words that a key may be.
fn words(title: &str, key: &str) -> Vec<&'static str> {
    let section = named(title);
    match section.keys.iter().find(|one| one.name == key).unwrap_or_else(|| panic!("{title}: {key}")).kind {
        Kind::Word(words) => words.to_vec(),
        other => panic!("{title}: {key} is {other:?}"),
    }
}

#[test]
fn closed_sets_have_all_of_their_words() {
    fn all<T: ToString>(of: impl IntoIterator<Item = T>) -> Vec<String> {
        of.into_iter().map(|one| one.to_string()).collect()
    }
    assert_eq!(words("The file", "dtype"), all(crate::MatrixDtype::ALL));
    assert_eq!(words("[model]", "initialization"), all(Initialization::ALL));
    assert_eq!(words("[training.optimizer]", "decay"), all(Decay::ALL));
    assert_eq!(words("a growth", "axis"), all(Axis::ALL));
    assert_eq!(words("a growth", "placement"), all(Placement::ALL));
    assert_eq!(words("a growth", "mix"), all(Mix::ALL));
    assert_eq!(words("noise", "mix"), all(Mix::ALL));
    assert_eq!(words("at_growth", "moments"), all(Moments::ALL));
    let operators = all(Operator::ALL);
    assert_eq!(words("method = \"gradual\"", "operator"), operators);
    assert_eq!(words("a growth", "operator")[..operators.len()], operators);
    let biases = AttentionBias::ALL.map(|bias| serde_json::to_value(bias).unwrap());
    assert_eq!(words("[model]", "attention_bias"), biases);
}

/// Where a value isn't as a schema says, for the part of JSON schema that the schema uses.
fn misfit(schema: &Value, of: &Value, value: &Value) -> Option<String> {
    if let Some(name) = of["$ref"].as_str() {
        return misfit(schema, &schema["definitions"][name.rsplit('/').next().unwrap()], value);
    }
    let is_of_type = match of["type"].as_str() {
        None => true,
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.as_u64().is_some(),
        Some(other) => panic!("{other}"),
    };
    let fitting = |alternatives: &Value| {
        let alternatives = alternatives.as_array().unwrap();
        alternatives.iter().filter(|one| misfit(schema, one, value).is_none()).count()
    };
    let is_allowed = of.get("const").is_none_or(|only| only == value)
        && of["enum"].as_array().is_none_or(|words| words.contains(value))
        && of.get("oneOf").is_none_or(|of| fitting(of) == 1)
        && of.get("anyOf").is_none_or(|of| fitting(of) > 0)
        && of.get("allOf").is_none_or(|all| fitting(all) == all.as_array().unwrap().len());
    if !is_of_type || !is_allowed {
        return Some(format!("{value} isn't {of}"));
    }
    if let Some(object) = value.as_object()
        && of["type"] == "object"
    {
        let missing = of["required"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|key| !object.contains_key(key.as_str().unwrap()));
        if let Some(missing) = missing {
            return Some(format!("{missing} is missing"));
        }
        return object.iter().find_map(|(key, value)| match of["properties"].get(key) {
            Some(of) => misfit(schema, of, value),
            None => Some(format!("{key} is unknown")),
        });
    }
    value
        .as_array()
        .into_iter()
        .flatten()
        .find_map(|value| of.get("items").and_then(|of| misfit(schema, of, value)))
}

#[test]
fn the_schema_takes_all_recipes_of_the_docs_and_none_with_a_wrong_key() {
    let schema = schema();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        count += 1;
        let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let mut value = serde_json::to_value(table).unwrap();
        assert_eq!(misfit(&schema, &schema, &value), None, "{}", path.display());
        for pointer in ["", "/model", "/data", "/training", "/schedule"] {
            let mut wrong = value.clone();
            wrong.pointer_mut(pointer).unwrap()[UNKNOWN] = 1.into();
            assert!(misfit(&schema, &schema, &wrong).is_some(), "{}: {pointer}", path.display());
        }
        value["seed"] = "one".into();
        assert!(misfit(&schema, &schema, &value).is_some());
    }
    assert!(count > 10, "{count}");
}

#[test]
fn every_example_and_default_is_of_its_key_s_type() {
    let schema = schema();
    let is_of_type = |key: &Key, value: &str| {
        // Where something is left out, nothing can be checked.
        let Some(value) = as_json(value) else { return value.contains('…') };
        misfit(&schema, &of_kind(key.kind), &value).is_none()
    };
    for key in sections().into_iter().flat_map(|section| section.keys) {
        assert!(is_of_type(key, key.example), "{key:?}");
        if let super::Given::Or(value) = key.given {
            assert!(is_of_type(key, value), "{key:?}");
        }
    }
}

#[test]
fn the_reference_in_the_docs_is_the_one_that_the_program_writes() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/RECIPES.md");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference(),
        "docs/RECIPES.md is out of date: `outgrow recipe reference > docs/RECIPES.md` writes it"
    );
}
