//! A chart with lines as SVG: readable on light and on dark ground, nothing cut, no script. It knows nothing of logins.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// What is left for words on each side.
const LEFT: f64 = 74.0;
const RIGHT: f64 = 42.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 54.0;
/// One colour a line, on light and on dark ground: Okabe and Ito's, which the colour-blind can tell apart.
const COLOURS: [(&str, &str); 4] =
    [("#0072b2", "#56b4e9"), ("#d55e00", "#e69f00"), ("#555555", "#bbbbbb"), ("#009e73", "#2fd6a8")];

/// A chart.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) across: Axis<'a>,
    pub(crate) up: Axis<'a>,
    pub(crate) lines: Vec<Line<'a>>,
}

/// What is said along an edge, and where.
pub(crate) struct Axis<'a> {
    pub(crate) name: &'a str,
    pub(crate) scale: Scale,
    /// From where to where, and what is written at which places.
    pub(crate) marks: Vec<(f64, String)>,
}

/// How far apart two values are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// As far as their difference says.
    Linear,
    /// As far as their ratio says; no value is 0.
    Logarithmic,
}

/// One line, with its name.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Axis<'_> {
    /// Where a value is between the first mark and the last: 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let of = |value: f64| if self.scale == Scale::Linear { value } else { value.max(f64::MIN_POSITIVE).ln() };
        let first = self.marks.first().map_or(0.0, |(value, _)| of(*value));
        let last = self.marks.last().map_or(1.0, |(value, _)| of(*value));
        if last > first { ((of(value) - first) / (last - first)).clamp(0.0, 1.0) } else { 0.0 }
    }
}

impl Chart<'_> {
    /// As a file.
    pub(crate) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             font-family=\"sans-serif\" font-size=\"13\">\n<title>{}</title>\n{}",
            escaped(self.title),
            style()
        );
        svg += "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n";
        text(&mut svg, (LEFT, 26.0), ("start", "title"), self.title);
        self.legend(&mut svg);
        self.grid(&mut svg);
        for (number, line) in self.lines.iter().enumerate() {
            let points: Vec<String> =
                line.points.iter().map(|point| self.at(*point)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(svg, "<polyline class=\"line c{number}\" points=\"{}\"/>", points.join(" "));
            if line.points.len() < 20 {
                for (x, y) in line.points.iter().map(|point| self.at(*point)) {
                    let _ = writeln!(svg, "<circle class=\"dot c{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>");
                }
            }
        }
        svg + "</svg>\n"
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let across = LEFT + self.across.place(x) * (WIDTH - LEFT - RIGHT);
        (across, HEIGHT - BOTTOM - self.up.place(y) * (HEIGHT - TOP - BOTTOM))
    }

    /// The names of the lines, side by side above them.
    fn legend(&self, svg: &mut String) {
        let mut x = LEFT;
        for (number, line) in self.lines.iter().enumerate() {
            let end = x + 22.0;
            let _ = writeln!(svg, "<line class=\"line c{number}\" x1=\"{x}\" y1=\"46\" x2=\"{end}\" y2=\"46\"/>");
            text(svg, (x + 28.0, 50.0), ("start", "word"), line.name);
            x += 44.0 + 7.4 * line.name.chars().count() as f64;
        }
    }

    fn grid(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, words) in &self.up.marks {
            let y = bottom - self.up.place(*value) * (bottom - TOP);
            let _ = writeln!(svg, "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>");
            text(svg, (LEFT - 8.0, y + 4.5), ("end", "word"), words);
        }
        for (value, words) in &self.across.marks {
            let x = LEFT + self.across.place(*value) * (right - LEFT);
            let _ = writeln!(svg, "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>");
            text(svg, (x, bottom + 18.0), ("middle", "word"), words);
        }
        text(svg, ((LEFT + right) / 2.0, HEIGHT - 12.0), ("middle", "word"), self.across.name);
        let middle = (TOP + bottom) / 2.0;
        let _ = writeln!(
            svg,
            "<text class=\"word\" text-anchor=\"middle\" transform=\"translate(16 {middle:.1}) rotate(-90)\">{}</text>",
            escaped(self.up.name)
        );
    }
}

/// Light as it is; dark where the reader has it dark.
fn style() -> String {
    let mut light = String::from(".ground{fill:#fff}.word,.title{fill:#222}.title{font-size:15px}.grid{stroke:#ddd}");
    let mut dark = String::from(".ground{fill:#0d1117}.word,.title{fill:#ddd}.grid{stroke:#30363d}");
    for (number, (on_light, on_dark)) in COLOURS.iter().enumerate() {
        let _ = write!(light, ".c{number}{{stroke:{on_light}}}.dot.c{number}{{fill:{on_light}}}");
        let _ = write!(dark, ".c{number}{{stroke:{on_dark}}}.dot.c{number}{{fill:{on_dark}}}");
    }
    format!("<style>{light}.line{{fill:none;stroke-width:2}}@media (prefers-color-scheme:dark){{{dark}}}</style>\n")
}

fn text(svg: &mut String, (x, y): (f64, f64), (anchor, class): (&str, &str), words: &str) {
    let words = escaped(words);
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale, marks: &[f64]) -> Axis<'static> {
        Axis { name: "<x>", scale, marks: marks.iter().map(|mark| (*mark, mark.to_string())).collect() }
    }

    #[test]
    fn values_lie_between_the_marks_and_what_lies_beyond_stays_in_the_picture() {
        let linear = axis(Scale::Linear, &[0.0, 5.0, 10.0]);
        assert_eq!([0.0, 2.5, 10.0, 99.0].map(|value| linear.place(value)), [0.0, 0.25, 1.0, 1.0]);
        let ratio = axis(Scale::Logarithmic, &[1.0, 10.0, 100.0]);
        assert_eq!([0.0, 1.0, 10.0, 100.0].map(|value| ratio.place(value)), [0.0, 0.0, 0.5, 1.0]);
    }

    #[test]
    fn a_chart_names_its_lines_and_escapes_what_it_is_told() {
        let (across, up) = (axis(Scale::Linear, &[0.0, 1.0]), axis(Scale::Linear, &[0.0, 1.0]));
        let lines = vec![Line { name: "a & b", points: vec![(0.0, 0.0), (1.0, 1.0)] }];
        let svg = Chart { title: "t", across, up, lines }.svg();
        assert!(svg.contains("a &amp; b") && svg.contains("&lt;x&gt;"), "{svg}");
        assert!(svg.contains("points=\"74.0,346.0 678.0,70.0\""), "{svg}");
    }
}
