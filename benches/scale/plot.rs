//! Plots of time and memory against targets, on logarithmic scales, as SVG.

use crate::measure::Took;
use crate::rows::Row;
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Room for the numbers beside the axes, and for the title.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// How many targets a row of the curves has.
pub(crate) fn point(row: &Row) -> Option<usize> {
    row.name.strip_prefix("sizes-")?.parse().ok()
}

pub(crate) fn is_point(row: &Row) -> bool {
    point(row).is_some()
}

/// Every plot, by its file name.
pub(crate) fn plots(rows: &[Row]) -> Vec<(&'static str, String)> {
    let points: Vec<(f64, Took)> =
        rows.iter().filter_map(|row| Some((point(row)? as f64, row.sides[0].median()))).collect();
    if points.len() < 2 {
        return Vec::new();
    }
    let curve =
        |of: fn(&Took) -> f64| points.iter().map(|(count, took)| (*count, of(took))).collect::<Vec<_>>();
    let time = [("wall", "#1f77b4", curve(|took| took.wall)), ("CPU", "#d95f02", curve(|took| took.cpu))];
    let memory = [("resident at most", "#1f77b4", curve(|took| took.memory))];
    vec![
        ("time.svg", plot("Seconds to sign and write all bins, durable", "s", &time)),
        ("memory.svg", plot("Memory", "MiB", &memory)),
    ]
}

/// A curve: its name, its colour, its points.
type Curve = (&'static str, &'static str, Vec<(f64, f64)>);

fn plot(title: &str, unit: &str, curves: &[Curve]) -> String {
    let of = |take: fn(&(f64, f64)) -> f64| {
        let all = curves.iter().flat_map(|(_, _, points)| points).map(take);
        let (least, most) = all.fold((f64::MAX, 0.0_f64), |(least, most), v| (least.min(v), most.max(v)));
        (least.log10().floor(), most.log10().ceil())
    };
    let (x_axis, y_axis) = (of(|p| p.0), of(|p| p.1));
    let place = |value: f64, (from, to): (f64, f64), length: f64| {
        (value.log10() - from) / (to - from).max(1.0) * length
    };
    let x = |value| LEFT + place(value, x_axis, WIDTH - LEFT - RIGHT);
    let y = |value| HEIGHT - BOTTOM - place(value, y_axis, HEIGHT - TOP - BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{title}</text>\n"
    );
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for value in powers(x_axis) {
        let (at, words) = (x(value), amount(value));
        let _ = writeln!(out, "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{words}</text>",
            bottom + 18.0
        );
    }
    for value in powers(y_axis) {
        let (at, words) = (y(value), amount(value));
        let _ = writeln!(out, "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{words} {unit}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    let middle = (LEFT + right) / 2.0;
    let _ =
        writeln!(out, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">targets</text>", HEIGHT - 10.0);
    for (number, (name, colour, points)) in curves.iter().enumerate() {
        let line: Vec<String> = points.iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        for (a, b) in points {
            let _ =
                writeln!(out, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", x(*a), y(*b));
        }
        let at = TOP + 18.0 * (number as f64 + 1.0);
        let _ = writeln!(out, "<text x=\"{}\" y=\"{at}\" fill=\"{colour}\">{name}</text>", LEFT + 10.0);
    }
    out + "</svg>\n"
}

fn powers((from, to): (f64, f64)) -> impl Iterator<Item = f64> {
    (from as i32..=to as i32).map(|power| 10_f64.powi(power))
}

fn amount(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{} M", v / 1e6),
        v if v >= 1e3 => format!("{} k", v / 1e3),
        v => format!("{v}"),
    }
}
