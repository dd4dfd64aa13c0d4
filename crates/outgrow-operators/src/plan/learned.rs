//! Learned growth (G_learn, arXiv 2405.15319, A.6; LiGO, arXiv 2303.00980): every tensor of the grown model is a linear
//! map of the source's. Here are the matrices and what they mean; training them is not done here.

use std::{collections::BTreeMap, sync::Arc};

use outgrow_checkpoint::{
    HostTensor, LlamaConfig,
    tensor_names::{layer_index, name_in_layer, with_layer_index},
};

use crate::{
    error::GrowthError,
    growth::{Growth, LearnedMatrices},
    plan::{draw::draw_row, origin::Origin, part::Part},
};

/// The width matrices `[grown, source]`, by the names they have in a file.
const WIDTH_NAMES: [&str; 5] =
    ["width.embedding", "width.query", "width.key", "width.value", "width.feed_forward"];

impl LearnedMatrices {
    /// The matrices that training begins with: in width `[I; N(0, 1/D)]`, in depth the tiled identity, which is a
    /// stack.
    pub fn initial(source: &LlamaConfig, target: &LlamaConfig, seed: u64) -> Self {
        let mut matrices = BTreeMap::new();
        for (name, [source_size, target_size]) in WIDTH_NAMES.iter().zip(widths(source, target)) {
            if source_size != target_size {
                matrices.insert(
                    (*name).to_owned(),
                    Arc::new(padded_identity(name, target_size, source_size, seed)),
                );
            }
        }
        let (layers, source_layers) = (target.num_hidden_layers, source.num_hidden_layers);
        if layers != source_layers {
            let tiled = Arc::new(tiled_identity(layers, source_layers));
            matrices.extend(
                layer_kinds(source).into_iter().map(|kind| (format!("depth.{kind}"), Arc::clone(&tiled))),
            );
        }
        Self { matrices }
    }

    /// The same with a width matrix for every size, also where it stays: there the identity, which changes nothing
    /// until it is trained.
    #[must_use]
    pub fn with_identities(mut self, source: &LlamaConfig, target: &LlamaConfig) -> Self {
        for (name, [source_size, target_size]) in WIDTH_NAMES.iter().zip(widths(source, target)) {
            if source_size == target_size {
                let identity = || Arc::new(tiled_identity(source_size, source_size));
                self.matrices.entry((*name).to_owned()).or_insert_with(identity);
            }
        }
        self
    }

    /// The matrices that a growth begins with: those that it names, or the initial ones. `None` of a growth by another
    /// operator.
    ///
    /// # Errors
    /// A file of matrices that nothing has read.
    pub fn of_growth(
        source: &LlamaConfig,
        target: &LlamaConfig,
        growth: &Growth,
    ) -> Result<Option<Self>, GrowthError> {
        match growth {
            Growth::Learned { matrices: Some(file), .. } => file.matrices().cloned().map(Some),
            Growth::Learned { matrices: None, seed, .. } => Ok(Some(Self::initial(source, target, *seed))),
            _ => Ok(None),
        }
    }

    /// Checks names and shapes against source and target.
    ///
    /// # Errors
    /// All problems in one message.
    pub(crate) fn check(&self, source: &LlamaConfig, target: &LlamaConfig) -> Result<(), GrowthError> {
        let [mut expected, mut required] = [BTreeMap::new(), BTreeMap::new()];
        for (name, [source_size, target_size]) in WIDTH_NAMES.iter().zip(widths(source, target)) {
            let place = if source_size == target_size { &mut expected } else { &mut required };
            place.insert((*name).to_owned(), [target_size, source_size]);
        }
        let (layers, source_layers) = (target.num_hidden_layers, source.num_hidden_layers);
        for kind in layer_kinds(source) {
            let place = if layers == source_layers { &mut expected } else { &mut required };
            place.insert(format!("depth.{kind}"), [layers, source_layers]);
        }
        let mut problems = Vec::new();
        for (name, matrix) in &self.matrices {
            match expected.get(name).or(required.get(name)) {
                None => problems.push(format!("`{name}` is no matrix of a learned growth")),
                Some(shape) if matrix.shape != shape => {
                    problems.push(format!("`{name}` has shape {:?}, expected {shape:?}", matrix.shape));
                }
                Some(_) => {}
            }
        }
        let missing = required.iter().filter(|(name, _)| !self.matrices.contains_key(*name));
        problems
            .extend(missing.map(|(name, shape)| format!("`{name}` is missing, expected shape {shape:?}")));
        let groups = [source, target].map(|model| model.num_attention_heads / model.num_key_value_heads);
        if groups[0] != groups[1] {
            problems.push(format!(
                "{} queries share a key in the source and {} in the grown model; learned growth keeps that number",
                groups[0], groups[1]
            ));
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(GrowthError::Matrices { problems: problems.join("; ") })
        }
    }

