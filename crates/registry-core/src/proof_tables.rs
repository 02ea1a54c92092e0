//! The tables beside the log, against the log: what it says they must hold is worked out again, entry by entry.

use std::collections::BTreeMap;

use record_model::{DeltaHash, EpochId, OutcomeCode, ReasonCode, SeatId};
use registry_store::{
    Audience, EpochRow, FeedRow, LogEntry, OutcomeRow, PublicationRow, ReadTx, SeatRow, StoreError,
};
use signed_delta::{Act, OutcomeAct};

use crate::catalog::content_hash;
use crate::ingest::{Link, end_of, move_on, plan_ingest, unopened};
use crate::judge::audience_of;
use crate::proof::Faults;
use crate::roster::seat_row;

/// Rows read at a time.
const PAGE: usize = 1_000;

type Place = (SeatId, EpochId, u64);
type Verdict = (OutcomeCode, Option<ReasonCode>);

/// What the log says of one of its entries.
#[derive(Clone, Copy)]
struct Said {
    /// The registry's last signed word on it; for its own entries, that they count.
    verdict: Option<Verdict>,
    /// Who is shown it, once it counts.
    audience: Option<Audience>,
    /// The registry's own.
    own: bool,
    /// It stands in the feed.
    fed: bool,
}

/// What the log says must stand in the tables.
pub(crate) struct Tables {
    registry: SeatId,
    /// One for each entry; an entry that cannot be read says nothing.
    said: Vec<Option<Said>>,
    links: BTreeMap<Place, Vec<Link>>,
    epochs: BTreeMap<(SeatId, EpochId), EpochRow>,
    seats: BTreeMap<SeatId, SeatRow>,
    publications: Vec<PublicationRow>,
}

impl Tables {
    pub(crate) fn new(registry: SeatId) -> Self {
        Self {
            registry,
            said: Vec::new(),
            links: BTreeMap::new(),
            epochs: BTreeMap::new(),
            seats: BTreeMap::new(),
            publications: Vec::new(),
        }
    }

    /// Takes the next entry; `act` is what it says, if that can be read. Entries come in log order.
    pub(crate) fn take(
        &mut self,
        entry: &LogEntry,
        act: Option<&Act>,
        faults: &mut Faults,
    ) -> Result<(), StoreError> {
        self.chain(entry)?;
        let own = entry.delta.header().seat == self.registry;
        let audience = match act {
            Some(act) if own => audience_of(act),
            Some(Act::Epoch(_)) | None => None,
            Some(_) => entry.delta.header().about().map(Audience::Record),
        };
        let verdict = own.then_some((OutcomeCode::Merged, None));
        self.said.resize(entry.index as usize, None);
        self.said[entry.index as usize - 1] = Some(Said { verdict, audience, own, fed: false });
        if own && let Some(act) = act {
            self.registry_act(entry.index, act, faults);
        }
        Ok(())
    }

    fn chain(&mut self, entry: &LogEntry) -> Result<(), StoreError> {
        let header = entry.delta.header();
        let key = (header.seat, header.epoch);
        let link = Link { log_index: entry.index, hash: entry.delta.hash(), prev_hash: header.prev_hash };
        let here = self.links.entry((key.0, key.1, header.seq)).or_default();
        let hashes: Vec<DeltaHash> = here.iter().map(|link| link.hash).collect();
        here.push(link);
        let opened =
            self.epochs.range((key.0, EpochId::from_bytes([0; 8]))..).take_while(|(at, _)| at.0 == key.0);
        let ordinal = opened.count() as u32 + 1;
        let row = self.epochs.entry(key).or_insert_with(|| EpochRow { ordinal, ..unopened(key) });
        let plan = plan_ingest(header, link.hash, &hashes, end_of(row));
        let links = &self.links;
        let first_at = |seq| Ok(links.get(&(key.0, key.1, seq)).and_then(|links| links.first()).copied());
        move_on(row, plan, link.log_index, header.seq, link.hash, first_at)
    }

    fn registry_act(&mut self, log_index: u64, act: &Act, faults: &mut Faults) {
        match act {
            Act::Certificate(certificate) => {
                let row = seat_row(certificate, log_index);
                self.seats.insert(row.seat, row);
            }
            Act::Revocation(act) => {
                if let Some(row) = self.seats.get_mut(&act.seat) {
                    row.revocation_index = Some(log_index);
                }
            }
            Act::Publication(act) => self.publications.push(PublicationRow {
                log_index,
                lineage: act.lineage.clone(),
                revision: act.revision,
                files: act.files.clone(),
            }),
            Act::Branch(act) => {
                if let Some(row) = self.epochs.get_mut(&(act.seat, act.epoch)) {
                    row.decided_by.get_or_insert(log_index);
                }
            }
            Act::Outcome(act) => {
                let all_there = self.outcomes(act);
                faults.check(
                    all_there,
                    Some(log_index),
                    "the outcome speaks of deltas that the log does not hold",
                );
            }
            _ => {}
        }
    }

    /// Notes the registry's word on a seat's deltas; false when it speaks of one that is not there.
    fn outcomes(&mut self, act: &OutcomeAct) -> bool {
        let mut all_there = true;
        for run in &act.runs {
            let places = (act.seat, run.epoch, run.from_seq)..=(act.seat, run.epoch, run.to_seq);
            let mut found = 0;
            for (_, links) in self.links.range(places) {
                // A word that names no hash was said when the first stood there alone.
                let meant = links.iter().find(|link| run.delta.is_none_or(|delta| delta == link.hash));
                let said = meant.and_then(|link| self.said.get_mut(link.log_index as usize - 1)?.as_mut());
                if let Some(said) = said {
                    said.verdict = Some((run.code, run.reason));
                    found += 1;
                }
            }
            all_there &= found == (run.to_seq - run.from_seq).saturating_add(1);
        }
        all_there
    }

