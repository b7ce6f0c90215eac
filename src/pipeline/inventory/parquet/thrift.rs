//! Thrift's compact protocol, walked before a reader is let at it. What a Parquet file says of itself is written so, and
//! the reader believes what it is told: how many elements a list has, and of which kind a field is. Here every element is
//! looked for, and a field that the reader knows must be of the kind that the standard gives it, so that both read the
//! same bytes as the same thing. Fields that it does not know are passed over, as it does.

use std::io::{self, Error, Read, Result};

/// Nothing is nested deeper; eight are what writers need.
const DEEPEST: u8 = 16;

/// Of what kind a field or an element is.
#[derive(Debug)]
pub(super) enum Kind {
    Flag,
    Byte,
    Short,
    /// Also what the standard calls an enumeration.
    Int,
    Long,
    Double,
    /// Also bytes.
    Text,
    List(&'static Kind),
    Structure(&'static Form),
}

/// What the reader knows of a structure, or of a union.
#[derive(Debug)]
pub(super) struct Form {
    /// As parquet-format names it.
    pub(super) name: &'static str,
    /// By their numbers, of which none is above 31.
    pub(super) fields: &'static [(i16, Kind)],
}

/// What is met in a structure of a known form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// The number in this field.
    Number(i16, i64),
    /// The bytes of the text in this field.
    Text(i16, u64),
    /// The flag in this field.
    Flag(i16, bool),
    /// The structure is over.
    End,
}

pub(super) fn damaged<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::other(what.into()))
}

/// Walks one structure, and gives the bytes that it took. `met` learns what stands in it and in those within.
///
/// # Errors
/// What a reader would stop at, misread or drown in; and whatever `met` says.
pub(super) fn walk(
    reader: &mut impl Read,
    form: &'static Form,
    longest_text: u64,
    met: &mut dyn FnMut(&'static Form, Met) -> Result<()>,
) -> Result<u64> {
    let mut walk = Walk { reader, longest_text, read: 0, met };
    match walk.structure(Some(form), 0) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => damaged("it ends where there is more to come"),
        walked => walked.map(|()| walk.read),
    }
}

struct Walk<'a, R> {
    reader: &'a mut R,
    longest_text: u64,
    read: u64,
    met: &'a mut dyn FnMut(&'static Form, Met) -> Result<()>,
}

