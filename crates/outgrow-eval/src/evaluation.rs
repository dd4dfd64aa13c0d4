//! What came out: the answers and metrics of every document, the numbers of every task and group. It prints and writes
//! nothing.

mod metrics;
mod standard_error;

use crate::{
    error::EvalError,
    evaluation::{
        metrics::{aggregate, values},
        standard_error::{pooled, standard_error},
    },
    model::Score,
    plan::{Plan, PlannedTask},
    requests::{Place, TokenRequests},
    scoring::Scores,
    tasks::{
        Group,
        task::{Item, Metric},
    },
};

pub use metrics::{Answer, Value};

/// What a model made of a plan.
#[derive(Debug)]
pub struct Evaluation<'plan> {
    /// What was asked.
    pub(crate) plan: &'plan Plan,
    /// The tasks, as they are in the plan.
    pub(crate) tasks: Vec<TaskOutcome<'plan>>,
    /// The groups, as they are in the plan.
    pub(crate) groups: Vec<GroupOutcome>,
}

/// What came out of a task.
#[derive(Debug)]
pub struct TaskOutcome<'plan> {
    /// What was asked.
    pub planned: &'plan PlannedTask,
    /// For each document what was answered.
    pub answers: Vec<Answer>,
    /// For each document what each metric says of it.
    pub values: Vec<Vec<Value>>,
    /// Each metric over all documents.
    pub results: Vec<MetricResult>,
}

/// What came out of a group.
#[derive(Debug)]
pub struct GroupOutcome {
    /// The group.
    pub group: &'static Group,
    /// Its accuracy, weighted by documents.
    pub result: MetricResult,
    /// Documents of its tasks.
    pub documents: usize,
}

/// A metric over documents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricResult {
    /// The metric.
    pub metric: Metric,
    /// Its value.
    pub value: f64,
    /// Its standard error, where there is one.
    pub standard_error: Option<f64>,
}

impl<'plan> Evaluation<'plan> {
    /// Computes all metrics from the scores.
    ///
    /// ```no_run
    /// # fn print(
    /// #     plan: &outgrow_eval::Plan, requests: &outgrow_eval::TokenRequests, scores: &outgrow_eval::Scores,
    /// # ) -> Result<(), outgrow_eval::EvalError> {
    /// use outgrow_eval::{Evaluation, tasks::Metric};
    ///
    /// let evaluation = Evaluation::new(plan, requests, scores)?;
    /// print!("{}", evaluation.table());
    /// let accuracy = evaluation.result("arc_easy", Metric::NormalizedAccuracy).expect("it is in the plan");
    /// println!("{} of {} documents", accuracy.value, evaluation.tasks()[0].answers.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`EvalError::ScoreCount`] if the scores aren't those of the requests, or these not those of the plan.
    pub fn new(plan: &'plan Plan, requests: &TokenRequests, scores: &Scores) -> Result<Self, EvalError> {
        let lookup =
            |&(group, index): &Place| scores.0.get(group).and_then(|group| group.get(index)).copied();
        let mut tasks = Vec::with_capacity(plan.tasks.len());
        for (index, planned) in plan.tasks.iter().enumerate() {
            let places = requests.places.get(index).map_or(&[][..], Vec::as_slice);
            let answers = planned.documents.iter().zip(places).filter_map(|(document, places)| {
                let found =
                    places.iter().map(|places| places.iter().map(lookup).collect::<Option<Vec<Score>>>());
                Some(answer(&document.item, &found.collect::<Option<Vec<_>>>()?))
            });
            let answers: Vec<_> = answers.collect();
            if answers.len() != planned.documents.len() {
                return Err(EvalError::ScoreCount {
                    expected: planned.documents.len(),
                    found: answers.len(),
                });
            }
            tasks.push(TaskOutcome::new(planned, answers, plan.options.bootstrap_iters));
        }
        let groups = plan.groups.iter().map(|group| GroupOutcome::new(group, &tasks)).collect();
        Ok(Self { plan, tasks, groups })
    }

    /// What was asked.
    pub fn plan(&self) -> &'plan Plan {
        self.plan
    }

    /// The tasks, as they are in the plan.
    pub fn tasks(&self) -> &[TaskOutcome<'plan>] {
        &self.tasks
    }

    /// The groups, as they are in the plan.
    pub fn groups(&self) -> &[GroupOutcome] {
        &self.groups
    }

    /// The result of a metric of a task.
    pub fn result(&self, task: &str, metric: Metric) -> Option<MetricResult> {
        let outcome = self.tasks.iter().find(|outcome| outcome.planned.task.name == task)?;
        outcome.results.iter().find(|result| result.metric == metric).copied()
    }
}

/// Scores as an answer: one for each request, or for a whole text the sum over its windows.
fn answer(item: &Item, scores: &[Vec<Score>]) -> Answer {
    match item {
        Item::Page { .. } => {
            Answer::Total(scores.iter().flatten().fold(0.0, |sum, score| sum + score.log_likelihood))
        }
        _ => Answer::Scores(scores.iter().flatten().copied().collect()),
    }
}

impl<'plan> TaskOutcome<'plan> {
    fn new(planned: &'plan PlannedTask, answers: Vec<Answer>, bootstrap_iters: usize) -> Self {
        let metrics = planned.task.metrics;
        let of_documents: Vec<Vec<Value>> = planned
            .documents
            .iter()
            .zip(&answers)
            .map(|(document, answer)| values(metrics, &document.item, answer))
            .collect();
        let result = |(index, &metric): (usize, &Metric)| {
            let column: Vec<Value> = of_documents.iter().map(|values| values[index]).collect();
            let standard_error = standard_error(metric, &column, bootstrap_iters);
            MetricResult { metric, value: aggregate(metric, &column), standard_error }
        };
        let results = metrics.iter().enumerate().map(result).collect();
        Self { planned, answers, values: of_documents, results }
    }
}

impl GroupOutcome {
    fn new(group: &'static Group, tasks: &[TaskOutcome<'_>]) -> Self {
        let members = group.tasks().filter_map(|task| {
            let outcome = tasks.iter().find(|outcome| outcome.planned.task.name == task.name)?;
            Some((outcome.results.first()?, outcome.planned.documents.len()))
        });
        let members: Vec<_> = members.collect();
        let sizes: Vec<usize> = members.iter().map(|(_, size)| *size).collect();
        let documents: usize = sizes.iter().sum();
        let weighted = members.iter().map(|(result, size)| result.value * *size as f64);
        let errors = members.iter().map(|(result, _)| result.standard_error).collect::<Option<Vec<_>>>();
        let result = MetricResult {
            metric: Metric::Accuracy,
            value: weighted.fold(0.0, |sum, value| sum + value) / documents as f64,
            standard_error: errors.map(|errors| pooled(&errors, &sizes)),
        };
        Self { group, result, documents }
    }
}
