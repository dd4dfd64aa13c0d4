//! The keys of `[schedule]`, by method. What many have is written once.

use super::{
    Given::{Needed, Or, OrElse, Sometimes},
    Key,
    Kind::{List, Number, Table, Whole, Word},
    Method, Section, key,
    stages::{AT_GROWTH, BASE, ENDS_AT, GROWTH, LEARNING, LEARNING_RATE, MASK, STAGE},
};

const RATE: &str = "{ peak = 4e-3, minimum = 4e-4, warmup_tokens = 24_000 }";
const GROWN_TOKENS: Key = key(
    "grown_tokens",
    Whole,
    Sometimes("this or `scratch_tokens`"),
    "400_000",
    "Length of the training after growth.",
);
const TOKENS: Key =
    key("tokens", Whole, Sometimes("this or `scratch_tokens`"), "600_000", "Length of the whole.");
const SCRATCH_TOKENS: Key = key(
    "scratch_tokens",
    Whole,
    Sometimes("in place of a length"),
    "600_000",
    "Spend what training from scratch would spend on so many tokens, all stages included.",
);
const BASE_TOKENS: Key = key(
    "base_tokens",
    Whole,
    Needed,
    "240_000",
    "Length of the base's training; with `model.from` that of its further training, which may be 0.",
);
const BASE_RATE: Key = key(
    "base_learning_rate",
    Table(&LEARNING_RATE),
    Sometimes("not where `base_tokens` is 0"),
    RATE,
    "The base's learning rate.",
);
const NEEDED_BASE_RATE: Key =
    key("base_learning_rate", Table(&LEARNING_RATE), Needed, RATE, "The base's learning rate.");
const GROWN_RATE: Key = key(
    "grown_learning_rate",
    Table(&LEARNING_RATE),
    Sometimes("not where the rate is kept"),
    RATE,
    "The learning rate after growth.",
);
const NEEDED_GROWN_RATE: Key =
    key("grown_learning_rate", Table(&LEARNING_RATE), Needed, RATE, "The learning rate after growth.");
const WHOLE_RATE: Key = key(
    "learning_rate",
    Table(&LEARNING_RATE),
    Needed,
    RATE,
    "One learning rate over the whole; where `at_growth` says so, that of each stage.",
);
const CHOICE: Key = key(
    "at_growth",
    Table(&AT_GROWTH),
    OrElse("the defaults"),
    "{ moments = \"copy\" }",
    "What is chosen at a growth.",
);
const KEPT_RATE: Key = key(
    "at_growth",
    Table(&AT_GROWTH),
    OrElse("the rate is kept"),
    "{ moments = \"copy\" }",
    "What is chosen at each growth.",
);
const KEPT_STATE: Key = key(
    "at_growth",
    Table(&AT_GROWTH),
    OrElse("the rate is kept, and what moments there are"),
    "{ moments = \"copy\" }",
    "What is chosen at each growth.",
);
const BASE_SIZES: Key = key(
    "base",
    Table(&BASE),
    OrElse("what the growth says"),
    "{ num_hidden_layers = 2 }",
    "Sizes of the base that the growth doesn't say; not with `model.from`.",
);
const FACTOR: Key = key(
    "factor",
    Whole,
    Sometimes("this or `growth`"),
    "4",
    "How many times as many layers; it divides the final model's.",
);
const LAYER_COUNTS: Key = key(
    "layer_counts",
    List(&Whole),
    Needed,
    "[2, 4, 8]",
    "Layers of the stages, rising to the final model's.",
);
const FIRST_TOKENS: Key = key(
    "base_tokens",
    Whole,
    OrElse("`stage_tokens`"),
    "100_000",
    "Length of the first stage; with `model.from` it has to be given, and may be 0.",
);
const STAGE_TOKENS: Key = key("stage_tokens", Whole, Needed, "100_000", "Length of each stage but the last.");
const STAGE_RATE: Key = key(
    "stage_learning_rate",
    Table(&LEARNING_RATE),
    Needed,
    RATE,
    "Learning rate of each stage but the last.",
);
const BLOCKS: &[Key] = &[
    key(
        "block_layers",
        Whole,
        Needed,
        "2",
        "Layers of a block: those of the first stage, and those that each growth adds.",
    ),
    key("exponent", Number, Or("1.0"), "2.0", "Stage `i` is as long as `i` to this power."),
    TOKENS,
    SCRATCH_TOKENS,
    WHOLE_RATE,
    KEPT_STATE,
];

