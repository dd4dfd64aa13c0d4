//! The config.json of a model that grew in depth, of any architecture. What speaks of single layers is grown with them,
//! exactly: lists with an entry for each layer, lists of layers' numbers, counts of layers at the bottom. What the file
//! leaves to the number of a layer is written out where the architecture has a list for it. What can't be said of the
//! grown model is refused by name. It sees no tensors.
//!
//! Architectures that nothing is known of pass: most decoders' layers are all alike.

mod architectures;
mod windows;

use serde_json::{Map, Value};

use self::architectures::{
    ALTERNATIONS, AT_THE_BOTTOM, Alternation, BY_NUMBER, ByNumber, Kind, LIST_DENSE_LAYERS, LISTS_NEEDED,
    NUMBERS_OF_LAYERS, OTHER_LISTS, PER_LAYER, PER_LAYER_OR_ONE, PERIODS, Special, UNGROWABLE,
};

const NUM_HIDDEN_LAYERS: &str = "num_hidden_layers";
/// Other names for the number of layers that files have beside the usual one.
const SAME_NUMBER: [&str; 3] = ["n_layer", "n_layers", "num_layers"];

/// The period of layers with experts, and the list of those that have none whatever their place in it.
const SPARSE_STEP: &str = "decoder_sparse_step";
const DENSE_LAYERS: &str = "mlp_only_layers";

/// A key of config.json, and what is wrong with it.
type Refusal = (String, String);

/// The configuration of the model whose layer `i` is made of the source's layer `layers[i]`. All entries of `layers`
/// are layers of the source.
///
/// # Errors
/// The first key that can't be grown, and why.
pub(crate) fn grown_config(raw: &Value, source_layers: usize, layers: &[usize]) -> Result<Value, Refusal> {
    let source = raw.as_object().ok_or_else(|| refusal("config.json", "expected a JSON object"))?;
    let growing = Growing { source, source_layers, layers };
    growing.check_count()?;
    if layers.iter().copied().eq(0..source_layers) {
        return Ok(raw.clone());
    }
    growing.refuse_ungrowable()?;
    let mut grown = source.clone();
    growing.alternation(&mut grown)?;
    for (key, value) in source.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(value) = growing.value(key, value)? {
            grown.insert(key.clone(), value);
        }
    }
    growing.layers_at_the_bottom(&mut grown)?;
    growing.windows(&mut grown)?;
    growing.periods(&mut grown)?;
    for key in SAME_NUMBER.into_iter().filter(|key| growing.number(key) == Some(source_layers)) {
        grown.insert(key.to_owned(), layers.len().into());
    }
    grown.insert(NUM_HIDDEN_LAYERS.to_owned(), layers.len().into());
    Ok(Value::Object(grown))
}

struct Growing<'a> {
    source: &'a Map<String, Value>,
    source_layers: usize,
    layers: &'a [usize],
}

