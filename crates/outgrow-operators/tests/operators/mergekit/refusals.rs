//! What is no passthrough recipe: keys, ranges, sources and YAML that are refused by name and line.

use insta::assert_snapshot;
use outgrow_operators::recipe::Passthrough;

use crate::mergekit::problems;

#[test]
fn every_key_that_is_not_honoured_is_named_with_its_line() {
    let text = "\
merge_method: passthrough
slices:
  - sources:
      - model: a
        layer_range: [0, 2]
        parameters:
          scales: 0.5
          scale:
            - filtr: o_proj
              value: x
    residual: 0.1
tokenizer: {source: base, tokens: {x: {source: a}}, pad_to_multiple_of: 64}
tokenizer_source: b
out_dtype: float8
name: x
dtype: float64
";
    assert_snapshot!(problems(text).replace("; line", ";\nline"), @"
    line 7: `scales` is not honoured in parameters; expected scale;
    line 9: `filtr` is not honoured in an entry of scale; expected filter, value;
    line 10: scale `x` is no number; expected one, like 0.5;
    line 11: `residual` is not honoured in a slice; expected sources, parameters, base_model, residual_weight;
    line 12: `tokens` would change rows of the embedding, which a growth leaves as they are;
    line 12: `pad_to_multiple_of` would change rows of the embedding, which a growth leaves as they are;
    line 13: model `b`, but `a` in line 4: a growth has one source;
    line 14: out_dtype `float8`: expected bfloat16, float16 or float32; and 2 more
    ");
    assert_snapshot!(problems("merge_method: slerp\nmodels:\n  - model: a\n"), @"line 1: merge_method `slerp` is no growth; expected passthrough; line 1: `slices` is missing; line 2: `models` is not honoured in a recipe; expected merge_method, slices, parameters, dtype, base_model, out_dtype, tokenizer_source, tokenizer, chat_template");
    assert_snapshot!(problems("- 1"), @"line 1: a recipe is a list; expected a map of merge_method, slices, parameters, dtype, base_model, out_dtype, tokenizer_source, tokenizer, chat_template");
    assert_snapshot!(problems(""), @"line 1: a recipe is nothing; expected a map of merge_method, slices, parameters, dtype, base_model, out_dtype, tokenizer_source, tokenizer, chat_template");
}

#[test]
fn ranges_that_are_none_are_refused_at_once() {
    let ranges =
        ["[8, 4]", "[4, 4]", "[-4, 2]", "[0, 1, 2]", "[0, 2.5]", "[010, 12]", "8", "[0, '4']", "[0, null]"];
    let slices = ranges.map(|range| format!("  - sources: [{{model: a, layer_range: {range}}}]\n")).concat();
    let text = format!("merge_method: passthrough\nslices:\n{slices}");
    assert_snapshot!(problems(&text).replace("; line", ";\nline"), @r#"
    line 3: layer_range [8, 4] is reversed; expected [first layer, layer after the last];
    line 4: layer_range [4, 4] is empty; expected [first layer, layer after the last];
    line 5: layer_range: `-4` is no layer; expected a number from 0;
    line 6: layer_range has 3 entries; expected [first layer, layer after the last];
    line 7: layer_range: `2.5` is no layer; expected a number from 0;
    line 8: layer_range: `010` is no layer; expected a number from 0;
    line 9: layer_range is `8`; expected [first layer, layer after the last];
    line 10: layer_range: `4` is no layer; expected a number from 0; and 1 more
    "#);
}

#[test]
fn ranges_beyond_the_source_are_refused_when_it_is_known() {
    let text = "merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: [0, 40]}]
  - sources: [{model: a, layer_range: [0, 18446744073709551615]}]
  - sources: [{model: a, layer_range: [8, 24]}]
";
    let recipe = Passthrough::parse(text).unwrap();
    assert_snapshot!(recipe.layers(24).unwrap_err(), @"line 3: layer_range [0, 40] goes beyond the source, which has 24 layers; line 4: layer_range [0, 18446744073709551615] goes beyond the source, which has 24 layers");
    let slice = "  - sources: [{model: a, layer_range: [0, 9000]}]\n";
    let deep = format!("merge_method: passthrough\nslices:\n{}", slice.repeat(200));
    assert_snapshot!(Passthrough::parse(&deep).unwrap().layers(9000).unwrap_err(), @"1800000 layers in all slices: at most 65536 are possible");
}

#[test]
fn a_growth_has_one_source() {
    let text = "merge_method: passthrough
base_model: c
slices:
  - sources: [{model: a, layer_range: [0, 1]}]
  - sources: [{model: b, layer_range: [0, 1]}]
  - sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]
  - sources: [{model: a+lora, layer_range: [0, 1]}]
  - sources: []
  - sources: [{layer_range: [0, 1]}, ]
  - sources: [{model: {path: a}}]
";
    assert_snapshot!(problems(text).replace("; line", ";\nline"), @r#"
    line 2: model `c`, but `a` in line 4: a growth has one source;
    line 5: model `b`, but `a` in line 4: a growth has one source;
    line 6: 2 sources in one slice: a growth has one;
    line 7: model `a+lora` adds a LoRA, which is not honoured; merge it first;
    line 8: sources is empty; at least one is needed;
    line 9: `model` is missing in a source;
    line 10: model is a map; expected a name;
    line 10: `layer_range` is missing in a source
    "#);
}

#[test]
fn yaml_that_is_none_or_hides_something_is_refused() {
    let passthrough = |slices: &str| format!("merge_method: passthrough\nslices: {slices}\n");
    assert_snapshot!(problems(&passthrough("[{sources: [")), @"line 3: while parsing a node, did not find expected node content");
    assert_snapshot!(problems("slices: []\nslices: []"), @"line 2: `slices` stands twice, first in line 1");
    assert_snapshot!(problems("a: 1\n---\nb: 2"), @"line 2: a second document begins; expected one");
    assert_snapshot!(problems("slices: !!python/object:os.system []"), @"line 1: tag `tag:yaml.org,2002:python/object:os.system` is not read; leave it out");
    assert_snapshot!(problems("a: &a [*a]"), @"line 1: an alias stands inside what it names");
    assert_snapshot!(problems("? [a]\n: b"), @"line 1: a list is a key; expected a name");
    assert_snapshot!(problems(&"[".repeat(100_000)), @"line 1: recursion limit exceeded");
    assert_snapshot!(problems(&"- ".repeat(100_000)), @"line 1: more than 32 lists and maps inside each other");
    assert_snapshot!(problems(&"? ".repeat(100_000)), @"line 1: more than 32 lists and maps inside each other");
    assert_snapshot!(problems(&"a: {".repeat(100_000)), @"line 1: more than 32 lists and maps inside each other");
    let bomb = (1..30).fold("a0: &a0 [1, 1]\n".to_owned(), |text, level| {
        let below = level - 1;
        format!("{text}a{level}: &a{level} [*a{below}, *a{below}]\n")
    });
    assert_snapshot!(problems(&bomb), @"line 15: more than 100000 values, those that aliases repeat included");
}