const fn method(
    word: &'static str,
    title: &'static str,
    about: &'static str,
    keys: &'static [Key],
) -> Method {
    Method { word, section: Section { title, about, keys } }
}

/// All methods.
pub(in crate::recipe) static METHODS: [Method; 15] = [
    method(
        "scratch",
        "method = \"scratch\"",
        "The final model from the start, or a base trained on as it is.",
        &[
            key("tokens", Whole, Needed, "600_000", "Length."),
            key("learning_rate", Table(&LEARNING_RATE), Needed, RATE, "Learning rate."),
        ],
    ),
    method(
        "g-stack",
        "method = \"g-stack\"",
        "Train a small model, grow it once, train on (arXiv 2405.15319).",
        &[
            FACTOR,
            key(
                "growth",
                Table(&GROWTH),
                Sometimes("in place of `factor`"),
                "{ operator = \"interleave\", factor = 4 }",
                "Any growth.",
            ),
            BASE_SIZES,
            BASE_TOKENS,
            BASE_RATE,
            GROWN_TOKENS,
            SCRATCH_TOKENS,
            GROWN_RATE,
            CHOICE,
        ],
    ),
    method(
        "random-mask",
        "method = \"random-mask\"",
        "Draw all that is new, and let it in by a mask (arXiv 2405.15319, A.5; arXiv 2305.02869).",
        &[
            key(
                "base",
                Table(&BASE),
                Needed,
                "{ num_hidden_layers = 2 }",
                "The sizes in which the base is smaller: its depth, or its width.",
            ),
            BASE_TOKENS,
            NEEDED_BASE_RATE,
            key(
                "mask",
                Table(&MASK),
                Needed,
                "{ tokens = 20_000 }",
                "The tokens over which the mask opens, and in which order.",
            ),
            key("seed", Whole, Or("0"), "1", "Seeds the fresh weights."),
            GROWN_TOKENS,
            SCRATCH_TOKENS,
            GROWN_RATE,
            CHOICE,
        ],
    ),
    method(
        "gradual",
        "method = \"gradual\"",
        "Grow in depth several times, train everything all the time (arXiv 2405.15319, section 5.1).",
        &[
            LAYER_COUNTS,
            key(
                "operator",
                Word(&[
                    "stack",
                    "interleave",
                    "middle",
                    "lidas",
                    "solar",
                    "last",
                    "zero",
                    "random",
                    "learned",
                    "split",
                    "hyperclone",
                    "aki",
                    "zero-depth",
                    "zero-width",
                    "random-depth",
                    "random-width",
                ]),
                Or("\"last\""),
                "\"stack\"",
                "What leads from one to the next, in depth.",
            ),
            FIRST_TOKENS,
            STAGE_TOKENS,
            STAGE_RATE,
            GROWN_TOKENS,
            SCRATCH_TOKENS,
            GROWN_RATE,
            CHOICE,
        ],
    ),
    method(
        "stackbert",
        "method = \"stackbert\"",
        "Stack the whole again and again under one learning rate (Gong et al. 2019).",
        &[
            LAYER_COUNTS,
            key(
                "shares",
                List(&Number),
                OrElse("for three stages the paper's"),
                "[0.125, 0.175, 0.7]",
                "The part of the tokens of each stage.",
            ),
            TOKENS,
            SCRATCH_TOKENS,
            WHOLE_RATE,
            KEPT_RATE,
        ],
    ),
    method(
        "stacking2",
        "method = \"stacking2\"",
        "Add layers on top, train only those, at last all (arXiv 2011.13635).",
        &[
            LAYER_COUNTS,
            FIRST_TOKENS,
            STAGE_TOKENS,
            STAGE_RATE,
            key(
                "joint_tokens",
                Whole,
                Sometimes("this or `scratch_tokens`"),
                "400_000",
                "Length of the last, joint stage.",
            ),
            SCRATCH_TOKENS,
            key(
                "joint_learning_rate",
                Table(&LEARNING_RATE),
                Sometimes("not where the rate is kept"),
                RATE,
                "Learning rate of the joint stage.",
            ),
            CHOICE,
        ],
    ),
    method(
        "midas",
        "method = \"midas\"",
        "Add a block of layers at a time in the middle, in stages that become longer (arXiv 2409.19044).",
        BLOCKS,
    ),
    method("lidas", "method = \"lidas\"", "The same, with halves of two blocks (arXiv 2512.08819).", BLOCKS),
    method(
        "staged",
        "method = \"staged\"",
        "Grow by any operators at given parts of the tokens (arXiv 2309.03852).",
        &[
            key(
                "growths",
                List(&Table(&GROWTH)),
                Needed,
                "[{ operator = \"stack\", factor = 2 }]",
                "The growths that the stages but the first begin with.",
            ),
            BASE_SIZES,
            key(
                "shares",
                List(&Number),
                OrElse("for three stages those of FLM-101B"),
                "[0.6, 0.4]",
                "The part of the tokens of each stage.",
            ),
            TOKENS,
            SCRATCH_TOKENS,
            WHOLE_RATE,
            KEPT_STATE,
        ],
    ),
    method(
        "staged-training",
        "method = \"staged-training\"",
        "Grow a base when the slope of its loss says so (arXiv 2203.06211).",
        &[
            key("growth", Table(&GROWTH), Needed, "{ operator = \"stack\", factor = 2 }", "The growth."),
            BASE_SIZES,
            key(
                "ends_at",
                Table(&ENDS_AT),
                OrElse("the paper's for what grows"),
                "{ slope = -0.0575 }",
                "The slope of the base's loss at which it grows.",
            ),
            key("base_tokens", Whole, Needed, "240_000", "The most tokens of the base."),
            NEEDED_BASE_RATE,
            GROWN_TOKENS,
            SCRATCH_TOKENS,
            NEEDED_GROWN_RATE,
            key(
                "at_growth",
                Table(&AT_GROWTH),
                OrElse("the moments grow along"),
                "{ moments = \"reset\" }",
                "What is chosen at the growth.",
            ),
        ],
    ),
    method(
        "learned",
        "method = \"learned\"",
        "Train a small model, learn the matrices of its growth, grow it by them, train on (arXiv 2405.15319, A.6).",
        &[
            FACTOR,
            key(
                "growth",
                Table(&GROWTH),
                Sometimes("in place of `factor`"),
                "{ operator = \"learned\", factor = 4 }",
                "A growth by `learned`, in width or by given matrices.",
            ),
            BASE_SIZES,
            BASE_TOKENS,
            BASE_RATE,
            key(
                "learning",
                Table(&LEARNING),
                OrElse("100 steps as large as the run's"),
                "{ tokens = 100_000 }",
                "How the matrices are learned.",
            ),
            GROWN_TOKENS,
            SCRATCH_TOKENS,
            NEEDED_GROWN_RATE,
        ],
    ),
    method(
        "llama-pro",
        "method = \"llama-pro\"",
        "Add identity layers and train only these (arXiv 2401.02415).",
        &[
            key("added_layers", Whole, Needed, "2", "Layers that are added, evenly spread."),
            BASE_TOKENS,
            BASE_RATE,
            GROWN_TOKENS,
            SCRATCH_TOKENS,
            GROWN_RATE,
            CHOICE,
        ],
    ),
    method(
        "late",
        "method = \"late\"",
        "Grow one layer to all of them when most of the tokens are read (arXiv 2511.04981).",
        &[
            key(
                "growth",
                Table(&GROWTH),
                OrElse("one layer is stacked to the final model's"),
                "{ operator = \"stack\", factor = 4 }",
                "The growth.",
            ),
            BASE_SIZES,
            key("base_share", Number, Or("0.8"), "0.7", "The part of the tokens before the growth."),
            TOKENS,
            SCRATCH_TOKENS,
            WHOLE_RATE,
            KEPT_STATE,
        ],
    ),
    method(
        "recycle",
        "method = \"recycle\"",
        "Grow the finished model of `model.from` and train on (arXiv 2510.08008).",
        &[
            key(
                "growth",
                Table(&GROWTH),
                OrElse("each layer twice, next to itself"),
                "{ operator = \"stack\", factor = 2 }",
                "The growth.",
            ),
            TOKENS,
            SCRATCH_TOKENS,
            key("learning_rate", Table(&LEARNING_RATE), Needed, RATE, "Its learning rate."),
            CHOICE,
        ],
    ),
    method(
        "stages",
        "method = \"stages\"",
        "Any stages, one by one.",
        &[key(
            "stages",
            List(&Table(&STAGE)),
            Needed,
            "[{ name = \"base\", tokens = 240_000, … }]",
            "In order; the last one's model is `[model]`.",
        )],
    ),
];
