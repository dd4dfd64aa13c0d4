//! Attention to a window of the sequence, where it follows from the number of a layer. Files that list their layers'
//! kinds have no need of this.

use serde_json::{Map, Value};

use super::{Growing, Refusal, refusal};

const MAX_WINDOW_LAYERS: &str = "max_window_layers";
const LAYER_TYPES: &str = "layer_types";

/// What an architecture makes of `max_window_layers`, in version 5.23 of transformers. All of these prefer
/// `layer_types`.
struct Windows {
    model_type: &'static str,
    /// The number without the key.
    default: u64,
    /// Whether there are no windows without `use_sliding_window`.
    has_switch: bool,
    layers: WindowLayers,
}

/// The layers that have a window.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WindowLayers {
    /// From this one on.
    From,
    /// Those with an even number below this one.
    EvenBelow,
}

const WINDOWS: [Windows; 4] = [
    Windows { model_type: "qwen2", default: 28, has_switch: true, layers: WindowLayers::From },
    Windows { model_type: "qwen3", default: 28, has_switch: true, layers: WindowLayers::From },
    Windows { model_type: "dots1", default: 62, has_switch: false, layers: WindowLayers::From },
    Windows { model_type: "qwen2_moe", default: 28, has_switch: true, layers: WindowLayers::EvenBelow },
];

impl Growing<'_> {
    /// Keeps the number where it can say of the grown model what it says of the source, and else lists the layers'
    /// kinds.
    pub(super) fn windows(&self, grown: &mut Map<String, Value>) -> Result<(), Refusal> {
        // Whichever layers have a window that no text is longer than, it makes no difference.
        if self.number("sliding_window") >= Some(self.number("max_position_embeddings").unwrap_or(usize::MAX))
        {
            return Ok(());
        }
        let rule = WINDOWS.iter().find(|rule| self.is_of_type(rule.model_type));
        let Some(count) = self.max_window_layers(rule) else { return Ok(()) };
        let is_listed = self.get(LAYER_TYPES).is_some();
        // An architecture that isn't known is taken to be like Qwen.
        if rule.is_none_or(|rule| rule.layers == WindowLayers::From) {
            match self.at_the_bottom(MAX_WINDOW_LAYERS, &count) {
                Ok(below) => {
                    grown.insert(MAX_WINDOW_LAYERS.to_owned(), below.into());
                    return Ok(());
                }
                Err(error) if rule.is_none() && !is_listed => return Err(error),
                Err(_) => {}
            }
        }
        if let Some(rule) = rule.filter(|_| !is_listed) {
            grown.insert(LAYER_TYPES.to_owned(), self.window_types(rule.layers, &count)?);
        }
        Ok(())
    }

    /// The number that decides, be it in the file or not; `None` where there are no windows.
    fn max_window_layers(&self, rule: Option<&Windows>) -> Option<Value> {
        let is_on = match rule {
            Some(rule) if !rule.has_switch => true,
            Some(_) | None => self.get("use_sliding_window") == Some(&Value::Bool(true)),
        };
        // Left out, the window has a width by default; null, it has none.
        if !is_on || self.source.get("sliding_window") == Some(&Value::Null) {
            return None;
        }
        self.get(MAX_WINDOW_LAYERS).cloned().or_else(|| rule.map(|rule| rule.default.into()))
    }

    fn window_types(&self, layers: WindowLayers, count: &Value) -> Result<Value, Refusal> {
        let number = count
            .as_u64()
            .ok_or_else(|| refusal(MAX_WINDOW_LAYERS, &format!("is {count}, expected a whole number")))?;
        let has_window = |layer: u64| match layers {
            WindowLayers::From => layer >= number,
            WindowLayers::EvenBelow => layer < number && layer.is_multiple_of(2),
        };
        let kind = |layer: &usize| {
            if has_window(*layer as u64) { "sliding_attention" } else { "full_attention" }
        };
        Ok(self.layers.iter().map(kind).collect())
    }
}
