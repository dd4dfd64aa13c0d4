//! YAML as a tree whose nodes know their lines, so that all problems of a recipe can be named with their places at
//! once. It reads one document and resolves aliases. Tags are refused, and what a scalar means is the reader's to say.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Aliases multiply: a file of a few lines can stand for more nodes than there is memory.
const LARGEST_NODES: usize = 100_000;
const LARGEST_DEPTH: usize = 32;
const SHOWN_CHARACTERS: usize = 60;

/// A node and the line that it begins on, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text; `plain` where it stands without quotes, and so may be a number or nothing.
    Scalar { text: String, plain: bool },
    /// Entries.
    List(Vec<Node>),
    /// Keys, each once, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a map, and the line that it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) line: usize,
    pub(crate) name: String,
}

impl Node {
    /// Whether nothing stands there: an empty place, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(&**text, "" | "~" | "null"))
    }

    /// The text of a scalar that isn't nothing.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The node in words, short and on one line, for messages.
    pub(crate) fn shown(&self) -> String {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "nothing".to_owned(),
            Value::Scalar { text, .. } => format!("`{}`", shown(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// Itself and all below it.
    fn nodes(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(entries) => entries.iter().map(Self::nodes).sum(),
            Value::Map(entries) => entries.iter().map(|(_, value)| value.nodes()).sum(),
        }
    }
}

/// A text of the input for a message: on one line, and cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    let cut = if text.chars().nth(SHOWN_CHARACTERS).is_some() { "…" } else { "" };
    let characters = text.chars().take(SHOWN_CHARACTERS);
    characters
        .flat_map(char::escape_debug)
        .filter(|character| *character != '\u{feff}')
        .chain(cut.chars())
        .collect()
}

/// Reads a text of one document. An empty one is nothing.
///
/// # Errors
/// What is wrong, with its line.
pub(crate) fn read(text: &str) -> Result<Node, String> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) =
            event.map_err(|error| format!("line {}: {}", error.marker().line(), error.info()))?;
        builder.take(event, span).map_err(|problem| format!("line {}: {problem}", span.start.line()))?;
    }
    let nothing = Value::Scalar { text: String::new(), plain: true };
    Ok(builder.root.unwrap_or(Node { line: 1, value: nothing }))
}

/// Lists and maps that are still open, outermost first, and what is done.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

struct Open {
    anchor: usize,
    node: Node,
    key: Option<Key>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        let line = span.start.line();
        match event {
            Event::Scalar(_, _, _, Some(tag))
            | Event::SequenceStart(_, Some(tag))
            | Event::MappingStart(_, Some(tag)) => Err(format!(
                "tag `{}` is not read; leave it out",
                shown(&format!("{}{}", tag.handle, tag.suffix))
            )),
            Event::Scalar(text, style, anchor, None) => {
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.close(Node { line, value }, anchor)
            }
            Event::SequenceStart(anchor, None) => self.open(Value::List(Vec::new()), line, anchor),
            Event::MappingStart(anchor, None) => self.open(Value::Map(Vec::new()), line, anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { anchor, node, .. } = self.open.pop().expect("the parser closes what it opened");
                self.close(node, anchor)
            }
            Event::Alias(anchor) => {
                let aliased = self.anchors.get(&anchor).ok_or("an alias stands inside what it names")?;
                let nodes = aliased.nodes();
                let node = Node { line, value: aliased.value.clone() };
                self.count(nodes)?;
                self.place(node)
            }
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 { Err("a second document begins; expected one".into()) } else { Ok(()) }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, value: Value, line: usize, anchor: usize) -> Result<(), String> {
        if self.open.len() == LARGEST_DEPTH {
            return Err(format!("more than {LARGEST_DEPTH} lists and maps inside each other"));
        }
        self.open.push(Open { anchor, node: Node { line, value }, key: None });
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        self.count(1)?;
        // The parser numbers anchors from 1.
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > LARGEST_NODES {
            return Err(format!("more than {LARGEST_NODES} values, those that aliases repeat included"));
        }
        Ok(())
    }

    fn place(&mut self, node: Node) -> Result<(), String> {
        let Some(Open { node: parent, key, .. }) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.value {
            Value::List(entries) => entries.push(node),
            Value::Map(entries) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(new_key(node, entries)?),
            },
            Value::Scalar { .. } => unreachable!("a scalar is never opened"),
        }
        Ok(())
    }
}

fn new_key(node: Node, entries: &[(Key, Node)]) -> Result<Key, String> {
    let Value::Scalar { text: name, .. } = node.value else {
        return Err(format!("{} is a key; expected a name", node.shown()));
    };
    match entries.iter().find(|(key, _)| key.name == name) {
        Some((first, _)) => Err(format!("`{}` stands twice, first in line {}", shown(&name), first.line)),
        None => Ok(Key { line: node.line, name }),
    }
}
