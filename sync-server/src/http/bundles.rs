//! `POST /v1/bundles`: a part of a bundle that another laptop carried here. What its packer is answered goes back the same
//! way, sealed to them: the carrier reads neither.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use registry_core::{BundleAnswer, Registry, RegistryError};
use sync_protocol::{CarriedAnswer, ENOUGH_REPLY_BYTES, MAX_CARRIED_PART_BYTES, PartOffer, RELAY_PART_BYTES};

use super::auth::SignedRequest;
use super::limits::MAX_PART_BODY_BYTES;
use super::problem::Refused;
use super::{Api, Problem, answer};

/// The carrier proves who it is, and may be anybody who was ever certified: a revoked seat can carry what it cannot read.
pub(super) async fn carried(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let request = SignedRequest::read(request, MAX_PART_BODY_BYTES).await?;
    let seat = request.seat;
    let taken = api
        .call(move |registry| {
            request.authenticate(registry)?;
            Ok(take(registry, &request.body)?)
        })
        .await?;
    api.0.bell.ring();
    Ok(answer(StatusCode::CREATED, Some(seat), taken.encode()))
}

/// Every batch in it as if it had come over the network; then what goes back, as much as one answer holds. What is left
/// out is asked for again with the next bundle.
fn take(registry: &Registry, part: &[u8]) -> Result<CarriedAnswer, Problem> {
    let taken = registry.take_bundle_part(part).map_err(refused)?;
    let files = registry.pack_answer(BundleAnswer::to_part(taken), RELAY_PART_BYTES)?;
    let mut answer = CarriedAnswer { part: PartOffer::of(part).sha256, replies: Vec::new() };
    let mut size_bytes = 0;
    for file in files {
        if size_bytes >= ENOUGH_REPLY_BYTES {
            break;
        }
        if file.bytes.len() <= MAX_CARRIED_PART_BYTES {
            size_bytes += file.bytes.len();
            answer.replies.push(file.bytes);
        }
    }
    Ok(answer)
}

/// What is wrong with the part is not the carrier's fault, and is told apart from what is wrong with the request.
fn refused(error: RegistryError) -> Problem {
    match error {
        RegistryError::Bundle(_) | RegistryError::BundleForDevice | RegistryError::UnknownSeat { .. } => {
            Problem::BundleRefused
        }
        other => other.into(),
    }
}
