//! The registry of a world: real, on disk, opened again whenever its process has ended.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use collector_core::{
    COUNTER_HEADER, ENROL_PATH, HttpAnswer, LOG_HEADER, PULL_PATH, PUSH_PATH, SEAT_HEADER, SIGNATURE_HEADER,
};
use record_model::{DeploymentId, Instant, LogId};
use registry_core::{
    DeploymentFacts, InProcess, Merger, Registry, RegistryError, RegistryKeys, Surroundings,
};
use registry_store::SqliteRegistry;
use signed_delta::seal::SealingIdentity;
use signed_delta::{RequestToSign, SeatKey, Signature};
use sync_protocol::{PullRequest, PushBatch};
use testkit::seeded::Seeded;

use crate::bug::Bug;
use crate::store::{Fate, Watched};

/// The deployment of every world.
pub(crate) const DEPLOYMENT: DeploymentId = DeploymentId::from_bytes([9; 16]);

/// What time it really is, for everybody.
pub(crate) type Sun = Arc<AtomicI64>;

/// The keys of every world's registry.
pub(crate) fn keys() -> RegistryKeys {
    RegistryKeys { registry: SeatKey::from_secret(&[1; 32]), desk: SeatKey::from_secret(&[2; 32]) }
}

struct Office {
    sun: Sun,
    random: Mutex<Seeded>,
}

impl Surroundings for Office {
    fn now(&self) -> Instant {
        Instant::from_unix_ms(self.sun.fetch_add(1, Ordering::Relaxed))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.random.lock().expect("nobody panics with it").fill(bytes);
    }

    fn merger(&self) -> &dyn Merger {
        &InProcess
    }
}

/// A request as it is on the road.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The process ended meanwhile; another one is up.
    Died,
    /// The registry's own word.
    Refused(RegistryError),
}

pub(crate) struct Server {
    path: PathBuf,
    bug: Option<Bug>,
    office: Arc<Office>,
    open: Option<Registry>,
    pub(crate) fate: Arc<Fate>,
}

impl Server {
    /// A founded deployment without a form.
    pub(crate) fn found(folder: &Path, sun: &Sun, random: Seeded, bug: Option<Bug>) -> Self {
        let office = Arc::new(Office { sun: Arc::clone(sun), random: Mutex::new(random) });
        let path = folder.join("registry.db");
        let mut server = Self { path, bug, office, open: None, fate: Arc::default() };
        let facts = DeploymentFacts {
            deployment: DEPLOYMENT,
            log: LogId::from_bytes([8; 16]),
            training: false,
            recovery_recipient: SealingIdentity::generate().recipient(),
            registration_prefix: "HT".to_owned(),
        };
        let store = SqliteRegistry::open(&server.path, None).expect("a new database");
        let founded =
            Registry::found(server.watched(store), keys(), facts, Arc::clone(&server.office) as Arc<_>);
        server.open = Some(founded.expect("a deployment is founded"));
        server
    }

    fn watched(&self, store: SqliteRegistry) -> Arc<Watched> {
        Arc::new(Watched { inner: Arc::new(store), fate: Arc::clone(&self.fate), bug: self.bug })
    }

    /// The process ends, and another one opens what is on disk.
    pub(crate) fn restart(&mut self) {
        self.open = None;
        self.fate.renew();
        let store = SqliteRegistry::open_existing(&self.path, None).expect("the database is there");
        let opened = Registry::open(self.watched(store), keys(), Arc::clone(&self.office) as Arc<_>);
        self.open = Some(opened.expect("what a dead process leaves can be opened"));
    }

    /// Writes a backup. False when the process died over it.
    pub(crate) fn back_up(&mut self) -> bool {
        let copy = self.path.with_extension("backup");
        let _ = std::fs::remove_file(&copy);
        self.ask(|registry| registry.backup_to(&copy)).is_ok()
    }

    /// The disk is lost; an empty one is filled from the last backup. False when there is none.
    pub(crate) fn put_back(&mut self) -> bool {
        let copy = self.path.with_extension("backup");
        if !copy.exists() {
            return false;
        }
        self.open = None;
        for gone in ["db-wal", "db-shm", "db"] {
            let _ = std::fs::remove_file(self.path.with_extension(gone));
        }
        std::fs::copy(&copy, &self.path).expect("a backup is copied");
        self.restart();
        self.registry().declare_restored().expect("a restoration is declared");
        self.restart();
        true
    }

