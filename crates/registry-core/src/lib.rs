#![doc = include_str!("../README.md")]

mod bundle;
mod catalog;
mod desk;
mod enrol;
mod error;
mod facts;
mod forks;
mod ingest;
mod judge;
mod merge;
mod parallel;
mod project;
mod proof;
mod proof_tables;
mod pull;
mod registry;
mod roster;
mod snapshot;

pub use bundle::{BundleAnswer, BundleFile, MAX_BUNDLE_PAGES, MAX_WANTED_FILES, TakenPart};
pub use catalog::{Catalog, PublishedForm};
pub use desk::{AlternativeDetail, DecideRequest, ItemDetail, Resolution, Revoked};
pub use enrol::{ENROLMENT_CODE_BYTES, InvitationDraft, enrolment_code};
pub use error::RegistryError;
pub use facts::{DeploymentFacts, RegistryKeys, Surroundings};
pub use forks::{BranchDetail, BranchRequest, ForkDetail};
pub use ingest::{IngestPlan, plan_ingest};
pub use merge::MERGE_BATCH;
pub use project::project;
pub use proof::{ENGINE_VERSION, Fault, RebuildReport, VerifyReport};
pub use record_doc::{InProcess, Merger};
pub use registry::Registry;
pub use snapshot::Snapshot;
