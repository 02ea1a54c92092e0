//! No changed byte of a signed delta is ever accepted. Ten million in the soak (`LAKOU_ENVELOPES`), fewer here.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

use std::sync::Arc;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use record_model::{Class, DeploymentId, EpochId, FormRevision, Hlc, Instant, RecordId, Role, SeatId, Visit};
use signed_delta::{
    Act, Body, CertificateFields, ChangeAct, Draft, EpochAct, Header, PublicKey, Roster, SeatCertificate,
    SeatKey, SeatStanding, SignedDelta,
};

const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([9; 16]);

struct OneSeat(Arc<SeatStanding>);

impl OneSeat {
    fn new(key: &SeatKey) -> Self {
        let fields = CertificateFields {
            person: "Enumerator".to_owned(),
            device: "Laptop".to_owned(),
            role: Role::Enumerator,
            areas: vec!["HT0111".parse().unwrap()],
            lineages: vec![],
            registration_range: 1,
            valid_until: None,
        };
        let certificate =
            SeatCertificate { public_key: key.public(), sealing_recipient: String::new(), fields };
        Self(Arc::new(SeatStanding { certificate, revoked_after: None }))
    }
}

impl Roster for OneSeat {
    fn deployment(&self) -> DeploymentId {
        DEPLOYMENT
    }

    fn registry_key(&self) -> PublicKey {
        SeatKey::from_secret(&[1; 32]).public()
    }

    fn standing(&self, seat: SeatId) -> Option<Arc<SeatStanding>> {
        (seat == self.0.certificate.seat()).then(|| Arc::clone(&self.0))
    }
}

fn envelopes(key: &SeatKey) -> Vec<Vec<u8>> {
    let draft = |seq: u64, act: Act, about| Draft {
        epoch: EpochId::from_bytes([3; 8]),
        seq,
        prev_hash: if seq == 1 { Header::NO_PREVIOUS } else { record_model::DeltaHash::from_bytes([4; 32]) },
        about,
        class: Class::Personal,
        hlc: Hlc(77),
        body: Body { salt: [5; 16], act },
    };
    let visit = Visit { at: Instant::from_unix_ms(1), utc_offset_minutes: -300 };
    let change = ChangeAct {
        revision: FormRevision::from_bytes([6; 32]),
        visit,
        change: vec![0x85; 400],
        finalise: None,
    };
    let about = Some((RecordId::from_bytes([7; 16]), 0, "HT0111".parse().unwrap()));
    vec![
        key.sign_delta(DEPLOYMENT, draft(1, Act::Epoch(EpochAct { previous: None }), None)).encode(),
        key.sign_delta(DEPLOYMENT, draft(2, Act::Change(change), about)).encode(),
    ]
}

fn is_accepted(bytes: &[u8], roster: &OneSeat) -> bool {
    SignedDelta::decode(bytes).is_ok_and(|delta| delta.verify(roster).is_ok())
}

#[test]
fn every_single_flipped_bit_is_refused() {
    let key = SeatKey::from_secret(&[2; 32]);
    let roster = OneSeat::new(&key);
    for honest in envelopes(&key) {
        assert!(is_accepted(&honest, &roster));
        for bit in 0..honest.len() * 8 {
            let mut mutant = honest.clone();
            mutant[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_accepted(&mutant, &roster), "bit {bit} flipped and accepted");
        }
    }
}

#[test]
fn mutated_envelopes_are_refused() {
    let rounds: u64 =
        std::env::var("LAKOU_ENVELOPES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let seed: u64 =
        std::env::var("LAKOU_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("LAKOU_SEED={seed} LAKOU_ENVELOPES={rounds}");
    let mut rng = StdRng::seed_from_u64(seed);
    let key = SeatKey::from_secret(&[2; 32]);
    let roster = OneSeat::new(&key);
    let honest = envelopes(&key);
    for round in 0..rounds {
        let original = &honest[rng.random_range(0..honest.len())];
        let mut mutant = original.clone();
        for _ in 0..rng.random_range(1..5) {
            mutate(&mut mutant, &mut rng);
        }
        let accepted = mutant != *original && is_accepted(&mutant, &roster);
        assert!(!accepted, "seed {seed}, round {round}: a mutant was accepted");
    }
    println!("{rounds} mutants, 0 accepted");
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..6) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = rng.random(),
        2 => bytes.insert(at, rng.random()),
        3 => drop(bytes.remove(at)),
        4 => bytes.truncate(at),
        _ => {
            let to = rng.random_range(at..bytes.len());
            let piece = bytes[at..to].to_vec();
            bytes.extend(piece);
        }
    }
}

/// Why `verify_strict` is the only verification: under the identity point as key, `verify` takes one signature for every
/// message. Our key type refuses such a key before it comes to that.
#[test]
fn the_planted_lax_verification_takes_a_signature_that_ours_refuses() {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};
    let mut identity = [0; 32];
    identity[0] = 1;
    let key = VerifyingKey::from_bytes(&identity).unwrap();
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let signature = Signature::from_bytes(&bytes);
    assert!(key.verify(b"any household", &signature).is_ok(), "the lax rule no longer shows the fault");
    assert!(key.verify_strict(b"any household", &signature).is_err());
    assert!(PublicKey::from_bytes(&identity).is_err());
}
