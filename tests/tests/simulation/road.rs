//! The road between a laptop and the server, with all that happens on roads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use collector_core::{Disconnected, HttpAnswer, PULL_PATH, PUSH_PATH, Transport};
use record_model::{DeltaHash, ReasonCode};
use signed_delta::{Receipt, Refusal, SignedDelta};
use sync_protocol::{PullPage, PushBatch};
use testkit::seeded::Seeded;

use crate::folders::copy_folder;
use crate::ledger::{Breach, Ledger};
use crate::server::{DEPLOYMENT, Request, Server, keys, refusal};

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    None,
    /// It does not arrive.
    Lost,
    /// It arrives; the answer does not.
    AnswerLost,
    /// A part of it arrives.
    Cut,
    /// It arrives twice; the second answer comes back.
    Repeated,
    /// It arrives long after the laptop has given it up.
    Late,
    /// A login page answers.
    Portal,
    /// The server is busy.
    Busy,
    /// The laptop's power goes, before the request leaves or before its answer is read.
    PowerCut {
        arrives: bool,
    },
}

const FOUL: [(Mishap, u64); 10] = [
    (Mishap::None, 68),
    (Mishap::Lost, 5),
    (Mishap::AnswerLost, 6),
    (Mishap::Cut, 3),
    (Mishap::Repeated, 3),
    (Mishap::Late, 5),
    (Mishap::Portal, 3),
    (Mishap::Busy, 3),
    (Mishap::PowerCut { arrives: true }, 2),
    (Mishap::PowerCut { arrives: false }, 2),
];

/// One laptop's road while it syncs.
pub(crate) struct Road<'a> {
    pub(crate) server: &'a mut Server,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) dice: &'a mut Seeded,
    /// Requests that were given up and still travel.
    pub(crate) late: &'a mut Vec<Request>,
    pub(crate) foul: bool,
    /// The laptop's folder, and where to keep it as it was when the power went.
    pub(crate) home: &'a Path,
    pub(crate) wreck: PathBuf,
    pub(crate) power_is_out: bool,
    /// What was posted and not answered, for a laptop that believes in posting.
    pub(crate) posted: Vec<DeltaHash>,
    /// Cursor and head of a page that did not arrive, for a laptop that knows them all the same.
    pub(crate) page_missed: Option<(u64, Vec<u8>)>,
    /// What happened, in short.
    pub(crate) told: String,
}

impl Road<'_> {
    fn travel(&mut self, request: Request) -> Result<HttpAnswer, Disconnected> {
        if self.power_is_out {
            return lost();
        }
        let mishap = if self.foul { self.dice.weighted(&FOUL) } else { Mishap::None };
        if mishap != Mishap::None {
            self.told.push_str(&format!(" {mishap:?}"));
        }
        match mishap {
            Mishap::None => {
                self.deliver(&request).map_or_else(lost, |answer| self.bring_back(&request, answer))
            }
            Mishap::Lost => lost(),
            Mishap::AnswerLost => {
                let answer = self.deliver(&request);
                self.note_missed(&request, answer.as_ref());
                lost()
            }
            Mishap::Cut => {
                let mut cut = request;
                cut.body.truncate(cut.body.len() / 2);
                self.deliver(&cut);
                lost()
            }
            Mishap::Repeated => {
                let first = self.deliver(&request);
                let second = self.deliver(&request);
                if let Some(first) = first {
                    self.note_missed(&request, Some(&first));
                }
                second.map_or_else(lost, |answer| self.bring_back(&request, answer))
            }
            Mishap::Late => {
                self.late.push(request);
                lost()
            }
            Mishap::Portal => Ok(HttpAnswer { status: 200, body: b"<html>login</html>".to_vec() }),
            Mishap::Busy => Ok(refusal(503, "busy")),
            Mishap::PowerCut { arrives } => {
                copy_folder(self.home, &self.wreck);
                self.power_is_out = true;
                if arrives {
                    self.deliver(&request);
                }
                lost()
            }
        }
    }

    fn deliver(&mut self, request: &Request) -> Option<HttpAnswer> {
        if request.path == PUSH_PATH {
            self.posted = batch_of(request);
        }
        let answer = self.server.handle(request);
        if request.path == PUSH_PATH && self.dice.chance(if self.foul { 50 } else { 100 }) {
            // The server's worker, on its own time.
            let _ = self.server.ask(|registry| registry.merge_all());
        }
        answer
    }

    /// The answer reaches the laptop: from here on it holds the server to it.
    fn bring_back(&mut self, request: &Request, answer: HttpAnswer) -> Result<HttpAnswer, Disconnected> {
        if request.path == PUSH_PATH && answer.status == 201 {
            match Receipt::decode_and_verify(&answer.body, DEPLOYMENT, &keys().registry.public()) {
                Ok(receipt) => {
                    let refused: BTreeSet<usize> =
                        receipt.refusals.iter().map(|refusal| refusal.index as usize).collect();
                    let taken = batch_of(request).into_iter().enumerate();
                    let taken = taken.filter(|(index, _)| !refused.contains(index)).map(|(_, hash)| hash);
                    self.ledger.acknowledged.extend(taken);
                    // What a laptop brings back of the registry's own words is said anew, not taken.
                    let brought_back = |refusal: &&Refusal| {
                        self.ledger.restored && refusal.reason == ReasonCode::RoleNotAllowed
                    };
                    for refusal in receipt.refusals.iter().filter(|refusal| !brought_back(refusal)) {
                        let what = format!("an honest delta was refused: {:?}", refusal.reason);
                        self.ledger.breaches.push(Breach::Failed { what });
                    }
                }
                Err(error) => {
                    let what = format!("a receipt that does not verify: {error}");
                    self.ledger.breaches.push(Breach::Failed { what });
                }
            }
            self.posted.clear();
        }
        Ok(answer)
    }

    fn note_missed(&mut self, request: &Request, answer: Option<&HttpAnswer>) {
        let page = answer
            .filter(|answer| request.path == PULL_PATH && answer.status == 200)
            .and_then(|answer| PullPage::decode(&answer.body).ok());
        if let Some(page) = page {
            self.page_missed = Some((page.next_cursor, page.head));
        }
    }
}

fn batch_of(request: &Request) -> Vec<DeltaHash> {
    let envelopes = PushBatch::decode(&request.body).map(|batch| batch.envelopes).unwrap_or_default();
    envelopes
        .iter()
        .filter_map(|envelope| SignedDelta::decode(envelope).ok())
        .map(|delta| delta.hash())
        .collect()
}

fn lost<T>() -> Result<T, Disconnected> {
    Err(Disconnected { reason: "simulated".to_owned() })
}

impl Transport for Road<'_> {
    fn post(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<HttpAnswer, Disconnected> {
        self.travel(Request {
            method: "POST",
            path: path.to_owned(),
            headers: headers.to_vec(),
            body: body.to_vec(),
        })
    }

    fn get(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        _limit_bytes: usize,
    ) -> Result<HttpAnswer, Disconnected> {
        self.travel(Request {
            method: "GET",
            path: path.to_owned(),
            headers: headers.to_vec(),
            body: Vec::new(),
        })
    }
}
