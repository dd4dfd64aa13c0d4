//! The keys of a recipe apart from its schedule.

use super::{
    Given::{Needed, Or, OrElse, Sometimes},
    Kind::{Flag, List, Number, Path, Schedule, Table, Text, Whole, Word},
    Section, key,
};

/// The file.
pub(in crate::recipe) static RECIPE: Section = Section {
    title: "The file",
    about: "Keys at the top, in front of the first section.",
    keys: &[
        key("name", Text, Needed, "\"my-run\"", "The run's name, in reports."),
        key(
            "seed",
            Whole,
            Needed,
            "1",
            "Seeds the first weights and, unless `data.order_seed` is given, the data order.",
        ),
        key(
            "device",
            Text,
            Or("\"cpu\""),
            "\"cuda:1\"",
            "`cpu`, `wgpu`, `cuda` or `cuda:1`; `--device` comes before it.",
        ),
        key(
            "dtype",
            Word(&["f32", "bf16", "bf16-emulated"]),
            Or("\"f32\""),
            "\"bf16\"",
            "What matrices are multiplied in; `bf16` falls back to f32 on a processor without instructions for it.",
        ),
        key(
            "model",
            Table(&MODEL),
            Needed,
            "{ from = \"a-llama\" }",
            "The final model, or a folder to begin with.",
        ),
        key("data", Table(&DATA), Needed, "{ training = \"shards/training\", … }", "What the run reads."),
        key("schedule", Schedule, Needed, "{ method = \"scratch\", … }", "How it is trained, in stages."),
        key(
            "training",
            Table(&TRAINING),
            Needed,
            "{ batch_sequences = 8, … }",
            "Steps, optimizer, intervals.",
        ),
        key(
            "evaluation",
            Table(&EVALUATION),
            OrElse("no benchmarks"),
            "{ tasks = [\"piqa\"], … }",
            "Benchmarks at intervals.",
        ),
    ],
};

static MODEL: Section = Section {
    title: "[model]",
    about: "The sizes of the final model, in Hugging Face's names. Or, with `from`, a folder that the run begins with; \
            then no sizes are given.",
    keys: &[
        key("hidden_size", Whole, Sometimes("not with `from`"), "256", "Width of the residual stream."),
        key(
            "intermediate_size",
            Whole,
            Sometimes("not with `from`"),
            "688",
            "Width of the feed-forward block; LLaMA's is 8/3 of the width.",
        ),
        key("num_hidden_layers", Whole, Sometimes("not with `from`"), "8", "Layers of the final model."),
        key(
            "num_attention_heads",
            Whole,
            Sometimes("not with `from`"),
            "4",
            "Query heads; they divide `hidden_size` into even widths.",
        ),
        key("num_key_value_heads", Whole, OrElse("as many as query heads"), "2", "Key and value heads."),
        key("head_dim", Whole, OrElse("`hidden_size / num_attention_heads`"), "64", "Width of a head."),
        key(
            "vocab_size",
            Whole,
            OrElse("the tokenizer's entries"),
            "32_000",
            "Entries of the vocabulary, at least the tokenizer's.",
        ),
        key(
            "attention_bias",
            Word(&["none", "query-key-value", "all"]),
            Or("\"none\""),
            "\"query-key-value\"",
            "Biases of attention; `query-key-value` as in Qwen2.",
        ),
        key("max_position_embeddings", Whole, OrElse("`data.sequence_length`"), "2048", "Longest sequence."),
        key("rms_norm_eps", Number, Or("1e-5"), "1e-6", "Added to the mean square in norms."),
        key("rope_theta", Number, Or("10_000.0"), "500_000.0", "Base of the rotary embedding's wavelengths."),
        key("tie_word_embeddings", Flag, Or("false"), "true", "Whether the head is the embedding."),
        key(
            "initializer_range",
            Number,
            Or("0.02"),
            "0.02",
            "Standard deviation of the first weights, at most 1.",
        ),
        key(
            "initialization",
            Word(&["depth-scaled", "normal", "tiny-llama"]),
            Or("\"depth-scaled\""),
            "\"normal\"",
            "How they are drawn: GPT-2's, Hugging Face's, or that of arXiv 2405.15319's code.",
        ),
        key(
            "from",
            Path,
            Sometimes("not with sizes"),
            "\"a-llama\"",
            "A model's folder to begin with (docs/BASES.md).",
        ),
        key(
            "from_flops",
            Number,
            OrElse("what the folder says"),
            "3.2e18",
            "Exact FLOPs that its training has cost.",
        ),
    ],
};

