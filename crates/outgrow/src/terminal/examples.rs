//! What stands at the end of each `--help`: commands as they are typed. A test reads each of them as the program does.

pub(crate) const ALL: &str = "\
Examples, the usual way from a text to a comparison:
  outgrow data prepare texts/ --tokenizer tokenizer.json --validation-fraction 0.01 --out shards
  outgrow init shards --parameters 10M --minutes 30             writes scratch.toml and g-stack.toml
  outgrow train g-stack.toml --out runs/g-stack                 and scratch.toml likewise
  outgrow report runs/scratch runs/g-stack --out report.html
`outgrow COMMAND --help` has more of each. docs/GUIDE.md, in the source, goes all the way step by step.";

pub(crate) const ADVISE: &str = "\
Examples:
  outgrow advise --parameters 1.1B --tokens 100B
  outgrow advise --hidden-size 512 --num-hidden-layers 12 --tokens 500M --training shards/training --recipe g-stack.toml
  outgrow advise --parameters 7B --tokens 300B --peak-flops 989e12 --mfu 0.4 --devices 64";

pub(crate) const INIT: &str = "\
Examples:
  outgrow data prepare texts/ --tokenizer tokenizer.json --validation-fraction 0.01 --out shards
  outgrow init shards
  outgrow init shards --parameters 10M --minutes 30 --out recipes";

pub(crate) const RECIPE: &str = "\
Examples:
  outgrow recipe reference
  outgrow recipe schema > recipe.schema.json";

pub(crate) const TRAIN: &str = "\
Examples:
  outgrow train recipe.toml --plan                              what it would do, and how long that takes
  outgrow train recipe.toml --out runs/mine                     the same command goes on after a stop
  outgrow train recipe.toml --out runs/wd-0.2 --set training.optimizer.weight_decay=0.2
  outgrow train recipe.toml --out runs/mine --rewind-to step-100";

pub(crate) const GROW: &str = "\
Examples:
  outgrow grow a-llama grown --operator stack --factor 4 --plan
  outgrow grow a-llama grown --operator stack --factor 4 --verify
  outgrow grow runs/mine wide --operator split --hidden-size 1024";

pub(crate) const EXPORT: &str = "\
Examples:
  outgrow export masked-llama plain-llama";

pub(crate) const VERIFY: &str = "\
Examples:
  outgrow verify a-llama grown
  outgrow verify a-llama grown --text held-out.txt --json differences.json";

pub(crate) const EVAL: &str = "\
Examples:
  outgrow eval --list --data documents                          which tasks there are, and whose documents
  outgrow eval runs/mine --tasks paper --data documents --out results
  outgrow eval a-llama --tasks piqa,sciq --data documents --out results --limit 100";

pub(crate) const GENERATE: &str = "\
Examples:
  outgrow generate runs/mine --prompt \"Once upon a time\"
  outgrow generate a-llama --prompt \"Once\" --temperature 0.8 --top-p 0.95 --seed 1";

pub(crate) const DATA: &str = "\
Examples:
  outgrow data prepare book.txt more.jsonl.gz --tokenizer tokenizer.json --out shards/training
  outgrow data info shards";

pub(crate) const DATA_PREPARE: &str = "\
Examples:
  outgrow data prepare texts/ --tokenizer tokenizer.json --validation-fraction 0.01 --out shards
  outgrow data prepare held-out.jsonl.gz --tokenizer tokenizer.json --out shards/validation
  outgrow data prepare 'fineweb/*.parquet' --tokenizer a-llama --text-field text --out shards/training";

pub(crate) const DATA_INFO: &str = "\
Examples:
  outgrow data info shards/training
  outgrow data info shards --verify                             training/ and validation/, every byte of them";

pub(crate) const EXPERIMENT: &str = "\
Examples:
  outgrow experiment list                                       what there is, and how long it takes here
  outgrow experiment quickstart
  outgrow experiment operators --scale nano --plan
  outgrow experiment mine.toml --scale pulse --out runs/mine    a definition of your own
  outgrow experiment recipes/ --seeds 3                         all recipes of a folder, compared";

pub(crate) const REPORT: &str = "\
Examples:
  outgrow report runs/scratch runs/grown --out report.html
  outgrow report runs/scratch runs/grown --live                 while they train";

pub(crate) const DEVICES: &str = "\
Examples:
  outgrow devices --json";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  outgrow completions bash > ~/.local/share/bash-completion/completions/outgrow
  outgrow completions zsh > ~/.zfunc/_outgrow
  outgrow completions fish > ~/.config/fish/completions/outgrow.fish";

pub(crate) const MAN: &str = "\
Examples:
  outgrow man ~/.local/share/man/man1";
