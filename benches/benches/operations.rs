//! The single operations of a training step on the CPU, at size xs: 2048 tokens, hidden 256, 8 heads, vocabulary 8192.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
#[cfg(target_arch = "x86_64")]
use gemmkit::kernel::{Bf16DotGemmF32, KernelFamily};
use half::bf16;
#[cfg(target_arch = "x86_64")]
use outgrow_kernels::cpu::kernels::matrix::Pairs;
use outgrow_kernels::{
    Precision,
    cpu::kernels::{
        adamw::{Step, Updated, sum_of_squares, update},
        attention::{Attended, AttentionGradients, AttentionOutput, attend, attend_gradients},
        cross_entropy::{Prediction, PredictionGradients, linear_cross_entropy},
        matrix::{Matrix, Store, Threads},
        muon,
        normalization::{Normalized, input_gradient, normalize, weight_gradient},
        rotary::{Angles, Columns, Heads, Turn, merge_heads, split_heads},
        swi_glu::{swi_glu, swi_glu_gradients},
        value::Value,
    },
};

const HEADS: Heads = Heads { batch: 8, sequence: 256, heads: 8, head_dim: 32 };
const TOKENS: usize = 2048;
const HIDDEN: usize = 256;
const INTERMEDIATE: usize = 688;
const VOCABULARY: usize = 8192;

fn numbers(count: usize, salt: usize) -> Vec<f32> {
    (0..count).map(|index| ((index + salt) * 7919 % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn of<T: Value>(count: usize, salt: usize) -> Vec<T> {
    numbers(count, salt).into_iter().map(T::narrow).collect()
}

/// Both kinds of number.
fn both_kinds(criterion: &mut Criterion) {
    products::<f32>(criterion, "f32");
    attention_of::<f32>(criterion, "f32");
    products::<bf16>(criterion, "bf16");
    attention_of::<bf16>(criterion, "bf16");
}

fn products<T: Value>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group(format!("product of {name}"));
    let (input, weight) = (of::<T>(TOKENS * HIDDEN, 1), of(INTERMEDIATE * HIDDEN, 2));
    let gradient = of(TOKENS * INTERMEDIATE, 3);
    let mut target = vec![0.0; TOKENS * INTERMEDIATE];
    let input = Matrix::new(&input, TOKENS, HIDDEN);
    let weight = Matrix::new(&weight, INTERMEDIATE, HIDDEN);
    let gradient = Matrix::new(&gradient, TOKENS, INTERMEDIATE);
    let mut bench = |name: &str, size: usize, left, right| {
        let target = &mut target[..size];
        group.bench_function(name, |bencher| {
            bencher.iter(|| T::multiply(target, Store::Replace, left, right, Threads::All));
        });
    };
    bench("forward", TOKENS * INTERMEDIATE, input, weight.transposed());
    bench("input gradient", TOKENS * HIDDEN, gradient, weight);
    bench("weight gradient", INTERMEDIATE * HIDDEN, gradient.transposed(), input);
    group.finish();
}

fn attention_of<T: Value>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group(format!("attention of {name}"));
    let [query, key, value, gradient] = std::array::from_fn(|salt| of::<T>(HEADS.elements(), salt));
    let output = numbers(HEADS.elements(), 4);
    let attended = Attended {
        query: &query,
        key: &key,
        value: &value,
        heads: HEADS,
        key_value_heads: HEADS.heads,
        first_visible: None,
    };
    let mut logarithms = vec![0.0; TOKENS * HEADS.heads];
    let mut targets: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; HEADS.elements()]);
    group.bench_function("forward", |bencher| {
        bencher.iter(|| attend(&mut targets[0], &mut logarithms, attended));
    });
    group.bench_function("gradients", |bencher| {
        bencher.iter(|| {
            let [query, key, value] = targets.each_mut().map(Vec::as_mut_slice);
            let gradients = AttentionGradients { query, key, value };
            let output = AttentionOutput { gradient: &gradient, values: &output, logarithms: &logarithms };
            attend_gradients(gradients, output, attended);
        });
    });
    group.finish();
}

/// How the operands of a product of bf16 are put in order: here, and by gemmkit itself.
#[cfg(target_arch = "x86_64")]
fn order_of_pairs(criterion: &mut Criterion) {
    pairs::<Pairs<Bf16DotGemmF32>>(criterion, "here");
    pairs::<Bf16DotGemmF32>(criterion, "by gemmkit");
}

#[cfg(target_arch = "x86_64")]
fn pairs<F: KernelFamily<Lhs = bf16, Rhs = bf16>>(criterion: &mut Criterion, name: &str) {
    /// Steps that gemmkit sums at once, about.
    const STEPS: usize = 256;
    let mut group = criterion.benchmark_group(format!("order of 2048 x 256 values, {name}"));
    let values = of::<bf16>(TOKENS * STEPS, 1);
    let mut target = of::<bf16>((TOKENS + 32) * STEPS, 2);
    for width in [32, 12] {
        group.bench_function(format!("steps are neighbours, {width} lanes"), |bencher| {
            let (target, values, stride) = (target.as_mut_ptr(), values.as_ptr(), STEPS as isize);
            // SAFETY: the matrix is as large as `values`; the panels with their last lanes fit the target.
            bencher.iter(|| unsafe { F::pack_lhs(target, values, stride, 1, TOKENS, STEPS, width) });
        });
        group.bench_function(format!("lanes are neighbours, {width} lanes"), |bencher| {
            let (target, values, stride) = (target.as_mut_ptr(), values.as_ptr(), TOKENS as isize);
            // SAFETY: as above.
            bencher.iter(|| unsafe { F::pack_lhs(target, values, 1, stride, TOKENS, STEPS, width) });
        });
    }
    group.finish();
}

