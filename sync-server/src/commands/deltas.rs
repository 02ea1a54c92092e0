//! Entries of the log as people see them: who, on which laptop, when.

use std::collections::HashMap;

use record_model::SeatId;
use registry_core::Registry;
use registry_store::{LogEntry, RegistryStoreExt};

use crate::failure::Failure;
use crate::views::{DeltaView, date_time};

/// The person and the device of each seat, read once.
pub(crate) struct Faces<'a> {
    registry: &'a Registry,
    known: HashMap<SeatId, Option<(String, String)>>,
}

impl<'a> Faces<'a> {
    pub(crate) fn new(registry: &'a Registry) -> Self {
        Self { registry, known: HashMap::new() }
    }

    pub(crate) fn of(&mut self, seat: SeatId) -> Result<Option<(String, String)>, Failure> {
        if let Some(face) = self.known.get(&seat) {
            return Ok(face.clone());
        }
        let row = self.registry.store().read(|tx| tx.seat(seat))?;
        let face = row.map(|row| (row.person, row.device));
        self.known.insert(seat, face.clone());
        Ok(face)
    }
}

/// An entry without what it says.
pub(crate) fn view(faces: &mut Faces<'_>, entry: &LogEntry) -> Result<DeltaView, Failure> {
    let header = entry.delta.header();
    let (enumerator, device) = faces.of(header.seat)?.unzip();
    Ok(DeltaView {
        delta: entry.delta.hash(),
        kind: header.kind,
        seat: header.seat,
        enumerator,
        device,
        epoch: header.epoch,
        seq: header.seq,
        record: header.about(),
        area: header.area.clone(),
        claimed_at: date_time(header.hlc.instant()),
        received_at: date_time(entry.received_at),
    })
}