    /// The matrix that adds layers up for this tensor, and the row of it that does.
    pub(crate) fn depth_of(&self, name: &str) -> Option<(Side, usize)> {
        let layer = layer_index(name)?;
        let matrix = format!("depth.{}", name_in_layer(name));
        let side = Side { matrix: Arc::clone(self.matrices.get(&matrix)?), name: matrix, repeats: None };
        Some((side, layer))
    }

    /// Whether there are matrices that map rows, and columns, of what plays this part.
    pub(crate) fn has_sides(&self, part: Part) -> [bool; 2] {
        side_names(part)
            .map(|name| name.is_some_and(|name| self.matrices.contains_key(&format!("width.{name}"))))
    }

    fn side(&self, name: &str) -> Option<Side> {
        let name = format!("width.{name}");
        Some(Side { matrix: Arc::clone(self.matrices.get(&name)?), name, repeats: None })
    }
}

/// The width matrices that map rows and columns of what plays a part.
fn side_names(part: Part) -> [Option<&'static str>; 2] {
    match part {
        Part::Embedding | Part::Head => [None, Some("embedding")],
        Part::Norm | Part::FinalNorm | Part::OutputBias => [Some("embedding"), None],
        Part::QueryBias => [Some("query"), None],
        Part::KeyBias => [Some("key"), None],
        Part::ValueBias => [Some("value"), None],
        Part::Query => [Some("query"), Some("embedding")],
        Part::Key => [Some("key"), Some("embedding")],
        Part::Value => [Some("value"), Some("embedding")],
        Part::Output => [Some("embedding"), Some("value")],
        Part::Gate | Part::Up => [Some("feed_forward"), Some("embedding")],
        Part::Down => [Some("embedding"), Some("feed_forward")],
    }
}

/// Matrices as they map the tensors of a source.
#[derive(Debug)]
pub(crate) struct Maps<'a> {
    pub(crate) matrices: &'a LearnedMatrices,
    pub(crate) source: &'a LlamaConfig,
    /// The value matrix for the columns of `o_proj`; made once, as every layer has it.
    over_queries: Option<Side>,
}

impl<'a> Maps<'a> {
    /// Of matrices that fit the source.
    pub(crate) fn new(matrices: &'a LearnedMatrices, source: &'a LlamaConfig) -> Self {
        let over_queries = matrices.side("value").map(|value| value.for_queries(source));
        Self { matrices, source, over_queries }
    }

    /// What the tensor `name` of the grown model is made of. The paper maps each layer in width and then adds layers
    /// up; all layers share the width matrices, so the sum is mapped here, once.
    pub(crate) fn origin(&self, part: Part, name: &str) -> Origin {
        let of = self.layers_added(name);
        let [left, right] = self.sides(part).map(|side| side.map(|side| side.matrix));
        if left.is_none() && right.is_none() { of } else { Origin::Mapped { of: Box::new(of), left, right } }
    }

    /// What is mapped in width: the source's tensor, or the sum over its layers.
    pub(crate) fn layers_added(&self, name: &str) -> Origin {
        let Some((depth, layer)) = self.matrices.depth_of(name) else { return Origin::copy(name) };
        let source_layers = self.source.num_hidden_layers;
        let weights = &depth.matrix.values[layer * source_layers..][..source_layers];
        Origin::sum(weights.iter().enumerate().map(|(source_layer, weight)| {
            (f64::from(*weight), Origin::copy(with_layer_index(name, source_layer)))
        }))
    }

