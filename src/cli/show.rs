//! Text for people: sizes, counts, lines that fit the terminal.

use std::io::Write as _;
use tuffet::model::page::is_unseen;

pub(crate) use tuffet::report::amount::size;

/// Prints to standard output; a reader that has gone away is no error.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A span of time in its largest unit, or two of them where one says too little.
pub(crate) fn span(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) if days < 10 => format!("{days} d {hours} h"),
        (days, ..) => format!("{days} d"),
    }
}

/// Text that cannot play tricks on a terminal, nor on who reads it: no character that is not seen but the line break is left.
pub(crate) fn printable(text: &str) -> String {
    let harmless =
        |c: char| if is_unseen(c) && c != '\n' { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(harmless).collect()
}

/// The same without line breaks: for names.
pub(crate) fn one_line(name: &str) -> String {
    printable(name).replace('\n', "\\n")
}

/// Breaks `text` into lines of at most `width` columns, those after the first with `indent`. What a
/// stranger wrote in it is made printable.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let text = &printable(text);
    let mut out = String::new();
    for (number, paragraph) in text.lines().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        // A line that is indented is laid out already.
        if paragraph.starts_with(' ') {
            out.push_str(paragraph);
            continue;
        }
        let mut column = 0;
        for word in paragraph.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                out.push('\n');
                out.push_str(indent);
                column = indent.len();
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit() {
        let text = "one two three four five six seven";
        let wrapped = wrap(text, 12, "  ");
        assert!(wrapped.lines().all(|line| line.len() <= 12), "{wrapped}");
        assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>().join(" "), text);
    }
}
