//! In what a run that is to go on differs from the checkpoint that it would go on from, field by field. Which
//! differences may be is decided by the rules; where checkpoints are is the run folder's to know.

use outgrow_checkpoint::LlamaConfig;
use outgrow_kernels::{DeviceName, Precision};
use outgrow_schedules::{LearningRate, Schedule, Stage};
use serde::Serialize;
use serde_json::Value;

use crate::{
    base::BaseRecord,
    resume::{
        difference::{Difference, shown},
        rules::{Field, Rule},
        state::State,
    },
    settings::{
        TrainSettings,
        optimizer::{AdamWSettings, MuonSettings, OptimizerSettings},
    },
    training::Training,
};

/// Keys of config.json that decide no number of a run: two follow from the shards' separator, one is the type of the
/// files.
const NOT_THE_MODEL: [&str; 3] = ["bos_token_id", "eos_token_id", "torch_dtype"];

/// All differences that are not free.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// In the order of the rules; another base comes first, and the models that follow from two bases aren't compared.
    pub differences: Vec<Difference>,
    /// What the checkpoint doesn't tell, as earlier versions didn't record it.
    pub unknown: Vec<Field>,
}

impl Comparison {
    /// Compares a run that is to go on with the state of the checkpoint that it would go on from.
    pub(crate) fn with(saved: &State, training: &Training<'_>) -> Self {
        let now = State::of(training, saved.position, saved.optimizer_steps.clone());
        compare_states(saved, &now, saved.schedule.stages(), |all| {
            compare_schedules(all, &saved.schedule, &now.schedule);
        })
    }

    /// All that the rules don't allow.
    pub(crate) fn refused(&self, extend: bool) -> Vec<Difference> {
        let is_allowed = |difference: &&Difference| match difference.rule() {
            Rule::Free | Rule::Recorded => true,
            Rule::Extension => extend,
            Rule::Refused => false,
        };
        self.differences.iter().filter(|one| !is_allowed(one)).cloned().collect()
    }

    pub(super) fn add(&mut self, field: Field, what: &str, saved: impl Into<Value>, now: impl Into<Value>) {
        let difference = Difference { field, what: what.to_owned(), saved: saved.into(), now: now.into() };
        if difference.saved != difference.now
            && difference.rule() != Rule::Free
            && !self.differences.contains(&difference)
        {
            self.differences.push(difference);
        }
    }

    fn add_field(&mut self, field: Field, saved: impl Into<Value>, now: impl Into<Value>) {
        self.add(field, field.key(), saved, now);
    }

    /// A field that earlier versions didn't record.
    fn add_if_known(&mut self, field: Field, what: &str, saved: Option<&String>, now: Option<&String>) {
        match (saved, now) {
            (Some(saved), Some(now)) => self.add(field, what, saved.as_str(), now.as_str()),
            _ => self.unknown.push(field),
        }
    }
}

/// Compares all but the schedules, of which only `begun` stages matter; these are compared by the caller.
// Every field is named once, so that a new one has to be given a rule before this compiles.
pub(super) fn compare_states(
    saved: &State,
    now: &State,
    begun: &[Stage],
    compare_schedules: impl FnOnce(&mut Comparison),
) -> Comparison {
    let State {
        format: _,
        position: _,
        seed,
        initialization,
        base,
        device,
        schedule: _,
        settings,
        data,
        tokenizer_sha256,
        validation_sha256,
        optimizer_steps: _,
        validations: _,
    } = saved;
    let mut all = Comparison::default();
    all.add_field(Field::Seed, *seed, now.seed);
    let device = device.as_deref().map(DeviceName::as_shown);
    all.add_if_known(Field::Device, Field::Device.key(), device.as_ref(), now.device.as_ref());
    let of_base = |base: &Option<BaseRecord>| base.as_ref().map(|base| base.sha256.clone());
    all.add_field(Field::Base, of_base(base), of_base(&now.base));
    // Of a base nothing is drawn.
    if base.is_none() && now.base.is_none() {
        let (key, with) = ("model.initialization", now.initialization.as_ref());
        all.add_if_known(Field::Model, key, initialization.as_ref(), with);
    }
    let (key, with) = (Field::Tokenizer.key(), now.tokenizer_sha256.as_ref());
    all.add_if_known(Field::Tokenizer, key, tokenizer_sha256.as_ref(), with);
    compare_data(&mut all, data, &now.data);
    let (key, with) = (Field::ValidationData.key(), now.validation_sha256.as_ref());
    all.add_if_known(Field::ValidationData, key, validation_sha256.as_ref(), with);
    compare_schedules(&mut all);
    compare_settings(&mut all, settings, &now.settings);
    if begun.iter().any(|stage| stage.ends_at.is_some()) {
        // There the validations decide where a stage ends.
        let key = Field::ValidationInterval.key();
        let (saved, now) = (settings.validation_interval_tokens, now.settings.validation_interval_tokens);
        all.add(Field::Stages, key, saved, now);
    }
    all.differences.sort_by_key(|difference| difference.field as usize);
    if let Some(index) = all.differences.iter().position(|difference| difference.field == Field::Base) {
        let of_base = all.differences.remove(index);
        // The shape of a model follows from that of its base.
        if base.is_some() && now.base.is_some() {
            all.differences.retain(|difference| difference.field != Field::Model);
        }
        all.differences.insert(0, of_base);
    }
    all
}

