//! The fused operations give the same bits for any number of threads, and from run to run.

use outgrow_kernels::{
    AttentionBiases, LayerWeights, Precision,
    cpu::kernels::{
        adamw::sum_of_squares,
        cross_entropy::{Prediction, PredictionGradients, linear_cross_entropy},
        layer::{Layer, LayerGradients, LayerShape},
        rotary::{Angles, Heads},
    },
};

const VOCABULARY: usize = 1000;

fn numbers(count: usize, salt: usize) -> Vec<f32> {
    crate::numbers::numbers(count, salt as u64).into_iter().map(|number| 0.3 * number).collect()
}

/// Everything that a layer and a head give, forward and backward.
fn results(
    [sequence, hidden, intermediate]: [usize; 3],
    biases: Option<AttentionBiases<usize>>,
    precision: Precision,
) -> Vec<Vec<f32>> {
    let heads = Heads { batch: 3, sequence, heads: 4, head_dim: hidden / 4 };
    let tokens = heads.batch * sequence;
    let square = hidden * hidden;
    let wide = hidden * intermediate;
    let sizes = LayerWeights {
        input_layernorm: hidden,
        q_proj: square,
        k_proj: square / 2,
        v_proj: square / 2,
        o_proj: square,
        post_attention_layernorm: hidden,
        gate_proj: wide,
        up_proj: wide,
        down_proj: wide,
        attention_biases: biases,
    };
    let mut salts = 0..;
    let weights = sizes.map_all(|size| numbers(size, salts.next().unwrap()));
    let angles = numbers(sequence * heads.head_dim, 11);
    let shape = LayerShape {
        heads,
        key_value_heads: 2,
        hidden_size: hidden,
        intermediate_size: intermediate,
        epsilon: 1e-5,
        precision,
    };
    let layer = Layer {
        shape,
        weights: weights.as_ref().map_all(Vec::as_slice),
        angles: Angles { cosines: &angles, sines: &angles },
        first_visible: None,
    };
    let input = numbers(tokens * hidden, 12);
    let mut output = vec![0.0; input.len()];
    let saved = layer.forward(&mut output, &input);
    let mut gradients = sizes.map_all(|size| vec![0.0; size]);
    let mut input_gradient = vec![0.0; input.len()];
    let targets = LayerGradients {
        input: Some(&mut input_gradient),
        weights: gradients.as_mut().map_all(|gradient| Some(gradient.as_mut_slice())),
    };
    layer.backward(&numbers(input.len(), 13), &input, saved, targets);

    let head = numbers(VOCABULARY * hidden, 14);
    let ids: Vec<i32> = (0..tokens).map(|token| (token * 37 % VOCABULARY) as i32).collect();
    let prediction = Prediction { hidden: &output, weight: &head, targets: &ids, scale: 0.01, precision };
    let (mut hidden_gradient, mut head_gradient) = (vec![0.0; output.len()], vec![0.0; head.len()]);
    let targets =
        PredictionGradients { hidden: Some(&mut hidden_gradient), weight: Some(&mut head_gradient) };
    let loss = linear_cross_entropy(prediction, targets);
    let squares = sum_of_squares(&head_gradient) as f32;
    let mut all = vec![vec![loss, squares], output, input_gradient, hidden_gradient, head_gradient];
    all.extend(gradients.into_list());
    all
}

fn bits(results: &[Vec<f32>]) -> Vec<Vec<u32>> {
    results.iter().map(|values| values.iter().map(|value| value.to_bits()).collect()).collect()
}

fn one_two_and_three_threads_give_the_same_bits_in(precision: Precision) {
    let biases = |hidden: usize| AttentionBiases {
        query: hidden,
        key: hidden / 2,
        value: hidden / 2,
        output: Some(hidden),
    };
    let sizes = [([37, 64, 88], true), ([150, 128, 344], true), ([300, 256, 688], false)];
    for (sizes, biased) in sizes {
        let hidden = sizes[1];
        let biases = biased.then(|| biases(hidden));
        let with_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            bits(&pool.install(|| results(sizes, biases, precision)))
        };
        let one = with_threads(1);
        for threads in [1, 2, 3] {
            for (index, (found, expected)) in with_threads(threads).iter().zip(&one).enumerate() {
                assert!(found == expected, "result {index} at hidden {hidden} with {threads} threads");
            }
        }
    }
}

#[test]
fn one_two_and_three_threads_give_the_same_bits() {
    one_two_and_three_threads_give_the_same_bits_in(Precision::F32);
}

#[test]
fn one_two_and_three_threads_give_the_same_bits_in_bf16() {
    one_two_and_three_threads_give_the_same_bits_in(Precision::Bf16);
}
