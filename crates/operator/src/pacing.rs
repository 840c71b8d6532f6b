//! Spreads reconciles that only refresh numbers over time, so that busy sessions cost a bounded number of status writes a
//! second: the freshest change first. No I/O.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Objects whose numbers changed, waiting for their turn.
#[derive(Clone, Default)]
pub struct Pacer {
    waiting: Arc<Mutex<Stack>>,
    wake: Arc<Notify>,
}

/// Namespace and name.
type Name = (String, String);

#[derive(Default)]
struct Stack {
    order: Vec<Name>,
    known: HashSet<Name>,
}

impl Pacer {
    /// Notes that the numbers of an object changed.
    pub fn changed(&self, namespace: &str, name: &str) {
        let name = (namespace.to_owned(), name.to_owned());
        let mut stack = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !stack.known.insert(name.clone()) {
            stack.order.retain(|waiting| *waiting != name);
        }
        stack.order.push(name);
        drop(stack);
        self.wake.notify_one();
    }

    /// Hands the waiting objects to `reconcile` by namespace and name, `per_second` at the most, until `stop`.
    pub async fn run(
        self,
        per_second: u16,
        reconcile: impl Fn(&str, &str),
        stop: CancellationToken,
    ) {
        let pause = Duration::from_secs(1) / u32::from(per_second.max(1));
        let work = async {
            loop {
                while let Some((namespace, name)) = self.next() {
                    reconcile(&namespace, &name);
                    tokio::time::sleep(pause).await;
                }
                self.wake.notified().await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    fn next(&self) -> Option<Name> {
        let mut stack = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let name = stack.order.pop()?;
        stack.known.remove(&name);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    #[test]
    fn the_freshest_comes_first_and_each_only_once() {
        let pacer = Pacer::default();
        for session in ["a", "b", "a", "c"] {
            pacer.changed("ns", session);
        }
        let order: Vec<String> = std::iter::from_fn(|| pacer.next())
            .map(|(_, s)| s)
            .collect();
        assert_eq!(order, ["c", "a", "b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_go_out_a_second() {
        let (pacer, stop) = (Pacer::default(), CancellationToken::new());
        let (to, mut sent) = unbounded_channel();
        for session in ["a", "b", "c", "d", "e"] {
            pacer.changed("ns", session);
        }
        let task = tokio::spawn(pacer.run(
            2,
            move |_, name| to.send(name.to_owned()).unwrap(),
            stop.clone(),
        ));
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let sent = std::iter::from_fn(|| sent.try_recv().ok()).count();
        assert_eq!(sent, 3, "at 0 s, 0.5 s and 1 s");
        stop.cancel();
        task.await.unwrap();
    }
}
