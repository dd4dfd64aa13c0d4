//! MMLU: 57 subjects, four choices each, of which the letters are scored. Subjects are tasks; they are summed up in
//! four groups and one over all.

use crate::{
    documents::Document,
    error::EvalError,
    python::text::strip,
    tasks::task::{Dataset, Examples, Item, Metric, OutputType, Split, Task, Text, Wording},
};

/// Tasks that are summed up: the mean of their metrics, weighted by their documents.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// The name that is printed.
    pub alias: &'static str,
    /// The version of its definition.
    pub version: u32,
    /// Tasks and groups directly in it.
    pub(crate) members: Members,
}

/// What a group has in it.
#[derive(Debug)]
pub(crate) enum Members {
    /// All tasks with this tag.
    Tagged(&'static str),
    /// Groups by name.
    Groups(&'static [&'static str]),
}

/// All groups, each behind those that are in it, in the order in which the harness sums them up.
pub static GROUPS: [Group; 5] = [
    subjects("mmlu_stem", "stem", "mmlu_stem_tasks"),
    subjects("mmlu_other", "other", "mmlu_other_tasks"),
    subjects("mmlu_social_sciences", "social sciences", "mmlu_social_sciences_tasks"),
    subjects("mmlu_humanities", "humanities", "mmlu_humanities_tasks"),
    Group {
        name: "mmlu",
        alias: "mmlu",
        version: 2,
        members: Members::Groups(&["mmlu_stem", "mmlu_other", "mmlu_social_sciences", "mmlu_humanities"]),
    },
];

const fn subjects(name: &'static str, alias: &'static str, tag: &'static str) -> Group {
    Group { name, alias, version: 2, members: Members::Tagged(tag) }
}

impl Group {
    /// The names of what is directly in it.
    pub fn member_names(&self) -> Vec<&'static str> {
        match self.members {
            Members::Tagged(_) => self.tasks().map(|task| task.name).collect(),
            Members::Groups(names) => names.to_vec(),
        }
    }

    /// Its tasks, those of its groups included.
    pub fn tasks(&self) -> impl Iterator<Item = &'static Task> {
        let tags: Vec<_> = match self.members {
            Members::Tagged(tag) => vec![tag],
            Members::Groups(names) => {
                let groups = names.iter().filter_map(|name| GROUPS.iter().find(|group| group.name == *name));
                let tag = |group: &'static Group| match group.members {
                    Members::Tagged(tag) => Some(tag),
                    Members::Groups(_) => None,
                };
                groups.filter_map(tag).collect()
            }
        };
        tags.into_iter().flat_map(|tag| SUBJECTS.iter().filter(move |subject| subject.tags.contains(&tag)))
    }

    /// Whether tasks are directly in it, and not groups.
    pub fn has_tasks(&self) -> bool {
        match self.members {
            Members::Tagged(_) => true,
            Members::Groups(_) => false,
        }
    }

    /// Whether it is the other group or a part of it.
    pub(super) fn is_within(&self, other: &Group) -> bool {
        let is_member = match other.members {
            Members::Tagged(_) => false,
            Members::Groups(names) => names.contains(&self.name),
        };
        self.name == other.name || is_member
    }
}

/// A subject: its name, its name in words, its tag and its test documents.
macro_rules! subject {
    ($subject:literal, $words:literal, $tag:literal, $rows:literal) => {
        Task {
            name: concat!("mmlu_", $subject),
            alias: Some($subject),
            tags: &[$tag],
            version: 1.0,
            dataset: Dataset {
                path: "cais/mmlu",
                name: Some($subject),
                folder: "mmlu",
                training: None,
                validation: None,
                test: Some(Split::new("test", concat!($subject, "_test.jsonl"), $rows)),
                fewshot: Some(Split::new("dev", concat!($subject, "_dev.jsonl"), 5)),
                fields: "question, choices, answer",
            },
            description: concat!("The following are multiple choice questions (with answers) about ", $words, ".\n\n"),
            examples: Examples::First,
            output: OutputType::MultipleChoice,
            metrics: &[Metric::Accuracy],
            prepare: None,
            item,
            wording: Wording {
                doc_to_text: Text::Template(
                    "{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:",
                ),
                doc_to_target: Text::Template("answer"),
                doc_to_choice: Text::List(&LETTERS),
                decontamination: None,
                aggregations_are_named: true,
                own_results: false,
            },
        }
    };
}

const LETTERS: [&str; 4] = ["A", "B", "C", "D"];

fn item(document: &Document) -> Result<Item, EvalError> {
    let options = document.texts("choices")?;
    if options.len() < LETTERS.len() {
        return Err(document.wrong(format!(
            "\"choices\" has {} texts, not {}",
            options.len(),
            LETTERS.len()
        )));
    }
    let mut context = strip(document.text("question")?).to_owned();
    for (letter, option) in LETTERS.iter().zip(&options) {
        context.extend(["\n", letter, ". ", option]);
    }
    context.push_str("\nAnswer:");
    Ok(Item::choice(context, LETTERS.map(str::to_owned).to_vec(), document.index("answer", LETTERS.len())?))
}

