//! Parquet files made by hand to cost their reader all that they can: some are nothing but a footer, others have pages of
//! a column of paths.

use super::deflated;
use super::monsters::SIZE;
use tuffet::model::Compression;

/// A number without a sign, as Thrift's compact protocol writes it.
fn number(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

/// The head of a list of structures.
fn structures(count: usize) -> Vec<u8> {
    [vec![0xfc], number(count as u64)].concat()
}

/// A group in which so many columns stand.
fn group(name: &[u8], children: u64) -> Vec<u8> {
    // repetition_type, name, num_children; a number with a sign is twice as large.
    [
        b"\x35\x00\x18".to_vec(),
        number(name.len() as u64),
        name.to_vec(),
        b"\x15".to_vec(),
        number(2 * children),
        vec![0],
    ]
    .concat()
}

/// A column of bytes without a name.
const COLUMN: &[u8] = b"\x15\x0c\x25\x00\x18\x00\x00";

/// A file that ends in this footer.
fn file(footer: &[u8]) -> Vec<u8> {
    behind(b"PAR1", footer)
}

/// The same behind what a file begins with.
fn behind(begin: &[u8], footer: &[u8]) -> Vec<u8> {
    [begin, footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

/// Its version, and these elements of its schema.
fn schema(elements: &[Vec<u8>]) -> Vec<u8> {
    let begin = [b"\x15\x02\x19".to_vec(), structures(elements.len())].concat();
    [begin, elements.concat()].concat()
}

/// A file of these columns in a root, and no rows.
fn columns(elements: Vec<Vec<u8>>, in_root: u64) -> Vec<u8> {
    let all = [vec![group(b"m", in_root)], elements].concat();
    file(&[schema(&all), b"\x16\x00\x19\x0c\x00".to_vec()].concat())
}

/// A file of a column and so many groups of no rows, in each of which the metadata of the chunk ends so.
fn groups(end_of_chunk: &[u8], count: usize) -> Vec<u8> {
    // file_offset, meta_data; in it type, encodings, codec, num_values, both sizes, data_page_offset.
    let chunk =
        [b"\x26\x08\x1c\x15\x02\x19\x05\x25\x00\x16\x00\x16\x00\x16\x00\x26\x08", end_of_chunk, b"\x00\x00"]
            .concat();
    let one = [b"\x19\x1c", chunk.as_slice(), b"\x16\x00\x16\x00\x00"].concat();
    let head =
        [schema(&[group(b"m", 1), COLUMN.to_vec()]), b"\x16\x00\x19".to_vec(), structures(count)].concat();
    file(&[head, one.repeat(count), vec![0]].concat())
}

/// A page as it stands in the file. It says how many values it has and in which coding, a number of parquet-format, and
/// becomes `unpacked` bytes by what it says.
fn page(is_dictionary: bool, values: u64, coding: u8, unpacked: usize, packed: &[u8]) -> Vec<u8> {
    let mut header = vec![0x15, if is_dictionary { 4 } else { 0 }];
    for size in [unpacked, packed.len()] {
        header.push(0x15);
        header.extend(number(2 * size as u64));
    }
    header.push(if is_dictionary { 0x4c } else { 0x2c });
    header.push(0x15);
    header.extend(number(2 * values));
    header.extend([0x15, 2 * coding]);
    if !is_dictionary {
        // Both levels as runs.
        header.extend([0x15, 6, 0x15, 6]);
    }
    header.extend([0, 0]);
    [&header, packed].concat()
}

/// The same of these bytes, packed with Zstandard.
fn packed(is_dictionary: bool, values: u64, coding: u8, bytes: &[u8]) -> Vec<u8> {
    page(is_dictionary, values, coding, bytes.len(), &Compression::Zstandard.compress(bytes).unwrap())
}

/// A file with pages of a column of paths.
struct Paged {
    pages: Vec<Vec<u8>>,
    /// The first page is a dictionary.
    has_dictionary: bool,
    /// A row has many paths.
    is_repeated: bool,
    /// What the bytes mean, in the schema.
    meaning: Vec<u8>,
    /// How the pages are packed, a number of parquet-format.
    codec: u8,
    /// How many groups of rows have all the pages.
    groups: usize,
}

impl Paged {
    fn of(pages: Vec<Vec<u8>>) -> Self {
        Self { pages, has_dictionary: false, is_repeated: false, meaning: Vec::new(), codec: 6, groups: 1 }
    }

    /// A file of so many rows in each group.
    fn file(&self, rows: u64) -> Vec<u8> {
        let repetition = if self.is_repeated { 2 } else { 0 };
        let column = |name: &[u8], repetition: u8, meaning: &[u8]| {
            let begin = [0x15, 0x0c, 0x25, 2 * repetition, 0x18, name.len() as u8];
            [&begin, name, meaning, &[0]].concat()
        };
        let elements = [
            group(b"m", 3),
            column(b"path", repetition, &self.meaning),
            column(b"size", 0, b""),
            column(b"sha256", 0, b""),
        ];
        // What the other columns have: one text in all rows.
        let dictionary = packed(true, 1, 0, b"\x01\x00\x00\x00a");
        let run = [vec![1], number(2 * rows), vec![0]].concat();
        let other = if rows > 0 { vec![dictionary, packed(false, rows, 8, &run)] } else { Vec::new() };
        let mut file = b"PAR1".to_vec();
        let mut chunk = |codec: u8, pages: &[Vec<u8>], has_dictionary: bool| {
            let begin = file.len();
            file.extend(pages.concat());
            let length = (file.len() - begin) as u64;
            let first = if has_dictionary { begin + pages[0].len() } else { begin };
            // type, encodings, codec, num_values, both sizes, data_page_offset, dictionary_page_offset.
            let mut chunk = [b"\x26\x08\x1c\x15\x0c\x19\x05\x25".as_slice(), &[2 * codec]].concat();
            for size in [rows, length, length] {
                chunk.push(0x16);
                chunk.extend(number(2 * size));
            }
            for at in std::iter::once(first).chain(has_dictionary.then_some(begin)) {
                chunk.push(0x26);
                chunk.extend(number(2 * at as u64));
            }
            [chunk, vec![0, 0]].concat()
        };
        let chunks = [
            chunk(self.codec, &self.pages, self.has_dictionary),
            chunk(6, &other, rows > 0),
            chunk(6, &other, rows > 0),
        ];
        let one =
            [vec![0x19, 0x3c], chunks.concat(), vec![0x16, 0, 0x16], number(2 * rows), vec![0]].concat();
        let all = [vec![0x16], number(2 * rows), vec![0x19], structures(self.groups)].concat();
        let footer = [schema(&elements), all, one.repeat(self.groups), vec![0]].concat();
        behind(&file, &footer)
    }
}

/// The most that a number of 32 bits can say.
const MOST: u64 = i32::MAX as u64;

/// So many lengths, `first` and then as the block says; `block` without what says how many numbers it has.
fn lengths(count: u64, first: u64, blocks: &[u8]) -> Vec<u8> {
    [b"\x80\x01\x04".to_vec(), number(count), number(2 * first), blocks.to_vec()].concat()
}

/// Steps of nothing, for so many numbers.
fn flat(count: usize) -> Vec<u8> {
    vec![0; 5 * count.div_ceil(128)]
}

/// A thousand texts that all begin with the first, which is long.
fn growing() -> Vec<u8> {
    let length: u32 = 4 << 20;
    // Steps of 32 bits in a part of 32, and of none behind it.
    let steps =
        |first: u32, others: u32| [first.to_le_bytes().to_vec(), others.to_le_bytes().repeat(31)].concat();
    let rest = b"\x00\x00\x00\x00\x00".repeat(7);
    let prefixes = [b"\x00\x20\x00\x00\x00".to_vec(), steps(length, 0), rest.clone()].concat();
    // The second is the length of the first less than it.
    let suffixes = [b"\x00\x20\x00\x00\x00".to_vec(), steps(length.wrapping_neg(), 0), rest].concat();
    [lengths(1000, 0, &prefixes), lengths(1000, length.into(), &suffixes), vec![b'a'; length as usize]]
        .concat()
}

fn paged() -> Vec<(&'static str, Vec<u8>)> {
    let one = |page| Paged::of(vec![page]);
    let dictionary = vec![packed(true, MOST, 0, &[0; 64]), packed(false, 1000, 8, b"\x01\xd0\x0f\x00")];
    let text = b"\x01\x00\x00\x00a";
    let junk = packed(false, 1, 0, &[text.as_slice(), &[0; 64_000_000]].concat());
    let run = [number(2 * MOST), vec![1]].concat();
    let levels = [(run.len() as u32).to_le_bytes().to_vec(), run].concat().repeat(2);
    let bomb = |form: Compression| page(false, 1, 0, 5, &form.compress(&vec![0; 1 << 30]).unwrap());
    let tables = page(false, 1, 0, 5, &deflated::tables(SIZE));
    let large = page(false, 1, 0, SIZE / 2, &[text.as_slice(), &vec![0; SIZE / 2 - text.len()]].concat());
    let small = page(false, 0, 0, 0, b"").repeat(SIZE / 2 / 22);
    // A page with values in a group without rows, behind a dictionary of empty texts.
    let unused = vec![packed(true, 100_000, 0, &[0; 400_000]), packed(false, 0, 8, b"\x01")];
    vec![
        (
            "a dictionary of two thousand million values",
            Paged { has_dictionary: true, ..Paged::of(dictionary) }.file(1000),
        ),
        ("two thousand million lengths", one(packed(false, 1000, 6, &lengths(MOST, 0, &[0; 64]))).file(1000)),
        (
            "two thousand million beginnings",
            one(packed(false, 1000, 7, &lengths(MOST, 0, &[0; 64]))).file(1000),
        ),
        ("texts that all begin as a long one", one(packed(false, 1000, 7, &growing())).file(1000)),
        (
            "a small text in each of many large pages",
            Paged::of(vec![junk.clone(); SIZE / junk.len()]).file(1000),
        ),
        (
            "a row of two thousand million paths",
            Paged { is_repeated: true, ..one(packed(false, MOST, 0, &levels)) }.file(1),
        ),
        (
            "fractions of two thousand million digits",
            // converted_type, scale, precision.
            Paged {
                meaning: [b"\x25\x0a\x15".to_vec(), number(2 * MOST), vec![0x15], number(2 * MOST)].concat(),
                ..one(packed(false, 1, 0, text))
            }
            .file(1),
        ),
        (
            "a long text that is none",
            Paged {
                meaning: b"\x25\x00".to_vec(),
                codec: 0,
                ..one(page(
                    false,
                    1,
                    0,
                    4 + SIZE,
                    &[(SIZE as u32).to_le_bytes().to_vec(), vec![0xff; SIZE]].concat(),
                ))
            }
            .file(1),
        ),
        ("a bomb of gzip", Paged { codec: 2, ..one(bomb(Compression::Gzip)) }.file(1)),
        ("gzip of nothing but tables", Paged { codec: 2, ..one(tables.clone()) }.file(1)),
        ("groups that all have the same gzip", Paged { codec: 2, groups: 15, ..one(tables) }.file(1)),
        (
            "groups that all say that there are many lengths",
            Paged { groups: 1000, ..one(packed(false, 500_000, 6, &lengths(500_000, 0, &flat(500_000)))) }
                .file(0),
        ),
        (
            "groups that all have the same dictionary",
            Paged { groups: 1000, has_dictionary: true, ..Paged::of(unused) }.file(0),
        ),
        ("groups of nothing", Paged { groups: 75_000, ..Paged::of(vec![Vec::new()]) }.file(0)),
        ("groups that all have one large page", Paged { codec: 0, groups: 1000, ..one(large) }.file(1)),
        ("groups that all have the same small pages", Paged { codec: 0, groups: 1000, ..one(small) }.file(0)),
    ]
}

/// Each by what is the matter with it.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let flags = b"\x09\x64\xf2\xff\xff\xff\xff\x07".repeat(SIZE / 8);
    let many = SIZE / COLUMN.len();
    let deep = group(b"", 1).len();
    let long = vec![b'a'; SIZE / 2];
    let pairs =
        [b"\x15\x02\x49".to_vec(), structures(SIZE / 3), b"\x18\x00\x00".repeat(SIZE / 3), vec![0]].concat();
    vec![
        ("lists of two thousand million flags each", file(&flags)),
        ("columns", columns(vec![COLUMN.to_vec(); many], many as u64)),
        ("groups in groups", columns(vec![group(b"", 1); SIZE / deep], 1)),
        ("a group of two thousand million columns", columns(vec![group(b"", i32::MAX as u64)], 1)),
        (
            "columns in a group with a long name",
            columns([vec![group(&long, 5000)], vec![COLUMN.to_vec(); 5000]].concat(), 1),
        ),
        ("groups of no rows", groups(b"", SIZE / 33)),
        ("statistics", groups(b"\x3c\x18\x01a\x18\x01a\x00", SIZE / 41)),
        // size_statistics: a histogram of nothing.
        (
            "histograms",
            groups(&[b"\x7c\x29\xf6".to_vec(), number(SIZE as u64), vec![0; SIZE], vec![0]].concat(), 1),
        ),
        ("pairs of a key and a value", file(&pairs)),
    ]
    .into_iter()
    .chain(paged())
    .collect()
}

/// Files as they should be, of a column that no list has: what the others are made from is read.
pub(crate) fn sound() -> [Vec<u8>; 2] {
    [columns(vec![COLUMN.to_vec()], 1), groups(b"", 2)]
}

/// A row in each, packed in ways that are not read.
pub(crate) fn packed_otherwise() -> [Vec<u8>; 3] {
    [3, 4, 5].map(|codec| Paged { codec, ..Paged::of(vec![page(false, 1, 0, 5, b"\x01\0\0\0a")]) }.file(1))
}

/// Two rows in each, in every coding that the others have.
pub(crate) fn of_two_rows() -> Vec<Vec<u8>> {
    let two = *b"\x01\x00\x00\x00a\x01\x00\x00\x00b";
    let one_byte = lengths(2, 1, &[0; 5]);
    let dictionary = vec![packed(true, 2, 0, &two), packed(false, 2, 8, b"\x01\x04\x00")];
    let file = |page| Paged::of(vec![page]).file(2);
    vec![
        file(packed(false, 2, 0, &two)),
        file(packed(false, 2, 6, &[one_byte.as_slice(), b"ab"].concat())),
        file(packed(false, 2, 7, &[lengths(2, 0, &[0; 5]), one_byte, b"ab".to_vec()].concat())),
        Paged { has_dictionary: true, ..Paged::of(dictionary) }.file(2),
        Paged {
            codec: 2,
            ..Paged::of(vec![page(false, 2, 0, two.len(), &Compression::Gzip.compress(&two).unwrap())])
        }
        .file(2),
        Paged { codec: 0, ..Paged::of(vec![page(false, 2, 0, two.len(), &two)]) }.file(2),
    ]
}
