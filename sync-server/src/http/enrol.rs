//! `POST /v1/enrol`: a one-time code and proof of possession for a certificate.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::auth::read_body;
use super::problem::Refused;
use super::{Api, Peer, Problem, answer};

pub(super) async fn enrol(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let address = api.address_of(parts.extensions.get::<Peer>().copied(), &parts.headers);
    if !api.may_enrol(address) {
        return Err(Problem::TooManyRequests.into());
    }
    let body = read_body(&parts.headers, body, api.0.limits.body_bytes).await?;
    let enrolled = api.call(move |registry| Ok(registry.enrol(&body)?)).await?;
    // The certificate is fed to everybody by the next merge step.
    api.0.bell.ring();
    Ok(answer(StatusCode::CREATED, None, enrolled.encode()))
}
