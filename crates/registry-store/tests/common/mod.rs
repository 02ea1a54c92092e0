//! Verified deltas and rows for tests: everything counted, nothing random.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;

use record_model::{
    Alternative, AnswerPath, AreaCode, ChangeHash, Class, DeltaHash, DeploymentId, EpochId, Finding,
    FindingKind, FormRevision, Hlc, Instant, Lineage, RecordId, Role, SeatId, Value, Visit,
};
use registry_store::{
    FeedFilter, HouseholdRow, IdentifierRow, ItemRow, MembershipRow, PersonRow, Projection, RecordRow,
    RecordStatus,
};
use signed_delta::{
    Act, Body, CertificateFields, ChangeAct, Draft, Header, PublicKey, Roster, SeatCertificate, SeatKey,
    SeatStanding, VerifiedDelta,
};

pub(crate) const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([1; 16]);

/// A certified seat that writes one chain.
pub(crate) struct Author {
    key: SeatKey,
    roster: OneSeat,
    pub(crate) epoch: EpochId,
    pub(crate) seq: u64,
    prev_hash: DeltaHash,
}

struct OneSeat {
    registry: PublicKey,
    standing: Arc<SeatStanding>,
}

impl Roster for OneSeat {
    fn deployment(&self) -> DeploymentId {
        DEPLOYMENT
    }

    fn registry_key(&self) -> PublicKey {
        self.registry
    }

    fn standing(&self, seat: SeatId) -> Option<Arc<SeatStanding>> {
        (self.standing.certificate.seat() == seat).then(|| Arc::clone(&self.standing))
    }
}

impl Author {
    pub(crate) fn new(number: u8) -> Self {
        let key = SeatKey::from_secret(&[number; 32]);
        let certificate = SeatCertificate {
            public_key: key.public(),
            sealing_recipient: String::new(),
            fields: CertificateFields {
                person: format!("person {number}"),
                device: format!("device {number}"),
                role: Role::Enumerator,
                areas: vec![area("HT01")],
                lineages: vec![],
                registration_range: u32::from(number),
                valid_until: None,
            },
        };
        let standing = Arc::new(SeatStanding { certificate, revoked_after: None });
        let registry = SeatKey::from_secret(&[255; 32]).public();
        Self {
            key,
            roster: OneSeat { registry, standing },
            epoch: EpochId::from_bytes([number; 8]),
            seq: 0,
            prev_hash: Header::NO_PREVIOUS,
        }
    }

    pub(crate) fn seat(&self) -> SeatId {
        self.key.seat()
    }

    /// The next delta of the chain: a personal change of this record, written in commune HT0111.
    pub(crate) fn changes(&mut self, record: RecordId) -> VerifiedDelta {
        self.says(Some(record), Class::Personal, &[7; 40])
    }

    pub(crate) fn says(&mut self, record: Option<RecordId>, class: Class, change: &[u8]) -> VerifiedDelta {
        let place = (self.seq, self.prev_hash);
        self.seq += 1;
        let delta = self.at(place.0 + 1, place.1, record, class, change);
        self.prev_hash = delta.hash();
        delta
    }

    /// A delta at any place of the chain, which does not move on.
    pub(crate) fn at(
        &self,
        seq: u64,
        prev_hash: DeltaHash,
        record: Option<RecordId>,
        class: Class,
        change: &[u8],
    ) -> VerifiedDelta {
        let act = Act::Change(ChangeAct {
            revision: revision(1),
            visit: visit(1),
            change: change.to_vec(),
            finalise: None,
        });
        let draft = Draft {
            epoch: self.epoch,
            seq,
            prev_hash,
            about: record.map(|record| (record, 0, area("HT0111"))),
            class,
            hlc: Hlc(seq),
            body: Body { salt: [9; 16], act },
        };
        let signed = self.key.sign_delta(DEPLOYMENT, draft);
        signed.verify(&self.roster).expect("the seat is certified and signed what it says")
    }
}

pub(crate) fn at(unix_ms: i64) -> Instant {
    Instant::from_unix_ms(unix_ms)
}

