//! What must hold before a run signs anything: the tree is one that clients accept, the key is
//! the one that it names, and the source is no disaster.

use super::lists;
use crate::keys::Signer;
use crate::model::{BinCount, KeyId, Moment, RoleName, TargetPath};
use crate::report::{Code, Reporter, Warning};
use crate::site::outline::Outline;
use crate::trust::{self, Lives};

/// Why nothing may be signed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The root has ended.
    #[error(
        "root expired on {0}: every client refuses the repository, whatever a build signs. Is this \
         machine's clock right? If so, the root's holders must sign the next version and put it \
         beside the others in metadata/"
    )]
    RootExpired(Moment),
    /// The online key is not the one that the tree names.
    #[error(
        "the online key {} may not sign {role}: the repository names {} for it. Put the right \
         key into the state folder, or name it as keys.online in pipeline.toml, which goes first if it is there; if a \
         ceremony that changes it did not end, `tuffet ceremony apply` it once more", key.short(), named.iter().map(KeyId::short).collect::<Vec<_>>().join(", ")
    )]
    WrongKey {
        /// The key at hand.
        key: KeyId,
        /// The role.
        role: RoleName,
        /// The keys that may sign it.
        named: Vec<KeyId>,
    },
    /// The tree asks for more signatures than a build can make.
    #[error(
        "{role} needs {threshold} signatures, and a build makes one: clients would refuse what it publishes"
    )]
    TooFewKeys {
        /// The role.
        role: RoleName,
        /// How many signatures it needs.
        threshold: u32,
    },
    /// Too many targets are gone.
    #[error(
        "{gone} of {before} published targets are not in the source any more, which is more than a \
         tenth: {names}. Is its disk mounted, and the mirror complete? If they are meant to go, give \
         --allow-removals"
    )]
    TooManyGone {
        /// How many are gone.
        gone: usize,
        /// How many were published.
        before: usize,
        /// The first of them.
        names: String,
    },
}

/// The root is alive, and the online key may sign every online role.
pub(super) fn check_tree(published: &Outline, online: &dyn Signer, now: Moment) -> Result<(), Refusal> {
    if published.root.expires <= now {
        return Err(Refusal::RootExpired(published.root.expires));
    }
    let top = [RoleName::snapshot(), RoleName::timestamp()];
    let top = top.into_iter().filter_map(|role| Some((published.root.role(&role)?.clone(), role)));
    let lists = published.lists.iter().filter(|(role, _)| lists::is_recently_claimed(role));
    let lists = lists.map(|(role, list)| (list.keys.clone(), role.clone()));
    let list = &published.bin_list;
    let bins = list.all_signers().map(|(bin, keys)| (keys.clone(), list.count.role(bin)));
    let delegated = lists.chain(bins);
    for (keys, role) in top.chain(delegated) {
        if !keys.keyids.contains(online.keyid()) {
            return Err(Refusal::WrongKey { key: online.keyid().clone(), role, named: keys.keyids });
        }
        if keys.threshold > 1 {
            return Err(Refusal::TooFewKeys { role, threshold: keys.threshold });
        }
    }
    Ok(())
}

/// Warns of offline roles that end soon, or have ended: no build can renew them.
pub(super) fn warn_of_offline_roles(
    published: &Outline,
    lives: &Lives,
    now: Moment,
    reporter: &dyn Reporter,
) {
    for (role, expires) in offline_roles(published) {
        if expires <= now {
            let message = format!(
                "{role} expired on {expires}: clients refuse every look-up. Its holders must sign a new version"
            );
            reporter.warn(Warning::of_run(Code::OfflineExpiry, message));
        } else if expires.since(now) < trust::lives::notice(&role, lives) {
            let days = expires.since(now).as_secs() / 86_400;
            let message = format!(
                "{role} ends on {expires}, in {days} days; its holders must sign a new version before that"
            );
            reporter.warn(Warning::of_run(Code::OfflineExpiry, message));
        }
    }
}

/// The roles that people sign, but projects, with the moments at which they end.
pub(super) fn offline_roles(published: &Outline) -> impl Iterator<Item = (RoleName, Moment)> {
    let lists = published.lists.iter().filter(|(role, _)| !lists::is_recently_claimed(role));
    let lists = lists.map(|(role, list)| (role.clone(), list.metadata.expires));
    let roles = [
        (RoleName::root(), published.root.expires),
        (RoleName::targets(), published.targets.expires),
        (RoleName::unclaimed(), published.bin_list.expires),
    ];
    roles.into_iter().chain(lists)
}

/// No more than a tenth of what is published has gone.
pub(super) fn check_removals(gone: &[TargetPath], before: usize) -> Result<(), Refusal> {
    if gone.len() * 10 <= before {
        return Ok(());
    }
    let mut names: Vec<&str> = gone.iter().take(3).map(TargetPath::as_str).collect();
    if gone.len() > names.len() {
        names.push("…");
    }
    Err(Refusal::TooManyGone { gone: gone.len(), before, names: names.join(", ") })
}

/// Warns if another number of bins would serve much better.
pub(super) fn warn_of_bins(
    bins: BinCount,
    configured: Option<BinCount>,
    targets: usize,
    reporter: &dyn Reporter,
) {
    if let Some(other) = configured.filter(|configured| *configured != bins) {
        let message = format!(
            "bins.count is {other}, and the repository was made with {bins}; a build cannot change the number"
        );
        reporter.warn(Warning::of_run(Code::BinCount, message));
        return;
    }
    let better = BinCount::for_targets(targets as u64);
    // The headroom is fourfold: within it, and while shrinking gains little, all is well.
    if targets as u64 > u64::from(bins.get()) * 128 && better > bins {
        let message = format!(
            "{targets} targets in {bins} bins: {better} would serve clients better; a ceremony can change the number"
        );
        reporter.warn(Warning::of_run(Code::BinCount, message));
    }
}