impl Growing<'_> {
    /// Null and absent are the same.
    fn get(&self, key: &str) -> Option<&Value> {
        self.source.get(key).filter(|value| !value.is_null())
    }

    fn number(&self, key: &str) -> Option<usize> {
        self.get(key)?.as_u64().and_then(|number| usize::try_from(number).ok())
    }

    fn is_of_type(&self, model_type: &str) -> bool {
        self.get("model_type").is_some_and(|found| found == model_type)
    }

    fn check_count(&self) -> Result<(), Refusal> {
        let (found, count) = (self.get(NUM_HIDDEN_LAYERS), self.source_layers);
        if self.number(NUM_HIDDEN_LAYERS) == Some(count) {
            return Ok(());
        }
        // Of a model with a decoder inside, the better reason is that.
        self.refuse_ungrowable()?;
        let found = found.map_or_else(|| "is missing".to_owned(), |found| format!("is {found}"));
        Err(refusal(NUM_HIDDEN_LAYERS, &format!("{found}, but the tensors are of {count} layers")))
    }

    fn refuse_ungrowable(&self) -> Result<(), Refusal> {
        for (key, reason) in UNGROWABLE {
            if let Some(value) = self.get(key).filter(|value| !is_nothing(value)) {
                let shown = if value.is_object() || value.is_array() {
                    String::new()
                } else {
                    format!("is {value}: ")
                };
                return Err(refusal(key, &format!("{shown}{reason}")));
            }
        }
        match BY_NUMBER.into_iter().find(|(model_type, _)| self.is_of_type(model_type)) {
            Some((model_type, reason)) => {
                Err(refusal("model_type", &format!("is \"{model_type}\": {reason}")))
            }
            None => Ok(()),
        }
    }

    /// Writes the list of an architecture that alternates by the layer's number. The key with its period goes: of the
    /// grown model it would say something else.
    fn alternation(&self, grown: &mut Map<String, Value>) -> Result<(), Refusal> {
        for rule in ALTERNATIONS.iter().filter(|rule| self.is_of_type(rule.model_type)) {
            // An empty list of them is no list to the architectures that have it.
            if self.get(rule.list).is_none_or(is_nothing) {
                let kinds = self.alternating(rule)?;
                grown.insert(rule.list.to_owned(), kinds);
            }
            if let Some(key) = rule.period_key {
                grown.shift_remove(key);
            }
        }
        for (_, list) in LISTS_NEEDED.into_iter().filter(|(model_type, _)| self.is_of_type(model_type)) {
            if self.get(list).is_none() {
                let reason =
                    "is missing: this architecture then goes by the layers' numbers; write the list out";
                return Err(refusal(list, reason));
            }
        }
        Ok(())
    }

    fn alternating(&self, rule: &Alternation) -> Result<Value, Refusal> {
        let period = match rule.period_key.and_then(|key| Some((key, self.get(key)?))) {
            None => rule.period,
            Some((key, value)) => value.as_u64().filter(|period| *period > 0).ok_or_else(|| {
                refusal(
                    key,
                    &format!("is {value}, expected a whole number from 1; or write `{}` out", rule.list),
                )
            })?,
        };
        // Without a window, which the file has to say, there is nothing to alternate.
        let is_uniform =
            rule.model_type == "exaone4" && self.source.get("sliding_window") == Some(&Value::Null);
        let [special, other] = rule.kinds;
        let kind = |layer: &usize| {
            let place = *layer as u64 % period;
            let is_special = match rule.special {
                Special::First => place == 0,
                Special::Last => place == period - 1,
            };
            match if is_special || is_uniform { special } else { other } {
                Kind::Name(name) => Value::from(name),
                Kind::Number(number) => Value::from(number),
            }
        };
        Ok(self.layers.iter().map(kind).collect())
    }

    /// The new value of a key that is there; `None` if it stays as it is.
    fn value(&self, key: &str, value: &Value) -> Result<Option<Value>, Refusal> {
        let entries = match value {
            Value::Array(entries) => entries,
            Value::Object(object) if !OTHER_LISTS.contains(&key) => {
                for (inner, value) in object {
                    self.refuse_unknown_list(&format!("{key}.{inner}"), inner, value)?;
                }
                return Ok(None);
            }
            _ if PER_LAYER.contains(&key) => {
                return Err(refusal(key, &format!("is {value}, expected a list with an entry a layer")));
            }
            _ => return Ok(None),
        };
        if NUMBERS_OF_LAYERS.contains(&key) {
            return self.numbers_of_layers(key, entries).map(Some);
        }
        if PER_LAYER.contains(&key) || PER_LAYER_OR_ONE.contains(&key) {
            let is_left_to_the_rule = entries.is_empty() && ALTERNATIONS.iter().any(|rule| rule.list == key);
            return if is_left_to_the_rule { Ok(None) } else { self.per_layer(key, entries).map(Some) };
        }
        self.refuse_unknown_list(key, key, value)?;
        Ok(None)
    }

    fn per_layer(&self, key: &str, entries: &[Value]) -> Result<Value, Refusal> {
        if entries.len() != self.source_layers {
            let (found, count) = (entries.len(), self.source_layers);
            return Err(refusal(key, &format!("has {found} entries, expected {count}: one for each layer")));
        }
        Ok(self.layers.iter().map(|layer| entries[*layer].clone()).collect())
    }

    /// A layer of the grown model is in the list if the one that it is made of was.
    fn numbers_of_layers(&self, key: &str, entries: &[Value]) -> Result<Value, Refusal> {
        let mut listed = vec![false; self.source_layers];
        for entry in entries {
            let place = entry.as_u64().and_then(|number| listed.get_mut(usize::try_from(number).ok()?));
            let last = self.source_layers.saturating_sub(1);
            *place.ok_or_else(|| refusal(key, &format!("holds {entry}, expected layers 0 to {last}")))? =
                true;
        }
        Ok(self
            .layers
            .iter()
            .enumerate()
            .filter(|(_, source)| listed[**source])
            .map(|(index, _)| index)
            .collect())
    }

    fn refuse_unknown_list(&self, path: &str, key: &str, value: &Value) -> Result<(), Refusal> {
        let count = value.as_array().map_or(0, Vec::len);
        if count == 0 || count != self.source_layers || OTHER_LISTS.contains(&key) {
            return Ok(());
        }
        let reason =
            format!("has {count} entries, one for each layer it seems, and what they mean is not known here");
        Err(refusal(path, &reason))
    }

    /// Counts of layers at the bottom that differ from those above: right again if the grown ones are at the bottom
    /// too.
    fn layers_at_the_bottom(&self, grown: &mut Map<String, Value>) -> Result<(), Refusal> {
        for rule in AT_THE_BOTTOM {
            if let Some(count) = self.deciding(&rule).filter(|count| *count != 0) {
                grown.insert(rule.key.to_owned(), self.at_the_bottom(rule.key, &count)?.into());
            }
        }
        // The last layer with experts, or -1 for the last of all.
        let key = "moe_layer_end_index";
        if let Some(end) = self.get(key).filter(|end| **end != -1) {
            if self.number(key).is_none_or(|end| end + 1 < self.source_layers) {
                return Err(refusal(
                    key,
                    &format!("is {end}: layers above it are of another kind by their number"),
                ));
            }
            grown.insert(key.to_owned(), (-1).into());
        }
        Ok(())
    }

    fn at_the_bottom(&self, key: &str, count: &Value) -> Result<usize, Refusal> {
        let number =
            count.as_u64().ok_or_else(|| refusal(key, &format!("is {count}, expected a whole number")))?;
        let is_below = |layer: &&usize| (**layer as u64) < number;
        let below = self.layers.iter().take_while(is_below).count();
        if self.layers[below..].iter().any(|layer| is_below(&layer)) {
            let reason = "the layers of this kind would not all be at the bottom of the grown model";
            return Err(refusal(key, &format!("is {number}: {reason}")));
        }
        Ok(below)
    }

    /// A number that kinds of layers follow from, be it in the file or not; `None` where they don't.
    fn deciding(&self, rule: &ByNumber) -> Option<Value> {
        if rule.list.is_some_and(|list| self.get(list).is_some()) {
            return None;
        }
        let default = rule.defaults.iter().find(|(model_type, _)| self.is_of_type(model_type));
        self.get(rule.key).cloned().or_else(|| default.map(|(_, number)| (*number).into()))
    }

    /// A period stays right if each layer keeps its place in it.
    fn periods(&self, grown: &mut Map<String, Value>) -> Result<(), Refusal> {
        for rule in PERIODS {
            let key = rule.key;
            let Some(value) = self.deciding(&rule).filter(|value| !value.is_array()) else { continue };
            let period = value.as_u64().filter(|period| *period > 0);
            let period =
                period.ok_or_else(|| refusal(key, &format!("is {value}, expected a whole number from 1")))?;
            let keeps_its_place =
                |(index, source): (usize, &usize)| index as u64 % period == *source as u64 % period;
            if self.layers.iter().enumerate().all(keeps_its_place) {
                continue;
            }
            if key != SPARSE_STEP || !LIST_DENSE_LAYERS.iter().any(|model_type| self.is_of_type(model_type)) {
                let reason = "layers of the grown model would be of another kind than those they are made of";
                return Err(refusal(key, &format!("is {period}: {reason}")));
            }
            self.list_dense_layers(period, grown);
        }
        Ok(())
    }

    /// Layers without experts by their place in a period: in the grown model, by a list.
    fn list_dense_layers(&self, period: u64, grown: &mut Map<String, Value>) {
        let listed = self.get(DENSE_LAYERS).and_then(Value::as_array);
        let is_dense = |source: usize| {
            listed.is_some_and(|listed| listed.iter().any(|layer| *layer == source))
                || !(source as u64 + 1).is_multiple_of(period)
        };
        let layers = self.layers.iter().enumerate();
        let dense = layers.filter(|(_, source)| is_dense(**source)).map(|(index, _)| Value::from(index));
        grown.insert(DENSE_LAYERS.to_owned(), dense.collect());
        grown.insert(SPARSE_STEP.to_owned(), 1.into());
    }
}

/// Values that say that a feature is not there.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(entries) => entries.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) => false,
    }
}

fn refusal(key: &str, problem: &str) -> Refusal {
    (key.to_owned(), problem.to_owned())
}

#[cfg(test)]
mod tests;