impl<R: Read> Walk<'_, R> {
    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        self.read += 1;
        Ok(byte[0])
    }

    fn pass(&mut self, bytes: u64) -> Result<()> {
        let passed = io::copy(&mut self.reader.by_ref().take(bytes), &mut io::sink())?;
        self.read += passed;
        if passed == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// A number without a sign, seven bits in each byte.
    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return damaged("a number is larger than 64 bits");
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        damaged("a number has no end")
    }

    /// A number with a sign: an odd one is negative.
    fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        let half = (number >> 1).cast_signed();
        Ok(if number & 1 == 1 { !half } else { half })
    }

    /// A number with a sign that a type of so many bits holds.
    fn within(&mut self, bits: u32) -> Result<i64> {
        let number = self.signed()?;
        let most = i64::MAX >> (64 - bits);
        if (!most..=most).contains(&number) {
            return Ok(number);
        }
        damaged(format!("{number} stands where a number has {bits} bits"))
    }

    fn text(&mut self) -> Result<u64> {
        let length = self.number()?;
        if length > self.longest_text {
            return damaged(format!("a text is longer than {} bytes", self.longest_text));
        }
        self.pass(length)?;
        Ok(length)
    }

    /// The fields of a structure, up to its end.
    fn structure(&mut self, form: Option<&'static Form>, depth: u8) -> Result<()> {
        let mut field: i16 = 0;
        let mut seen = 0_u32;
        loop {
            let byte = self.byte()?;
            let (step, wire) = (byte >> 4, byte & 15);
            if wire == 0 {
                return form.map_or(Ok(()), |form| (self.met)(form, Met::End));
            }
            field = if step == 0 {
                // Refused outside of sixteen bits, so what is left out cannot be.
                i16::try_from(self.within(16)?).unwrap_or_default()
            } else {
                field
                    .checked_add(i16::from(step))
                    .ok_or_else(|| Error::other("a field has too high a number"))?
            };
            match form.and_then(|form| Some((form, form.fields.iter().find(|(id, _)| *id == field)?))) {
                Some((form, (_, kind))) => {
                    // The reader goes by the last, and by some of what the others said.
                    let bit = 1 << field;
                    if seen & bit != 0 {
                        return damaged(format!("field {field} of a {} stands there twice", form.name));
                    }
                    seen |= bit;
                    self.known(form, field, kind, wire, depth)?;
                }
                // The value of a flag is in its kind.
                None if matches!(wire, 1 | 2) => {}
                None => self.unknown(wire, depth)?,
            }
        }
    }

    /// A field of the form.
    fn known(
        &mut self,
        form: &'static Form,
        field: i16,
        kind: &'static Kind,
        wire: u8,
        depth: u8,
    ) -> Result<()> {
        if !kind.is_written_as(wire) {
            return damaged(format!("field {field} of a {} is of another kind than it has", form.name));
        }
        match kind {
            Kind::Flag => (self.met)(form, Met::Flag(field, wire == 1)),
            Kind::Byte => self.pass(1),
            Kind::Short | Kind::Int | Kind::Long => {
                let number = self.within(kind.bits())?;
                (self.met)(form, Met::Number(field, number))
            }
            Kind::Double => self.pass(8),
            Kind::Text => {
                let length = self.text()?;
                (self.met)(form, Met::Text(field, length))
            }
            Kind::List(of) => {
                let (wire, count) = self.list(depth)?;
                if count > 0 && !of.is_written_as(wire) {
                    let name = form.name;
                    return damaged(format!("the list in field {field} of a {name} is of other things"));
                }
                (0..count).try_for_each(|_| match of {
                    Kind::Structure(of) => {
                        self.within_reach(depth).and_then(|depth| self.structure(Some(of), depth))
                    }
                    Kind::Short | Kind::Int | Kind::Long => self.within(of.bits()).map(drop),
                    _ => self.unknown(wire, depth),
                })
            }
            Kind::Structure(of) => {
                let depth = self.within_reach(depth)?;
                self.structure(Some(of), depth)
            }
        }
    }

    /// Whatever is written so.
    fn unknown(&mut self, wire: u8, depth: u8) -> Result<()> {
        match wire {
            3 => self.pass(1),
            4..=6 => self.number().map(drop),
            7 => self.pass(8),
            8 => self.text().map(drop),
            9 | 10 => {
                let (wire, count) = self.list(depth)?;
                let depth = self.within_reach(depth)?;
                (0..count).try_for_each(|_| self.unknown(wire, depth))
            }
            11 => {
                let depth = self.within_reach(depth)?;
                let count = self.number()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                let (key, value) = (kinds >> 4, kinds & 15);
                if [key, value].iter().any(|wire| matches!(wire, 1 | 2)) {
                    return damaged("a map has flags in it");
                }
                (0..count)
                    .try_for_each(|_| self.unknown(key, depth).and_then(|()| self.unknown(value, depth)))
            }
            12 => {
                let depth = self.within_reach(depth)?;
                self.structure(None, depth)
            }
            13 => self.pass(16),
            _ => damaged("a field is of no kind that there is"),
        }
    }

    /// How the elements of a list are written, and how many there are.
    fn list(&mut self, depth: u8) -> Result<(u8, u64)> {
        self.within_reach(depth)?;
        let byte = self.byte()?;
        let (count, wire) = (byte >> 4, byte & 15);
        let count = if count == 15 { self.number()? } else { u64::from(count) };
        // The reader takes no byte for each, and as many as there are said to be.
        if count > 0 && matches!(wire, 1 | 2) {
            return damaged("a list has flags in it");
        }
        Ok((wire, count))
    }

    fn within_reach(&self, depth: u8) -> Result<u8> {
        if depth + 1 >= DEEPEST { damaged("it is nested too deep") } else { Ok(depth + 1) }
    }
}

impl Kind {
    fn is_written_as(&self, wire: u8) -> bool {
        match self {
            Kind::Flag => matches!(wire, 1 | 2),
            Kind::Byte => wire == 3,
            Kind::Short => wire == 4,
            Kind::Int => wire == 5,
            Kind::Long => wire == 6,
            Kind::Double => wire == 7,
            Kind::Text => wire == 8,
            Kind::List(_) => wire == 9,
            Kind::Structure(_) => wire == 12,
        }
    }

