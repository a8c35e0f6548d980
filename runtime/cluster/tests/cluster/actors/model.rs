//! Random lives of a few actors, beside a model of a few lines: each actor handles its messages in order, a message with
//! an id at most once, and as many run as should.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use proptest::prelude::*;
use squall_cluster::*;

use crate::support::*;

const IDS: [&str; 3] = ["u", "v", "w"];
/// Restarts of each.
const BUDGET: u32 = 2;

#[derive(Debug, Clone)]
enum Step {
    Spawn(usize),
    Stop(usize),
    /// Deliveries at the same time, in this order.
    Deliver(Vec<Letter>),
}

#[derive(Debug, Clone)]
struct Letter {
    to: usize,
    ask: Ask,
    id: Option<String>,
}

fn step() -> impl Strategy<Value = Step> {
    let ask = prop_oneof![
        8 => (1..100i64).prop_map(Ask::Add),
        2 => (0..3usize).prop_map(Ask::Yield),
        1 => Just(Ask::Finish),
        1 => Just(fail()),
        1 => Just(Ask::Panic("no".to_owned())),
        1 => Just(Ask::Nothing),
    ];
    let id = proptest::option::of((0..6u8).prop_map(|id| format!("m-{id}")));
    let letter = (0..IDS.len(), ask, id).prop_map(|(to, ask, id)| Letter { to, ask, id });
    prop_oneof![
        2 => (0..IDS.len()).prop_map(Step::Spawn),
        1 => (0..IDS.len()).prop_map(Step::Stop),
        6 => proptest::collection::vec(letter, 1..8).prop_map(Step::Deliver),
    ]
}

/// One id, as it should be.
#[derive(Default)]
struct Model {
    is_running: bool,
    is_ended: bool,
    spent: u32,
    sum: i64,
    answered: BTreeMap<String, Delivered>,
    lines: Vec<String>,
}

impl Model {
    fn start(&mut self, id: &str) {
        (self.is_running, self.is_ended, self.sum) = (true, false, 0);
        self.lines.push(format!("{id} starts with 0"));
    }

    /// What a running actor answers.
    fn handle(&mut self, id: &str, ask: &Ask) -> Delivered {
        match ask {
            Ask::Add(number) => {
                self.sum += number;
                self.lines.push(format!("{id} +{number} = {}", self.sum));
                handled()
            }
            Ask::Yield(_) => {
                self.lines.push(format!("{id} begins"));
                self.lines.push(format!("{id} ends"));
                handled()
            }
            Ask::Finish => {
                (self.is_running, self.is_ended) = (false, true);
                handled()
            }
            Ask::Nothing => Delivered::to_actor(Outcome::Ignored),
            fatal => {
                (self.is_running, self.is_ended) = (false, true);
                if self.spent < BUDGET {
                    self.spent += 1;
                    self.start(id);
                }
                failed(if matches!(fatal, Ask::Fail(_)) {
                    "boom"
                } else {
                    "panicked: no"
                })
            }
        }
    }

    /// The answers to letters that arrive together.
    fn deliver<'a>(&mut self, id: &str, letters: impl Iterator<Item = &'a Letter>) -> Vec<Delivered> {
        // All are accepted before the first is handled, and what is behind a last message is lost.
        let mut takes = self.is_running;
        let mut lost: Vec<&str> = Vec::new();
        let mut answers = Vec::new();
        for letter in letters {
            let message = letter.id.as_deref();
            if let Some(answer) = message.and_then(|it| self.answered.get(it)) {
                answers.push(answer.clone());
                continue;
            }
            if !takes || message.is_some_and(|it| lost.contains(&it)) {
                lost.extend(message);
                answers.push(Delivered::NOBODY);
                continue;
            }
            let answer = self.handle(id, &letter.ask);
            takes = !matches!(letter.ask, Ask::Finish | Ask::Fail(_) | Ask::Panic(_));
            if let Some(message) = message {
                self.answered.insert(message.to_owned(), answer.clone());
            }
            answers.push(answer);
        }
        answers
    }
}

/// Letters by receiver, in order.
fn of(letters: &[Letter], at: usize) -> impl Iterator<Item = &Letter> {
    letters.iter().filter(move |letter| letter.to == at)
}

async fn live(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (a, shared) = node("a");
    let supervisor = Supervisor::builder(platform()).restart("worker", BUDGET).build();
    supervisor.attach(&a);
    let mut models: [Model; IDS.len()] = Default::default();
    for step in steps {
        match step {
            Step::Spawn(at) => {
                a.spawn_local("worker", IDS[at], None).await.unwrap();
                if !models[at].is_running {
                    models[at].start(IDS[at]);
                }
            }
            Step::Stop(at) => {
                let model = &mut models[at];
                let is_there = model.is_running || model.is_ended;
                prop_assert_eq!(a.stop(&ActorRef::local(IDS[at])), is_there);
                (model.is_running, model.is_ended) = (false, false);
                model.answered.clear();
            }
            Step::Deliver(letters) => {
                let calls = letters.iter().map(|letter| {
                    let options = CallOptions {
                        timeout: None,
                        message_id: letter.id.clone(),
                    };
                    let (to, ask, a) = (ActorRef::local(IDS[letter.to]), letter.ask.clone(), &a);
                    async move { a.deliver_with(&to, ask, &options).await.unwrap() }
                });
                let answers = join_all(calls).await;
                for (at, model) in models.iter_mut().enumerate() {
                    let expected = model.deliver(IDS[at], of(&letters, at));
                    let answers = letters.iter().zip(&answers);
                    let actual: Vec<_> = answers.filter(|(letter, _)| letter.to == at).collect();
                    let actual: Vec<_> = actual.into_iter().map(|(_, answer)| answer.clone()).collect();
                    prop_assert_eq!(actual, expected);
                }
            }
        }
        settled().await;
        let lines = shared.take();
        for (at, model) in models.iter_mut().enumerate() {
            let own = lines.iter().filter(|line| line.starts_with(IDS[at]));
            let expected = std::mem::take(&mut model.lines);
            prop_assert_eq!(own.cloned().collect::<Vec<_>>(), expected);
        }
        let running = models.iter().filter(|model| model.is_running).count();
        prop_assert_eq!(a.running(), running);
    }
    Ok(())
}

proptest! {
    #[test]
    fn actors_live_as_their_model(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(live(steps))?;
    }
}
