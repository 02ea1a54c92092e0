//! Carrying: handing in at the server what colleagues gave this laptop, sealed, and proving to a relay who is there.

use sync_protocol::{CarriedAnswer, PartOffer, SealedPart, SeatProof};

use crate::collector::Collector;
use crate::error::CollectorError;
use crate::http::{BUNDLES_PATH, SignedRoad, Traffic, problem_code};
use crate::ports::Transport;

/// What the server said to a part that was carried to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandedIn {
    /// It has it: the part need not be carried any more.
    Taken {
        /// Sealed parts for the one who packed it. This laptop cannot read them.
        replies: Vec<Vec<u8>>,
    },
    /// It would not; the part stays.
    Refused {
        /// Its status.
        status: u16,
        /// Its stable code.
        code: String,
    },
}

impl HandedIn {
    /// True when the server can never take this part, while others may fare better.
    pub fn is_about_the_part(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "bundle_refused" || code == "body_too_large")
    }
}

impl Collector {
    /// Hands in one sealed part for the one who packed it. An answer that is not of the server, or not to this part, counts
    /// as none: the part is carried on.
    pub fn hand_in(
        &mut self,
        transport: &mut dyn Transport,
        part: &[u8],
        traffic: &mut Traffic,
    ) -> Result<HandedIn, CollectorError> {
        let anchor = self.anchor()?;
        let Self { store, ports, key, .. } = self;
        let clock = ports.clock.as_ref();
        let mut road =
            SignedRoad { transport, key, deployment: anchor.deployment, log: anchor.log, clock, traffic };
        let answer = road.post(store, BUNDLES_PATH, part)?;
        if answer.status != 201 {
            let code = problem_code(&answer.body);
            let code = code.ok_or(CollectorError::NotTheRegistry { status: answer.status })?;
            return Ok(HandedIn::Refused { status: answer.status, code });
        }
        let not_ours = || CollectorError::NotTheRegistry { status: answer.status };
        let taken = CarriedAnswer::decode(&answer.body).map_err(|_| not_ours())?;
        let is_reply = |reply: &Vec<u8>| {
            SealedPart::read(reply).is_ok_and(|sealed| {
                sealed.label.deployment == anchor.deployment && sealed.label.addressee.is_some()
            })
        };
        if taken.part != PartOffer::of(part).sha256 || !taken.replies.iter().all(is_reply) {
            return Err(not_ours());
        }
        Ok(HandedIn::Taken { replies: taken.replies })
    }

    /// Signs a connection to a relay as the person who unlocked this store.
    pub fn prove_seat(&self, binding: &[u8; 32]) -> SeatProof {
        SeatProof::sign(&self.key, self.deployment.deployment, binding)
    }
}
