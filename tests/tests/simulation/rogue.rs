//! A certified seat that does not keep to the rules: what it signs is signed correctly, and forged all the same.

use record_doc::{RecordDoc, derive_actor};
use record_model::{
    Answers, AreaCode, Class, DeltaHash, EpochId, Hlc, Instant, RecordId, Role, SeatId, Value, Visit,
};
use registry_core::{InvitationDraft, Registry, RegistryError};
use registry_store::{RecordFilter, RecordRow, RegistryStoreExt};
use signed_delta::seal::SealingIdentity;
use signed_delta::{Act, Body, ChangeAct, Draft, EnrolmentRequest, EpochAct, Header, SeatKey, code_key};
use sync_protocol::PushBatch;
use testkit::seeded::Seeded;

use crate::form::area;
use crate::server::{DEPLOYMENT, Server, Unanswered};

const EPOCH: EpochId = EpochId::from_bytes([0x66; 8]);

pub(crate) struct Rogue {
    key: SeatKey,
    area: AreaCode,
    seq: u64,
    prev: DeltaHash,
    /// Everything it ever signed: sent again each time, since a server may have died over it.
    sent: Vec<Vec<u8>>,
}

impl Rogue {
    /// With an honest invitation to one commune.
    pub(crate) fn enrol(server: &mut Server, commune: &str) -> Self {
        let mut rogue = Self {
            key: SeatKey::from_secret(&[0x66; 32]),
            area: area(commune),
            seq: 0,
            prev: Header::NO_PREVIOUS,
            sent: Vec::new(),
        };
        let draft = InvitationDraft {
            person: "Rogue".to_owned(),
            role: Role::Enumerator,
            areas: vec![rogue.area.clone()],
            lineages: vec![],
            valid_ms: 3_600_000,
        };
        let code = server.ask(|registry| registry.invite(draft)).expect("an invitation");
        let bytes = data_encoding::BASE32_NOPAD.decode(&code.as_bytes()["LAKOU1.".len()..]).expect("a code");
        let secret: [u8; 16] = bytes[48..].try_into().expect("its last 16 bytes");
        let request = EnrolmentRequest::sign(
            &rogue.key,
            DEPLOYMENT,
            SealingIdentity::generate().recipient(),
            "Rogue".to_owned(),
            "Laptop".to_owned(),
            &code_key(&secret),
        );
        server.ask(|registry| registry.enrol(&request.encode())).expect("a certificate");
        rogue.sign(None, Act::Epoch(EpochAct { previous: None }));
        rogue
    }

    pub(crate) fn seat(&self) -> SeatId {
        self.key.seat()
    }

    fn sign(&mut self, record: Option<(RecordId, AreaCode)>, act: Act) {
        let draft = Draft {
            epoch: EPOCH,
            seq: self.seq + 1,
            prev_hash: self.prev,
            about: record.map(|(record, area)| (record, 0, area)),
            class: Class::Personal,
            hlc: Hlc(0),
            body: Body { salt: [5; 16], act },
        };
        let delta = self.key.sign_delta(DEPLOYMENT, draft);
        (self.seq, self.prev) = (self.seq + 1, delta.hash());
        self.sent.push(delta.encode());
    }

    /// Writes into somebody's record as if it were that person, or into a record of a commune that is not its own.
    pub(crate) fn act(&mut self, server: &mut Server, dice: &mut Seeded) -> String {
        let next_door = dice.chance(30);
        let Ok(Some((row, author, epoch))) =
            server.ask(|registry| victim(registry, (!next_door).then(|| self.area.clone()), dice))
        else {
            return "the rogue finds nobody".to_owned();
        };
        let record = row.record;
        let actor = if next_door {
            derive_actor(self.key.public().as_bytes(), EPOCH, record, 0)
        } else {
            derive_actor(&author, epoch, record, 0)
        };
        let mut doc = RecordDoc::load(&row.state).expect("the server's document");
        let lie: Answers = [("phone".parse().expect("a path"), Value::from("666"))].into();
        let Ok(Some(change)) = doc.write(actor, dice.bytes(), &lie) else {
            return "the rogue has nothing to say".to_owned();
        };
        let visit = Visit { at: Instant::from_unix_ms(0), utc_offset_minutes: 0 };
        let act = ChangeAct { revision: row.revision, visit, change: change.bytes, finalise: None };
        self.sign(Some((record, self.area.clone())), Act::Change(act));
        let batch = PushBatch { envelopes: self.sent.clone() };
        let sent = server.ask(|registry| registry.receive(&batch));
        let arrived = !matches!(sent, Err(Unanswered::Died));
        format!("the rogue forges, next door: {next_door}, arrived: {arrived}")
    }
}

/// A record with the key and the epoch of whoever wrote to it last; of one area, or of any other than the rogue's own.
fn victim(
    registry: &Registry,
    own: Option<AreaCode>,
    dice: &mut Seeded,
) -> Result<Option<(RecordRow, [u8; 32], EpochId)>, RegistryError> {
    let rows = registry.records(&RecordFilter::default(), 10_000)?;
    let rows: Vec<&RecordRow> = rows
        .iter()
        .filter(|row| own.as_ref().map_or(row.area.as_str() == "HT0211", |own| row.area == *own))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let row = rows[dice.below(rows.len() as u64) as usize];
    let last = registry.store().read(|tx| {
        let Some(origin) = tx.changes_of(row.record)?.pop() else { return Ok(None) };
        let Some(entry) = tx.log_entry(origin.log_index)? else { return Ok(None) };
        let Some(seat) = tx.seat(origin.seat)? else { return Ok(None) };
        let Some(certificate) = tx.log_entry(seat.certificate_index)? else { return Ok(None) };
        let body = certificate
            .delta
            .parts()
            .2
            .and_then(|body| Body::decode(certificate.delta.header().kind, body).ok());
        Ok(match body.map(|body| body.act) {
            Some(Act::Certificate(certificate)) => {
                Some((*certificate.public_key.as_bytes(), entry.delta.header().epoch))
            }
            _ => None,
        })
    })?;
    Ok(last.map(|(key, epoch)| (row.clone(), key, epoch)))
}
