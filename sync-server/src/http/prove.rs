//! `POST /v1/prove`: where deltas stand in the log, for a device that does not take the server's word for it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use sync_protocol::ProofRequest;

use super::auth::SignedRequest;
use super::problem::Refused;
use super::{Api, answer};

pub(super) async fn prove(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let request = SignedRequest::read(request, api.0.limits.body_bytes).await?;
    let seat = request.seat;
    let proof = api
        .call(move |registry| {
            request.authenticate(registry)?;
            let wanted = ProofRequest::decode(&request.body)?;
            Ok(registry.prove(&wanted)?.encode())
        })
        .await?;
    Ok(answer(StatusCode::OK, Some(seat), proof))
}
