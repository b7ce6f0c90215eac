//! JSON that a stranger wrote and that signatures cover, read strictly: no member of an object stands there twice, for
//! readers disagree on which of the two counts (RFC 8259 section 4); and nothing is so dense that a few megabytes of it
//! become gigabytes of values.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use std::marker::PhantomData;

/// No role has more keys, and no file more signatures: each is tried against the other.
pub const MOST_SIGNERS: usize = 1024;

/// So many bytes there are to each list or object, beside the first 65,536: a role in a snapshot takes thirty.
const BYTES_OF_A_CONTAINER: usize = 32;

/// So many there are to each value, beside the first million.
const BYTES_OF_A_VALUE: usize = 16;

/// A text of JSON with more values than any metadata has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its {bytes} bytes hold {found} {what}, and {most} are read of so many: a list in an unknown field, or an attack; \
     split the role, or leave that field out"
)]
pub struct Dense {
    /// How many bytes there are.
    pub bytes: usize,
    /// How many values, or more: commas in texts count too.
    pub found: usize,
    /// Of what.
    pub what: &'static str,
    /// How many there may be.
    pub most: usize,
}

/// Whether a text of JSON takes no more memory, as values, than some thirty times its bytes.
///
/// # Errors
/// [`Dense`].
pub fn check_density(json: &[u8]) -> Result<(), Dense> {
    let bytes = json.len();
    let check = |what, found: usize, most: usize| {
        if found > most { Err(Dense { bytes, found, what, most }) } else { Ok(()) }
    };
    let opened = memchr::memchr2_iter(b'[', b'{', json).count();
    check("lists and objects", opened, (1 << 16) + bytes / BYTES_OF_A_CONTAINER)?;
    // A value is the first of what holds it, or comes after a comma.
    let values = opened + memchr::memchr_iter(b',', json).count();
    check("values", values, (1 << 20) + bytes / BYTES_OF_A_VALUE)
}

/// Reads a whole text of JSON: what is dense is refused, and so is a member that stands there twice.
///
/// # Errors
/// If it is none, not of the shape, or one of those.
pub fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    check_density(json).map_err(serde_json::Error::custom)?;
    let Strict(value) = serde_json::from_slice(json)?;
    serde_json::from_value(value)
}

/// A value in which no member of an object is named twice.
pub(super) struct Strict(pub(super) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if all.contains_key(&name) {
                let what =
                    format!("the member {name:?} stands there twice, and clients disagree on which counts");
                return Err(A::Error::custom(what));
            }
            let Strict(value) = members.next_value()?;
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

/// Reads a list of no more than [`MOST_SIGNERS`], and nothing behind those.
pub(super) fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(Few(PhantomData))
}

struct Few<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST_SIGNERS}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            if all.len() == MOST_SIGNERS {
                let what =
                    format!("there are more than {MOST_SIGNERS} keys or signatures, which is the most");
                return Err(A::Error::custom(what));
            }
            all.push(item);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn it_reads_what_others_read_unless_a_member_comes_twice(text in "[\\[\\]{},:\"ab01.e -]{0,16}|\\{\"[ab]\":[0-9],\"[ab]\":\\{\"[ab]\":null,\"[ab]\":-1\\}\\}") {
            let general = serde_json::from_str::<Value>(&text);
            match serde_json::from_str::<Strict>(&text) {
                Ok(Strict(value)) => proptest::prop_assert_eq!(value, general.unwrap()),
                Err(error) => proptest::prop_assert!(general.is_err() || error.to_string().contains("twice"), "{} {}", text, error),
            }
        }
    }

    #[test]
    fn what_is_dense_is_told_from_what_is_long() {
        let target = format!(
            "\"p/{}\":{{\"hashes\":{{\"sha256\":\"{}\"}},\"length\":1}},",
            "a".repeat(20),
            "0".repeat(64)
        );
        let role = "\"project.a.json\":{\"version\":1},";
        for honest in
            [target.as_str(), role, "{\"keyid\":\"\",\"sig\":\"0000000000000000\"},", "\"00\",\"01\","]
        {
            assert_eq!(check_density(honest.repeat(4_000_000 / honest.len()).as_bytes()), Ok(()), "{honest}");
        }
        for dense in ["0,", "[],", "{\"\":", "[[0]],"] {
            let found = check_density(dense.repeat(10_000_000 / dense.len()).as_bytes());
            assert!(found.is_err_and(|dense| dense.to_string().contains("are read")), "{dense}");
        }
    }
}