static DATA: Section = Section {
    title: "[data]",
    about: "Folders made by `outgrow data prepare`.",
    keys: &[
        key("training", Path, Needed, "\"shards/training\"", "Training shards."),
        key("validation", Path, Needed, "\"shards/validation\"", "Held-out shards."),
        key("sequence_length", Whole, Needed, "128", "Tokens in a sequence."),
        key("order_seed", Whole, OrElse("`seed`"), "7", "Seed of the data order."),
    ],
};

static TRAINING: Section = Section {
    title: "[training]",
    about: "Steps, optimizer, intervals.",
    keys: &[
        key("batch_sequences", Whole, Needed, "8", "Sequences in a step."),
        key("micro_batch_sequences", Whole, OrElse("`batch_sequences`"), "4", "Sequences in one pass."),
        key("validation_interval_tokens", Whole, Needed, "20_480", "Tokens between validations."),
        key("validation_sequences", Whole, Needed, "64", "Sequences that a validation reads."),
        key(
            "checkpoint_interval_tokens",
            Whole,
            OrElse("only at the end of stages and on stopping"),
            "200_000",
            "Tokens between checkpoints.",
        ),
        key("checkpoints_kept", Whole, Or("2"), "3", "Checkpoints that stay."),
        key(
            "optimizer",
            Table(&OPTIMIZER),
            OrElse("AdamW with the defaults"),
            "{ weight_decay = 0.05 }",
            "The optimizer.",
        ),
    ],
};

static OPTIMIZER: Section = Section {
    title: "[training.optimizer]",
    about: "AdamW as in PyTorch, with the settings of arXiv 2405.15319.",
    keys: &[
        key("beta1", Number, Or("0.9"), "0.9", "Decay of the first moment."),
        key("beta2", Number, Or("0.95"), "0.99", "Decay of the second moment."),
        key("epsilon", Number, Or("1e-8"), "1e-8", "Added to the root of the second moment."),
        key(
            "weight_decay",
            Number,
            Or("0.1"),
            "0.05",
            "Share of a weight that is taken away at each step, times the learning rate.",
        ),
        key(
            "decay",
            Word(&["all", "matrices-only"]),
            Or("\"all\""),
            "\"matrices-only\"",
            "What decays; norms, biases and the embedding are left alone by `matrices-only`.",
        ),
        key("clip_norm", Number, OrElse("1.0"), "0.5", "The global norm that gradients are clipped to."),
        key(
            "muon",
            Table(&MUON),
            OrElse("AdamW has all parameters"),
            "{ momentum = 0.95 }",
            "Muon for the matrices of the layers; all else stays AdamW's.",
        ),
    ],
};

static MUON: Section = Section {
    title: "[training.optimizer.muon]",
    about: "Muon as in PyTorch, for the matrices of the layers.",
    keys: &[
        key("momentum", Number, Or("0.95"), "0.95", "Decay of the momentum."),
        key(
            "nesterov",
            Flag,
            Or("true"),
            "false",
            "Whether the gradient is mixed into the momentum once more.",
        ),
        key("iterations", Whole, Or("5"), "5", "Newton–Schulz iterations."),
        key(
            "adjust",
            Word(&["original", "match-rms-adamw", "spectral-unclamped"]),
            Or("\"match-rms-adamw\""),
            "\"original\"",
            "How the rate of a matrix depends on its shape; with `match-rms-adamw` AdamW's rate serves both.",
        ),
        key("weight_decay", Number, OrElse("AdamW's"), "0.1", "Weight decay of these matrices."),
        key(
            "learning_rate_ratio",
            Number,
            Or("1.0"),
            "2.0",
            "What the stage's learning rate is multiplied by.",
        ),
    ],
};

static EVALUATION: Section = Section {
    title: "[evaluation]",
    about: "Benchmarks while training, as `outgrow eval` scores them.",
    keys: &[
        key(
            "tasks",
            List(&Text),
            Needed,
            "[\"lambada_openai\", \"arc_easy\"]",
            "Tasks and groups of tasks; `outgrow eval --list` names them.",
        ),
        key("data", Path, Needed, "\"documents\"", "The folder with their documents."),
        key(
            "interval_tokens",
            Whole,
            Needed,
            "200_000",
            "Tokens between evaluations; each is at the next validation, and one is at the end.",
        ),
        key(
            "limit",
            Number,
            OrElse("all"),
            "200",
            "Only the first documents of each task: so many, or below 1 such a part.",
        ),
        key("num_fewshot", Whole, Or("0"), "5", "Examples in each prompt."),
    ],
};
