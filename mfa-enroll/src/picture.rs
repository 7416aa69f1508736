//! A QR code as a picture: SVG, or PNG in black and white. It makes bytes and writes no file.

use mfa_cli::Failure;
use mfa_qr::{QUIET, Qr};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zeroize::Zeroizing;

/// Pixels a module in a PNG.
const SCALE: usize = 8;

/// Where a picture goes, and of which kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PictureFile {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

/// The two kinds of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Svg,
    Png,
}

impl FromStr for PictureFile {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(name);
        let kind = match ending(&path).as_str() {
            "svg" => Kind::Svg,
            "png" => Kind::Png,
            _ => return Err("the name must end in .svg or .png"),
        };
        Ok(Self { path, kind })
    }
}

/// What a file name ends in, in small letters.
pub(crate) fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// The picture's bytes.
pub(crate) fn draw(qr: &Qr, kind: Kind) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match kind {
        Kind::Svg => Ok(Zeroizing::new(svg(qr).as_bytes().to_vec())),
        Kind::Png => png(qr).map_err(|error| Failure::refused("qr", format!("The picture cannot be made: {error}."))),
    }
}

/// An SVG element that also stands alone as a file: one path, a rectangle for each run of black.
pub(crate) fn svg(qr: &Qr) -> Zeroizing<String> {
    let side = qr.size() + 2 * QUIET;
    let mut svg = Zeroizing::new(String::with_capacity(side * side * 16 + 512));
    let _ = write!(
        *svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path fill=\"#000\" d=\""
    );
    for row in 0..side {
        let mut column = 0;
        while column < side {
            let run = (column..side).take_while(|at| qr.is_dark(*at, row, QUIET)).count();
            if run > 0 {
                let _ = write!(*svg, "M{column} {row}h{run}v1h-{run}z");
            }
            column += run.max(1);
        }
    }
    svg.push_str("\"/></svg>\n");
    svg
}

fn png(qr: &Qr) -> Result<Zeroizing<Vec<u8>>, png::EncodingError> {
    let modules = qr.size() + 2 * QUIET;
    let side = modules * SCALE;
    let mut pixels = Zeroizing::new(Vec::with_capacity(side * side));
    for row in 0..side {
        pixels.extend((0..side).map(|column| if qr.is_dark(column / SCALE, row / SCALE, QUIET) { 0 } else { 255 }));
    }
    let mut file = Zeroizing::new(Vec::with_capacity(pixels.len() + 4096));
    let pixels_a_side = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut *file, pixels_a_side, pixels_a_side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "otpauth://totp/ACME:alice%40web1?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=A";

    fn decode(side: usize, pixel: impl FnMut(usize, usize) -> u8) -> String {
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, pixel);
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn a_png_reads_back() {
        let bytes = draw(&Qr::of(LINK).unwrap(), Kind::Png).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes[..])).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let side = usize::try_from(info.width).unwrap();
        assert_eq!(decode(side, |x, y| pixels[y * side + x]), LINK);
    }

    #[test]
    fn an_svg_reads_back() {
        let bytes = draw(&Qr::of(LINK).unwrap(), Kind::Svg).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        let path = text.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut black = std::collections::HashSet::new();
        for run in path.split('M').skip(1) {
            let (at, rest) = run.split_once('h').unwrap();
            let (column, row) = at.split_once(' ').unwrap();
            let length: usize = rest.split('v').next().unwrap().parse().unwrap();
            let (column, row): (usize, usize) = (column.parse().unwrap(), row.parse().unwrap());
            black.extend((column..column + length).map(|x| (x, row)));
        }
        let pixel = |x: usize, y: usize| if black.contains(&(x / 4, y / 4)) { 0 } else { 255 };
        assert_eq!(decode(41 * 4, pixel), LINK);
    }

    #[test]
    fn the_name_says_which_kind() {
        assert_eq!("a/b.SVG".parse::<PictureFile>().unwrap().kind, Kind::Svg);
        assert_eq!("b.png".parse::<PictureFile>().unwrap().kind, Kind::Png);
        assert!("b.jpg".parse::<PictureFile>().is_err());
        assert!("svg".parse::<PictureFile>().is_err());
    }
}