fn compare_data(all: &mut Comparison, saved: &Value, now: &Value) {
    all.add_field(Field::SequenceLength, saved["sequence_length"].clone(), now["sequence_length"].clone());
    let seed = |data: &Value| data["order"]["order"]["shuffled"]["seed"].clone();
    let order = |data: &Value| if seed(data).is_null() { data["order"]["order"].clone() } else { seed(data) };
    all.add_field(Field::OrderSeed, order(saved), order(now));
    if saved["shards"] != now["shards"] {
        all.add_field(Field::TrainingData, sums(&saved["shards"]), sums(&now["shards"]));
    }
}

/// The sums of shards, as a message can hold them.
fn sums(shards: &Value) -> Value {
    let sums: Vec<String> = shards.as_array().into_iter().flatten().map(shown).collect();
    match sums.as_slice() {
        [] => Value::Null,
        [sum] => Value::from(format!("1 shard, {sum}")),
        [first, ..] => Value::from(format!("{} shards, the first {first}", sums.len())),
    }
}

fn compare_schedules(all: &mut Comparison, saved: &Schedule, now: &Schedule) {
    let names = |schedule: &Schedule| {
        schedule.stages().iter().map(|stage| stage.name.clone()).collect::<Vec<_>>().join(", ")
    };
    let count = saved.stages().len();
    if count != now.stages().len() || names(saved) != names(now) {
        all.add(Field::Stages, "schedule: stages", names(saved), names(now));
    }
    compare_models(all, "model.", saved.model(), now.model());
    if count != now.stages().len() {
        // Which stage is to be compared with which isn't known.
        return;
    }
    for (index, (saved, now)) in saved.stages().iter().zip(now.stages()).enumerate() {
        compare_stages(all, saved, now, index + 1 == count, count == 1);
    }
}

fn compare_stages(all: &mut Comparison, saved: &Stage, now: &Stage, is_last: bool, is_only: bool) {
    // The names are compared together.
    let Stage { name, model, tokens, ends_at, trainable, enter, at_growth, learning_rate } = saved;
    let LearningRate { peak, minimum, warmup_tokens, horizon_tokens, start_tokens, initial, shape } =
        *learning_rate;
    let rate = now.learning_rate;
    let of_stage =
        |what: &str| if is_only { format!("schedule.{what}") } else { format!("stage \"{name}\": {what}") };
    let of_rate = |what: &str| of_stage(&format!("learning_rate.{what}"));
    if !is_last {
        compare_models(all, &of_stage(""), model, &now.model);
    }
    let (length, horizon) = if is_last {
        (Field::LastStageTokens, Field::LastStageHorizon)
    } else {
        (Field::Stages, Field::Stages)
    };
    all.add(length, &of_stage("tokens"), *tokens, now.tokens);
    all.add(horizon, &of_rate("horizon_tokens"), horizon_tokens, rate.horizon_tokens);
    all.add(Field::Stages, &of_rate("peak"), peak, rate.peak);
    all.add(Field::Stages, &of_rate("minimum"), minimum, rate.minimum);
    all.add(Field::Stages, &of_rate("warmup_tokens"), warmup_tokens, rate.warmup_tokens);
    all.add(Field::Stages, &of_rate("start_tokens"), start_tokens, rate.start_tokens);
    all.add(Field::Stages, &of_rate("initial"), initial, rate.initial);
    all.add(Field::Stages, &of_rate("shape"), json(&shape), json(&rate.shape));
    all.add(Field::Stages, &of_stage("ends_at"), json(ends_at), json(&now.ends_at));
    all.add(Field::Stages, &of_stage("trainable"), json(trainable), json(&now.trainable));
    all.add(Field::Stages, &of_stage("enter"), json(enter), json(&now.enter));
    all.add(Field::Stages, &of_stage("at_growth"), json(at_growth), json(&now.at_growth));
}

