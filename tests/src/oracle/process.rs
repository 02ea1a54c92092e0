//! A program that answers lines with lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::OracleError;
use crate::world::lines_of;

/// How much of a program's complaints is kept.
const MAX_SAID_BYTES: usize = 16_384;

/// Killed when it is dropped.
pub(super) struct Process {
    program: &'static str,
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
    said: Said,
}

impl Process {
    pub(super) fn start(program: &'static str, command: &mut Command) -> Result<Self, OracleError> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| OracleError::NotStarted { program, source })?;
        let requests = child.stdin.take().expect("its input is piped");
        let answers = lines_of(BufReader::new(child.stdout.take().expect("its output is piped")));
        let said = Said::read(BufReader::new(child.stderr.take().expect("its complaints are piped")));
        Ok(Self { program, child, requests, answers, said })
    }

    /// One question, one answer. After [`OracleError::Silent`] or [`OracleError::BrokeOff`] it is dead.
    pub(super) fn ask(&mut self, request: &Value, limit: Duration) -> Result<Value, OracleError> {
        let asked = writeln!(self.requests, "{request}").and_then(|()| self.requests.flush());
        if let Err(error) = asked {
            return Err(self.broke_off(format!("it does not listen ({error})")));
        }
        let line = match self.answers.recv_timeout(limit) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return Err(self.broke_off("it ended".to_owned())),
            Err(RecvTimeoutError::Timeout) => return Err(self.silent(limit)),
        };
        let answer: Value = match serde_json::from_str(&line) {
            Ok(answer) => answer,
            Err(error) => return Err(self.broke_off(format!("{error} in {line:?}"))),
        };
        match answer.get("error").and_then(Value::as_str) {
            // A conversion's error stands beside a verdict and is its caller's matter.
            Some(said) if answer.get("ok").is_none() => {
                Err(OracleError::Refused { program: self.program, said: said.to_owned() })
            }
            _ => Ok(answer),
        }
    }

    fn silent(&mut self, limit: Duration) -> OracleError {
        self.end();
        OracleError::Silent { program: self.program, limit_s: limit.as_secs(), said: self.said.text() }
    }

    fn broke_off(&mut self, reason: String) -> OracleError {
        self.end();
        OracleError::BrokeOff { program: self.program, reason, said: self.said.text() }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a program to its end and gives both its streams; kills it at the limit.
pub(super) fn output_within(
    program: &'static str,
    command: &mut Command,
    limit: Duration,
) -> Result<(String, String), OracleError> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| OracleError::NotStarted { program, source })?;
    let printed = read_aside(child.stdout.take().expect("its output is piped"));
    let said = read_aside(child.stderr.take().expect("its complaints are piped"));
    // Both streams end when the program does.
    let outcome = printed.recv_timeout(limit);
    if outcome.is_err() {
        let _ = child.kill();
    }
    let _ = child.wait();
    let said = said.recv().unwrap_or_default();
    match outcome {
        Ok(printed) => Ok((printed, said)),
        Err(_) => Err(OracleError::Silent { program, limit_s: limit.as_secs(), said }),
    }
}

/// The whole of a stream, once it has ended.
fn read_aside(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        // Nobody may be waiting any more.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// The end of a program's standard error, read as it comes so that the program never waits for us.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

impl Said {
    fn read(mut stream: impl BufRead + Send + 'static) -> Self {
        let said = Self::default();
        let kept = said.clone();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                kept.push(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        said
    }

    fn push(&self, line: &str) {
        let mut kept = self.0.lock().expect("nobody panics while holding it");
        kept.push_str(line);
        let excess = kept.len().saturating_sub(MAX_SAID_BYTES);
        let cut = (excess..=kept.len()).find(|at| kept.is_char_boundary(*at)).unwrap_or_default();
        kept.drain(..cut);
    }

    fn text(&self) -> String {
        self.0.lock().expect("nobody panics while holding it").clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_complaint_is_kept() {
        let said = Said::default();
        for number in 0..10_000 {
            said.push(&format!("été {number}\n"));
        }
        assert!(said.text().len() <= MAX_SAID_BYTES);
        assert!(said.text().ends_with("été 9999\n"));
    }
}
