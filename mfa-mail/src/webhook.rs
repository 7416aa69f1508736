//! One notice to one webhook: a POST of JSON, of whose answer nothing but the status matters.
//!
//! HTTPS only, but for this machine itself. No redirect is followed, no proxy of the environment is used, and no
//! answer is read.

use crate::call::one_line;
use mfa_proto::mail::{Answer, Notice, Outcome};
use mfa_settings::mail;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of an answer's head at the most.
const LARGEST_HEAD: usize = 16 * 1024;

/// Tells it. Everything that can go wrong is an answer.
pub(crate) fn tell(notice: &Notice, config: &Path) -> Answer {
    told(notice, config).unwrap_or_else(|answer| answer)
}

fn told(notice: &Notice, config: &Path) -> Result<Answer, Answer> {
    let later = |why: String| answer(Outcome::Later, &why);
    let (_, notify) = mail::load(config).map_err(|error| later(error.to_string()))?;
    let url = notify.webhook().map_err(|why| later(format!("{}, [notify]: {why}", config.display())))?;
    let url = url.ok_or_else(|| later(format!("no webhook is set in {}, [notify]", config.display())))?;
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&notice.json).map_err(|_| answer(Outcome::Refused, "the notice is no JSON object"))?;
    let body = serde_json::to_string(&object).map_err(|error| answer(Outcome::Refused, &error.to_string()))?;
    let request = agent(url.starts_with("https://")).post(url).header("Content-Type", "application/json");
    match request.send(body) {
        Ok(response) => Ok(by_status(response.status().as_u16())),
        Err(error) => Err(later(error.to_string())),
    }
}

/// One that trusts whom this machine trusts.
fn agent(https_only: bool) -> Agent {
    let found = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .build();
    Agent::config_builder()
        .https_only(https_only)
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_response_header_size(LARGEST_HEAD)
        .timeout_global(Some(PATIENCE))
        .user_agent("mfa-mail")
        .build()
        .new_agent()
}

fn by_status(status: u16) -> Answer {
    let outcome = match status {
        200..=299 => Outcome::Taken,
        408 | 425 | 429 | 500..=599 => Outcome::Later,
        _ => Outcome::Refused,
    };
    answer(outcome, &format!("HTTP status {status}"))
}

fn answer(outcome: Outcome, detail: &str) -> Answer {
    Answer { outcome, detail: one_line(detail) }
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
