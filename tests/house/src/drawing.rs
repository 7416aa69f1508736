//! A transcript as a picture of a terminal, in SVG. Lines that are not indented are headings; what stands between angle
//! brackets was typed where the screen does not show it.

use std::fmt::Write as _;

const COLUMN: f32 = 7.0;
const ROW: usize = 18;
const MARGIN: usize = 16;

/// Draws it.
pub fn drawing(transcript: &str) -> String {
    let lines: Vec<&str> = transcript.lines().collect();
    let columns = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let (width, height) = ((columns as f32 * COLUMN) as usize + 2 * MARGIN, lines.len() * ROW + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>A login with password and code, and codes that are refused</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#16191d\"/>\n\
         <g font-family=\"monospace\" font-size=\"11.6\" fill=\"#d5d9de\">\n"
    );
    for (row, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let heading = if line.starts_with(' ') { "" } else { " font-weight=\"bold\" fill=\"#ffffff\"" };
        // Spaces at the beginning would be taken away, so the text begins where they end.
        let text = line.trim_start();
        let width = |text: &str| text.chars().count() as f32 * COLUMN;
        let (x, y) = (MARGIN as f32 + width(line) - width(text), MARGIN + row * ROW + 12);
        let drawn = typed_in_colour(&escaped(text));
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" textLength=\"{}\"{heading}>{drawn}</text>", width(text));
    }
    svg + "</g>\n</svg>\n"
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The one thing of a line that was typed unseen, at its end.
fn typed_in_colour(line: &str) -> String {
    match (line.find("&lt;"), line.strip_suffix("&gt;")) {
        (Some(at), Some(_)) => format!("{}<tspan fill=\"#7fc8a9\">{}</tspan>", &line[..at], &line[at..]),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::drawing;

    #[test]
    fn headings_are_bold_and_what_was_typed_has_a_colour() {
        let svg = drawing("alice & bob\n\n  Password: <secret>\n");
        assert!(svg.contains("font-weight=\"bold\" fill=\"#ffffff\">alice &amp; bob</text>"), "{svg}");
        assert!(svg.contains(">Password: <tspan fill=\"#7fc8a9\">&lt;secret&gt;</tspan></text>"), "{svg}");
        assert_eq!(svg.matches("<text ").count(), 2);
    }
}
