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

/// Whether these bytes, which are JSON, are the canonical ones of what they mean, and in the simplest of ways: without
/// an escape, and with no number of more than 18 digits. Of others only [`value_to_canonical`] tells.
#[must_use]
pub fn is_canonical(json: &[u8]) -> bool {
    value(json, DEEPEST) == Some(json.len())
}

/// No metadata is nested deeper.
const DEEPEST: usize = 64;

/// Where the canonical value at the beginning of `json` ends.
fn value(json: &[u8], deepest: usize) -> Option<usize> {
    let deepest = deepest.checked_sub(1)?;
    match *json.first()? {
        b'"' => string(json),
        b'{' => {
            let (mut at, mut last) = (1, None);
            if json.get(at) == Some(&b'}') {
                return Some(2);
            }
            loop {
                let end = at + string(&json[at..])?;
                let name = &json[at + 1..end - 1];
                if last.is_some_and(|last| last >= name) || json.get(end) != Some(&b':') {
                    return None;
                }
                last = Some(name);
                at = end + 1;
                at += value(&json[at..], deepest)?;
                match json.get(at)? {
                    b',' => at += 1,
                    b'}' => return Some(at + 1),
                    _ => return None,
                }
            }
        }
        b'[' => {
            let mut at = 1;
            if json.get(at) == Some(&b']') {
                return Some(2);
            }
            loop {
                at += value(&json[at..], deepest)?;
                match json.get(at)? {
                    b',' => at += 1,
                    b']' => return Some(at + 1),
                    _ => return None,
                }
            }
        }
        b't' => json.starts_with(b"true").then_some(4),
        b'n' => json.starts_with(b"null").then_some(4),
        b'f' => json.starts_with(b"false").then_some(5),
        first => {
            let sign = usize::from(first == b'-');
            let digits = json[sign..].iter().take_while(|b| b.is_ascii_digit()).count();
            let end = sign + digits;
            let is_plain = (1..=18).contains(&digits)
                && (json[sign] != b'0' || end == 1)
                && !matches!(json.get(end), Some(b'.' | b'e' | b'E'));
            is_plain.then_some(end)
        }
    }
}

/// Where the string at the beginning of `json` ends, if nothing in it is escaped, or ought to be.
fn string(json: &[u8]) -> Option<usize> {
    let inside = json.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', inside)?;
    (inside[end] == b'"').then_some(end + 2)
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

    proptest::proptest! {
        #[test]
        fn what_is_said_to_be_canonical_is(text in "[-\\[\\]{},:\"a-c01.e\\\\ ]{0,14}|\\{\"a\":-?[0-9]{1,3},\"[a-b]\":(0|\\[\\])\\}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let canonical = to_canonical(&value).is_ok_and(|canonical| canonical == text.as_bytes());
                proptest::prop_assert!(canonical || !is_canonical(text.as_bytes()), "{}", text);
            }
        }
    }

    #[test]
    fn the_simplest_forms_are_known_to_be_canonical() {
        for text in [r#"{}"#, r#"{"a":[1,-2,0,"x",true,null,false,[],{"b":{}}],"b":"é"}"#, "12", "[[[]]]"] {
            assert!(is_canonical(text.as_bytes()), "{text}");
            assert_eq!(to_canonical(&serde_json::from_str::<Value>(text).unwrap()).unwrap(), text.as_bytes());
        }
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        for text in
            [r#"{"b":1,"a":2}"#, r#"{"a":1,"a":2}"#, "-0", "01", "1.0", "1e2", r#""\n""#, "[1, 2]", "", &deep]
        {
            assert!(!is_canonical(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn fractions_are_refused() {
        assert!(matches!(to_canonical(&json!(1.5)), Err(Error::NotAnInteger(_))));
        let huge: Value = serde_json::from_str("1e400").unwrap_or(json!(0.5));
        assert!(to_canonical(&huge).is_err());
    }
}
