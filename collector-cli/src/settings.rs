//! What the program itself keeps beside the store: where the server is, and the pack's time zone. No personal data.

use std::path::PathBuf;

use collector_core::Home;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};
use crate::messages::Text;
use crate::platform;

const VERSION: u32 = 1;
const FILE: &str = "collector.json";

/// `collector.json` in the home folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) version: u32,
    /// Where the server is.
    pub(crate) server: Option<String>,
    /// The deployment's own certificate authority, in PEM.
    pub(crate) certificate_authority: Option<String>,
    /// The pack's time zone, by its IANA name.
    pub(crate) time_zone: Option<String>,
}

impl Settings {
    fn path(home: &Home) -> PathBuf {
        home.root().join(FILE)
    }

    /// What is kept; a home without the file has nothing.
    pub(crate) fn load(home: &Home) -> Result<Self, Failure> {
        let path = Self::path(home);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::file(&path, error)),
        };
        let about = |key: &'static str| Text::new(key).with("path", path.display().to_string());
        let settings: Self = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::new(Kind::Damaged, about("error-damaged")).source(error))?;
        if settings.version > VERSION {
            return Err(Failure::new(Kind::NewerVersion, about("error-newer-version")));
        }
        Ok(settings)
    }

    pub(crate) fn save(&self, home: &Home) -> Result<(), Failure> {
        let path = Self::path(home);
        let settings = Self { version: VERSION, ..self.clone() };
        let bytes = serde_json::to_vec_pretty(&settings)
            .map_err(|error| Failure::new(Kind::System, Text::verbatim(error.to_string())))?;
        platform::write_durably(&path, &bytes).map_err(|error| Failure::file(&path, error))
    }
}
