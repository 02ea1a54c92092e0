#![doc = include_str!("../README.md")]

mod catalog;
mod desk;
mod enrol;
mod error;
mod facts;
mod findings;
mod ingest;
mod judge;
mod merge;
mod project;
mod proof;
mod proof_tables;
mod pull;
mod registry;
mod roster;

pub use catalog::{Catalog, PublishedForm};
pub use desk::{AlternativeDetail, DecideRequest, ItemDetail, Resolution, Revoked};
pub use enrol::{ENROLMENT_CODE_BYTES, InvitationDraft, enrolment_code, hash_of_code};
pub use error::RegistryError;
pub use facts::{DeploymentFacts, RegistryKeys, Surroundings};
pub use findings::{Snapshot, findings_of};
pub use ingest::{IngestPlan, plan_ingest};
pub use merge::MERGE_BATCH;
pub use project::project;
pub use proof::{ENGINE_VERSION, Fault, RebuildReport, VerifyReport};
pub use registry::Registry;
