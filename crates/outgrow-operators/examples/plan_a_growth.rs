//! Plans a growth of a configuration and prints what the grown model is made of. No weights are needed, and nothing is
//! written.
//!
//! `cargo run -p outgrow-operators --example plan_a_growth -- FOLDER [OPERATOR [FACTOR]]`

use std::{env, error::Error, path::PathBuf};

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, GrowthPlan, Operator, Parameters};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("expected a folder with a config.json")?);
    let operator: Operator = arguments.next().as_deref().unwrap_or("stack").parse()?;
    let factor = arguments.next().as_deref().unwrap_or("2").parse()?;
    let source = LlamaConfig::read(&folder)?;
    let growth = Growth::named(operator, None, Parameters { factor: Some(factor), ..Parameters::default() })?;
    let plan = GrowthPlan::new(&source, [&growth])?;
    println!("{growth}: {plan}");
    for tensor in plan.tensors() {
        let source = tensor.origin.first_source().unwrap_or("nothing of the source");
        println!("{} {:?}: {source}", tensor.name, tensor.shape);
    }
    Ok(())
}