pub(crate) fn area(code: &str) -> AreaCode {
    code.parse().expect("an area code")
}

pub(crate) fn lineage(name: &str) -> Lineage {
    name.parse().expect("a lineage")
}

pub(crate) fn record_id(number: u32) -> RecordId {
    let mut bytes = [0xAA; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    RecordId::from_bytes(bytes)
}

pub(crate) fn change_hash(number: u32) -> ChangeHash {
    let mut bytes = [0xCC; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    ChangeHash::from_bytes(bytes)
}

pub(crate) fn revision(number: u8) -> FormRevision {
    FormRevision::from_bytes([number; 32])
}

pub(crate) fn visit(day: i64) -> Visit {
    Visit { at: at(day * 86_400_000), utc_offset_minutes: -300 }
}

/// A finalised household of commune HT0111.
pub(crate) fn household_record(number: u32) -> RecordRow {
    RecordRow {
        record: record_id(number),
        generation: 0,
        lineage: lineage("household"),
        area: area("HT0111"),
        revision: revision(1),
        visit: visit(i64::from(number)),
        status: RecordStatus::Finalised,
        registration_number: Some(format!("HT-00001-{number:06}-X")),
        state: vec![number as u8; 100],
        heads: vec![change_hash(number), change_hash(number + 1)],
        digest: [number as u8; 32],
        updated_index: u64::from(number),
    }
}

pub(crate) fn conflict(number: u32, opened_index: u64) -> ItemRow {
    let path: AnswerPath = "roof".parse().expect("an answer path");
    let alternatives = vec![
        Alternative {
            path: path.clone(),
            value: Value::Text("tin".to_owned()),
            change: Some(change_hash(number)),
        },
        Alternative { path: path.clone(), value: Value::Int(3), change: Some(change_hash(number + 1)) },
        Alternative { path, value: Value::Null, change: None },
    ];
    let record = record_id(number);
    let finding = Finding::new(record, 0, FindingKind::Conflict, "roof".to_owned(), alternatives);
    ItemRow {
        id: finding.id,
        record,
        kind: finding.kind,
        subject: finding.subject,
        alternatives: finding.alternatives,
        opened_index,
        settled: None,
    }
}

pub(crate) fn household_projection(number: u32, members: u32) -> Projection {
    let household = record_id(number);
    let names: Vec<String> = (0..members).map(|member| format!("P{number}-{member}")).collect();
    let properties = |name: &str| {
        [
            ("name".to_owned(), Value::Text(name.to_owned())),
            ("age".to_owned(), Value::Int(31)),
            ("digits".to_owned(), Value::Text("31".to_owned())),
            ("can_read".to_owned(), Value::Bool(true)),
            ("left_open".to_owned(), Value::Null),
        ]
        .into()
    };
    Projection {
        household: Some(HouseholdRow {
            household,
            registration_number: Some(format!("HT-00001-{number:06}-X")),
            area: area("HT0111"),
            label: format!("household {number}"),
            properties: properties("household"),
        }),
        persons: names
            .iter()
            .map(|name| PersonRow {
                person: name.clone(),
                label: format!("label of {name}"),
                properties: properties(name),
            })
            .collect(),
        memberships: names
            .iter()
            .enumerate()
            .map(|(member, name)| MembershipRow {
                household,
                person: name.clone(),
                instance: format!("roster/{member}"),
                relationship: (member > 0).then(|| "child".to_owned()),
            })
            .collect(),
        identifiers: names
            .iter()
            .map(|name| IdentifierRow {
                person: name.clone(),
                scheme: "NINU".to_owned(),
                value: format!("1-{name}"),
            })
            .collect(),
    }
}

/// What a seat of these communes is shown: every lineage, up to personal, and nothing held already.
pub(crate) fn shown_to(seat: SeatId, areas: &[&str]) -> FeedFilter {
    FeedFilter {
        seat,
        areas: areas.iter().map(|code| area(code)).collect(),
        lineages: vec![],
        max_class: Class::Personal,
        have: vec![],
    }
}
