//! The kinds of runs that a cell of a definition comes to, one for each combination of places on its axes. Recipes and
//! seeds are not here.

use std::collections::BTreeMap;

use outgrow_report::{AxisValue, RunKind};

use crate::experiment::{
    definition::{Axis, CellDefinition, Definition},
    quantity::Measures,
    scale::{Scale, Shape},
    template::{Scope, fill},
};

/// A kind of run, before it has a seed.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// As the report knows it.
    pub run_kind: RunKind,
    /// Its model.
    pub shape: Shape,
    /// Where its recipe is from.
    pub cell: CellDefinition,
    /// What its places are filled with, but for the seed.
    pub scope: Scope,
}

impl Kind {
    /// Where it stands: each axis, the place's name in the file, and how it is written.
    pub(crate) fn places(&self) -> impl Iterator<Item = [String; 3]> {
        self.run_kind.axes.iter().map(|(axis, value)| {
            let name = self.scope[axis]["name"].as_str().unwrap_or_default();
            [axis.clone(), name.to_owned(), value.name.clone()]
        })
    }
}

/// The kinds of a cell, one for each combination of places on its axes.
pub(crate) fn kinds_of(
    cell: &CellDefinition,
    definition: &Definition,
    scale: &Scale,
) -> Result<Vec<Kind>, String> {
    let mut scopes = vec![scope_of(definition, scale)];
    for (axis, places) in &cell.each {
        let places = places_of(axis, places, scale)?;
        let with = |scope: &Scope, place: &toml::Table| {
            let mut scope = scope.clone();
            scope.insert(axis.clone(), place.clone().into());
            scope
        };
        scopes = scopes.iter().flat_map(|scope| places.iter().map(move |place| with(scope, place))).collect();
    }
    let no_factors = BTreeMap::new();
    let kind = |scope: Scope| {
        let text = |template: &str| filled_text(template, &scope);
        let shape = scale.shape(&text(&cell.shape)?)?;
        let measures = Measures::of(scale, shape, &no_factors);
        let axes =
            cell.each.keys().map(|axis| Ok((axis.clone(), axis_value(axis, &scope[axis], &measures)?)));
        let axes = axes.collect::<Result<BTreeMap<_, _>, String>>()?;
        let run_kind = RunKind {
            name: text(&cell.name)?,
            label: text(cell.label.as_ref().unwrap_or(&cell.name))?,
            baseline: cell.baseline.as_deref().map(text).transpose()?,
            axes,
        };
        if !is_word(&run_kind.name) {
            return Err(format!("`{}`: letters, digits, `.`, `_` and `-` make a name", run_kind.name));
        }
        Ok(Kind { run_kind, shape, cell: cell.clone(), scope })
    };
    scopes.into_iter().map(kind).collect()
}

/// The places of an axis, each with a name and a label, and no two of one name.
fn places_of(axis: &str, places: &Axis, scale: &Scale) -> Result<Vec<toml::Table>, String> {
    let mut places = match places {
        Axis::Places(places) => places.clone(),
        Axis::Word(word) if word == Axis::LADDER => {
            let place = |name: &String| {
                [("name".to_owned(), name.as_str().into())].into_iter().collect::<toml::Table>()
            };
            scale.ladder.iter().map(place).collect()
        }
        Axis::Word(word) => {
            return Err(format!("each.{axis} = {word:?}: expected a list, or \"{}\"", Axis::LADDER));
        }
    };
    if places.is_empty() {
        return Err(format!("each.{axis}: no places: give one at least, as [{{ name = \"short\" }}]"));
    }
    let mut names = Vec::new();
    for place in &mut places {
        let Some(name) = place.get("name").and_then(toml::Value::as_str).map(str::to_owned) else {
            return Err(format!(
                "each.{axis}: a place without a `name`, which is a text, as name = \"short\""
            ));
        };
        place.entry("label").or_insert_with(|| name.as_str().into());
        if names.contains(&name) {
            return Err(format!("each.{axis}: two places are called `{name}`"));
        }
        names.push(name);
    }
    Ok(places)
}

/// Two places of an axis that have one number, by their names: nothing can be drawn along such an axis.
///
/// Parts of a shape may fall together at a small scale, where numbers that are written may not.
pub(crate) fn equal_numbers(places: &Axis) -> Option<(f64, [String; 2])> {
    let Axis::Places(places) = places else { return None };
    let mut written: Vec<(f64, &str)> = Vec::new();
    for place in places {
        let number = match place.get("number") {
            Some(toml::Value::Integer(number)) => *number as f64,
            Some(toml::Value::Float(number)) => *number,
            _ => continue,
        };
        let name = place.get("name").and_then(toml::Value::as_str).unwrap_or_default();
        if let Some((_, other)) = written.iter().find(|(other, _)| other.total_cmp(&number).is_eq()) {
            return Some((number, [(*other).to_owned(), name.to_owned()]));
        }
        written.push((number, name));
    }
    None
}

/// Where a kind stands on an axis. Its number may be a part of the shape: `"1 layers"`.
fn axis_value(axis: &str, place: &toml::Value, measures: &Measures<'_>) -> Result<AxisValue, String> {
    let text = |key: &str| place.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let mut number = place.get("number").cloned();
    number.iter_mut().try_for_each(|number| measures.evaluate_all(number))?;
    let number = match number {
        None => None,
        Some(toml::Value::Float(number)) if number.is_finite() => Some(number),
        Some(toml::Value::Integer(number)) => Some(number as f64),
        Some(other) => return Err(format!("each.{axis}: number = {other}: expected a number")),
    };
    let label = text("label").ok_or_else(|| format!("each.{axis}: a `label` that is no text"))?;
    Ok(AxisValue { name: label, number })
}

/// What belongs to the places of a whole definition: its values, and the ends of the ladder.
pub(crate) fn scope_of(definition: &Definition, scale: &Scale) -> Scope {
    let mut scope = definition.values.clone();
    let ends = [("first", scale.ladder.first()), ("last", scale.ladder.last())];
    let ends = ends.into_iter().filter_map(|(end, name)| Some((end.to_owned(), name?.as_str().into())));
    scope.insert("ladder".into(), ends.collect::<toml::Table>().into());
    scope
}

/// A text with its places filled.
pub(crate) fn filled_text(template: &str, scope: &Scope) -> Result<String, String> {
    match fill(&toml::Value::String(template.to_owned()), scope)? {
        Some(toml::Value::String(text)) => Ok(text),
        _ => Err(format!("{template:?}: expected a text")),
    }
}

/// Whether it can be a part of a folder's name everywhere.
fn is_word(name: &str) -> bool {
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_fine)
}
