//! The tables that schedules are made of: rates, growths, and what is chosen at one.

use super::{
    Given::{Needed, Or, OrElse, Sometimes},
    Kind::{Either, Flag, List, Number, Path, Table, Text, Whole, Word},
    Section, key,
};

pub(super) static LEARNING_RATE: Section = Section {
    title: "a learning rate",
    about: "Up from 0 over `warmup_tokens`, then down from `peak` to `minimum`.",
    keys: &[
        key("peak", Number, Needed, "4e-3", "The rate at the end of the warm-up."),
        key(
            "minimum",
            Number,
            Sometimes("not for `constant` and `inverse-square-root`"),
            "4e-4",
            "The rate at the horizon and after it.",
        ),
        key(
            "warmup_tokens",
            Whole,
            Needed,
            "24_000",
            "Tokens of the warm-up, fewer than the stage has; 0 for none.",
        ),
        key("horizon_tokens", Whole, OrElse("the stage's end"), "600_000", "Tokens to the minimum."),
        key(
            "shape",
            Either(&[Word(&["cosine", "linear", "constant", "inverse-square-root"]), Table(&SHAPE)]),
            Or("\"cosine\""),
            "\"linear\"",
            "How it comes down.",
        ),
    ],
};

static SHAPE: Section = Section {
    title: "a shape with settings",
    about: "`shape = { wsd = { decay_tokens = 100_000 } }`: warm-up, stable, decay.",
    keys: &[key(
        "wsd",
        Table(&WSD),
        Needed,
        "{ decay_tokens = 100_000 }",
        "It stays at the peak, and comes down at last.",
    )],
};

static WSD: Section = Section {
    title: "wsd",
    about: "Warm-up, stable, decay (arXiv 2404.06395).",
    keys: &[
        key("decay_tokens", Whole, Needed, "100_000", "Tokens of the decay."),
        key(
            "decay",
            Word(&["linear", "one-minus-sqrt"]),
            Or("\"linear\""),
            "\"one-minus-sqrt\"",
            "The way down.",
        ),
    ],
};

pub(super) static AT_GROWTH: Section = Section {
    title: "at_growth",
    about: "What is chosen at the moment of a growth (docs/SCHEDULES.md).",
    keys: &[
        key(
            "moments",
            Word(&["reset", "copy", "keep-old", "scaled"]),
            Or("\"reset\""),
            "\"copy\"",
            "What becomes of the optimizer's moments; some methods have another default.",
        ),
        key(
            "data",
            Word(&["continue", "replay"]),
            Or("\"continue\""),
            "\"replay\"",
            "Whether the data goes on, or begins anew.",
        ),
        key(
            "learning_rate",
            Word(&["restart", "keep", "rewarm"]),
            Or("\"restart\""),
            "\"keep\"",
            "A curve of its own from 0, the curve of the stage before, or one of its own from the rate of before.",
        ),
        key("noise", Table(&NOISE), OrElse("none"), "{ amount = 0.2 }", "Noise on what is grown."),
        key(
            "mask",
            Table(&MASK),
            OrElse("none"),
            "{ tokens = 20_000 }",
            "Lets in what is new little by little; fresh parts need one.",
        ),
        key(
            "new_parameters",
            Table(&NEW_PARAMETERS),
            OrElse("the stage's rate"),
            "{ ratio = 1.3, rewarm_tokens = 20_000 }",
            "A rate of its own for what is new.",
        ),
        key(
            "learning",
            Table(&LEARNING),
            OrElse("matrices aren't learned"),
            "{ tokens = 100_000 }",
            "Learns the matrices of a `learned` growth first.",
        ),
    ],
};

static NOISE: Section = Section {
    title: "noise",
    about: "`{ amount = 0.2 }`.",
    keys: &[
        key("amount", Number, Needed, "0.2", "How much, from 0 to 1."),
        key(
            "mix",
            Word(&["linear", "variance-preserving"]),
            Or("\"linear\""),
            "\"variance-preserving\"",
            "How it is mixed in.",
        ),
        key("seed", Whole, Or("0"), "1", "Seeds it."),
    ],
};

