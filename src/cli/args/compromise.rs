//! The arguments of `tuffet compromise`.

use clap::Args as ClapArgs;
use std::path::PathBuf;

/// `tuffet compromise`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Compromise {
    /// The site [default: site.path of pipeline.toml]
    #[arg(value_name = "SITE")]
    pub(crate) site: Option<PathBuf>,
    /// Whose keys somebody holds: online, the name of a role, or the id of a key (8 digits of it are enough);
    /// several with commas, or give it again
    #[arg(long, value_name = "WHO", required = true, value_delimiter = ',')]
    pub(crate) holding: Vec<String>,
    /// Count projects by their downloads: lines of name, tab, number
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
}