/// What differs in the final model in the same way is said of that only.
pub(super) fn compare_models(all: &mut Comparison, prefix: &str, saved: &LlamaConfig, now: &LlamaConfig) {
    for (key, saved, now) in model_differences(saved, now) {
        let what = format!("model.{key}");
        let is_said = |one: &Difference| one.what == what && one.saved == saved && one.now == now;
        if !all.differences.iter().any(is_said) {
            all.add(Field::Model, &format!("{prefix}{key}"), saved, now);
        }
    }
}

/// The keys of config.json in which two models differ, with both values.
pub(crate) fn model_differences(one: &LlamaConfig, two: &LlamaConfig) -> Vec<(String, Value, Value)> {
    let (one, two) = (one.to_json(), two.to_json());
    let keys = |value: &Value| value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    let mut all: Vec<String> = keys(&one);
    let more: Vec<String> = keys(&two);
    all.extend(more.into_iter().filter(|key| one.get(key).is_none()));
    all.retain(|key| !NOT_THE_MODEL.contains(&key.as_str()));
    let differs =
        |key: String| (one[&key] != two[&key]).then(|| (key.clone(), one[&key].clone(), two[&key].clone()));
    all.into_iter().filter_map(differs).collect()
}

fn compare_settings(all: &mut Comparison, saved: &TrainSettings, now: &TrainSettings) {
    let TrainSettings {
        batch_sequences,
        micro_batch_sequences,
        precision,
        optimizer,
        validation_interval_tokens,
        validation_sequences,
        checkpoint_interval_tokens,
        checkpoints_kept,
    } = saved;
    all.add_field(Field::Dtype, dtype(*precision), dtype(now.precision));
    all.add_field(Field::BatchSequences, *batch_sequences, now.batch_sequences);
    all.add_field(Field::MicroBatchSequences, *micro_batch_sequences, now.micro_batch_sequences);
    compare_optimizers(all, optimizer, &now.optimizer);
    let interval = now.validation_interval_tokens;
    all.add_field(Field::ValidationInterval, *validation_interval_tokens, interval);
    all.add_field(Field::ValidationSequences, *validation_sequences, now.validation_sequences);
    let interval = json(&now.checkpoint_interval_tokens);
    all.add_field(Field::CheckpointInterval, json(checkpoint_interval_tokens), interval);
    all.add_field(Field::CheckpointsKept, *checkpoints_kept, now.checkpoints_kept);
}

fn compare_optimizers(all: &mut Comparison, saved: &OptimizerSettings, now: &OptimizerSettings) {
    let OptimizerSettings { adamw, muon } = saved;
    let AdamWSettings { beta1, beta2, epsilon, weight_decay, decay, clip_norm } = adamw;
    let fields = [
        ("beta1", json(beta1), json(&now.adamw.beta1)),
        ("beta2", json(beta2), json(&now.adamw.beta2)),
        ("epsilon", json(epsilon), json(&now.adamw.epsilon)),
        ("weight_decay", json(weight_decay), json(&now.adamw.weight_decay)),
        ("decay", json(decay), json(&now.adamw.decay)),
        ("clip_norm", json(clip_norm), json(&now.adamw.clip_norm)),
    ];
    let mut add = |key: &str, saved: Value, now: Value| {
        all.add(Field::Optimizer, &format!("{}.{key}", Field::Optimizer.key()), saved, now);
    };
    for (key, saved, now) in fields {
        add(key, saved, now);
    }
    let (Some(muon), Some(muon_now)) = (muon, &now.muon) else {
        let is_given = |muon: &Option<MuonSettings>| muon.as_ref().map(|_| "given").into();
        add("muon", is_given(muon), is_given(&now.muon));
        return;
    };
    let MuonSettings { momentum, nesterov, iterations, adjust, weight_decay: _, learning_rate_ratio } = muon;
    let fields = [
        ("momentum", json(momentum), json(&muon_now.momentum)),
        ("nesterov", json(nesterov), json(&muon_now.nesterov)),
        ("iterations", json(iterations), json(&muon_now.iterations)),
        ("adjust", json(adjust), json(&muon_now.adjust)),
        // Given or AdamW's, it is the same number.
        ("weight_decay", json(&saved.muon_weight_decay()), json(&now.muon_weight_decay())),
        ("learning_rate_ratio", json(learning_rate_ratio), json(&muon_now.learning_rate_ratio)),
    ];
    for (key, saved, now) in fields {
        add(&format!("muon.{key}"), saved, now);
    }
}

fn dtype(precision: Precision) -> String {
    precision.to_string()
}

pub(super) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("settings have only string keys")
}
