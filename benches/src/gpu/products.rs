//! Matrix products through burn at the shapes of the models, in the three arrangements that a linear map needs.
//!
//! The largest of them, and a large square one, are what MFU is measured against. What a layer makes of them is
//! pieces.rs's.

use std::time::Duration;

use burn::tensor::{Device, Tensor};
use outgrow_kernels::Precision;
use serde_json::json;

use super::{
    models::{Model, SMALL},
    record::Record,
    tensors::{normal_in, precisions},
    timing::time,
};

const PATIENCE: Duration = Duration::from_millis(250);
/// Rows of the products of layers, and of heads, whose logits would be large.
const ROWS: [usize; 2] = [16_384, 4096];

/// A product of a linear map from `inputs` to `outputs` over `rows` rows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Product {
    name: String,
    rows: usize,
    inputs: usize,
    outputs: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrangement {
    /// `x · wᵀ`: NT.
    Forward,
    /// `dy · w`: NN.
    InputGradient,
    /// `dyᵀ · x`: TN.
    WeightGradient,
}

impl Arrangement {
    const ALL: [Self; 3] = [Self::Forward, Self::InputGradient, Self::WeightGradient];

    fn name(self) -> &'static str {
        match self {
            Self::Forward => "NT",
            Self::InputGradient => "NN",
            Self::WeightGradient => "TN",
        }
    }
}

/// All products, forward ones before gradients and the best precision before f32.
pub(crate) fn run(record: &Record, models: &[Model], device: &Device) -> anyhow::Result<()> {
    let small = models.iter().all(|model| model.name == SMALL);
    let side = if small { 256 } else { 8192 };
    let square = Product { name: format!("{side}³"), rows: side, inputs: side, outputs: side };
    for precision in precisions(device) {
        measure(record, &square, Arrangement::Forward, precision, device)?;
        for arrangement in Arrangement::ALL {
            for product in models.iter().flat_map(|model| products(model, small)) {
                measure(record, &product, arrangement, precision, device)?;
            }
        }
    }
    Ok(())
}

/// The four that differ: keys and values are as queries where heads aren't grouped, and up is as gate.
fn products(model: &Model, small: bool) -> [Product; 4] {
    let [of_layers, of_head] = if small { [model.tokens(); 2] } else { ROWS };
    let product = |name: &str, rows, inputs, outputs| Product {
        name: format!("{} {name}", model.name),
        rows,
        inputs,
        outputs,
    };
    [
        product("queries", of_layers, model.hidden, model.hidden),
        product("gate", of_layers, model.hidden, model.intermediate),
        product("down", of_layers, model.intermediate, model.hidden),
        product("head", of_head, model.hidden, model.vocabulary),
    ]
}

fn measure(
    record: &Record,
    product: &Product,
    arrangement: Arrangement,
    precision: Precision,
    device: &Device,
) -> anyhow::Result<()> {
    let Product { name, rows, inputs, outputs } = product;
    let (rows, inputs, outputs) = (*rows, *inputs, *outputs);
    record.measure(&format!("{name} {} in {precision}", arrangement.name()), || {
        let matrix = |rows: usize, columns: usize| normal_in::<2>([rows, columns], precision, device);
        let (left, right) = match arrangement {
            Arrangement::Forward => (matrix(rows, inputs), matrix(outputs, inputs).transpose()),
            Arrangement::InputGradient => (matrix(rows, outputs), matrix(outputs, inputs)),
            Arrangement::WeightGradient => (matrix(rows, outputs).transpose(), matrix(rows, inputs)),
        };
        let multiply = || -> anyhow::Result<Tensor<2>> { Ok(left.clone().matmul(right.clone())) };
        let timed = time(device, PATIENCE, multiply)?;
        let flops = 2.0 * rows as f64 * inputs as f64 * outputs as f64;
        let mut line = timed.json();
        line.insert("product".to_owned(), json!(name));
        line.insert("arrangement".to_owned(), json!(arrangement.name()));
        line.insert("rows_inputs_outputs".to_owned(), json!([rows, inputs, outputs]));
        line.insert("precision".to_owned(), json!(precision));
        line.insert("teraflops".to_owned(), json!(flops / timed.milliseconds / 1e9));
        Ok(line)
    })
}