    fn bits(&self) -> u32 {
        match self {
            Kind::Short => 16,
            Kind::Int => 32,
            _ => 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROOT: Form = Form {
        name: "Root",
        fields: &[
            (1, Kind::Int),
            (2, Kind::List(&Kind::Structure(&LEAF))),
            (3, Kind::Flag),
            (4, Kind::Text),
            (5, Kind::Structure(&LEAF)),
            (6, Kind::List(&Kind::Long)),
        ],
    };

    static LEAF: Form =
        Form { name: "Leaf", fields: &[(1, Kind::Byte), (2, Kind::Double), (3, Kind::Short)] };

    fn walked(bytes: &[u8]) -> Result<(u64, Vec<(&'static str, Met)>)> {
        let mut all = Vec::new();
        let mut met = |form: &'static Form, met| {
            all.push((form.name, met));
            Ok(())
        };
        let read = walk(&mut &bytes[..], &ROOT, 100, &mut met)?;
        Ok((read, all))
    }

    #[test]
    fn what_stands_in_a_structure_is_met_in_its_order() {
        let bytes = [
            &b"\x15\x03"[..],
            b"\x19\x2c\x13\x07\x00\x34\x80\x01\x00",
            b"\x11",
            b"\x18\x02ab",
            b"\x1c\x27........\x00",
            b"\x19\x36\x01\x00\x02",
            // Fields that are not in the form: a map of texts to numbers, one with its number written out, and others.
            b"\x1b\x02\x86\x01a\x01\x01b\x01\x05\x50\x07\x1d................\x1a\x13x\x00",
            b"behind it",
        ]
        .concat();
        let (read, all) = walked(&bytes).unwrap();
        assert_eq!(read as usize, bytes.len() - "behind it".len());
        assert_eq!(
            all,
            [
                ("Root", Met::Number(1, -2)),
                ("Leaf", Met::End),
                ("Leaf", Met::Number(3, 64)),
                ("Leaf", Met::End),
                ("Root", Met::Flag(3, true)),
                ("Root", Met::Text(4, 2)),
                ("Leaf", Met::End),
                ("Root", Met::End),
            ]
        );
    }

    #[test]
    fn what_a_reader_would_misread_or_drown_in_is_damage() {
        let nested = [b"\x7c".as_slice(), &[0x1c; 40]].concat();
        let lists = [b"\x79".as_slice(), &[0x19; 40]].concat();
        let long = [b"\x48\x65".as_slice(), &[b'a'; 101], b"\0"].concat();
        let cases: [(&[u8], &str); 22] = [
            (b"", "ends where there is more"),
            (b"\x15", "ends where there is more"),
            (b"\x48\x05abc", "ends where there is more"),
            (b"\x29\x3c\x00\x00", "ends where there is more"),
            (b"\x16\x00\x00", "field 1 of a Root is of another kind"),
            (b"\x1c\x00\x00", "field 1 of a Root is of another kind"),
            (b"\x35\x00\x00", "field 3 of a Root is of another kind"),
            (b"\x2a\x1c\x00\x00", "field 2 of a Root is of another kind"),
            (b"\x29\x15\x00\x00", "list in field 2 of a Root is of other things"),
            (b"\x69\x14\x00\x00", "list in field 6 of a Root is of other things"),
            (b"\x15\xff\xff\xff\xff\x1f\x00", "where a number has 32 bits"),
            (b"\x5c\x34\x80\x80\x04\x00\x00", "where a number has 16 bits"),
            (b"\x76\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00", "larger than 64 bits"),
            (b"\x76\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01\x00", "has no end"),
            (b"\x05\x80\x80\x04\x00", "where a number has 16 bits"),
            (b"\x79\xf1\xff\xff\xff\xff\x07\x00", "a list has flags"),
            (b"\x79\x12\x00", "a list has flags"),
            (b"\x7b\x01\x15\x00\x00", "a map has flags"),
            (b"\x7e\x00", "no kind that there is"),
            (b"\x79\x20\x00\x00\x00", "no kind that there is"),
            (b"\x15\x00\x05\x02\x00\x00", "field 1 of a Root stands there twice"),
            (&long, "longer than 100 bytes"),
        ];
        for (bytes, what) in cases.into_iter().chain([(&*nested, "too deep"), (&*lists, "too deep")]) {
            let error = walked(bytes).unwrap_err().to_string();
            assert!(error.contains(what), "{what}: {error}");
        }
        // Fields too far on: two thousand steps of fifteen.
        let far = [b"\xf3x".repeat(2200), vec![0]].concat();
        assert!(walked(&far).unwrap_err().to_string().contains("too high a number"));
    }

    #[test]
    fn an_empty_list_may_be_of_anything() {
        for head in [0x00, 0x0c, 0x05, 0x01] {
            walked(&[0x29, head, 0]).unwrap();
        }
    }

    #[test]
    fn numbers_of_64_bits_are_whole() {
        let mut walk = Walk {
            reader: &mut &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                [..],
            longest_text: 0,
            read: 0,
            met: &mut |_, _| Ok(()),
        };
        assert_eq!((walk.signed().unwrap(), walk.signed().unwrap()), (i64::MIN, i64::MAX));
        assert_eq!(walk.read, 20);
    }
}