pub(super) static MASK: Section = Section {
    title: "mask",
    about: "`{ tokens = 20_000 }`.",
    keys: &[
        key("tokens", Whole, Needed, "20_000", "Tokens over which it opens."),
        key(
            "order",
            Word(&["together", "one-after-another"]),
            Or("\"together\""),
            "\"one-after-another\"",
            "Which kinds of units are let in when.",
        ),
    ],
};

static NEW_PARAMETERS: Section = Section {
    title: "new_parameters",
    about: "`{ ratio = 1.3, rewarm_tokens = 20_000 }` (docs/SCHEDULES.md).",
    keys: &[
        key("ratio", Number, Or("1.3"), "1.5", "What the stage's rate is multiplied by."),
        key("rewarm_tokens", Whole, Needed, "20_000", "Tokens after which the ratio is reached."),
    ],
};

pub(super) static LEARNING: Section = Section {
    title: "learning",
    about: "`{ tokens = 100_000 }`.",
    keys: &[
        key("tokens", Whole, Needed, "100_000", "Tokens that the matrices are learned on."),
        key("learning_rate", Number, Or("0.01"), "0.01", "The peak of its rate."),
        key(
            "all_widths",
            Flag,
            Or("false"),
            "true",
            "Whether matrices of widths that stay are learned, too.",
        ),
    ],
};

pub(super) static ENDS_AT: Section = Section {
    title: "ends_at",
    about: "`{ slope = -0.0575, validations = 5 }` (arXiv 2203.06211).",
    keys: &[
        key(
            "slope",
            Number,
            Needed,
            "-0.0575",
            "The slope of the validation loss over FLOPs, both in logarithms; below 0.",
        ),
        key("validations", Whole, Or("5"), "5", "How many validations a slope is taken over."),
    ],
};

pub(super) static BASE: Section = Section {
    title: "base",
    about: "The sizes in which the small model is smaller than the final one, where the growth doesn't say it.",
    keys: &[
        key("num_hidden_layers", Whole, OrElse("the final model's"), "2", "Layers."),
        key("hidden_size", Whole, OrElse("the final model's"), "32", "Width of the residual stream."),
        key(
            "intermediate_size",
            Whole,
            OrElse("the final model's"),
            "88",
            "Width of the feed-forward block.",
        ),
        key("num_attention_heads", Whole, OrElse("the final model's"), "1", "Query heads."),
        key(
            "num_key_value_heads",
            Whole,
            OrElse("the final model's proportion"),
            "1",
            "Key and value heads.",
        ),
    ],
};

static WIDTH: Section = Section {
    title: "width",
    about: "`{ hidden_size = 256, … }`; sizes that aren't given stay.",
    keys: &[
        key("hidden_size", Whole, OrElse("it stays"), "256", "Width of the residual stream."),
        key("intermediate_size", Whole, OrElse("it stays"), "688", "Width of the feed-forward block."),
        key("num_attention_heads", Whole, OrElse("they stay"), "8", "Query heads."),
        key("num_key_value_heads", Whole, OrElse("they stay"), "8", "Key and value heads."),
    ],
};

