//! `POST /v1/push`: deltas up, a signed receipt down. A revoked or expired seat's work is taken like any other.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use sync_protocol::PushBatch;

use super::auth::SignedRequest;
use super::problem::Refused;
use super::{Api, answer};

pub(super) async fn push(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let request = SignedRequest::read(request, api.0.limits.body_bytes).await?;
    let seat = request.seat;
    let receipt = api
        .call(move |registry| {
            request.authenticate(registry)?;
            let batch = PushBatch::decode(&request.body)?;
            Ok(registry.receive(&batch)?)
        })
        .await?;
    api.0.bell.ring();
    Ok(answer(StatusCode::CREATED, Some(seat), receipt.encode()))
}
