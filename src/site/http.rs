//! A published tree that is served somewhere: what the author's commands read. No run that publishes opens a
//! connection.

use super::chain::Origin;
use crate::disk;
use crate::model::page::percent_encoded;
use std::path::Path;
use std::time::Duration;
use ureq::Agent;

/// A server that takes longer than this for one file does not answer.
const LONGEST: Duration = Duration::from_secs(300);

/// A tree by its address.
pub struct Served {
    agent: Agent,
    base: String,
}

impl Served {
    /// The tree at `base`, an address with `http://` or `https://`.
    #[must_use]
    pub fn at(base: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_global(Some(LONGEST))
            .http_status_as_error(false)
            .user_agent(concat!("tuffet/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.new_agent(), base: base.trim_end_matches('/').to_owned() }
    }
}

impl Origin for Served {
    fn file(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, disk::Error> {
        let url = format!("{}/{}", self.base, percent_encoded(name));
        let failed = |e: String| disk::Error::new("fetch", Path::new(&url), std::io::Error::other(e));
        let mut response = self.agent.get(&url).call().map_err(|e| failed(e.to_string()))?;
        match response.status().as_u16() {
            200 => {}
            // Object stores answer 403 for what is not there.
            403 | 404 | 410 => return Ok(None),
            other => return Err(failed(format!("the server answers {other}"))),
        }
        let body = response.body_mut().with_config().limit(most + 1);
        let bytes = body.read_to_vec().map_err(|e| failed(e.to_string()))?;
        if bytes.len() as u64 > most {
            return Err(failed(format!("it is larger than {most} bytes")));
        }
        Ok(Some(bytes))
    }
}
