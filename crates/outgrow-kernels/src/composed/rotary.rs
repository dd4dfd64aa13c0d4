//! Rotary position embedding in Hugging Face's layout, where a head's halves are the pairs ("rotate-half").
//!
//! burn's own rotary module pairs neighbours, as Meta's first code does; checkpoints in Hugging Face's format need this
//! one.

use burn::tensor::{Device, Tensor, TensorData};

/// Cosines and sines by position: both `[1, 1, positions, head_dim]`, each half of the last dimension holding the same
/// angles.
#[derive(Clone, Debug)]
pub struct RotaryTable {
    cosines: Tensor<4>,
    sines: Tensor<4>,
}

impl RotaryTable {
    /// The table of the first `positions` positions; `frequencies` are radians per position, one for each of the
    /// `head_dim / 2` pairs.
    ///
    /// ```
    /// use outgrow_kernels::{DeviceName, RotaryTable, open_device};
    ///
    /// // A head of four values turns its two pairs at two speeds.
    /// let table = RotaryTable::new(&[1.0, 0.01], 128, &open_device(DeviceName::Flex)?);
    /// assert_eq!(table.positions(), 128);
    /// # Ok::<(), outgrow_kernels::DeviceError>(())
    /// ```
    pub fn new(frequencies: &[f64], positions: usize, device: &Device) -> Self {
        let table = |function: fn(f64) -> f64| {
            let values = (0..positions)
                .flat_map(|position| {
                    let half =
                        frequencies.iter().map(move |frequency| function(position as f64 * frequency) as f32);
                    half.clone().chain(half)
                })
                .collect::<Vec<_>>();
            Tensor::from_data(TensorData::new(values, [1, 1, positions, 2 * frequencies.len()]), device)
        };
        Self { cosines: table(f64::cos), sines: table(f64::sin) }
    }

    /// The same with all cosines and sines multiplied by a factor: what is turned by it becomes so much longer.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { cosines: self.cosines * factor, sines: self.sines * factor }
    }

    /// How many positions the table covers.
    pub fn positions(&self) -> usize {
        self.cosines.dims()[2]
    }

    /// Where the table is.
    pub fn device(&self) -> Device {
        self.cosines.device()
    }

    /// The part of the table for `positions` positions from `first_position` on.
    ///
    /// # Panics
    /// When the table ends before them.
    #[must_use]
    pub fn narrow(&self, first_position: usize, positions: usize) -> Self {
        let part = |table: &Tensor<4>| table.clone().narrow(2, first_position, positions);
        Self { cosines: part(&self.cosines), sines: part(&self.sines) }
    }

    /// Cosines and sines, on the device without autodiff.
    pub fn tables(&self) -> [Tensor<4>; 2] {
        [&self.cosines, &self.sines]
            .map(|table| if table.is_autodiff() { table.clone().inner() } else { table.clone() })
    }

    /// The same table beside tensors that have autodiff.
    #[must_use]
    pub fn autodiff(&self) -> Self {
        let lift = |table: &Tensor<4>| Tensor::from_inner(table.clone());
        Self { cosines: lift(&self.cosines), sines: lift(&self.sines) }
    }
}

/// Rotates queries or keys `[batch, heads, sequence, head_dim]` by their positions, which are the table's from its
/// first on.
///
/// With `x = [a, b]` split in the middle of a head: `[a·cos − b·sin, b·cos + a·sin]` (arXiv 2104.09864, eq. 34, with
/// the pairs laid out as halves).
///
/// # Panics
/// When the sequence is longer than the table.
pub fn rotate(input: Tensor<4>, table: &RotaryTable) -> Tensor<4> {
    let [_, _, sequence, head_dim] = input.dims();
    assert!(
        sequence <= table.positions(),
        "a rotary table of {} positions for a sequence of {sequence}",
        table.positions()
    );
    let half = head_dim / 2;
    let first = input.clone().narrow(3, 0, half);
    let second = input.clone().narrow(3, half, half);
    let turned = Tensor::cat(vec![second.neg(), first], 3);
    let cosines = table.cosines.clone().narrow(2, 0, sequence);
    let sines = table.sines.clone().narrow(2, 0, sequence);
    input * cosines + turned * sines
}
