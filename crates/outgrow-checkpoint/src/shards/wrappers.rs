//! Names of tensors that were saved through a wrapper around the model: `torch.compile`, FSDP, DDP, PEFT. No model has
//! these parts in its own names. Nothing is opened here.

use std::collections::BTreeSet;

use crate::notes::Note;

/// Modules that stand between two others anywhere in a name.
const MODULES: [&str; 3] = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];
/// What stands in front of all names or of none.
const PREFIXES: [&str; 2] = ["module.", "base_model.model."];

/// The wrappers of one folder's names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wrappers {
    modules: BTreeSet<&'static str>,
    prefixes: Vec<&'static str>,
}

impl Wrappers {
    /// Those that are in these names.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.map(without_modules).collect();
        let mut found = Self::default();
        let mut rest: Vec<&str> = names.iter().map(String::as_str).collect();
        while let Some(prefix) = PREFIXES.iter().find(|prefix| all_begin(&rest, prefix)) {
            for name in &mut rest {
                *name = &name[prefix.len()..];
            }
            found.prefixes.push(prefix);
        }
        found
    }

    /// The model's own name of a tensor.
    pub(crate) fn unwrapped(&mut self, name: &str) -> String {
        let found = MODULES.iter().filter(|module| name.split('.').any(|part| part == **module));
        self.modules.extend(found);
        let mut bare = without_modules(name);
        for prefix in &self.prefixes {
            bare = bare.strip_prefix(prefix).map(str::to_owned).unwrap_or(bare);
        }
        bare
    }

    /// What the names were read without; nothing where they are the model's own.
    pub(crate) fn note(&self) -> Option<Note> {
        let modules = self.modules.iter().map(|module| format!("{module}."));
        let wrappers: Vec<String> =
            modules.chain(self.prefixes.iter().map(|prefix| (*prefix).to_owned())).collect();
        (!wrappers.is_empty()).then_some(Note::Unwrapped { wrappers })
    }
}

fn without_modules(name: &str) -> String {
    name.split('.').filter(|part| !MODULES.contains(part)).collect::<Vec<_>>().join(".")
}

fn all_begin(names: &[&str], prefix: &str) -> bool {
    !names.is_empty() && names.iter().all(|name| name.len() > prefix.len() && name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped(names: &[&str]) -> (Vec<String>, String) {
        let mut wrappers = Wrappers::of(names.iter().copied());
        let bare = names.iter().map(|name| wrappers.unwrapped(name)).collect();
        let found = match wrappers.note() {
            Some(Note::Unwrapped { wrappers }) => wrappers.join(" "),
            _ => String::new(),
        };
        (bare, found)
    }

    #[test]
    fn wrappers_are_taken_out_of_names_wherever_they_stand() {
        let (bare, found) = unwrapped(&[
            "_orig_mod.module.lm_head.weight",
            "module.model.layers.0._checkpoint_wrapped_module.mlp.up_proj.weight",
        ]);
        assert_eq!(bare, ["lm_head.weight", "model.layers.0.mlp.up_proj.weight"]);
        assert_eq!(found, "_checkpoint_wrapped_module. _orig_mod. module.");
        assert_eq!(unwrapped(&["base_model.model.lm_head.weight"]).0, ["lm_head.weight"]);
    }

    #[test]
    fn names_of_a_model_stay_as_they_are() {
        for names in [&["module.a", "b"][..], &["module."], &["x_orig_mod.a", "model._orig_modes.b"], &[]] {
            assert_eq!(
                unwrapped(names),
                (names.iter().map(|name| (*name).to_owned()).collect(), String::new())
            );
        }
    }
}