    /// The registry, for what cannot be interrupted.
    pub(crate) fn registry(&self) -> &Registry {
        self.open.as_ref().expect("a server is up between two calls")
    }

    /// Does something at the server, which may end in the middle.
    pub(crate) fn ask<T>(
        &mut self,
        work: impl FnOnce(&Registry) -> Result<T, RegistryError>,
    ) -> Result<T, Unanswered> {
        let answer = work(self.registry());
        if self.fate.is_dead() {
            self.restart();
            return Err(Unanswered::Died);
        }
        answer.map_err(Unanswered::Refused)
    }

    /// What an HTTP server would answer; none when it died over it.
    pub(crate) fn handle(&mut self, request: &Request) -> Option<HttpAnswer> {
        match self.ask(|registry| Ok(answer(registry, request))) {
            Ok(answer) => Some(answer),
            Err(Unanswered::Died) => None,
            Err(Unanswered::Refused(error)) => Some(problem(&error)),
        }
    }
}

fn answer(registry: &Registry, request: &Request) -> HttpAnswer {
    route(registry, request).unwrap_or_else(|refused| *refused)
}

fn route(registry: &Registry, request: &Request) -> Result<HttpAnswer, Box<HttpAnswer>> {
    let failed = |error: RegistryError| Box::new(problem(&error));
    let malformed = |_| Box::new(refusal(400, "malformed"));
    let Request { method, path, headers, body } = request;
    if path == ENROL_PATH {
        return Ok(HttpAnswer { status: 201, body: registry.enrol(body).map_err(failed)?.encode() });
    }
    let header =
        |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let unsigned = || Box::new(refusal(401, "unsigned"));
    let signature = header(SIGNATURE_HEADER)
        .and_then(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok())
        .ok_or_else(unsigned)?;
    let signed = RequestToSign {
        method,
        path,
        body,
        log: header(LOG_HEADER).and_then(|log| log.parse().ok()).ok_or_else(unsigned)?,
        counter: header(COUNTER_HEADER).and_then(|counter| counter.parse().ok()).ok_or_else(unsigned)?,
    };
    let seat = header(SEAT_HEADER).and_then(|seat| seat.parse().ok()).ok_or_else(unsigned)?;
    let standing = registry.authenticate(seat, &signed, &Signature::from_bytes(signature)).map_err(failed)?;
    Ok(match path.as_str() {
        PUSH_PATH => {
            let batch = PushBatch::decode(body).map_err(malformed)?;
            HttpAnswer { status: 201, body: registry.receive(&batch).map_err(failed)?.encode() }
        }
        PULL_PATH => {
            let asked = PullRequest::decode(body).map_err(malformed)?;
            HttpAnswer { status: 200, body: registry.pull(&standing, &asked).map_err(failed)?.encode() }
        }
        _ => {
            let name = path.rsplit('/').next().unwrap_or_default();
            let hash =
                data_encoding::HEXLOWER.decode(name.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
            let hash = hash.ok_or_else(|| Box::new(refusal(404, "not_found")))?;
            match registry.blob(hash).map_err(failed)? {
                Some(body) => HttpAnswer { status: 200, body },
                None => refusal(404, "not_found"),
            }
        }
    })
}

/// As the server's catalogue of problems has it.
fn problem(error: &RegistryError) -> HttpAnswer {
    match error {
        RegistryError::UnknownSeat { .. } | RegistryError::RequestRefused { .. } => {
            refusal(401, "request_refused")
        }
        RegistryError::RequestRepeated { last, .. } => HttpAnswer {
            status: 401,
            body: format!(r#"{{"code":"request_refused","status":401,"counter":{last}}}"#).into_bytes(),
        },
        RegistryError::Revoked { .. } => refusal(403, "seat_revoked"),
        RegistryError::OtherLog { restorations } => {
            let told: Vec<String> =
                restorations.iter().map(|delta| data_encoding::BASE64URL_NOPAD.encode(delta)).collect();
            let body = serde_json::json!({ "code": "other_log", "status": 409, "restorations": told });
            HttpAnswer { status: 409, body: body.to_string().into_bytes() }
        }
        RegistryError::UsedCode => refusal(409, "enrolment_code_used"),
        _ => refusal(500, "internal"),
    }
}

pub(crate) fn refusal(status: u16, code: &str) -> HttpAnswer {
    HttpAnswer { status, body: format!(r#"{{"code":"{code}","status":{status}}}"#).into_bytes() }
}
