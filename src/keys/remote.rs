//! A signer that is somebody else: an ssh-agent, a token. It may never answer, and a call into it cannot be taken back;
//! so it is asked on a thread of its own, and whoever asks waits for so long and no longer.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Something that is done with what is held on that thread.
type Task<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silent {
    /// It takes too long.
    #[error(
        "it did not answer within {} (--signer-timeout). Does it wait for somebody to confirm, or is it gone?",
        span(*.0)
    )]
    Slow(Duration),
    /// It did not answer before, or its thread ended.
    #[error("it stopped answering")]
    Gone,
}

fn span(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// What is held on a thread of its own, and the way to it.
pub(super) struct Remote<S> {
    way: Mutex<Option<Way<S>>>,
    patience: Duration,
}

/// The way to a thread, and word of its end.
struct Way<S> {
    tasks: mpsc::Sender<Task<S>>,
    ended: mpsc::Receiver<()>,
}

impl<S: Default + Send + 'static> Remote<S> {
    /// A thread that holds nothing yet.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start(patience: Duration) -> std::io::Result<Self> {
        let (tasks, waiting) = mpsc::channel::<Task<S>>();
        let (ends, ended) = mpsc::channel();
        std::thread::Builder::new().name("signer".to_owned()).spawn(move || {
            let mut held = S::default();
            for task in waiting {
                task(&mut held);
            }
            drop(held);
            let _ = ends.send(());
        })?;
        Ok(Self { way: Mutex::new(Some(Way { tasks, ended })), patience })
    }

    /// Does this there, one task at a time. What did not answer once is not asked again.
    ///
    /// # Errors
    /// [`Silent`].
    pub(super) fn ask<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Silent> {
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        let (answers, answer) = mpsc::sync_channel(1);
        let task: Task<S> = Box::new(move |held| _ = answers.send(task(held)));
        let sent = way.as_ref().ok_or(Silent::Gone)?.tasks.send(task);
        let sent = sent.map_err(|_| RecvTimeoutError::Disconnected);
        let answer = sent.and_then(|()| answer.recv_timeout(self.patience));
        answer.map_err(|error| {
            *way = None;
            match error {
                RecvTimeoutError::Timeout => Silent::Slow(self.patience),
                RecvTimeoutError::Disconnected => Silent::Gone,
            }
        })
    }
}

impl<S> Drop for Remote<S> {
    /// Lets go of what is held, which logs out of a token; of what does not answer nobody waits for the end.
    fn drop(&mut self) {
        if let Some(Way { tasks, ended }) = self.way.get_mut().unwrap_or_else(PoisonError::into_inner).take()
        {
            drop(tasks);
            let _ = ended.recv_timeout(self.patience);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_answer_is_given_up_and_not_asked_again() {
        let remote = Remote::<u32>::start(Duration::from_millis(50)).unwrap();
        assert_eq!(remote.ask(|held| std::mem::replace(held, 7)), Ok(0));
        assert_eq!(remote.ask(|held| *held), Ok(7));
        let (hold, held) = mpsc::channel::<()>();
        let slow = remote.ask(move |_| _ = held.recv());
        assert_eq!(slow, Err(Silent::Slow(Duration::from_millis(50))));
        assert!(slow.unwrap_err().to_string().contains("within 50 ms"));
        assert_eq!(remote.ask(|held| *held), Err(Silent::Gone));
        drop(hold);
    }

    #[test]
    fn a_thread_that_ends_is_no_answer() {
        let remote = Remote::<u32>::start(Duration::from_secs(60)).unwrap();
        let end = |_: &mut u32| std::panic::resume_unwind(Box::new(()));
        assert_eq!(remote.ask::<u32>(end), Err(Silent::Gone));
        assert_eq!(remote.ask(|held| *held), Err(Silent::Gone));
    }
}
