//! Many actions at once.

use crate::rig::{Rig, exec, exists, output, runtime, uncollected, values};
use quietgate::actions::{End, Values};

/// Half of them leave a daemon behind.
const SCRIPT: &str =
    "[ $(($1 % 2)) = 1 ] || (setsid sh -c 'echo $$ > d'$1'; exec sleep 1000' >/dev/null 2>&1 &)
while [ $(($1 % 2)) = 0 ] && ! [ -s d$1 ]; do sleep 0.05; done; echo $1; exit $(($1 % 3))";

#[test]
fn two_hundred_at_once_each_have_their_own_end_and_leave_nothing() {
    for rig in Rig::each() {
        rig.script("act", SCRIPT);
        let ends = runtime().block_on(async {
            let outputs = rig.io();
            let io = outputs.io();
            let all = (0..200_u32).map(|n| {
                let spec = exec(&["./act", "${attempt}"], &[]);
                let values = Values { attempt: n, ..values() };
                async move { (n, spec.run(&values, &io).await) }
            });
            joined(all).await
        });
        assert_eq!(ends.len(), 200);
        for (n, outcome) in ends {
            let end = if n % 3 == 0 { End::Succeeded } else { End::Exited((n % 3).cast_signed()) };
            assert_eq!((&outcome.end, &outcome.survivors), (&end, &vec![]), "{n} {:?}", rig.cage);
            assert_eq!(output(&outcome), format!("{n}\n"));
            assert!(n % 2 == 1 || !exists(rig.pid(&format!("d{n}"))), "{n} {:?}", rig.cage);
        }
        assert_eq!(uncollected(), Vec::<String>::new());
        assert_eq!(rig.told.lock().expect("a list").len(), 200);
    }
}

/// All at once, in one task.
async fn joined<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in &mut waiting {
            if done.is_none()
                && let std::task::Poll::Ready(value) = one.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if waiting.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}