#[cfg(not(target_arch = "x86_64"))]
fn order_of_pairs(_criterion: &mut Criterion) {}

fn heads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("heads");
    let [query, cosines, sines] = std::array::from_fn(|salt| numbers(HEADS.elements(), salt));
    let mut target = query.clone();
    let angles = Some(Angles { cosines: &cosines[..256 * 32], sines: &sines[..256 * 32] });
    let turn = Turn { angles, bias: None };
    group.bench_function("split and turn", |bencher| {
        bencher.iter(|| split_heads(&mut target, &query, HEADS, Columns::all(HEADS), turn));
    });
    group.bench_function("merge and turn back", |bencher| {
        bencher.iter(|| merge_heads(&mut target, &query, HEADS, Columns::all(HEADS), angles));
    });
    group.finish();
}

fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    let (input, gradient, weight) =
        (numbers(TOKENS * HIDDEN, 1), numbers(TOKENS * HIDDEN, 2), numbers(HIDDEN, 3));
    let (mut output, mut roots) = (vec![0.0; TOKENS * HIDDEN], vec![0.0; TOKENS]);
    group.bench_function("norm", |bencher| {
        bencher.iter(|| normalize(&mut output, &mut roots, &input, &weight, 1e-5));
    });
    let saved = Normalized { input: &input, weight: &weight, inverse_roots: &roots };
    group.bench_function("norm, gradient of the input", |bencher| {
        bencher.iter(|| input_gradient(&mut output, Store::Add, &gradient, saved));
    });
    group.bench_function("norm, gradient of the weight", |bencher| {
        let target = &mut output[..HIDDEN];
        bencher.iter(|| weight_gradient(target, &gradient, saved));
    });
    let [gate, up, wide] = std::array::from_fn(|salt| numbers(TOKENS * INTERMEDIATE, salt));
    let (mut gate_gradient, mut up_gradient, mut gated) = (gate.clone(), up.clone(), wide);
    group.bench_function("gated product", |bencher| bencher.iter(|| swi_glu(&mut gated, &gate, &up)));
    group.bench_function("gated product, gradients", |bencher| {
        bencher.iter(|| swi_glu_gradients(&mut gated, &mut gate_gradient, &mut up_gradient));
    });
    group.finish();
}

fn head_and_optimizer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("head and optimizer");
    group.sample_size(10);
    let (hidden, weight) = (numbers(TOKENS * HIDDEN, 1), numbers(VOCABULARY * HIDDEN, 2));
    let targets: Vec<i32> = (0..TOKENS).map(|token| (token * 31 % VOCABULARY) as i32).collect();
    let (mut hidden_gradient, mut weight_gradient) = (vec![0.0; hidden.len()], vec![0.0; weight.len()]);
    for precision in [Precision::F32, Precision::Bf16] {
        group.bench_function(format!("head with its loss and gradients, {precision}"), |bencher| {
            bencher.iter(|| {
                let (hidden, weight, targets) = (&hidden, &weight, &targets);
                let prediction = Prediction { hidden, weight, targets, scale: 1e-3, precision };
                let gradients = PredictionGradients {
                    hidden: Some(&mut hidden_gradient),
                    weight: Some(&mut weight_gradient),
                };
                linear_cross_entropy(prediction, gradients)
            });
        });
    }
    let step = Step {
        keep: 0.999,
        gradient_scale: 1.0,
        beta1: 0.9,
        beta2: 0.95,
        step_size: 1e-3,
        inverse_root_correction: 1.0,
        epsilon: 1e-8,
    };
    let (mut value, mut exp_avg, mut exp_avg_sq) = (weight.clone(), weight.clone(), vec![0.1; weight.len()]);
    group.bench_function("AdamW, 2 million parameters", |bencher| {
        bencher.iter(|| {
            let updated = Updated { weight: &mut value, exp_avg: &mut exp_avg, exp_avg_sq: &mut exp_avg_sq };
            update(updated, &weight, step);
        });
    });
    for shape in [[HIDDEN, HIDDEN], [INTERMEDIATE, HIDDEN], [HIDDEN, INTERMEDIATE]] {
        let [rows, columns] = shape;
        let step = muon::Step {
            shape,
            keep: 0.999,
            gradient_scale: 1.0,
            momentum: 0.95,
            nesterov: true,
            iterations: 5,
            step_size: 1e-3,
        };
        let [gradient, mut value, mut momentum] = [1, 2, 3].map(|salt| numbers(rows * columns, salt));
        group.bench_function(format!("Muon, {rows} x {columns}"), |bencher| {
            bencher.iter(|| muon::update(&mut value, &mut momentum, &gradient, step));
        });
    }
    group.bench_function("sum of squares, 2 million", |bencher| {
        bencher.iter(|| black_box(sum_of_squares(&weight)));
    });
    group.finish();
}

criterion_group!(benches, both_kinds, order_of_pairs, heads, rows, head_and_optimizer);
criterion_main!(benches);
