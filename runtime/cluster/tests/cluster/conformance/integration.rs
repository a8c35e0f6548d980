//! All of it together: line 47.

use super::supervisor::{log, settings};
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_47_a_remote_actor_is_restarted_by_its_owner_and_its_reference_still_works() {
    let (a, b, shared, _) = pair();
    let supervisor = settings().restart("worker", 1).build();
    supervisor.attach(&b);
    let reference = a.spawn("b", "worker", "w", None).await.unwrap();
    assert_eq!(a.deliver(&reference, Ask::Add(2)).await, Ok(handled()));
    assert_eq!(a.deliver(&reference, fail()).await, Ok(failed("boom")));
    assert_eq!(
        (b.running(), log(&supervisor)),
        (1, vec!["w worker restart: boom".to_owned()])
    );
    assert_eq!(a.deliver(&reference, Ask::Add(3)).await, Ok(handled()));
    let lines = ["w starts with 0", "w +2 = 2", "w starts with 0", "w +3 = 3"];
    assert_eq!(shared.take(), lines);
}
