//! `GET /v1/blobs/{sha256}`: the files of publications. Missing and forbidden are one answer.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use data_encoding::HEXLOWER;
use registry_core::Registry;
use signed_delta::SeatStanding;

use super::auth::SignedRequest;
use super::problem::Refused;
use super::{Api, Problem, answer};
use crate::platform;

pub(super) async fn blob(
    State(api): State<Api>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    let request = SignedRequest::read(request, api.0.limits.body_bytes).await?;
    let seat = request.seat;
    let content = api
        .call(move |registry| {
            let standing = request.authenticate(registry)?;
            let name = HEXLOWER.decode(name.as_bytes()).ok();
            let sha256 = name.and_then(|bytes| bytes.try_into().ok()).ok_or(Problem::NotFound)?;
            Ok(read(registry, &standing, sha256)?)
        })
        .await?;
    Ok(answer(StatusCode::OK, Some(seat), content))
}

/// Only files of lineages that the certificate covers, and only for a seat in force.
fn read(registry: &Registry, standing: &SeatStanding, sha256: [u8; 32]) -> Result<Vec<u8>, Problem> {
    if standing.revoked_after.is_some() {
        return Err(Problem::SeatRevoked);
    }
    if standing.certificate.fields.valid_until.is_some_and(|until| platform::now() >= until) {
        return Err(Problem::CertificateExpired);
    }
    registry.blob_for(standing, sha256)?.ok_or(Problem::NotFound)
}