    /// The matrices that map rows and columns of what plays this part.
    pub(crate) fn sides(&self, part: Part) -> [Option<Side>; 2] {
        let [left, right] = side_names(part).map(|name| self.matrices.side(name?));
        [left, if part == Part::Output { self.over_queries.clone() } else { right }]
    }
}

/// A matrix where it maps something.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// Its name in a file.
    pub(crate) name: String,
    /// Its values as they are multiplied.
    pub(crate) matrix: Arc<HostTensor>,
    /// How its values repeat those in the file; `None` where they are the same.
    repeats: Option<Repeats>,
}

/// A matrix over keys, over queries: each block of `head_dim` for each of a group's queries.
#[derive(Clone, Copy, Debug)]
struct Repeats {
    group: usize,
    head_dim: usize,
}

impl Repeats {
    /// The row or column of the keys that one of the queries is, and which query of its group it is of.
    fn of_query(self, index: usize) -> (usize, usize) {
        let Self { group, head_dim } = self;
        let head = index / head_dim;
        (head / group * head_dim + index % head_dim, head % group)
    }
}

impl Side {
    /// The value matrix for the columns of `o_proj`, which every query of a group has.
    fn for_queries(self, source: &LlamaConfig) -> Self {
        let group = source.num_attention_heads / source.num_key_value_heads;
        if group == 1 {
            return self;
        }
        let repeats = Repeats { group, head_dim: source.head_dim };
        let [rows, columns] = [self.matrix.shape[0], self.matrix.shape[1]];
        let mut values = vec![0.0; rows * group * columns * group];
        for (row, values) in values.chunks_exact_mut(columns * group).enumerate() {
            let (key_row, query) = repeats.of_query(row);
            for (column, value) in values.iter_mut().enumerate() {
                let (key_column, other) = repeats.of_query(column);
                if query == other {
                    *value = self.matrix.values[key_row * columns + key_column];
                }
            }
        }
        let matrix = Arc::new(HostTensor { shape: vec![rows * group, columns * group], values });
        Self { matrix, repeats: Some(repeats), ..self }
    }

    /// Adds the gradient with respect to the values as they are multiplied to that of the values in the file.
    pub(crate) fn add_gradient(&self, gradient: &[f32], sum: &mut [f32]) {
        let Some(repeats) = self.repeats else {
            sum.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value);
            return;
        };
        let columns = self.matrix.shape[1];
        for (row, gradient) in gradient.chunks_exact(columns).enumerate() {
            let (key_row, query) = repeats.of_query(row);
            for (column, value) in gradient.iter().enumerate() {
                let (key_column, other) = repeats.of_query(column);
                if query == other {
                    sum[key_row * (columns / repeats.group) + key_column] += value;
                }
            }
        }
    }
}

/// Source and grown size of what each width matrix maps, in the order of [`WIDTH_NAMES`].
fn widths(source: &LlamaConfig, target: &LlamaConfig) -> [[usize; 2]; 5] {
    let both = |size: fn(&LlamaConfig) -> usize| [size(source), size(target)];
    let keys = both(|model| model.num_key_value_heads * model.head_dim);
    [
        both(|model| model.hidden_size),
        both(|model| model.num_attention_heads * model.head_dim),
        keys,
        keys,
        both(|model| model.intermediate_size),
    ]
}

/// `self_attn.q_proj.weight` and so on.
fn layer_kinds(source: &LlamaConfig) -> Vec<String> {
    let tensors = source.tensors();
    tensors
        .iter()
        .filter(|one| layer_index(&one.name) == Some(0))
        .map(|one| name_in_layer(&one.name).to_owned())
        .collect()
}

fn padded_identity(name: &str, rows: usize, columns: usize, seed: u64) -> HostTensor {
    let mut values = vec![0.0; rows * columns];
    for (row, values) in values.chunks_exact_mut(columns).enumerate() {
        match values.get_mut(row) {
            Some(diagonal) => *diagonal = 1.0,
            None => draw_row(1.0 / (rows as f64).sqrt(), seed, name, row, values),
        }
    }
    HostTensor { shape: vec![rows, columns], values }
}

fn tiled_identity(rows: usize, columns: usize) -> HostTensor {
    let one = |index: usize| if (index / columns) % columns == index % columns { 1.0 } else { 0.0 };
    HostTensor { shape: vec![rows, columns], values: (0..rows * columns).map(one).collect() }
}