pub(super) static GROWTH: Section = Section {
    title: "a growth",
    about: "`{ operator = \"stack\", factor = 4 }`: an operator and what it takes, as `outgrow grow` has it.",
    keys: &[
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
                "layers",
                "pattern",
                "noise",
            ]),
            Needed,
            "\"stack\"",
            "What grows, and how (`outgrow grow --help`).",
        ),
        key(
            "axis",
            Word(&["depth", "width"]),
            Or("\"depth\""),
            "\"width\"",
            "For `zero`, `random` and `learned`.",
        ),
        key(
            "factor",
            Whole,
            Sometimes("by the operator"),
            "4",
            "How many times as many layers, or as large a width for `hyperclone`.",
        ),
        key("num_hidden_layers", Whole, Sometimes("in place of `factor`"), "8", "Layers after it."),
        key(
            "layers",
            List(&Whole),
            Sometimes("for `layers`"),
            "[0, 1, 1, 2]",
            "The source's layer that each is a copy of.",
        ),
        key(
            "pattern",
            Text,
            Sometimes("for `pattern`"),
            "\"123123\"",
            "A partial pattern of arXiv 2405.15319.",
        ),
        key(
            "block_layers",
            Whole,
            Sometimes("for `middle` and `lidas`"),
            "2",
            "Layers of the block that is added.",
        ),
        key("drop_layers", Whole, Sometimes("for `solar`"), "8", "Layers that each of two copies loses."),
        key(
            "placement",
            Word(&["interleaved", "top"]),
            Or("\"interleaved\""),
            "\"top\"",
            "Where identity layers go.",
        ),
        key("width", Table(&WIDTH), Sometimes("in width"), "{ hidden_size = 256 }", "Sizes after it."),
        key("share", Number, OrElse("even shares"), "0.7", "For `split`: the first part's share."),
        key(
            "matrices",
            Path,
            OrElse("the initial ones"),
            "\"matrices.safetensors\"",
            "For `learned`: matrices that there are.",
        ),
        key("amount", Number, Sometimes("for `noise`"), "0.2", "How much noise, from 0 to 1."),
        key(
            "mix",
            Word(&["linear", "variance-preserving"]),
            Or("\"linear\""),
            "\"variance-preserving\"",
            "For `noise`: how it is mixed in.",
        ),
        key("seed", Whole, Or("0"), "1", "Seeds what is drawn."),
    ],
};

static TOP: Section = Section {
    title: "top",
    about: "`{ top = { layers = N } }`.",
    keys: &[key("layers", Whole, Needed, "2", "How many layers, from the top.")],
};

static TRAINABLE: Section = Section {
    title: "trainable",
    about: "`\"all\"`, or a table with one of these.",
    keys: &[
        key(
            "top",
            Table(&TOP),
            Sometimes("one of the two"),
            "{ layers = 2 }",
            "The top layers, the final norm and the head.",
        ),
        key(
            "layers",
            List(&Whole),
            Sometimes("one of the two"),
            "[4, 9]",
            "These layers, counted from 0, and nothing else.",
        ),
    ],
};

pub(super) static STAGE: Section = Section {
    title: "[[schedule.stages]]",
    about: "One of the stages of `method = \"stages\"`.",
    keys: &[
        key("name", Text, Needed, "\"grown\"", "Unique among the stages."),
        key("tokens", Whole, Needed, "400_000", "Length; with `ends_at`, at most."),
        key(
            "learning_rate",
            Table(&LEARNING_RATE),
            Sometimes("not where the rate is kept"),
            "{ peak = 4e-3, minimum = 4e-4, warmup_tokens = 24_000 }",
            "Its learning rate.",
        ),
        key(
            "enter",
            Table(&GROWTH),
            OrElse("nothing grows"),
            "{ operator = \"stack\", factor = 4 }",
            "The growth that begins the stage.",
        ),
        key(
            "at_growth",
            Table(&AT_GROWTH),
            OrElse("the defaults"),
            "{ moments = \"copy\" }",
            "What is chosen at that growth.",
        ),
        key(
            "num_hidden_layers",
            Whole,
            OrElse("the final model's"),
            "2",
            "Layers of the first stage's model.",
        ),
        key(
            "width",
            Table(&WIDTH),
            OrElse("the final model's"),
            "{ hidden_size = 64 }",
            "Sizes of the first stage's model.",
        ),
        key(
            "trainable",
            Either(&[Word(&["all"]), Table(&TRAINABLE)]),
            Or("\"all\""),
            "{ top = { layers = 2 } }",
            "What is trained.",
        ),
        key(
            "ends_at",
            Table(&ENDS_AT),
            OrElse("it ends with its tokens"),
            "{ slope = -0.0575 }",
            "Ends the stage earlier, by the slope of its loss.",
        ),
    ],
};
