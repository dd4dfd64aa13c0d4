//! What a tensor of a grown model is made of, as an expression over the source's tensors. Nothing is computed here:
//! values.rs does that.
//!
//! A matrix has rows (outputs) and columns (inputs); a vector is a matrix of one column.

use std::{fmt, sync::Arc};

use outgrow_checkpoint::HostTensor;

/// One tensor of a grown model.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is made of.
    pub origin: Origin,
}

/// An expression whose value is a tensor of the grown model.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// The source's tensor of this name, unchanged.
    Copy {
        /// Its name.
        source: String,
    },
    /// Every value the same, or drawn.
    Fresh(Fill),
    /// Rows and columns of another, and what fills the new ones.
    Widened {
        /// What is widened.
        of: Box<Origin>,
        /// How.
        widening: Widening,
    },
    /// A weighted sum of tensors of one shape.
    Sum {
        /// Weight and tensor. None is zero, but for a tensor alone, of which the signs are left.
        terms: Vec<(f64, Origin)>,
    },
    /// `left · of · rightᵀ`, as LiGO has it (arXiv 2405.15319, A.6).
    Mapped {
        /// What is mapped.
        of: Box<Origin>,
        /// `[rows of the result, rows of what is mapped]`; the identity without it.
        left: Option<Arc<HostTensor>>,
        /// `[columns of the result, columns of what is mapped]`; the identity without it.
        right: Option<Arc<HostTensor>>,
    },
}

/// The four quarters of a grown matrix: `[[W, A], [B, C]]`, but with rows and columns in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Widening {
    /// Where each row comes from; without it they stay.
    pub rows: Option<Channels>,
    /// Where each column comes from; without it they stay.
    pub columns: Option<Channels>,
    /// A: old rows in new columns.
    pub new_columns: Fill,
    /// B: new rows in old columns.
    pub new_rows: Fill,
    /// C: new rows in new columns.
    pub corner: Fill,
}

/// For each row or column of a grown matrix, where it comes from; `None` where it is new.
pub type Channels = Arc<[Option<Channel>]>;

/// A row or column of the source, times a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channel {
    /// Its place in the source.
    pub source: usize,
    /// What it is multiplied by.
    pub scale: f32,
    /// What the gradient with respect to it is multiplied by, to first order: copies that share a reader share its
    /// gradient.
    pub gradient: f32,
}

/// What stands where nothing of the source does.
#[derive(Clone, Debug, PartialEq)]
pub enum Fill {
    /// The same everywhere.
    Constant(f32),
    /// Drawn from a normal distribution around 0. The value at a place depends on nothing but seed, key and place.
    Normal {
        /// Standard deviation.
        standard_deviation: f64,
        /// The growth's seed.
        seed: u64,
        /// The tensor's name, so that no two tensors are alike.
        key: String,
    },
}

impl Fill {
    /// Zero.
    pub const ZERO: Self = Self::Constant(0.0);
}

impl fmt::Display for Fill {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => write!(formatter, "{value} everywhere"),
            Self::Normal { standard_deviation, .. } => {
                write!(formatter, "drawn with a standard deviation of {standard_deviation:.4}")
            }
        }
    }
}

impl Origin {
    /// The source's tensor of this name.
    pub(crate) fn copy(source: impl Into<String>) -> Self {
        Self::Copy { source: source.into() }
    }

    /// Zero everywhere.
    pub(crate) fn zeros() -> Self {
        Self::Fresh(Fill::ZERO)
    }

    /// `self` widened, or itself where rows and columns stay as they are.
    pub(crate) fn widened(self, widening: Widening) -> Self {
        match (&widening.rows, &widening.columns) {
            (None, None) => self,
            _ => Self::Widened { of: Box::new(self), widening },
        }
    }

    /// A tensor of the source times a number. By 0 it becomes zeros that keep its signs, as a product has it.
    pub(crate) fn scaled(scale: f64, source: impl Into<String>) -> Self {
        let copy = Self::copy(source);
        if scale.to_bits() == 1_f64.to_bits() { copy } else { Self::Sum { terms: vec![(scale, copy)] } }
    }

    /// Whether it is a tensor times 0.
    pub(crate) fn is_silenced(&self) -> bool {
        matches!(self, Self::Sum { terms } if terms.iter().all(|(weight, _)| *weight == 0.0))
    }

    /// A sum without its zero terms; a single term of weight 1 is that term.
    pub(crate) fn sum(terms: impl IntoIterator<Item = (f64, Self)>) -> Self {
        let mut terms: Vec<_> = terms.into_iter().filter(|(weight, _)| *weight != 0.0).collect();
        match &terms[..] {
            [] => Self::zeros(),
            [(weight, _)] if weight.to_bits() == 1_f64.to_bits() => terms.remove(0).1,
            _ => Self::Sum { terms },
        }
    }

    /// The same expression over the tensors that the source's tensors are made of themselves: two growths in one.
    pub(crate) fn over(&self, earlier: &impl Fn(&str) -> Self) -> Self {
        match self {
            Self::Copy { source } => earlier(source),
            Self::Fresh(fill) => Self::Fresh(fill.clone()),
            Self::Widened { of, widening } => of.over(earlier).widened(widening.clone()),
            Self::Sum { terms } if self.is_silenced() => Self::Sum {
                terms: terms.iter().map(|(weight, term)| (*weight, term.over(earlier))).collect(),
            },
            Self::Sum { terms } => {
                Self::sum(terms.iter().map(|(weight, term)| (*weight, term.over(earlier))))
            }
            Self::Mapped { of, left, right } => {
                Self::Mapped { of: Box::new(of.over(earlier)), left: left.clone(), right: right.clone() }
            }
        }
    }

    /// Calls `visit` with the name of every tensor of the source that the value depends on, as often as it stands
    /// there.
    pub(crate) fn visit_sources<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Self::Copy { source } => visit(source),
            Self::Fresh(_) => {}
            Self::Widened { of, .. } | Self::Mapped { of, .. } => of.visit_sources(visit),
            Self::Sum { terms } => terms.iter().for_each(|(_, term)| term.visit_sources(visit)),
        }
    }

    /// The first tensor of the source that the value depends on: a made tensor is stored as that one is.
    pub fn first_source(&self) -> Option<&str> {
        let mut first = None;
        self.visit_sources(&mut |name| first = first.or(Some(name)));
        first
    }
}
