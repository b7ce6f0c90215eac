//! Canonical JSON (OLPC): takes any serialisable value, gives the one byte string that is signed.
//!
//! Compact, object members sorted by their UTF-8 bytes, only `"` and `\` escaped, no fractions.
//! TUF 1.0.34 section 4.1 leaves the format open; this is the one that every supported client
//! uses. Strings are written as they are: tough normalises them to NFC and python-tuf does not,
//! so a string outside NFC must never reach metadata of ours ([`super::TargetPath`] sees to it).

use serde::Serialize;
use serde_json::Value;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Canonical JSON has integers only.
    #[error("the number {0} is not an integer, and canonical JSON has no others")]
    NotAnInteger(String),
    /// The value cannot be expressed in JSON at all.
    #[error("not expressible in JSON")]
    NotJson(#[from] serde_json::Error),
}

/// The canonical bytes of `value`.
///
/// # Errors
/// [`Error::NotAnInteger`] for a fraction, or an integer beyond 64 bits.
pub fn to_canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    value_to_canonical(&serde_json::to_value(value)?)
}

/// The canonical bytes of a parsed JSON value.
///
/// # Errors
/// As [`to_canonical`].
pub fn value_to_canonical(value: &Value) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(1024);
    write_value(value, &mut out)?;
    Ok(out)
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::Number(number) => return Err(Error::NotAnInteger(number.to_string())),
        Value::String(string) => write_string(string, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            // serde_json keeps members in a BTreeMap, which is the order wanted. Sorting here
            // again would cost nothing less than trusting a feature flag of a dependency costs.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write_value(member, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_string(string: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in string.bytes() {
        if byte == b'"' || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_sorted_and_only_two_characters_escaped() {
        let table = [
            (json!({"b": 1, "a": [true, null, "x"]}), r#"{"a":[true,null,"x"],"b":1}"#),
            (json!({"é": 1, "z": 2, "A": 3}), r#"{"A":3,"z":2,"é":1}"#),
            (json!("a\"b\\c/é"), r#""a\"b\\c/é""#),
            (json!("tab\tnewline\n"), "\"tab\tnewline\n\""),
            (json!(-1), "-1"),
            (json!(u64::MAX), "18446744073709551615"),
        ];
        for (value, expected) in table {
            assert_eq!(String::from_utf8(to_canonical(&value).unwrap()).unwrap(), expected);
        }
    }

    #[test]
    fn fractions_are_refused() {
        assert!(matches!(to_canonical(&json!(1.5)), Err(Error::NotAnInteger(_))));
        let huge: Value = serde_json::from_str("1e400").unwrap_or(json!(0.5));
        assert!(to_canonical(&huge).is_err());
    }
}