/// The subjects.
pub(super) static SUBJECTS: [Task; 57] = [
    subject!("abstract_algebra", "abstract algebra", "mmlu_stem_tasks", 100),
    subject!("anatomy", "anatomy", "mmlu_stem_tasks", 135),
    subject!("astronomy", "astronomy", "mmlu_stem_tasks", 152),
    subject!("business_ethics", "business ethics", "mmlu_other_tasks", 100),
    subject!("clinical_knowledge", "clinical knowledge", "mmlu_other_tasks", 265),
    subject!("college_biology", "college biology", "mmlu_stem_tasks", 144),
    subject!("college_chemistry", "college chemistry", "mmlu_stem_tasks", 100),
    subject!("college_computer_science", "college computer science", "mmlu_stem_tasks", 100),
    subject!("college_mathematics", "college mathematics", "mmlu_stem_tasks", 100),
    subject!("college_medicine", "college medicine", "mmlu_other_tasks", 173),
    subject!("college_physics", "college physics", "mmlu_stem_tasks", 102),
    subject!("computer_security", "computer security", "mmlu_stem_tasks", 100),
    subject!("conceptual_physics", "conceptual physics", "mmlu_stem_tasks", 235),
    subject!("econometrics", "econometrics", "mmlu_social_sciences_tasks", 114),
    subject!("electrical_engineering", "electrical engineering", "mmlu_stem_tasks", 145),
    subject!("elementary_mathematics", "elementary mathematics", "mmlu_stem_tasks", 378),
    subject!("formal_logic", "formal logic", "mmlu_humanities_tasks", 126),
    subject!("global_facts", "global facts", "mmlu_other_tasks", 100),
    subject!("high_school_biology", "high school biology", "mmlu_stem_tasks", 310),
    subject!("high_school_chemistry", "high school chemistry", "mmlu_stem_tasks", 203),
    subject!("high_school_computer_science", "high school computer science", "mmlu_stem_tasks", 100),
    subject!("high_school_european_history", "high school european history", "mmlu_humanities_tasks", 165),
    subject!("high_school_geography", "high school geography", "mmlu_social_sciences_tasks", 198),
    subject!(
        "high_school_government_and_politics",
        "high school government and politics",
        "mmlu_social_sciences_tasks",
        193
    ),
    subject!("high_school_macroeconomics", "high school macroeconomics", "mmlu_social_sciences_tasks", 390),
    subject!("high_school_mathematics", "high school mathematics", "mmlu_stem_tasks", 270),
    subject!("high_school_microeconomics", "high school microeconomics", "mmlu_social_sciences_tasks", 238),
    subject!("high_school_physics", "high school physics", "mmlu_stem_tasks", 151),
    subject!("high_school_psychology", "high school psychology", "mmlu_social_sciences_tasks", 545),
    subject!("high_school_statistics", "high school statistics", "mmlu_stem_tasks", 216),
    subject!("high_school_us_history", "high school us history", "mmlu_humanities_tasks", 204),
    subject!("high_school_world_history", "high school world history", "mmlu_humanities_tasks", 237),
    subject!("human_aging", "human aging", "mmlu_other_tasks", 223),
    subject!("human_sexuality", "human sexuality", "mmlu_social_sciences_tasks", 131),
    subject!("international_law", "international law", "mmlu_humanities_tasks", 121),
    subject!("jurisprudence", "jurisprudence", "mmlu_humanities_tasks", 108),
    subject!("logical_fallacies", "logical fallacies", "mmlu_humanities_tasks", 163),
    subject!("machine_learning", "machine learning", "mmlu_stem_tasks", 112),
    subject!("management", "management", "mmlu_other_tasks", 103),
    subject!("marketing", "marketing", "mmlu_other_tasks", 234),
    subject!("medical_genetics", "medical genetics", "mmlu_other_tasks", 100),
    subject!("miscellaneous", "miscellaneous", "mmlu_other_tasks", 783),
    subject!("moral_disputes", "moral disputes", "mmlu_humanities_tasks", 346),
    subject!("moral_scenarios", "moral scenarios", "mmlu_humanities_tasks", 895),
    subject!("nutrition", "nutrition", "mmlu_other_tasks", 306),
    subject!("philosophy", "philosophy", "mmlu_humanities_tasks", 311),
    subject!("prehistory", "prehistory", "mmlu_humanities_tasks", 324),
    subject!("professional_accounting", "professional accounting", "mmlu_other_tasks", 282),
    subject!("professional_law", "professional law", "mmlu_humanities_tasks", 1534),
    subject!("professional_medicine", "professional medicine", "mmlu_other_tasks", 272),
    subject!("professional_psychology", "professional psychology", "mmlu_social_sciences_tasks", 612),
    subject!("public_relations", "public relations", "mmlu_social_sciences_tasks", 110),
    subject!("security_studies", "security studies", "mmlu_social_sciences_tasks", 245),
    subject!("sociology", "sociology", "mmlu_social_sciences_tasks", 201),
    subject!("us_foreign_policy", "us foreign policy", "mmlu_social_sciences_tasks", 100),
    subject!("virology", "virology", "mmlu_other_tasks", 166),
    subject!("world_religions", "world religions", "mmlu_humanities_tasks", 171),
];