    /// Compares every table with what the log says of it.
    pub(crate) fn check(mut self, tx: &dyn ReadTx, faults: &mut Faults) -> Result<(), StoreError> {
        let merged_through = tx.merged_through()?;
        if merged_through > tx.log_len()? {
            faults.add(None, "more was merged than the log holds");
        }
        self.check_outcomes(tx, merged_through, faults)?;
        self.check_feed(tx, merged_through, faults)?;
        self.check_epochs(tx, faults)?;
        self.check_seats(tx, faults)?;
        self.check_publications(tx, faults)
    }

    fn check_outcomes(
        &self,
        tx: &dyn ReadTx,
        merged_through: u64,
        faults: &mut Faults,
    ) -> Result<(), StoreError> {
        let mut rows: BTreeMap<u64, Verdict> = BTreeMap::new();
        let mut after = 0;
        while let Some(page) = faults.readable(None, tx.outcomes_after(after, PAGE))? {
            let Some(last) = page.last() else { break };
            after = last.log_index;
            rows.extend(
                page.iter().map(|OutcomeRow { log_index, code, reason }| (*log_index, (*code, *reason))),
            );
        }
        for (index, said) in (1..).zip(&self.said) {
            let Some(said) = said else { continue };
            let expected = said.verdict.filter(|_| index <= merged_through);
            if rows.remove(&index) != expected {
                faults.add(Some(index), "the outcome row differs from the registry's signed word");
            }
        }
        for index in rows.into_keys() {
            faults.add(Some(index), "an outcome row for an entry that the log does not hold");
        }
        Ok(())
    }

    fn check_feed(
        &mut self,
        tx: &dyn ReadTx,
        merged_through: u64,
        faults: &mut Faults,
    ) -> Result<(), StoreError> {
        let mut through = 0;
        while let Some(page) = faults.readable(None, tx.feed_rows_after(through, PAGE))? {
            if page.is_empty() {
                break;
            }
            for FeedRow { feed_index, log_index, audience } in page {
                if feed_index != through + 1 {
                    faults.add(None, "the feed has a gap");
                }
                through = feed_index;
                let said = (log_index as usize).checked_sub(1).and_then(|at| self.said.get_mut(at));
                match said.and_then(Option::as_mut) {
                    Some(said)
                        if said.audience == Some(audience) && said.counts(log_index, merged_through) =>
                    {
                        said.fed = true;
                    }
                    _ => faults.add(Some(log_index), "the feed shows the entry to others than the log says"),
                }
            }
        }
        for (index, said) in (1..).zip(&self.said) {
            let unfed = said.as_ref().filter(|said| !said.fed && said.audience.is_some());
            if unfed.is_some_and(|said| said.counts(index, merged_through)) {
                faults.add(Some(index), "the feed does not show the entry");
            }
        }
        Ok(())
    }

    fn check_epochs(&self, tx: &dyn ReadTx, faults: &mut Faults) -> Result<(), StoreError> {
        let mut seats: Vec<SeatId> = self.seats.keys().copied().collect();
        seats.push(self.registry);
        for seat in seats {
            let Some(mut rows) = faults.readable(None, tx.epochs_of(seat))? else { continue };
            rows.sort_by_key(|row| row.epoch);
            let expected = self.epochs.values().filter(|row| row.seat == seat);
            if !rows.iter().eq(expected) {
                let index = self.seats.get(&seat).map(|row| row.certificate_index);
                faults.add(
                    index,
                    "the chains of the seat certified here differ from what the log holds of them",
                );
            }
        }
        Ok(())
    }

    fn check_seats(&self, tx: &dyn ReadTx, faults: &mut Faults) -> Result<(), StoreError> {
        let Some(rows) = faults.readable(None, tx.seats())? else { return Ok(()) };
        // When a seat was last heard is not in the log.
        let mut rows: BTreeMap<SeatId, SeatRow> =
            rows.into_iter().map(|row| (row.seat, SeatRow { last_seen_at: None, ..row })).collect();
        for (seat, expected) in &self.seats {
            if rows.remove(seat).as_ref() != Some(expected) {
                let index = expected.revocation_index.unwrap_or(expected.certificate_index);
                faults.add(Some(index), "the seat's row differs from its certificate or its revocation");
            }
        }
        for row in rows.values() {
            faults.add(Some(row.certificate_index), "a seat that the log does not certify");
        }
        Ok(())
    }

    fn check_publications(&self, tx: &dyn ReadTx, faults: &mut Faults) -> Result<(), StoreError> {
        let Some(rows) = faults.readable(None, tx.publications())? else { return Ok(()) };
        if rows != self.publications {
            faults.add(None, "the list of publications differs from the log");
        }
        for publication in &self.publications {
            for file in &publication.files {
                let content = faults.readable(Some(publication.log_index), tx.blob(file.sha256))?.flatten();
                if content.is_none_or(|content| content_hash(&content) != file.sha256) {
                    faults.add(
                        Some(publication.log_index),
                        "a published file is missing or not the one published",
                    );
                }
            }
        }
        Ok(())
    }
}

impl Said {
    /// True when the entry's word is in force and is to be shown.
    fn counts(&self, index: u64, merged_through: u64) -> bool {
        index <= merged_through && (self.own || matches!(self.verdict, Some((OutcomeCode::Merged, _))))
    }
}
