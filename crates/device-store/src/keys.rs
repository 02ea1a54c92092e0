//! `keys.json`: the store's key and each person's own keys, wrapped by that person's passphrase; the store's key once
//! more, sealed to the deployment's recovery key.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use signed_delta::seal::{self, SealingIdentity};
use sqlite_support::DatabaseKey;
use zeroize::Zeroizing;

use crate::durable::write_durably;
use crate::error::DeviceStoreError;
use crate::home::Home;

/// The only version of the file there is.
const KEYS_VERSION: u32 = 1;

/// No passphrase wrap may ask for more: the file is outside data until it is opened.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;

/// How much work a guess at a passphrase costs (Argon2id).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KdfParams {
    /// Memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub lanes: u32,
}

impl KdfParams {
    /// 64 MiB, 3 passes: about a third of a second on an office laptop.
    pub const STRONG: Self = Self { memory_kib: 64 * 1024, iterations: 3, lanes: 1 };

    /// As little as Argon2 allows. For tests: a passphrase under it protects nothing.
    pub const WEAK_FOR_TESTS: Self = Self { memory_kib: 8, iterations: 1, lanes: 1 };
}

impl Default for KdfParams {
    fn default() -> Self {
        Self::STRONG
    }
}

/// What one passphrase opens: that person's own keys, and never another's.
pub struct PersonSecrets {
    /// The seat's signing secret.
    pub seat_secret: Zeroizing<[u8; 32]>,
    /// The age identity that files for this seat are sealed to (`AGE-SECRET-KEY-…`).
    pub sealing_secret: Zeroizing<String>,
}

impl std::fmt::Debug for PersonSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonSecrets(redacted)")
    }
}

/// Random bytes for keys, salts and nonces: from the operating system and nobody else.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, DeviceStoreError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| DeviceStoreError::NoRandomness)?;
    Ok(bytes)
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KeysFile {
    version: u32,
    people: Vec<PersonWrap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery: Option<RecoveryWrap>,
}

/// DEK ‖ seat secret ‖ age identity under the person's passphrase.
#[derive(Clone, Serialize, Deserialize)]
struct PersonWrap {
    person: String,
    kdf: KdfParams,
    salt: String,
    nonce: String,
    sealed: String,
}

/// The DEK sealed to the deployment's recovery key.
#[derive(Clone, Serialize, Deserialize)]
struct RecoveryWrap {
    recipient: String,
    sealed: String,
}

impl KeysFile {
    pub(crate) fn empty() -> Self {
        Self { version: KEYS_VERSION, people: Vec::new(), recovery: None }
    }

