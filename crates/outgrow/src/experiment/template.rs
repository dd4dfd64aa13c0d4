//! Texts with places to fill in: `"{base.tokens}"` in a definition's tables. A text that is nothing but one place
//! becomes what belongs there, whatever it is; within a longer text, what belongs there has to be a text or a number.

/// What places are filled with, by name.
pub(crate) type Scope = toml::Table;

/// Fills all places of a value. A key whose value is `"{axis.key?}"` is dropped where there is no such key.
///
/// # Errors
/// A place that nothing belongs to, with where it stands.
pub(crate) fn fill(value: &toml::Value, scope: &Scope) -> Result<Option<toml::Value>, String> {
    fill_within(value, scope, 0)
}

/// Deeper than any definition nests; one that refers to itself ends here.
const DEEPEST: usize = 16;

fn fill_within(value: &toml::Value, scope: &Scope, depth: usize) -> Result<Option<toml::Value>, String> {
    if depth > DEEPEST {
        return Err("a place that refers to itself".to_owned());
    }
    match value {
        toml::Value::String(text) => fill_text(text, scope, depth),
        toml::Value::Array(items) => {
            let filled = items.iter().filter_map(|item| fill_within(item, scope, depth).transpose());
            Ok(Some(toml::Value::Array(filled.collect::<Result<_, _>>()?)))
        }
        toml::Value::Table(table) => {
            let mut filled = toml::Table::new();
            for (key, item) in table {
                let item = fill_within(item, scope, depth).map_err(|problem| format!("{key}: {problem}"))?;
                if let Some(item) = item {
                    filled.insert(key.clone(), item);
                }
            }
            Ok(Some(toml::Value::Table(filled)))
        }
        other => Ok(Some(other.clone())),
    }
}

fn fill_text(text: &str, scope: &Scope, depth: usize) -> Result<Option<toml::Value>, String> {
    // A text that is one place.
    if let Some(place) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
        && !place.contains(['{', '}'])
    {
        let (path, is_optional) = place.strip_suffix('?').map_or((place, false), |path| (path, true));
        return match look_up(path, scope) {
            Some(found) => fill_within(found, scope, depth + 1),
            None if is_optional => Ok(None),
            None => Err(unknown(path, scope)),
        };
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (path, after) = after.split_once('}').ok_or_else(|| format!("{text:?}: `{{` without `}}`"))?;
        filled.push_str(before);
        let found = look_up(path, scope).ok_or_else(|| unknown(path, scope))?;
        match fill_within(found, scope, depth + 1)? {
            Some(toml::Value::String(word)) => filled.push_str(&word),
            Some(toml::Value::Integer(number)) => filled.push_str(&number.to_string()),
            Some(toml::Value::Float(number)) => filled.push_str(&number.to_string()),
            _ => return Err(format!("{text:?}: {path} is neither a text nor a number")),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(Some(toml::Value::String(filled)))
}

fn look_up<'a>(path: &str, scope: &'a Scope) -> Option<&'a toml::Value> {
    let mut keys = path.split('.');
    let first = scope.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}

fn unknown(path: &str, scope: &Scope) -> String {
    let names: Vec<_> = scope.keys().map(String::as_str).collect();
    format!("nothing belongs to {{{path}}}: there are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        "seed = 3\ncurve = { peak = \"{rate.peak}\" }\nrate = { peak = 1e-3 }\nbase = { name = \"short\" }\nloop = \"{loop}\""
            .parse()
            .unwrap()
    }

    fn filled(text: &str) -> Result<Option<toml::Value>, String> {
        fill(&toml::Value::String(text.to_owned()), &scope())
    }

    #[test]
    fn a_place_becomes_what_belongs_there() {
        assert_eq!(filled("{seed}"), Ok(Some(3.into())));
        assert_eq!(filled("stack-{base.name}-{seed}"), Ok(Some("stack-short-3".into())));
        let curve: toml::Table = "peak = 1e-3".parse().unwrap();
        assert_eq!(filled("{curve}"), Ok(Some(curve.into())), "places within it are filled, too");
    }

    #[test]
    fn a_place_that_may_be_empty_drops_its_key() {
        let table: toml::Value = toml::Value::Table("a = \"{base.sizes?}\"\nb = 1".parse().unwrap());
        let expected: toml::Table = "b = 1".parse().unwrap();
        assert_eq!(fill(&table, &scope()), Ok(Some(expected.into())));
    }

    #[test]
    fn a_place_that_nothing_belongs_to_is_refused_with_what_there_is() {
        let table: toml::Value = toml::Value::Table("a = \"{bas.name}\"".parse().unwrap());
        let problem = fill(&table, &scope()).unwrap_err();
        assert_eq!(problem, "a: nothing belongs to {bas.name}: there are base, curve, loop, rate, seed");
        assert!(filled("{loop}").is_err() && filled("a {seed").is_err());
    }
}
