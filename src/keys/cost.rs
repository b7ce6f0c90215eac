//! What opening an encrypted key file costs. The file itself says it, so that whoever wrote the file decides how long
//! its reader computes: a number of four bytes stands for an hour, or for a terabyte.
//!
//! A cost is its owner's choice, and meant to be felt. What is refused is what nobody chooses: more than some ten
//! seconds, or more than 256 MiB.

use super::pem::Error;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf as Pkcs5;
use ssh_key::Kdf as OpenSsh;

/// Rounds of bcrypt, of which `ssh-keygen` takes 16 or 24: some eight milliseconds each.
const ROUNDS: u32 = 1024;

/// Iterations of PBKDF2, of which OpenSSL takes 2,048 and OWASP advises 600,000: less than a microsecond each.
const ITERATIONS: u32 = 10_000_000;

/// N times r of scrypt: 128 bytes each, so 256 MiB. Ours are 2^20.
const MEMORY: u64 = 1 << 21;

/// The same of p times r, so 8 MiB. Ours are 8.
const LANES: u64 = 1 << 16;

/// N times r times p: how often that memory is filled and read.
const WORK: u64 = 1 << 24;

/// Whether a key in PKCS#8 can be opened at a cost that somebody may have chosen.
///
/// # Errors
/// [`Error::Cost`], or [`Error::NotPkcs8`] for numbers that mean nothing.
pub(super) fn of_pkcs8(scheme: &EncryptionScheme) -> Result<(), Error> {
    let again = "openssl pkcs8 -topk8 -scrypt -in KEY -out NEW";
    match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Pkcs5::Scrypt(scrypt)) => {
            let (n, r) = (scrypt.cost_parameter, u64::from(scrypt.block_size));
            let p = u64::from(scrypt.parallelization);
            // RFC 7914 section 2: larger than 1.
            if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 {
                return Err(Error::NotPkcs8);
            }
            let memory = n.saturating_mul(r);
            if memory > MEMORY || p.saturating_mul(r) > LANES || memory.saturating_mul(p) > WORK {
                let cost = format!("scrypt with N = {n}, r = {r} and p = {p}");
                let most = format!("N times r may be {MEMORY}, times p {WORK}, and p times r {LANES}");
                return Err(Error::Cost { cost, most, again });
            }
        }
        Some(Pkcs5::Pbkdf2(pbkdf2)) if pbkdf2.iteration_count > ITERATIONS => {
            let cost = format!("{} iterations of PBKDF2", pbkdf2.iteration_count);
            return Err(Error::Cost { cost, most: format!("{ITERATIONS} are the most"), again });
        }
        _ => {}
    }
    Ok(())
}

/// The same of a key that OpenSSH wrote.
///
/// # Errors
/// [`Error::Cost`].
pub(super) fn of_openssh(kdf: &OpenSsh) -> Result<(), Error> {
    match kdf {
        OpenSsh::Bcrypt { rounds, .. } if *rounds > ROUNDS => {
            let cost = format!("{rounds} rounds of bcrypt");
            let again = "ssh-keygen -p -a 100 -f KEY";
            Err(Error::Cost { cost, most: format!("{ROUNDS} are the most"), again })
        }
        _ => Ok(()),
    }
}