    pub(crate) fn load(home: &Home) -> Result<Self, DeviceStoreError> {
        let path = home.keys();
        if !path.exists() {
            return Err(DeviceStoreError::NoStore { home: home.root().to_owned() });
        }
        let bytes = std::fs::read(&path).map_err(DeviceStoreError::file("read", &path))?;
        Self::parse(&path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, DeviceStoreError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let damaged = |what| DeviceStoreError::KeysDamaged { path: path.to_owned(), what };
        let Versioned { version } = serde_json::from_slice(bytes).map_err(|_| damaged("not JSON of ours"))?;
        if version > KEYS_VERSION {
            let path = path.to_owned();
            return Err(DeviceStoreError::KeysTooNew { path, found: version, known: KEYS_VERSION });
        }
        serde_json::from_slice(bytes).map_err(|_| damaged("fields are missing"))
    }

    pub(crate) fn save(&self, home: &Home) -> Result<(), DeviceStoreError> {
        let bytes = serde_json::to_vec_pretty(self).expect("strings and numbers are always JSON");
        write_durably(&home.keys(), &bytes)
    }

    pub(crate) fn people(&self) -> Vec<String> {
        self.people.iter().map(|wrap| wrap.person.clone()).collect()
    }

    pub(crate) fn has_recovery(&self) -> bool {
        self.recovery.is_some()
    }

    /// The name as it was given first, whatever the capitals it is asked for in.
    pub(crate) fn find(&self, person: &str) -> Option<&str> {
        let exact = self.people.iter().find(|wrap| wrap.person == person);
        let lower = person.to_lowercase();
        let alike = || self.people.iter().find(|wrap| wrap.person.to_lowercase() == lower);
        exact.or_else(alike).map(|wrap| wrap.person.as_str())
    }

    pub(crate) fn unlock(
        &self,
        home: &Home,
        person: &str,
        passphrase: &str,
    ) -> Result<(DatabaseKey, PersonSecrets), DeviceStoreError> {
        let name = self.find(person).ok_or(DeviceStoreError::UnknownPerson)?;
        let wrap = self.people.iter().find(|wrap| wrap.person == name);
        let wrap = wrap.ok_or(DeviceStoreError::UnknownPerson)?;
        let damaged = |what| DeviceStoreError::KeysDamaged { path: home.keys(), what };
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).map_err(|_| damaged("not hex"));
        let nonce: [u8; 24] = hex(&wrap.nonce)?.try_into().map_err(|_| damaged("nonce length"))?;
        let key = derive(passphrase, &hex(&wrap.salt)?, wrap.kdf).ok_or_else(|| damaged("kdf parameters"))?;
        let sealed = hex(&wrap.sealed)?;
        let aad = associated_data(&wrap.person);
        let plain = XChaCha20Poly1305::new(key.as_slice().into())
            .decrypt(&nonce.into(), Payload { msg: &sealed, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| DeviceStoreError::WrongPassphrase)?;
        unpack(&plain).ok_or_else(|| damaged("wrapped keys"))
    }

    /// Adds a person's wrap, or replaces it.
    pub(crate) fn put(
        &mut self,
        person: &str,
        passphrase: &str,
        kdf: KdfParams,
        database_key: &DatabaseKey,
        secrets: &PersonSecrets,
    ) -> Result<(), DeviceStoreError> {
        let salt = random::<16>()?;
        let nonce = random::<24>()?;
        let key = derive(passphrase, salt.as_slice(), kdf).ok_or(DeviceStoreError::WrongPassphrase)?;
        let plain = Zeroizing::new(
            [
                database_key.as_bytes().as_slice(),
                secrets.seat_secret.as_slice(),
                secrets.sealing_secret.as_bytes(),
            ]
            .concat(),
        );
        let aad = associated_data(person);
        let sealed = XChaCha20Poly1305::new(key.as_slice().into())
            .encrypt(nonce.as_slice().into(), Payload { msg: &plain, aad: &aad })
            .expect("a few hundred bytes can be encrypted");
        let wrap = PersonWrap {
            person: person.to_owned(),
            kdf,
            salt: HEXLOWER.encode(salt.as_slice()),
            nonce: HEXLOWER.encode(nonce.as_slice()),
            sealed: HEXLOWER.encode(&sealed),
        };
        self.people.retain(|wrap| wrap.person != person);
        self.people.push(wrap);
        Ok(())
    }

    /// Seals the store's key to the deployment's recovery key.
    pub(crate) fn seal_for_recovery(
        &mut self,
        database_key: &DatabaseKey,
        recipient: &str,
    ) -> Result<(), DeviceStoreError> {
        let sealed = seal::seal(database_key.as_bytes(), &[recipient])?;
        self.recovery =
            Some(RecoveryWrap { recipient: recipient.to_owned(), sealed: HEXLOWER.encode(&sealed) });
        Ok(())
    }
}

/// Opens the recovery wrap of a store's `keys.json`: for the custodians of the recovery key, when every passphrase is
/// lost.
pub fn recover_key(home: &Home, identity: &SealingIdentity) -> Result<DatabaseKey, DeviceStoreError> {
    let damaged = |what| DeviceStoreError::KeysDamaged { path: home.keys(), what };
    let wrap = KeysFile::load(home)?.recovery.ok_or_else(|| damaged("no recovery wrap"))?;
    let sealed = HEXLOWER.decode(wrap.sealed.as_bytes()).map_err(|_| damaged("not hex"))?;
    let plain = seal::open(&sealed, identity, 32)?;
    let key: [u8; 32] = plain.as_slice().try_into().map_err(|_| damaged("recovery wrap length"))?;
    Ok(DatabaseKey::new(Zeroizing::new(key)))
}

fn associated_data(person: &str) -> Vec<u8> {
    [b"lakou/key-wrap\0".as_slice(), person.as_bytes(), &KEYS_VERSION.to_be_bytes()].concat()
}

fn derive(passphrase: &str, salt: &[u8], kdf: KdfParams) -> Option<Zeroizing<[u8; 32]>> {
    if kdf.memory_kib > MAX_MEMORY_KIB || kdf.iterations > 64 || kdf.lanes > 16 {
        return None;
    }
    let params = Params::new(kdf.memory_kib, kdf.iterations, kdf.lanes, Some(32)).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .ok()?;
    Some(key)
}

fn unpack(plain: &[u8]) -> Option<(DatabaseKey, PersonSecrets)> {
    let (database_key, rest) = plain.split_first_chunk::<32>()?;
    let (seat_secret, sealing_secret) = rest.split_first_chunk::<32>()?;
    let sealing_secret = Zeroizing::new(std::str::from_utf8(sealing_secret).ok()?.to_owned());
    let secrets = PersonSecrets { seat_secret: Zeroizing::new(*seat_secret), sealing_secret };
    Some((DatabaseKey::new(Zeroizing::new(*database_key)), secrets))
}
