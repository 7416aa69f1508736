//! A phone's camera: reads the QR code that half blocks or number signs draw on a screen, as a person's phone does.
//! It knows nothing of the product, only what a dark terminal looks like.

use std::fmt;

/// Dots a module is wide and high in the picture that is taken.
const SCALE: usize = 4;

/// Why no code could be read.
#[derive(Debug)]
pub struct CameraError(String);

impl fmt::Display for CameraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the camera reads no QR code: {}", self.0)
    }
}

impl std::error::Error for CameraError {}

/// Reads the last QR code on the screen: its text.
pub(crate) fn read(screen: &str) -> Result<String, CameraError> {
    let lines: Vec<&str> = screen.lines().collect();
    let modules = last_block(&lines, is_half_blocks)
        .map(half_blocks)
        .or_else(|| last_block(&lines, is_signs).map(signs))
        .ok_or_else(|| CameraError(format!("none is drawn in:\n{screen}")))?;
    let (width, height) = (modules.iter().map(Vec::len).max().unwrap_or(0), modules.len());
    let dot = |x: usize, y: usize| {
        let light = modules.get(y / SCALE).and_then(|row| row.get(x / SCALE)).copied().unwrap_or(false);
        if light { 255 } else { 0 }
    };
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width * SCALE, height * SCALE, dot);
    let grids = picture.detect_grids();
    let grid = grids.first().ok_or_else(|| CameraError("there is none in the picture".into()))?;
    grid.decode().map(|(_, text)| text).map_err(|error| CameraError(error.to_string()))
}

/// The last run of lines that could be a drawing.
fn last_block<'a>(lines: &'a [&'a str], drawn: impl Fn(&str) -> bool) -> Option<&'a [&'a str]> {
    let end = lines.iter().rposition(|line| drawn(line))? + 1;
    let start = lines[..end].iter().rposition(|line| !drawn(line)).map_or(0, |at| at + 1);
    Some(&lines[start..end])
}

fn is_half_blocks(line: &str) -> bool {
    line.chars().count() > 20 && line.chars().all(|c| matches!(c, ' ' | '█' | '▀' | '▄'))
}

fn is_signs(line: &str) -> bool {
    line.len() > 40 && line.chars().all(|c| matches!(c, ' ' | '#'))
}

/// Light or not, two rows a line. On a dark terminal characters are light.
fn half_blocks(lines: &[&str]) -> Vec<Vec<bool>> {
    let row = |line: &str, lit: [char; 2]| line.chars().map(|c| lit.contains(&c)).collect();
    lines.iter().flat_map(|line| [row(line, ['█', '▀']), row(line, ['█', '▄'])]).collect()
}

/// Light or not, two characters a module.
fn signs(lines: &[&str]) -> Vec<Vec<bool>> {
    lines.iter().map(|line| line.chars().step_by(2).map(|c| c == '#').collect()).collect()
}
