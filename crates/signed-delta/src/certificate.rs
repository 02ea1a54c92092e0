//! Seat certificates and the request that leads to one.

use record_model::{AreaCode, AreaTree, DeploymentId, Instant, Lineage, Role, SeatId, hash_parts};

use crate::cbor::{self, Canonical, CborError, Reader, Writer};
use crate::keys::{KeyError, PublicKey, Purpose, SeatKey, Signature};

/// What the registry says about a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFields {
    /// Who: a name the person chose to be shown to colleagues and supervisors.
    pub person: String,
    /// Which device, as people call it.
    pub device: String,
    /// What the seat may do.
    pub role: Role,
    /// Where: these areas and all within them.
    pub areas: Vec<AreaCode>,
    /// Which forms; empty for all.
    pub lineages: Vec<Lineage>,
    /// The seat's own range of registration numbers.
    pub registration_range: u32,
    /// Pulls are refused from this instant of the server's clock on; work already done is always taken.
    pub valid_until: Option<Instant>,
}

/// One person on one device, certified by the registry.
#[derive(Clone, PartialEq, Eq)]
pub struct SeatCertificate {
    /// The key that signs.
    pub public_key: PublicKey,
    /// The age recipient that files for this seat are sealed to.
    pub sealing_recipient: String,
    /// What the registry says about it.
    pub fields: CertificateFields,
}

impl std::fmt::Debug for SeatCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SeatCertificate({}, {})", self.seat(), self.fields.role)
    }
}

impl SeatCertificate {
    /// The seat it certifies.
    pub fn seat(&self) -> SeatId {
        self.public_key.seat()
    }

    /// True when the certificate reaches this area.
    pub fn covers_area(&self, area: &AreaCode, tree: &AreaTree) -> bool {
        self.fields.areas.iter().any(|mine| tree.is_within(area, mine))
    }

    /// True when the certificate reaches this lineage.
    pub fn covers_lineage(&self, lineage: &Lineage) -> bool {
        self.fields.lineages.is_empty() || self.fields.lineages.contains(lineage)
    }
}

impl Canonical for SeatCertificate {
    const WHAT: &'static str = "seat certificate";

    fn write(&self, e: &mut Writer<'_>) {
        let fields = &self.fields;
        e.array(9).bytes(self.public_key.as_bytes()).text(&self.sealing_recipient);
        e.text(&fields.person).text(&fields.device).uint(u64::from(fields.role.code()));
        e.list(&fields.areas, |e, area| {
            e.text(area.as_str());
        });
        e.list(&fields.lineages, |e, lineage| {
            e.text(lineage.as_str());
        });
        e.uint(u64::from(fields.registration_range)).option(fields.valid_until.as_ref(), |e, until| {
            e.int(until.unix_ms());
        });
    }

    fn read(d: &mut Reader<'_>) -> Result<Self, CborError> {
        d.array(9)?;
        let public_key = d.fixed()?;
        let public_key = d.field("public key", PublicKey::from_bytes(&public_key).ok())?;
        let sealing_recipient = d.text()?.to_owned();
        let person = d.text()?.to_owned();
        let device = d.text()?.to_owned();
        let role = d.uint()?;
        let role = d.field("role", u8::try_from(role).ok().and_then(Role::from_code))?;
        let areas = d.list(|d| d.parsed("area"))?;
        let lineages = d.list(|d| d.parsed("lineage"))?;
        let registration_range = d.u32()?;
        let valid_until = d.option(|d| d.int().map(Instant::from_unix_ms))?;
        let fields =
            CertificateFields { person, device, role, areas, lineages, registration_range, valid_until };
        Ok(Self { public_key, sealing_recipient, fields })
    }
}

/// A device asks to be certified, and proves that it holds the key it names.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentRequest {
    /// The key to certify.
    pub public_key: PublicKey,
    /// The age recipient to certify with it.
    pub sealing_recipient: String,
    /// The person's name as to be shown.
    pub person: String,
    /// The device's name as to be shown.
    pub device: String,
    /// Public half of the one-time code's key: which invitation it answers. The server keeps no more of a code.
    pub code_key: [u8; 32],
    code_signature: Signature,
    signature: Signature,
}

/// The key that a one-time code's secret stands for: who has the code can sign with it, who has only seen a request or the
/// server's tables cannot.
pub fn code_key(secret: &[u8; 16]) -> SeatKey {
    SeatKey::from_secret(&hash_parts("lakou/enrolment-code/v1", [secret.as_slice()]))
}

impl EnrolmentRequest {
    /// Signed by the key it asks to certify and by the one-time code's.
    pub fn sign(
        key: &SeatKey,
        deployment: DeploymentId,
        sealing_recipient: String,
        person: String,
        device: String,
        code: &SeatKey,
    ) -> Self {
        let mut request = Self {
            public_key: key.public(),
            sealing_recipient,
            person,
            device,
            code_key: *code.public().as_bytes(),
            code_signature: Signature::from_bytes([0; 64]),
            signature: Signature::from_bytes([0; 64]),
        };
        request.code_signature = code.sign(Purpose::EnrolmentCode, deployment, &request.signed_bytes());
        request.signature = key.sign(Purpose::Enrolment, deployment, &request.signed_bytes());
        request
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let none = Signature::from_bytes([0; 64]);
        cbor::encode(&Self { code_signature: none, signature: none, ..self.clone() })
    }

    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Decodes and checks the proofs of possession: of the key and of the code. A request for another deployment does not
    /// verify.
    pub fn decode_and_verify(bytes: &[u8], deployment: DeploymentId) -> Result<Self, EnrolmentError> {
        if bytes.len() > 4096 {
            return Err(CborError::TooLarge { what: Self::WHAT, found: bytes.len(), limit: 4096 }.into());
        }
        let request = cbor::decode::<Self>(bytes)?;
        let signed = request.signed_bytes();
        let by_key = request.public_key.signed(Purpose::Enrolment, deployment, &signed, &request.signature);
        let by_code = PublicKey::from_bytes(&request.code_key).is_ok_and(|code| {
            code.signed(Purpose::EnrolmentCode, deployment, &signed, &request.code_signature)
        });
        if by_key && by_code { Ok(request) } else { Err(EnrolmentError::BadProof) }
    }
}

/// Why an enrolment request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// Not a request (a weak key makes it one too).
    #[error(transparent)]
    Decode(#[from] CborError),
    /// The proof of possession does not fit this key and deployment.
    #[error("the request is not signed by the key it names, or is meant for another deployment")]
    BadProof,
    /// The key is not one we use.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Canonical for EnrolmentRequest {
    const WHAT: &'static str = "enrolment request";

    fn write(&self, e: &mut Writer<'_>) {
        e.array(8).uint(1).bytes(self.public_key.as_bytes()).text(&self.sealing_recipient);
        e.text(&self.person).text(&self.device).bytes(&self.code_key);
        e.bytes(self.code_signature.as_bytes()).bytes(self.signature.as_bytes());
    }

    fn read(d: &mut Reader<'_>) -> Result<Self, CborError> {
        d.array(8)?;
        d.version(1)?;
        let public_key = d.fixed()?;
        let public_key = d.field("public key", PublicKey::from_bytes(&public_key).ok())?;
        Ok(Self {
            public_key,
            sealing_recipient: d.text()?.to_owned(),
            person: d.text()?.to_owned(),
            device: d.text()?.to_owned(),
            code_key: d.fixed()?,
            code_signature: Signature::from_bytes(d.fixed()?),
            signature: Signature::from_bytes(d.fixed()?),
        })
    }
}
